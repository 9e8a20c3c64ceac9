//! Loaded once, asked many times, and denying whatever goes wrong.

use super::{load, request, runtime, source, wait};
use expect_test::{Expect, expect};
use initrunner::domain::policy::{PolicyAnswer, PolicyRequest, PolicySource, SourceKind};
use initrunner::plugin::Source;
use initrunner::plugin::policy::PolicyError;
use initrunner_tests::{decider, probe};
use std::sync::Arc;

fn doing(what: &str) -> PolicyRequest {
    request(&format!("{{\"do\":\"{what}\"}}"))
}

fn told(answer: &PolicyAnswer) -> String {
    let reasons = answer.reasons.iter().map(|reason| {
        format!("\n  {}: {}", reason.policy, reason.message.as_deref().unwrap_or("-"))
    });
    let errors = answer.errors.iter().map(|error| format!("\n  ! {error}"));
    let text: String = reasons.chain(errors).collect();
    let text = text.replace(&decider().display().to_string(), "DECIDER");
    format!("{}{}", answer.effect.as_str(), without_lines(&text))
}

/// Without the places in the component's source, which move.
fn without_lines(text: &str) -> String {
    let mut parts = text.split(".rs:");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |shown, part| {
        shown + ".rs:LINE" + part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':')
    })
}

fn check(what: &str, expected: Expect) {
    let said = wait(async {
        let runtime = runtime();
        let policy = load(&runtime, "").await.unwrap();
        let first = told(&runtime.decide(&policy, &doing(what)).await);
        // Whatever happened, the next question is answered.
        assert_eq!(
            told(&runtime.decide(&policy, &doing("ask")).await),
            "ask\n  one: a person should look"
        );
        first
    });
    expected.assert_eq(&said);
}

