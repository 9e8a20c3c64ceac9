//! Policies and requests that try to exhaust, crash or mislead the host that asks: each ends in a denial that
//! names the policy, in time, and the next question is answered.

use super::{SLOWEST, alone, cache, resident, wait};
use expect_test::expect;
use initrunner::domain::clock::Timestamp;
use initrunner::domain::policy::{
    Agent, Counts, Effect, PolicyAnswer, PolicyRequest, PolicySource, Question, SourceKind, Subject,
};
use initrunner::domain::role::PolicyComponent;
use initrunner::gate::{PolicyOrigin, PolicyParts};
use initrunner::plugin::policy::{LoadedPolicy, PolicyError};
use initrunner::plugin::{Pool, Runtime, RuntimeOptions, Source};
use initrunner_tests::sandbox::Sandbox;
use initrunner_tests::{decider, hostile, probe};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What one attack may add to the host's memory: an instance that was left behind would be 192 MiB.
const TOLERANCE: u64 = 48 << 20;

/// One answer's time, and as much again for a machine that others use.
const DEADLINE: Duration = Duration::from_secs(2);

const TOOLS: &str = r#"[{"name": "pay", "entry": "pay", "plugin": "bank", "tool": "pay", "effects": {},
    "parameters": {"type": "object", "properties": {"amount": {"type": "integer"}, "to": {"type": "string"},
    "list": {"type": "array", "items": {"type": "integer"}}, "any": {}}}}]"#;

fn runtime() -> Runtime {
    Runtime::new(RuntimeOptions {
        cache: Some(cache()),
        protected: vec![],
        pool: Pool::MANY_RUNS,
        egress: Default::default(),
        config: Default::default(),
        on_compile: Box::new(|_| {}),
    })
    .unwrap()
}

fn source(name: &str, kind: SourceKind, text: impl Into<String>) -> PolicySource {
    PolicySource { name: name.into(), kind, text: text.into() }
}

fn policies(text: impl Into<String>) -> PolicySource {
    source("p.cedar", SourceKind::Policies, text)
}

fn cedar() -> Source {
    Source::of_policy(&PolicyComponent::BuiltIn("cedar".into()), Path::new("/")).unwrap()
}

fn the_decider() -> Source {
    Source { name: "the decider".into(), ..Source::file(decider()).unwrap() }
}

fn request(arguments: impl Into<String>) -> PolicyRequest {
    PolicyRequest {
        question: Question::Invoke,
        agent: Agent { name: "a".into(), team: None, author: None, version: None, tags: vec![] },
        subject: Subject {
            name: "pay".into(),
            entry: "pay".into(),
            plugin: "bank".into(),
            tool: "pay".into(),
            effects: [None; 4],
        },
        arguments: arguments.into(),
        requester: "os:alice".into(),
        trigger: "cli".into(),
        at: Timestamp(0),
        isolation: None,
        counts: Counts::default(),
    }
}

fn doing(what: &str) -> PolicyRequest {
    request(serde_json::json!({"do": what}).to_string())
}

/// An answer as one line of bounded length.
fn told(answer: &PolicyAnswer) -> String {
    let reasons = answer
        .reasons
        .iter()
        .map(|reason| format!("; {}: {}", reason.policy, reason.message.as_deref().unwrap_or("-")));
    let errors = answer.errors.iter().map(|error| format!("; ! {error}"));
    let text: String = reasons.chain(errors).collect();
    format!("{}{text}", answer.effect.as_str())
}

fn short(text: &str) -> String {
    text.replace('\n', " ").chars().take(170).collect()
}

/// What an answer holds in all.
fn size(answer: &PolicyAnswer) -> usize {
    let reason = |reason: &initrunner::domain::policy::Reason| {
        reason.policy.len() + reason.message.as_ref().map_or(0, String::len)
    };
    answer.reasons.iter().map(reason).sum::<usize>()
        + answer.errors.iter().map(String::len).sum::<usize>()
}

