//! Which approvals are remembered, and for which calls.

use super::{by, call_of, done, last};
use crate::fixture::*;
use initrunner::domain::decision::{Decision, Resolver};
use initrunner::domain::ids::CallId;
use initrunner::domain::rule::{ApprovalRule, Remember};
use initrunner::domain::run::RunState;
use initrunner::domain::tool_call::CallState;
use initrunner::store::owner::Owner;
use initrunner::store::{Claim, Conflict, Store};

conformance!(
    an_equal_call_is_approved_as_the_first_was,
    only_an_equal_call_is_remembered,
    a_denial_is_not_remembered,
    a_remembered_approval_is_spent_and_cites_what_people_said,
    a_turn_with_one_call_that_waits_pauses_all_the_same,
);

fn remembering() -> ApprovalRule {
    ApprovalRule { remember: Remember::Run, ..ApprovalRule::required() }
}

/// A run in which people approved one call under `rule`, which has happened.
fn approved_once(store: &dyn Store, owner: &Owner, rule: &ApprovalRule) -> (Claim, CallId) {
    let (first, calls) = paused_under(store, owner, 1, rule);
    let mut request = by(approve(&first.run, &calls, owner), "os:bob");
    request.resolver.note = Some("Bob".into());
    let claim = wait(store.decide(request)).unwrap().claim.unwrap();
    wait(store.record_call_started(&claim, &calls[0], vec![], at(61))).unwrap();
    wait(store.record_call_finished(&claim, &calls[0], done("gone"), at(62))).unwrap();
    wait(store.tell_results(&claim, vec![result(&calls[0], "gone")], at(63))).unwrap();
    (claim, calls[0].clone())
}

fn an_equal_call_is_approved_as_the_first_was(store: &dyn Store) {
    let owner = owner(store);
    let (claim, first) = approved_once(store, &owner, &remembering());
    let calls = record(store, &claim, vec![waiting_under(remembering())], true);
    let run = wait(store.load_run(&claim.run)).unwrap();
    // Nobody is asked, and the run does not pause.
    assert_eq!(run.run.state, RunState::Running);
    assert_eq!(wait(store.pending(10)).unwrap().1, 0);
    let call = &run.calls[1];
    assert_eq!((&call.id, call.state), (&calls[0], CallState::Approved));
    assert_eq!(call.decision, Some(Decision::Approve));
    let bob = Resolver { authenticated_as: "os:bob".into(), note: Some("Bob".into()) };
    assert_eq!(call.resolver, Some(bob));
    assert_eq!(call.remembered_from, Some(first));
    let event = last(store, &claim.run, "approval_remembered");
    let expected = serde_json::json!({
        "authenticated_as": "os:bob", "by": "Bob", "decision": "approve",
        "request": call.request, "source": run.calls[0].request,
    });
    assert_eq!(event, expected);
}

fn only_an_equal_call_is_remembered(store: &dyn Store) {
    let owner = owner(store);
    let other_rule = ApprovalRule { quorum: 2, ..remembering() };
    let other_binding = |part| {
        let mut admission = waiting_under(remembering());
        if let initrunner::store::Admission::Waiting { binding, .. } = &mut admission {
            binding.parts.insert(part, "another".into());
        }
        admission
    };
    let parts: Vec<_> = binding("").parts.into_keys().collect();
    assert_eq!(parts.len(), 7);
    let mut others: Vec<_> = parts.into_iter().map(other_binding).collect();
    // Another rule; and a rule that does not remember.
    others.extend([waiting_under(other_rule), waiting()]);
    for other in others {
        let (claim, _) = approved_once(store, &owner, &remembering());
        record(store, &claim, vec![other], true);
        let run = wait(store.load_run(&claim.run)).unwrap();
        assert_eq!((run.run.state, run.calls[1].state), (RunState::Paused, CallState::Waiting));
    }
    // What another run's people said is no matter.
    let (first, _) = paused_under(store, &owner, 1, &remembering());
    assert_eq!(call_of(store, &first.run).state, CallState::Waiting);
    // And in a run whose rule did not remember, nothing is.
    let (claim, _) = approved_once(store, &owner, &ApprovalRule::required());
    record(store, &claim, vec![waiting_under(remembering())], true);
    assert_eq!(wait(store.load_run(&claim.run)).unwrap().run.state, RunState::Paused);
}

fn a_denial_is_not_remembered(store: &dyn Store) {
    let owner = owner(store);
    let (first, calls) = paused_under(store, &owner, 1, &remembering());
    let claim = wait(store.decide(deny(&first.run, &calls, &owner))).unwrap().claim.unwrap();
    wait(store.tell_results(&claim, vec![result(&calls[0], "denied")], at(62))).unwrap();
    record(store, &claim, vec![waiting_under(remembering())], true);
    let run = wait(store.load_run(&claim.run)).unwrap();
    assert_eq!((run.run.state, run.calls[1].state), (RunState::Paused, CallState::Waiting));
}

fn a_remembered_approval_is_spent_and_cites_what_people_said(store: &dyn Store) {
    let owner = owner(store);
    let (claim, first) = approved_once(store, &owner, &remembering());
    let both = vec![waiting_under(remembering()), waiting_under(remembering())];
    let calls = record(store, &claim, both, true);
    for call in &calls {
        assert_eq!(wait(store.record_call_started(&claim, call, vec![], at(64))), Ok(1));
        let twice = conflict(wait(store.record_call_started(&claim, call, vec![], at(64))));
        assert!(matches!(twice, Conflict::WrongCallState { .. }));
        wait(store.record_call_finished(&claim, call, done("gone"), at(65))).unwrap();
    }
    let run = wait(store.load_run(&claim.run)).unwrap();
    // Both cite the approval that people gave, and not one another.
    for call in &run.calls[1..] {
        assert_eq!(call.remembered_from.as_ref(), Some(&first));
    }
}

fn a_turn_with_one_call_that_waits_pauses_all_the_same(store: &dyn Store) {
    let owner = owner(store);
    let (claim, _) = approved_once(store, &owner, &remembering());
    let calls = record(store, &claim, vec![waiting_under(remembering()), waiting()], true);
    let run = wait(store.load_run(&claim.run)).unwrap();
    assert_eq!(run.run.state, RunState::Paused);
    assert_eq!(
        run.calls[1..].iter().map(|call| call.state).collect::<Vec<_>>(),
        [CallState::Approved, CallState::Waiting]
    );
    let claim =
        wait(store.decide(approve(&claim.run, &calls[1..], &owner))).unwrap().claim.unwrap();
    assert_eq!(wait(store.record_call_started(&claim, &calls[0], vec![], at(64))), Ok(1));
}
