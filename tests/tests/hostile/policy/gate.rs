//! A role whose policy breaks: no call gets through the gate.

use super::{DEADLINE, cedar, policies, short, the_decider};
use crate::{alone, cache, wait};
use initrunner::gate::{PolicyOrigin, PolicyParts};
use initrunner::plugin::Source;
use initrunner_tests::hostile;
use initrunner_tests::sandbox::Sandbox;
use std::path::Path;
use std::time::Instant;

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
        let entry = crate::entry(hostile(), "");
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
