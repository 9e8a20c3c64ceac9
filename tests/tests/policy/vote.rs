//! Who may approve is policy as well as the role's rule: four eyes, amounts, and several people.

use super::place::{
    Came, Place, answer, approve, deny, echo, edit, one_call, pause, said, story, without_policies,
};
use super::wait;
use expect_test::{Expect, expect};
use initrunner::domain::tool_call::CallState;
use initrunner::ops::{Host, OpError};

const POLICIES: &str = r#"
@id("everything") permit (principal, action in Action::"tools:all", resource);
@id("asks") forbid (principal, action == Action::"probe", resource) when { context.unattended };
@id("finance") @message("people in finance approve")
permit (principal in Group::"finance", action == Action::"approve", resource == Tool::"probe");
@id("four-eyes") @message("whoever started it may not")
forbid (principal, action == Action::"approve", resource) when { principal == context.requester };
@id("limit") @message("above your limit")
forbid (principal, action == Action::"approve", resource == Tool::"probe")
unless {
  principal has limit && context.call has probe && context.call.probe.arguments has count &&
  context.call.probe.arguments.count <= principal.limit
};
"#;

const SCHEMA: &str = "entity Reviewer in [Group] = { limit?: Long };";

const PEOPLE: &str = r#"[
  {"uid": {"type": "Reviewer", "id": "os:ann"}, "attrs": {"limit": 500}, "parents": [{"type": "Group", "id": "finance"}]},
  {"uid": {"type": "Reviewer", "id": "os:eve"}, "attrs": {"limit": 900}, "parents": [{"type": "Group", "id": "finance"}]},
  {"uid": {"type": "Reviewer", "id": "os:bob"}, "attrs": {}, "parents": [{"type": "Group", "id": "finance"}]},
  {"uid": {"type": "Reviewer", "id": "os:ops"}, "attrs": {"limit": 9000}, "parents": [{"type": "Group", "id": "finance"}]}
]"#;

/// A run about this amount waits; `rule` is the entry's own.
fn place(amount: u32, rule: &str) -> Place {
    let role = format!(
        "policy: {{sources: [p.cedar], schema: t.cedarschema, entities: people.json}}\n{}",
        echo(rule)
    );
    let place = Place::new(&role, &one_call(&format!("{{do: echo, text: paid, count: {amount}}}")));
    place.home.file("p.cedar", POLICIES);
    place.home.file("t.cedarschema", SCHEMA);
    place.home.file("people.json", PEOPLE);
    place
}

/// A refusal by policy: nothing is written down but that policies were asked.
async fn refused(host: &Host, run: &str, expected: Expect) {
    let before = story(host, run).await;
    let error = approve(host, run).await.map(|came| panic!("{came:?}")).unwrap_err();
    let OpError::RefusedByPolicy { sentence, .. } = error else { panic!("{error}") };
    expected.assert_eq(&sentence);
    let after = story(host, run).await;
    assert_eq!(without_policies(&after), without_policies(&before));
    assert_eq!(format!("{:?}", after.run.calls), format!("{:?}", before.run.calls));
    assert_eq!(said(&after).len(), said(&before).len() + 1);
}

