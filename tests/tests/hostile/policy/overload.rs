//! More policies, larger arguments and more entities than anybody needs: what fits is answered right, and
//! what does not is denied or refused.

use super::{DEADLINE, load_cedar, many, policies, request, runtime, short, source, told};
use crate::{SLOWEST, alone, resident, wait};
use expect_test::expect;
use initrunner::domain::policy::{PolicySource, SourceKind};
use initrunner::plugin::policy::PolicyError;
use std::time::{Duration, Instant};

#[test]
fn ten_thousand_policies_are_loaded_and_answer_as_they_should() {
    let _alone = alone();
    wait(async {
        let runtime = runtime();
        // Compiled already, as on every machine but once.
        load_cedar(&runtime, &[policies(many(1))]).await.unwrap();
        let (before, began) = (resident(), Instant::now());
        let policy = load_cedar(&runtime, &[policies(many(10_000))]).await.unwrap();
        let (took, after) = (began.elapsed(), resident());
        assert_eq!(policy.policies.len(), 10_001);
        let mut slowest = Duration::ZERO;
        for account in [0, 1, 4_999, 9_999, 10_000, 123_456] {
            let arguments = format!("{{\"amount\":1,\"to\":\"account-{account}\"}}");
            let began = Instant::now();
            let answer = runtime.decide(&policy, &request(arguments)).await;
            slowest = slowest.max(began.elapsed());
            match account < 10_000 {
                true => assert_eq!(told(&answer), format!("deny; no-{account}: -")),
                false => assert_eq!(told(&answer), "allow; everything: -"),
            }
        }
        println!(
            "10,001 policies: loaded in {:.2} s with {:.0} MiB more; the slowest of six answers {:.1} ms",
            took.as_secs_f64(),
            after.saturating_sub(before) as f64 / f64::from(1 << 20),
            slowest.as_secs_f64() * 1e3
        );
        assert!(took < SLOWEST && slowest < DEADLINE, "{took:?} {slowest:?}");
        // One instance at its limit, and the text.
        assert!(after <= before + (256 << 20), "{before} grew to {after}");
        // More than any instance can hold is refused, and takes nothing away.
        let all: Vec<PolicySource> = (0..4)
            .map(|n| {
                let text = many(24_000).replace("no-", &format!("no-{n}-"));
                source(
                    &format!("{n}.cedar"),
                    SourceKind::Policies,
                    text.replace("everything", &format!("all-{n}")),
                )
            })
            .collect();
        let began = Instant::now();
        let refused = match load_cedar(&runtime, &all).await {
            Err(PolicyError::Component(error)) => error.message,
            Err(PolicyError::Sources(found)) => format!("{:?}", found[0]),
            Ok(_) => "loaded".into(),
        };
        println!("96,004 policies: {:.2} s: {refused}", began.elapsed().as_secs_f64());
        assert!(
            refused.starts_with("the policy `cedar` could not read its sources: "),
            "{refused}"
        );
        let answer = runtime.decide(&policy, &request("{}")).await;
        assert_eq!(told(&answer), "allow; everything: -");
    });
}

#[test]
fn arguments_that_are_too_large_or_too_deep_are_denied() {
    let _alone = alone();
    wait(async {
        let runtime = runtime();
        let policy = load_cedar(&runtime, &[policies(many(10))]).await.unwrap();
        let decide = async |arguments: String| {
            let (before, began) = (resident(), Instant::now());
            let length = arguments.len();
            let answer = runtime.decide(&policy, &request(arguments)).await;
            let after = resident();
            println!(
                "{length:>8} bytes {:>6.1} ms  {}",
                began.elapsed().as_secs_f64() * 1e3,
                short(&told(&answer))
            );
            assert!(began.elapsed() < DEADLINE);
            assert!(after <= before + (192 << 20), "{before} grew to {after}");
            let next = runtime.decide(&policy, &request("{}")).await;
            assert_eq!(told(&next), "allow; everything: -");
            told(&answer)
        };
        let text = |bytes: usize| format!("{{\"to\":\"{}\"}}", "x".repeat(bytes));
        expect!["deny; ! the arguments are larger than the 1024 KiB that the policy `cedar` may be asked about"]
            .assert_eq(&decide(text(5 << 20)).await);
        assert_eq!(decide(text(1 << 19)).await, "allow; everything: -");
        let list = |count: usize| format!("{{\"list\":[{}]}}", vec!["1"; count].join(","));
        assert_eq!(decide(list(10_000)).await, "allow; everything: -");
        let wide = decide(list(400_000)).await;
        assert!(wide.starts_with("deny; ! "), "{wide}");
        for depth in [100, 1_000, 100_000] {
            let deep = format!("{{\"any\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
            let said = decide(deep).await;
            // An untyped place is text, however deep it is, as long as the component's parser follows.
            assert!(
                said == "allow; everything: -" || said.starts_with("deny; ! "),
                "{depth}: {said}"
            );
        }
    });
}

#[test]
fn entities_that_are_too_large_or_cyclic_are_refused() {
    let _alone = alone();
    wait(async {
        let runtime = runtime();
        let people = |count: usize| {
            let one = |n: usize| {
                format!(
                    "{{\"uid\":{{\"type\":\"Reviewer\",\"id\":\"os:person{n:08}\"}},\"attrs\":{{}},\"parents\":[{{\"type\":\"Group\",\"id\":\"g{}\"}}]}}",
                    n % 100
                )
            };
            format!("[{}]", (0..count).map(one).collect::<Vec<_>>().join(","))
        };
        let load = async |text: String| {
            let (began, bytes) = (Instant::now(), text.len());
            let sources = [policies(many(1)), source("people.json", SourceKind::Entities, text)];
            let said = match load_cedar(&runtime, &sources).await {
                Ok(_) => "loaded".into(),
                Err(PolicyError::Component(error)) => error.message,
                Err(PolicyError::Sources(found)) => {
                    format!("{}: {}", found[0].source, found[0].message)
                }
            };
            println!(
                "{bytes:>8} bytes of entities {:>5.2} s  {}",
                began.elapsed().as_secs_f64(),
                short(&said)
            );
            assert!(began.elapsed() < SLOWEST);
            said
        };
        assert_eq!(load(people(50_000)).await, "people.json: it is larger than 4 MiB");
        assert_eq!(load(people(30_000)).await, "loaded");
        let cyclic = r#"[{"uid":{"type":"Group","id":"a"},"attrs":{},"parents":[{"type":"Group","id":"b"}]},{"uid":{"type":"Group","id":"b"},"attrs":{},"parents":[{"type":"Group","id":"a"}]}]"#;
        let said = load(cyclic.into()).await;
        assert!(said.starts_with("people.json: "), "{said}");
        let deep = format!("{}{}", "[".repeat(1 << 20), "]".repeat(1 << 20));
        let said = load(deep).await;
        assert!(said.starts_with("people.json: "), "{said}");
    });
}