/// An attack by a component while it is asked, and what the answer says.
const ATTACKS: [(&str, &str); 15] = [
    ("spin", "deny; ! the policy `the decider` gave no answer: it took longer than 1 s"),
    ("sleep", "deny; ! the policy `the decider` gave no answer: it took longer than 1 s"),
    (
        "hoard",
        "deny; ! the policy `the decider` gave no answer: it asked for more than its 192 MiB of memory",
    ),
    ("recurse", "deny; ! the policy `the decider` gave no answer: it crashed"),
    ("panic", "deny; ! the policy `the decider` gave no answer: it gave up; it printed "),
    ("exit", "deny; ! the policy `the decider` gave no answer: it crashed"),
    ("effect", "deny; ! the policy `the decider` gave no answer: it crashed"),
    ("cite", "! the policy `the decider` cites a policy that it does not have"),
    ("err", "deny; ! `one` broke"),
    ("errors", "deny; ! xxx"),
    // Large ones are cut, or more than the host takes.
    ("page", "allow; one: xxx"),
    ("many", "allow; one: -; one: -"),
    ("book", "deny; ! the policy `the decider` gave no answer: it crashed"),
    ("very many", "deny; ! the policy `the decider` gave no answer: it crashed"),
    ("", "allow"),
];

#[test]
fn every_attack_on_a_question_is_a_denial_in_time() {
    let _alone = alone();
    wait(async {
        let runtime = runtime();
        let policy =
            runtime.load_policy(&the_decider(), &[policies("")], "[]".into()).await.unwrap();
        println!("{:<10} {:>7} {:>9} {:>9}  answer", "attack", "seconds", "MiB then", "MiB after");
        for (word, expected) in ATTACKS {
            let once = async || {
                let began = Instant::now();
                let answer = runtime.decide(&policy, &doing(word)).await;
                assert!(began.elapsed() < DEADLINE, "{word}: {:?}", began.elapsed());
                assert!(size(&answer) <= 100 * (8 << 10), "{word}: {} bytes", size(&answer));
                // Whatever it was, the next question is answered.
                let next = runtime.decide(&policy, &doing("ask")).await;
                assert_eq!(told(&next), "ask; one: a person should look", "after {word}");
                (answer, began.elapsed())
            };
            let (answer, took) = once().await;
            let before = resident();
            for _ in 0..3 {
                once().await;
            }
            let after = resident();
            println!(
                "{word:<10} {:>7.3} {:>9.1} {:>9.1}  {}",
                took.as_secs_f64(),
                before as f64 / f64::from(1 << 20),
                after as f64 / f64::from(1 << 20),
                short(&told(&answer))
            );
            assert!(told(&answer).contains(expected), "{word}: {}", short(&told(&answer)));
            assert!(after <= before + TOLERANCE, "{word}: {before} grew to {after}");
        }
    });
}

/// What loading says.
async fn load(runtime: &Runtime, component: &Source, sources: &[PolicySource]) -> String {
    match runtime.load_policy(component, sources, "[]".into()).await {
        Ok(_) => "loaded".into(),
        Err(PolicyError::Component(error)) => error.message,
        Err(PolicyError::Sources(found)) => found
            .iter()
            .map(|it| format!("{}: {}", it.source, it.message))
            .collect::<Vec<_>>()
            .join("; "),
    }
}