#[test]
fn four_eyes_and_amounts_are_policy() {
    let place = place(501, "approval: auto");
    wait(async {
        let ops = place.host("os:ops");
        let run = pause(&place, &ops).await;
        refused(
            &ops,
            &run,
            expect!["policy does not let os:ops approve it: whoever started it may not (policy `four-eyes`)."],
        )
        .await;
        refused(
            &place.host("os:ann"),
            &run,
            expect!["policy does not let os:ann approve it: above your limit (policy `limit`)."],
        )
        .await;
        refused(
            &place.host("os:bob"),
            &run,
            expect!["policy does not let os:bob approve it: above your limit (policy `limit`)."],
        )
        .await;
        // Somebody whom the entities do not know.
        refused(
            &place.host("os:mallory"),
            &run,
            expect![
                "policy does not let os:mallory approve it: above your limit (policy `limit`)."
            ],
        )
        .await;
        let told = answer(approve(&place.host("os:eve"), &run).await);
        assert_eq!(told, "Result: paid");
        let told = story(&ops, &run).await;
        expect![[r#"
            invoke ask asks
            approve os:ops deny four-eyes
            approve os:ann deny limit
            approve os:bob deny limit
            approve os:mallory deny limit
            approve os:eve allow finance
            invoke ask asks"#]]
        .assert_eq(&said(&told).join("\n"));
        let by = told.run.calls[0].resolver.as_ref().unwrap();
        assert_eq!(by.authenticated_as, "os:eve");
    });
}

#[test]
fn a_smaller_amount_is_within_the_limit_and_an_edit_is_what_is_judged() {
    let place = place(501, "approval: auto");
    wait(async {
        let run = pause(&place, &place.host("os:ops")).await;
        let ann = place.host("os:ann");
        // The edit is refused with the approval that it is part of.
        let error = edit(&ann, &run, "count", "600").await.map(|came| panic!("{came:?}"));
        assert!(matches!(error, Err(OpError::RefusedByPolicy { .. })), "{error:?}");
        assert_eq!(story(&ann, &run).await.run.calls[0].edits, []);
        let told = answer(edit(&ann, &run, "count", "500").await);
        assert!(told.ends_with("Result: paid"), "{told}");
    });
}

#[test]
fn anybody_whom_the_rule_lets_may_deny() {
    let place = place(501, "approval: auto");
    wait(async {
        let run = pause(&place, &place.host("os:ops")).await;
        let told = answer(deny(&place.host("os:bob"), &run).await);
        assert_eq!(told, "Error: A person denied this call; it was not executed.");
    });
}

#[test]
fn the_rule_and_the_policies_must_both_agree() {
    let place = place(100, "approval: {reviewers: [os:eve, os:ops, os:bob]}");
    wait(async {
        let ops = place.host("os:ops");
        let run = pause(&place, &ops).await;
        // Policy would say yes, and the rule says no.
        let error = approve(&place.host("os:ann"), &run).await.map(|came| panic!("{came:?}"));
        let error = error.unwrap_err();
        assert!(matches!(error, OpError::Conflict(_)), "{error:?}");
        assert!(error.to_string().starts_with("os:ann may not decide"), "{error}");
        // The rule would say yes, and policy says no.
        for reviewer in ["os:ops", "os:bob"] {
            let error = approve(&place.host(reviewer), &run).await.map(|came| panic!("{came:?}"));
            assert!(matches!(error, Err(OpError::RefusedByPolicy { .. })), "{reviewer}: {error:?}");
        }
        assert_eq!(story(&ops, &run).await.run.calls[0].state, CallState::Waiting);
        assert_eq!(answer(approve(&place.host("os:eve"), &run).await), "Result: paid");
    });
}

#[test]
fn each_of_two_votes_is_let_by_policy() {
    let place = place(100, "approval: {quorum: 2}");
    wait(async {
        let ops = place.host("os:ops");
        let run = pause(&place, &ops).await;
        let ann = place.host("os:ann");
        assert!(matches!(approve(&ann, &run).await, Ok(Came::Recorded)));
        let again = approve(&ann, &run).await.map(|came| panic!("{came:?}")).unwrap_err();
        assert!(again.to_string().starts_with("os:ann approved call call_"), "{again}");
        // A second one whom policy does not let is none.
        let error = approve(&ops, &run).await.map(|came| panic!("{came:?}")).unwrap_err();
        assert!(matches!(error, OpError::RefusedByPolicy { .. }), "{error}");
        let call = &story(&ops, &run).await.run.calls[0];
        assert_eq!((call.state, call.voters()), (CallState::Waiting, vec!["os:ann"]));
        assert_eq!(answer(approve(&place.host("os:eve"), &run).await), "Result: paid");
    });
}

#[test]
fn where_policies_speak_of_approval_each_call_is_approved_by_itself() {
    let script = "rules:\n  - when: \"(?s).*\"\n    calls: [{tool: probe, arguments: {do: echo, text: paid, count: 5}}]\n  - from: tool\n    when: \"(?s).*\"\n    calls: [{tool: probe, arguments: {do: echo, text: paid, count: 5}}]\n";
    let remembered = "approval: {remember: run}";
    let place = place(5, remembered);
    place.home.file("script.yaml", script);
    wait(async {
        let run = pause(&place, &place.host("os:ops")).await;
        let ann = place.host("os:ann");
        for calls in 2..4 {
            let came = approve(&ann, &run).await.unwrap();
            assert!(format!("{came:?}").contains("Paused"), "{came:?}");
            assert_eq!(story(&ann, &run).await.run.calls.len(), calls);
        }
    });
}
