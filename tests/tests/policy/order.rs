//! Policy, then permissions, then the component, then a person: what an earlier one refuses reaches no later
//! one, and an edited call goes through all of them again.

use super::place::{Place, answer, approve, echo, edit, one_call, pause, said, story};
use super::{source, wait};
use expect_test::{Expect, expect};
use initrunner::domain::tool_call::CallState;
use initrunner::gate::{PolicyOrigin, PolicyParts, Verdict};
use initrunner::ops::{self, OpError};
use initrunner::plugin::{CacheFolder, Source};
use initrunner_tests::sandbox::{Sandbox, proposed};
use initrunner_tests::{decider, hostile};
use std::path::Path;

/// What the gate answers, and what policies were asked on the way. `do` is what the policy does, `prepare`
/// what the component does, and `text` is what permissions look at.
fn gate(settings: &str, arguments: &str) -> String {
    wait(async {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("policy-cache");
        let sandbox = Sandbox::new(Some(CacheFolder { folder, key: [3; 32] }));
        let component = hostile().display();
        let entry = format!(
            "  - component: {component}\n    name: hostile\n    permissions: {{deny: [\"text=no*\"]}}\n    {settings}"
        );
        let policy = PolicyParts {
            label: "decider".into(),
            origin: PolicyOrigin::Host,
            component: Source::file(decider()).unwrap(),
            sources: vec![source("")],
        };
        let tools = sandbox.open_under(&entry, Path::new("/"), &[policy]).await.unwrap();
        let answer = sandbox.gate.admit(&tools, &proposed("hostile", arguments), None).await;
        let asked: Vec<&str> = answer.said.iter().map(|said| said.answer.effect.as_str()).collect();
        let verdict = match answer.verdict {
            Verdict::Admitted(_) => "admitted".to_owned(),
            Verdict::Waiting(waiting) => format!("waiting: {}", waiting.preview.unwrap().text),
            Verdict::Refused(refusal) => format!("refused by {:?}", refusal.by),
        };
        format!("{verdict}; policy said {asked:?}")
    })
}