#[test]
fn a_component_that_misbehaves_while_it_is_loaded_is_refused_by_name() {
    let _alone = alone();
    wait(async {
        let runtime = runtime();
        let decider = the_decider();
        let check = async |word: &str, expected: &str, at_most: Duration| {
            let began = Instant::now();
            let before = resident();
            let said = load(&runtime, &decider, &[policies(word)]).await;
            let (took, after) = (began.elapsed(), resident());
            println!("{word:<10} {:>6.2} s  {}", took.as_secs_f64(), short(&said));
            assert!(said.contains(expected), "{word}: {}", short(&said));
            assert!(took < at_most, "{word}: {took:?}");
            assert!(after <= before + TOLERANCE, "{word}: {before} grew to {after}");
            assert_eq!(load(&runtime, &decider, &[policies("fine")]).await, "loaded");
        };
        let cannot = "the policy `the decider` could not read its sources: ";
        check("panic", cannot, SLOWEST).await;
        check("exit", &format!("{cannot}it crashed"), SLOWEST).await;
        check("hoard", &format!("{cannot}it asked for more than its 192 MiB"), SLOWEST).await;
        // The two that only time ends, at the same time as each other: it is long, and fixed.
        let sleep = [policies("sleep")];
        let too_slow = format!("{cannot}it took longer than 20 s");
        let (slept, ()) =
            tokio::join!(load(&runtime, &decider, &sleep), check("spin", &too_slow, 2 * SLOWEST));
        assert!(slept.contains("it took longer than 20 s"), "{slept}");
        let names = "gives its policies names that are not unique or not 1 to 256 bytes long";
        for word in ["twice", "long", "nameless"] {
            check(word, names, SLOWEST).await;
        }
        check("refuse silently", "it refuses its sources and does not say why", SLOWEST).await;
        // As many names as fit are no attack.
        check("many", "", SLOWEST).await;
    });
}

#[test]
fn what_is_no_policy_component_is_refused_by_name() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let check = |bytes: &[u8], expected: &str| {
        let path = super::write(folder.path(), "mine.wasm", bytes);
        let said = wait(async { load(&runtime(), &Source::file(&path).unwrap(), &[]).await });
        println!("{}", short(&said));
        assert!(said.contains("mine.wasm` ") && said.contains(expected), "{said}");
    };
    check(
        &std::fs::read(probe()).unwrap(),
        "is no policy: it exports `initrunner:plugin/tools@0.1.0`",
    );
    check(&std::fs::read(hostile()).unwrap(), "is no policy: it exports");
    check(b"permit (principal, action, resource);", "is not WebAssembly");
    check(b"", "is not WebAssembly");
    check(&wat::parse_str("(module)").unwrap(), "is a core WebAssembly module, not a component");
    check(&wat::parse_str("(component)").unwrap(), "is no policy: it exports nothing");
    let mut cut = std::fs::read(decider()).unwrap();
    cut.truncate(cut.len() / 2);
    check(&cut, "is not a valid component");
    let lying = "(component (instance $nothing) (export \"initrunner:plugin/policies@0.1.0\" (instance $nothing)))";
    let said = wait(async {
        let path = super::write(folder.path(), "lying.wasm", &wat::parse_str(lying).unwrap());
        load(&runtime(), &Source::file(&path).unwrap(), &[]).await
    });
    assert!(said.starts_with("the policy does not fit this host's contract"), "{said}");
}

/// So many policies, of which one forbids each account.
fn many(count: usize) -> String {
    let mut text =
        "@id(\"everything\") permit (principal, action == Action::\"pay\", resource);\n".to_owned();
    for n in 0..count {
        text.push_str(&format!(
            "@id(\"no-{n}\") forbid (principal, action == Action::\"pay\", resource) when {{ context.arguments has to && context.arguments.to == \"account-{n}\" }};\n"
        ));
    }
    text
}

async fn load_cedar(
    runtime: &Runtime,
    sources: &[PolicySource],
) -> Result<LoadedPolicy, PolicyError> {
    runtime.load_policy(&cedar(), sources, TOOLS.into()).await
}

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

