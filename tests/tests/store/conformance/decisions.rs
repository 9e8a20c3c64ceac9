//! Decisions: who is first, what they let happen, and what voids them.

use super::{done, spent};
use crate::fixture::*;
use initrunner::domain::decision::{Decision, Resolver};
use initrunner::domain::rule::ApprovalRule;
use initrunner::domain::run::RunState;
use initrunner::domain::tool_call::{CallState, RefusedBy};
use initrunner::store::{Admission, Conflict, Readmission, Store, StoreError};

conformance!(
    an_approval_claims_the_run_and_is_spent_once,
    a_denied_call_never_starts,
    the_last_decision_claims_the_run,
    decisions_are_recorded_all_or_none,
    a_second_decision_names_the_first,
    of_many_deciders_one_wins,
    only_a_call_that_waits_is_decided,
    a_decision_during_the_turn_leaves_the_run_with_its_owner,
    a_voided_approval_is_asked_again,
    the_gate_refuses_at_resume,
    nobody_decides_what_a_cancelled_run_left_unknown,
    cancelling_and_deciding_exclude_each_other,
);

fn an_approval_claims_the_run_and_is_spent_once(store: &dyn Store) {
    let owner_a = owner(store);
    let (first, calls) = paused(store, &owner_a, 1);
    let owner_b = owner(store);
    let decided = wait(store.decide(approve(&first.run, &calls, &owner_b))).unwrap();
    let read = format!("{:?}", wait(store.load_to_drive(&first.run)).unwrap());
    assert_eq!(decided.run.as_ref().map(|run| format!("{run:?}")), Some(read));
    assert_eq!(decided.waiting, 0);
    let claim = decided.claim.unwrap();
    assert_eq!((&claim.owner, claim.fence), (owner_b.id(), 2));
    assert_eq!(run_of(store, &claim.run).state, RunState::Running);
    let call = &calls_of(store, &claim.run)[0];
    assert_eq!(call.state, CallState::Approved);
    assert_eq!(call.decision, Some(Decision::Approve));
    assert_eq!(call.resolver, Some(alice()));
    assert_eq!(call.decided_at, Some(at(60)));

    assert_eq!(wait(store.record_call_started(&claim, &calls[0], vec![], at(61))), Ok(1));
    let again = wait(store.record_call_started(&claim, &calls[0], vec![], at(61)));
    assert_eq!(
        conflict(again),
        Conflict::WrongCallState { call: calls[0].clone(), state: CallState::Started }
    );
    wait(store.record_call_finished(&claim, &calls[0], done("gone"), at(62))).unwrap();
    for state in [
        wait(store.record_call_started(&claim, &calls[0], vec![], at(63))).map(|_| ()),
        wait(store.record_call_finished(&claim, &calls[0], done("twice"), at(63))),
    ] {
        assert_eq!(
            conflict(state),
            Conflict::WrongCallState { call: calls[0].clone(), state: CallState::Succeeded }
        );
    }
    assert_eq!(calls_of(store, &claim.run)[0].result.as_deref(), Some("gone"));
}

fn a_denied_call_never_starts(store: &dyn Store) {
    let owner = owner(store);
    let (first, calls) = paused(store, &owner, 1);
    let claim = wait(store.decide(deny(&first.run, &calls, &owner))).unwrap().claim.unwrap();
    let call = &calls_of(store, &claim.run)[0];
    assert_eq!(call.decision, Some(Decision::Deny { reason: Some("too wide".into()) }));
    let start = wait(store.record_call_started(&claim, &calls[0], vec![], at(61)));
    assert_eq!(
        conflict(start),
        Conflict::WrongCallState { call: calls[0].clone(), state: CallState::Denied }
    );
    wait(store.tell_results(&claim, vec![result(&calls[0], "denied")], at(62))).unwrap();
}

fn the_last_decision_claims_the_run(store: &dyn Store) {
    let owner = owner(store);
    let (first, calls) = paused(store, &owner, 3);
    let one = wait(store.decide(approve(&first.run, &calls[1..2], &owner))).unwrap();
    assert_eq!((one.claim, one.waiting), (None, 2));
    assert_eq!(run_of(store, &first.run).state, RunState::Paused);
    let two = wait(store.decide(deny(&first.run, &calls[..1], &owner))).unwrap();
    assert_eq!((two.claim, two.waiting), (None, 1));
    let three = wait(store.decide(approve(&first.run, &calls[2..], &owner))).unwrap();
    assert_eq!(three.claim.map(|claim| claim.fence), Some(2));
    assert_eq!(
        states(store, &first.run),
        [CallState::Denied, CallState::Approved, CallState::Approved]
    );
}