#[test]
fn each_link_is_asked_only_about_what_the_one_before_lets_through() {
    let check = |arguments: &str, expected: Expect| expected.assert_eq(&gate("", arguments));
    check("{", expect!["refused by Arguments; policy said []"]);
    check(r#"{"do": 1}"#, expect!["refused by Arguments; policy said []"]);
    // All of them would refuse.
    check(
        r#"{"do": "deny", "text": "no", "prepare": "panic"}"#,
        expect![[r#"refused by Policy; policy said ["deny"]"#]],
    );
    check(
        r#"{"do": "panic", "text": "no", "prepare": "panic"}"#,
        expect![[r#"refused by Policy; policy said ["deny"]"#]],
    );
    check(
        r#"{"do": "ask", "text": "no", "prepare": "panic"}"#,
        expect![[r#"refused by Permission; policy said ["ask"]"#]],
    );
    check(
        r#"{"text": "no", "prepare": "panic"}"#,
        expect![[r#"refused by Permission; policy said ["allow"]"#]],
    );
    check(
        r#"{"do": "ask", "prepare": "panic"}"#,
        expect![[r#"refused by Component; policy said ["ask"]"#]],
    );
    check(r#"{"do": "ask"}"#, expect![[r#"waiting: harmless; policy said ["ask"]"#]]);
    check("{}", expect![[r#"admitted; policy said ["allow"]"#]]);
    let asking = |arguments: &str| gate("approval: required", arguments);
    assert_eq!(asking("{}"), r#"waiting: harmless; policy said ["allow"]"#);
    assert_eq!(asking(r#"{"do": "deny"}"#), r#"refused by Policy; policy said ["deny"]"#);
}

const POLICIES: &str = r#"
@id("everything") permit (principal, action in Action::"tools:all", resource);
@id("asks") @message("a person should see it") @severity("high")
forbid (principal, action == Action::"probe", resource)
when { context.unattended } 
unless { context.arguments has text && context.arguments.text like "silently*" };
@id("never") @message("nobody restarts this machine")
forbid (principal, action == Action::"probe", resource)
when { context.arguments has text && context.arguments.text like "reboot*" };
"#;

const FIVE_CALLS: &str = r#"
rules:
  - turn: 0
    calls:
      - {tool: probe, arguments: {do: echo, text: reboot now}}
      - {tool: probe, arguments: {do: echo, text: push --force}}
      - {tool: probe, arguments: {do: echo, prepare: refuse}}
      - {tool: probe, arguments: {do: echo, text: asked}}
      - {tool: probe, arguments: {do: echo, text: silently}}
  - {turn: 1, from: tool, when: "(?s).*", reply: "Done."}
"#;

fn place(script: &str) -> Place {
    let role = echo("permissions: {deny: [\"text=push*\"]}");
    let place = Place::new(&format!("policy: {{sources: [p.cedar]}}\n{role}"), script);
    place.home.file("p.cedar", POLICIES);
    place
}

#[test]
fn what_is_refused_on_the_way_never_waits_for_a_person() {
    let place = place(FIVE_CALLS);
    wait(async {
        let host = place.host("os:ops");
        let run = pause(&place, &host).await;
        let (pending, count) = ops::list_pending(&host, 10).await.unwrap();
        assert_eq!(count, 1);
        assert_eq!(pending[0].arguments, r#"{"do":"echo","text":"asked"}"#);

        let told = story(&host, &run).await;
        let states: Vec<String> = told
            .run
            .calls
            .iter()
            .map(|call| format!("{}: {}", call.state, call.result.as_deref().unwrap_or("-")))
            .collect();
        expect![[r#"
            refused by policy: This call is refused by policy: nobody restarts this machine (policy `never`).
            refused by permission: This call is denied by the permission rule `text=push*` of this role.
            refused by component: Nothing was done: it would rather not
            waiting: -
            succeeded: silently"#]]
        .assert_eq(&states.join("\n"));
        // Each call was asked about once, and a call that only policy refused is written down with why.
        expect![[r#"
            invoke deny never
            invoke ask asks
            invoke ask asks
            invoke ask asks
            invoke allow everything"#]]
        .assert_eq(&said(&told).join("\n"));
        expect!["a person should see it (policy `asks`, severity high)"]
            .assert_eq(&told.run.calls[3].policy_reasons().join("\n"));

        assert_eq!(answer(approve(&host, &run).await), "Done.");
    });
}

#[test]
fn an_edited_call_goes_through_everything_again() {
    let place = place(&one_call("{do: echo, text: asked}"));
    wait(async {
        let host = place.host("os:ops");
        let run = pause(&place, &host).await;
        let check = async |key: &str, value: &str, expected: Expect| {
            match edit(&host, &run, key, value).await {
                Err(OpError::Edit { sentence, .. }) => expected.assert_eq(&sentence),
                Err(error) => panic!("{error}"),
                Ok(came) => panic!("{came:?}"),
            }
            let told = story(&host, &run).await;
            assert_eq!(told.run.calls[0].state, CallState::Waiting);
            assert_eq!(told.run.calls[0].arguments, r#"{"do":"echo","text":"asked"}"#);
        };
        check(
            "text",
            "reboot now",
            expect!["the call would be refused by policy: This call is refused by policy: nobody restarts this machine (policy `never`)."],
        )
        .await;
        check(
            "text",
            "push --force",
            expect!["the call would be refused by permission: This call is denied by the permission rule `text=push*` of this role."],
        )
        .await;
        check(
            "prepare",
            "refuse",
            expect![
                "the call would be refused by component: Nothing was done: it would rather not"
            ],
        )
        .await;
        let before = said(&story(&host, &run).await);
        assert_eq!(
            before,
            ["invoke ask asks", "invoke deny never", "invoke ask asks", "invoke ask asks"]
        );
        // One that nobody would have been asked about is accepted, and happens.
        let came = edit(&host, &run, "text", "silently").await;
        let told = answer(came);
        assert!(told.contains("Result: silently"), "{told}");
        // Asked again as it was edited, and before it happened.
        let after = said(&story(&host, &run).await);
        assert_eq!(after[4..], ["invoke allow everything", "invoke allow everything"]);
    });
}