#[test]
fn sixty_four_questions_at_a_time_are_each_answered_right_while_some_break() {
    let _alone = alone();
    let threads =
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    threads.block_on(async {
        let runtime = Arc::new(runtime());
        let policy =
            runtime.load_policy(&the_decider(), &[policies("")], "[]".into()).await.unwrap();
        let policy = Arc::new(policy);
        let cedar = Arc::new(load_cedar(&runtime, &[policies(many(100))]).await.unwrap());
        let mut most = 0;
        for _ in 0..3 {
            let before = resident();
            let mut asked = Vec::new();
            for number in 0..64_usize {
                let what = ["ask", "deny", "panic", "", "cite", "exit", "ask", "err"][number % 8];
                let what = if number == 40 { "spin" } else { what };
                let (runtime, policy) = (Arc::clone(&runtime), Arc::clone(&policy));
                let cedar = Arc::clone(&cedar);
                asked.push(tokio::spawn(async move {
                    let broken = runtime.decide(&policy, &doing(what)).await;
                    let account = number * 2;
                    let arguments = format!("{{\"to\":\"account-{account}\"}}");
                    (what, broken, account, runtime.decide(&cedar, &request(arguments)).await)
                }));
            }
            for asked in asked {
                let (what, answer, account, by_cedar) = asked.await.unwrap();
                let expected = match what {
                    "ask" => Effect::Ask,
                    "" => Effect::Allow,
                    _ => Effect::Deny,
                };
                assert_eq!(answer.effect, expected, "{what}: {}", told(&answer));
                assert_eq!(answer.errors.is_empty(), matches!(what, "ask" | "deny" | ""), "{what}");
                match account < 100 {
                    true => assert_eq!(told(&by_cedar), format!("deny; no-{account}: -")),
                    false => assert_eq!(told(&by_cedar), "allow; everything: -"),
                }
            }
            most = most.max(resident().saturating_sub(before));
        }
        println!("64 questions at a time, three times: at most {} MiB more", most >> 20);
        // Eight instances at most of each policy, of a few megabytes.
        assert!(most < 256 << 20, "{most}");
    });
}

#[test]
fn a_role_whose_policy_breaks_gets_no_call_through_the_gate() {
    let _alone = alone();
    wait(async {
        let sandbox = Sandbox::new(Some(cache()));
        let part = |label: &str, component: Source, text: &str| PolicyParts {
            label: label.into(),
            origin: PolicyOrigin::Host,
            component,
            sources: vec![policies(text)],
        };
        let all =
            "@id(\"everything\") permit (principal, action in Action::\"tools:all\", resource);";
        let entry = super::entry(hostile(), "");
        let chain = [part("decider", the_decider(), ""), part("cedar", cedar(), all)];
        let tools = sandbox.open_under(&entry, Path::new("/"), &chain).await.unwrap();
        let call = async |word: &str| {
            let began = Instant::now();
            let arguments = serde_json::json!({"do": word}).to_string();
            let said = sandbox.call(&tools, "hostile", &arguments).await;
            assert!(began.elapsed() < DEADLINE + DEADLINE, "{word}");
            said
        };
        for word in
            ["spin", "sleep", "hoard", "recurse", "panic", "exit", "effect", "book", "very many"]
        {
            let said = call(word).await;
            assert!(
                said.starts_with("refused by Policy: This call is refused by policy: the policy `the decider` gave no answer: "),
                "{word}: {said}"
            );
            assert_eq!(call("nothing").await, "ok: nothing", "after {word}");
        }
        let said = call("cite").await;
        assert!(
            said.contains("the policy `the decider` cites a policy that it does not have"),
            "{said}"
        );
        // What a policy says is text for people and models: no line or direction of its own.
        let said = call("controls-deny").await;
        assert!(!said.contains('\u{1b}') && !said.contains('\u{202e}'), "{said}");
        // Arguments that are too deep are none, before any policy is asked.
        let deep = format!("{{\"text\":{}1{}}}", "[".repeat(5_000), "]".repeat(5_000));
        let said = sandbox.call(&tools, "hostile", &deep).await;
        assert!(said.starts_with("refused by Arguments: Invalid arguments: "), "{said}");
        let large = serde_json::json!({"do": "nothing", "text": "x".repeat(5 << 20)}).to_string();
        let said = sandbox.call(&tools, "hostile", &large).await;
        assert!(said.starts_with("refused by Policy: "), "{}", short(&said));
        assert!(
            said.contains(
                "larger than the 1024 KiB that the policy `the decider` may be asked about"
            )
        );
        assert!(said.len() < 1_000, "the arguments are not repeated");
        // One that cannot be loaded: the role does not open.
        for (text, expected) in [
            ("panic", "decider: the policy `the decider` could not read its sources"),
            ("refuse", "decider: [Diagnostic"),
        ] {
            let chain = [part("decider", the_decider(), text)];
            let said = sandbox.open_under(&entry, Path::new("/"), &chain).await.err().unwrap();
            assert!(said.starts_with(expected), "{said}");
        }
    });
}