fn decisions_are_recorded_all_or_none(store: &dyn Store) {
    let owner = owner(store);
    let (first, calls) = paused(store, &owner, 2);
    wait(store.decide(approve(&first.run, &calls[1..], &owner))).unwrap();
    let events = wait(store.events(&first.run)).unwrap();
    conflict(wait(store.decide(deny(&first.run, &calls, &owner))));
    assert_eq!(states(store, &first.run), [CallState::Waiting, CallState::Approved]);
    assert_eq!(wait(store.events(&first.run)).unwrap(), events);
}

fn a_second_decision_names_the_first(store: &dyn Store) {
    let owner = owner(store);
    let (first, calls) = paused(store, &owner, 1);
    let mut request = deny(&first.run, &calls, &owner);
    request.resolver.note = Some("Alice on call".into());
    wait(store.decide(request)).unwrap();
    let again = conflict(wait(store.decide(approve(&first.run, &calls, &owner))));
    assert_eq!(
        again,
        Conflict::AlreadyDecided {
            call: calls[0].clone(),
            decision: "deny".into(),
            by: "Alice on call".into(),
            at: at(60),
        }
    );
    assert_eq!(
        again.to_string(),
        format!(
            "call {} was already decided: deny by Alice on call at 2026-04-24T14:22:08.000000Z",
            calls[0]
        )
    );
}