#[test]
fn there_are_three_answers_with_their_reasons() {
    check("", expect!["allow"]);
    check(
        "ask",
        expect![[r#"
        ask
          one: a person should look"#]],
    );
    check(
        "deny",
        expect![[r#"
        deny
          other: not here"#]],
    );
}

#[test]
fn whatever_goes_wrong_denies() {
    check(
        "err",
        expect![[r#"
        deny
          ! `one` broke"#]],
    );
    check(
        "cite",
        expect![[r#"
        deny
          nobody's: made up
          ! the policy `DECIDER` cites a policy that it does not have"#]],
    );
    check(
        "panic",
        expect![[r#"
        deny
          ! the policy `DECIDER` gave no answer: it gave up; it printed `thread '<unnamed>' (1) panicked at tests/guests/decider/src/lib.rs:LINE deciding went wrong`"#]],
    );
    check(
        "spin",
        expect![[r#"
        deny
          ! the policy `DECIDER` gave no answer: it took longer than 1 s"#]],
    );
    check(
        "hoard",
        expect![[r#"
        deny
          ! the policy `DECIDER` gave no answer: it asked for more than its 192 MiB of memory"#]],
    );
}

#[test]
fn arguments_that_are_too_large_are_denied_unasked() {
    let said = wait(async {
        let runtime = runtime();
        let policy = load(&runtime, "").await.unwrap();
        let large = request(&format!("{{\"do\":\"{}\"}}", "x".repeat(1 << 20)));
        told(&runtime.decide(&policy, &large).await)
    });
    expect![[r#"
        deny
          ! the arguments are larger than the 1024 KiB that the policy `DECIDER` may be asked about"#]].assert_eq(&said);
}

#[test]
fn nothing_but_the_request_tells_one_question_from_another() {
    let answers: Vec<String> = wait(async {
        let mut answers = Vec::new();
        for _ in 0..3 {
            let runtime = runtime();
            let policy = load(&runtime, "").await.unwrap();
            for _ in 0..3 {
                answers.push(told(&runtime.decide(&policy, &doing("look")).await));
            }
        }
        answers
    });
    // Time, a moment's length, a hash under random keys, variables, a file, a socket.
    let first = answers[0].clone();
    assert!(
        first.starts_with("allow\n  one: Ok(0) 0 ") && first.ends_with(" 0 false false"),
        "{first}"
    );
    for instance in answers.chunks(3) {
        assert_eq!(instance, &answers[..3]);
    }
}

#[test]
fn an_instance_stays_and_is_replaced_in_time() {
    wait(async {
        let runtime = runtime();
        let policy = load(&runtime, "").await.unwrap();
        let count = async || {
            let answer = runtime.decide(&policy, &doing("count")).await;
            answer.reasons[0].message.clone().unwrap().parse::<u32>().unwrap()
        };
        assert_eq!(count().await, 0);
        assert_eq!(count().await, 1);
        runtime.decide(&policy, &doing("panic")).await;
        assert_eq!(count().await, 0, "an instance that broke is not used again");
        for expected in 1..10_000 {
            assert_eq!(count().await, expected);
        }
        assert_eq!(count().await, 0, "nor is one that has answered ten thousand times");
    });
}

#[test]
fn several_threads_are_answered_at_the_same_time() {
    let threads =
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    threads.block_on(async {
        let runtime = Arc::new(runtime());
        let policy = Arc::new(load(&runtime, "").await.unwrap());
        let mut asked = Vec::new();
        for number in 0..64 {
            let (runtime, policy) = (Arc::clone(&runtime), Arc::clone(&policy));
            asked.push(tokio::spawn(async move {
                let what = ["ask", "deny", "panic", ""][number % 4];
                (what, runtime.decide(&policy, &doing(what)).await)
            }));
        }
        for answer in asked {
            let (what, answer) = answer.await.unwrap();
            let expected = match what {
                "ask" => "ask",
                "" => "allow",
                _ => "deny",
            };
            assert_eq!(answer.effect.as_str(), expected, "{what}");
        }
    });
}

fn refused(text: &str, expected: Expect) {
    let said = match wait(async { load(&runtime(), text).await }) {
        Ok(_) => "loaded".to_owned(),
        Err(PolicyError::Component(error)) => error.message,
        Err(PolicyError::Sources(found)) => format!("{found:?}"),
    };
    let said = said.replace(&decider().display().to_string(), "DECIDER");
    expected.assert_eq(&without_lines(&said));
}

#[test]
fn a_policy_that_cannot_be_loaded_says_why() {
    refused("fine", expect!["loaded"]);
    refused(
        "refuse",
        expect![[
            r#"[Diagnostic { source: "rules", place: Some((1, 2)), is_warning: false, message: "it is wrong", hint: None }]"#
        ]],
    );
    refused(
        "refuse silently",
        expect![[
            r#"[Diagnostic { source: "DECIDER", place: None, is_warning: false, message: "it refuses its sources and does not say why", hint: None }]"#
        ]],
    );
    refused(
        "panic",
        expect![
            "the policy `DECIDER` could not read its sources: it gave up; it printed `thread '<unnamed>' (1) panicked at tests/guests/decider/src/lib.rs:LINE loading went wrong`"
        ],
    );
    refused(
        "twice",
        expect![
            "the policy `DECIDER` gives its policies names that are not unique or not 1 to 256 bytes long"
        ],
    );
    refused(
        &"x".repeat((4 << 20) + 1),
        expect![[
            r#"[Diagnostic { source: "rules", place: None, is_warning: false, message: "it is larger than 4 MiB", hint: Some("split it") }]"#
        ]],
    );
}

#[test]
fn a_tool_is_no_policy_and_what_it_imports_is_nothing_for_one() {
    let said = wait(async {
        let component = Source::file(probe()).unwrap();
        match runtime().load_policy(&component, &[], "[]".into()).await {
            Err(PolicyError::Component(error)) => error.message,
            _ => "it was loaded".into(),
        }
    });
    expect!["`PROBE` is no policy: it exports `initrunner:plugin/tools@0.1.0`"]
        .assert_eq(&said.replace(&probe().display().to_string(), "PROBE"));
}

#[test]
fn the_digest_covers_everything_that_answers_depend_on() {
    wait(async {
        let runtime = runtime();
        let component = Source::file(decider()).unwrap();
        let mut seen = Vec::new();
        let schema = PolicySource { kind: SourceKind::Schema, ..source("a") };
        let renamed = PolicySource { name: "other".into(), ..source("a") };
        let sets: [(&[PolicySource], &str); 6] = [
            (&[source("a")], "[]"),
            (&[source("b")], "[]"),
            (&[source("a")], "[1]"),
            (&[schema], "[]"),
            (&[renamed], "[]"),
            (&[source("a"), source("")], "[]"),
        ];
        for (sources, tools) in sets {
            let policy = runtime.load_policy(&component, sources, tools.into()).await.unwrap();
            assert!(!seen.contains(&policy.digest), "{sources:?} {tools}");
            seen.push(policy.digest);
        }
    });
}