fn of_many_deciders_one_wins(store: &dyn Store) {
    let owner = owner(store);
    for _ in 0..4 {
        let (first, calls) = paused(store, &owner, 1);
        let results: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16)
                .map(|number| {
                    let mut request = if number % 2 == 0 {
                        approve(&first.run, &calls, &owner)
                    } else {
                        deny(&first.run, &calls, &owner)
                    };
                    request.resolver.authenticated_as = format!("os:user{number}");
                    scope.spawn(move || (number, wait(store.decide(request))))
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let winners: Vec<_> =
            results.iter().filter_map(|(n, r)| r.as_ref().ok().map(|d| (n, d))).collect();
        let [(winner, decided)] = &winners[..] else { panic!("{} winners", winners.len()) };
        assert!(decided.claim.is_some());
        let by = format!("os:user{winner}");
        for (_, result) in &results {
            if let Err(error) = result {
                let StoreError::Conflict(Conflict::AlreadyDecided { by: named, .. }) = error else {
                    panic!("{error}")
                };
                assert_eq!(*named, by);
            }
        }
    }
}

fn only_a_call_that_waits_is_decided(store: &dyn Store) {
    let owner = owner(store);
    let claim = create(store, &owner);
    let calls = record(store, &claim, vec![Admission::Ready, waiting()], false);
    let not = conflict(wait(store.decide(approve(&claim.run, &calls[..1], &owner))));
    assert_eq!(not, Conflict::NotWaiting { call: calls[0].clone(), state: CallState::Ready });
    let stranger = call_id();
    let unknown = wait(store.decide(approve(&claim.run, std::slice::from_ref(&stranger), &owner)));
    assert_eq!(
        unknown.unwrap_err(),
        StoreError::UnknownCall { run: claim.run.clone(), call: stranger.to_string() }
    );
    // A call that waits cannot be started, whoever asks.
    let start = wait(store.record_call_started(&claim, &calls[1], vec![], at(2)));
    assert_eq!(
        conflict(start),
        Conflict::WrongCallState { call: calls[1].clone(), state: CallState::Waiting }
    );
}

fn a_decision_during_the_turn_leaves_the_run_with_its_owner(store: &dyn Store) {
    let driver = owner(store);
    let claim = create(store, &driver);
    let calls = record(store, &claim, vec![Admission::Ready, waiting()], false);
    wait(store.record_call_started(&claim, &calls[0], vec![], at(2))).unwrap();
    let other = owner(store);
    let decided = wait(store.decide(approve(&claim.run, &calls[1..], &other))).unwrap();
    assert_eq!((decided.claim, decided.waiting), (None, 0));
    // The driver goes on, and cannot leave the run lying.
    wait(store.record_call_finished(&claim, &calls[0], done("1"), at(61))).unwrap();
    let pause = wait(store.pause_run(&claim, spent(), at(62)));
    assert_eq!(conflict(pause), Conflict::NothingWaits { run: claim.run.clone() });
    assert_eq!(wait(store.record_call_started(&claim, &calls[1], vec![], at(63))), Ok(1));
}

fn a_voided_approval_is_asked_again(store: &dyn Store) {
    let owner = owner(store);
    let (first, calls) = paused(store, &owner, 1);
    let claim = wait(store.decide(approve(&first.run, &calls, &owner))).unwrap().claim.unwrap();
    let again = Readmission::Waiting {
        preview: None,
        binding: binding("new"),
        rule: ApprovalRule::required(),
        changed: vec!["grants: none, now `rm`".into()],
    };
    wait(store.readmit_call(&claim, &calls[0], again, vec![], at(61))).unwrap();
    wait(store.pause_run(&claim, spent(), at(61))).unwrap();
    let call = &calls_of(store, &claim.run)[0];
    assert_eq!((call.state, &call.decision, &call.resolver), (CallState::Waiting, &None, &None));
    assert_eq!((&call.preview, &call.binding), (&None, &Some(binding("new"))));
    assert_eq!(call.changed, ["grants: none, now `rm`"]);
    let (queue, total) = wait(store.pending(10)).unwrap();
    assert_eq!((queue.len(), total), (1, 1));
    assert_eq!(queue[0].changed, call.changed);

    let claim = wait(store.decide(deny(&first.run, &calls, &owner))).unwrap().claim.unwrap();
    assert_eq!(claim.fence, 3);
    assert_eq!(states(store, &claim.run), [CallState::Denied]);
}

fn the_gate_refuses_at_resume(store: &dyn Store) {
    let owner = owner(store);
    let (first, calls) = paused(store, &owner, 1);
    let claim = wait(store.decide(approve(&first.run, &calls, &owner))).unwrap().claim.unwrap();
    let no = Readmission::Refused { by: RefusedBy::Permission, result: "not any more".into() };
    wait(store.readmit_call(&claim, &calls[0], no.clone(), vec![], at(61))).unwrap();
    let call = &calls_of(store, &claim.run)[0];
    assert_eq!(call.state, CallState::Refused(RefusedBy::Permission));
    assert_eq!(call.result.as_deref(), Some("not any more"));
    conflict(wait(store.readmit_call(&claim, &calls[0], no, vec![], at(61))));
}

fn nobody_decides_what_a_cancelled_run_left_unknown(store: &dyn Store) {
    let owner = owner(store);
    let (first, calls) = paused(store, &owner, 1);
    let claim = wait(store.decide(approve(&first.run, &calls, &owner))).unwrap().claim.unwrap();
    let ready = record(store, &claim, vec![Admission::Ready], false);
    for call in [&calls[0], &ready[0]] {
        wait(store.record_call_started(&claim, call, vec![], at(61))).unwrap();
    }
    wait(store.cancel_run(&claim.run, alice(), at(62))).unwrap();
    assert_eq!(states(store, &claim.run), [CallState::Unknown; 2]);
    let events = wait(store.events(&claim.run)).unwrap();
    let by = alice().resolved_by().to_owned();
    let ended = Conflict::Cancelled { run: claim.run.clone(), by, at: at(62) };
    for call in [&calls, &ready] {
        for decision in [approve, deny] {
            assert_eq!(conflict(wait(store.decide(decision(&claim.run, call, &owner)))), ended);
        }
    }
    assert_eq!(wait(store.events(&claim.run)).unwrap(), events);
}

fn cancelling_and_deciding_exclude_each_other(store: &dyn Store) {
    let owner = owner(store);
    let (first, calls) = paused(store, &owner, 1);
    let bob = Resolver { authenticated_as: "key:bob".into(), note: None };
    wait(store.cancel_run(&first.run, bob, at(50))).unwrap();
    let late = conflict(wait(store.decide(approve(&first.run, &calls, &owner))));
    assert_eq!(
        late,
        Conflict::AlreadyDecided {
            call: calls[0].clone(),
            decision: "deny".into(),
            by: "key:bob".into(),
            at: at(50)
        }
    );
    // After a decision the run can still be cancelled, and the approval is never spent.
    let (second, calls) = paused(store, &owner, 1);
    let claim = wait(store.decide(approve(&second.run, &calls, &owner))).unwrap().claim.unwrap();
    wait(store.cancel_run(&second.run, alice(), at(61))).unwrap();
    let start = wait(store.record_call_started(&claim, &calls[0], vec![], at(62)));
    assert_eq!(start, Err(StoreError::Fenced(second.run.clone())));
}
