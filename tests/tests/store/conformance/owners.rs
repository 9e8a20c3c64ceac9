//! Owners: claims, processes that died, and calls whose outcome they took along.

use super::{completed, done, spent};
use crate::fixture::*;
use initrunner::domain::run::RunState;
use initrunner::domain::tool_call::{CallState, RefusedBy, UNKNOWN_RESULT};
use initrunner::store::{Admission, Conflict, Readmission, Store, StoreError};

conformance!(
    a_started_call_of_a_dead_owner_is_unknown,
    an_unknown_call_is_tried_again_or_reported,
    a_dead_owners_run_is_adopted_by_whoever_comes_first,
    a_living_owners_run_is_left_alone,
    an_owner_that_was_replaced_writes_nothing,
    a_run_is_claimed_by_one_process,
);

fn a_started_call_of_a_dead_owner_is_unknown(store: &dyn Store) {
    let dying = owner(store);
    let claim = create(store, &dying);
    let calls =
        record(store, &claim, vec![Admission::Ready, Admission::Ready, Admission::Ready], false);
    wait(store.record_call_started(&claim, &calls[0], vec![], at(2))).unwrap();
    wait(store.record_call_finished(&claim, &calls[0], done("1"), at(3))).unwrap();
    wait(store.record_call_started(&claim, &calls[1], vec![], at(4))).unwrap();
    assert_eq!(wait(store.adopt_orphans(at(5))).unwrap(), []);
    drop(dying);
    assert_eq!(wait(store.adopt_orphans(at(6))).unwrap(), std::slice::from_ref(&claim.run));
    assert_eq!(wait(store.adopt_orphans(at(7))).unwrap(), []);
    assert_eq!(
        states(store, &claim.run),
        [CallState::Succeeded, CallState::Unknown, CallState::Ready]
    );
    assert_eq!(run_of(store, &claim.run).state, RunState::Paused);
    let (queue, _) = wait(store.pending(10)).unwrap();
    assert_eq!((&queue[0].call, queue[0].state), (&calls[1], CallState::Unknown));
    assert_eq!(wait(store.runs(1)).unwrap()[0].waiting, 1);
}

fn an_unknown_call_is_tried_again_or_reported(store: &dyn Store) {
    let dying = owner(store);
    let (first, calls) = paused(store, &dying, 2);
    let claim = wait(store.decide(approve(&first.run, &calls, &dying))).unwrap().claim.unwrap();
    for call in &calls {
        wait(store.record_call_started(&claim, call, vec![], at(61))).unwrap();
    }
    drop(dying);
    let owner = owner(store);
    // Deciding adopts the run by itself. What was approved before has to be approved again.
    let one = wait(store.decide(approve(&first.run, &calls[..1], &owner))).unwrap();
    assert_eq!((one.claim, one.waiting), (None, 1));
    let unknown = &calls_of(store, &first.run)[1];
    assert_eq!((unknown.state, &unknown.decision), (CallState::Unknown, &None));
    // The person sees what was approved.
    assert_eq!((&unknown.preview, &unknown.binding), (&Some(preview()), &Some(binding(""))));
    let two = wait(store.decide(deny(&first.run, &calls[1..], &owner))).unwrap();
    let claim = two.claim.unwrap();
    let stored = calls_of(store, &first.run);
    assert_eq!((stored[0].state, stored[0].attempts), (CallState::Approved, 1));
    assert_eq!(stored[1].state, CallState::Failed);
    assert_eq!(stored[1].result.as_deref(), Some(UNKNOWN_RESULT));
    assert_eq!(wait(store.record_call_started(&claim, &calls[0], vec![], at(62))), Ok(2));
}

fn a_dead_owners_run_is_adopted_by_whoever_comes_first(store: &dyn Store) {
    let dying = owner(store);
    let claim = create(store, &dying);
    drop(dying);
    let owner = owner(store);
    let claimed = wait(store.claim_run(&claim.run, owner.id(), &alice(), at(9))).unwrap();
    assert_eq!(claimed.owner, *owner.id());
    let kinds: Vec<_> =
        wait(store.events(&claim.run)).unwrap().into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, ["run_created", "run_interrupted", "run_claimed", "run_resumed"]);
}

fn a_living_owners_run_is_left_alone(store: &dyn Store) {
    let driver = owner(store);
    let claim = create(store, &driver);
    let other = owner(store);
    assert_eq!(wait(store.adopt_orphans(at(5))).unwrap(), []);
    let taken = conflict(wait(store.claim_run(&claim.run, other.id(), &alice(), at(5))));
    let pid = std::process::id();
    assert_eq!(taken, Conflict::OwnedElsewhere { run: claim.run.clone(), pid });
    record(store, &claim, vec![], false);
}

fn an_owner_that_was_replaced_writes_nothing(store: &dyn Store) {
    let dying = owner(store);
    let claim = create(store, &dying);
    let calls = record(store, &claim, vec![Admission::Ready, Admission::Ready], false);
    drop(dying);
    // As soon as the run was adopted, and also after it was claimed again.
    wait(store.adopt_orphans(at(5))).unwrap();
    let owner = owner(store);
    for round in 0..2 {
        let before = wait(store.events(&claim.run)).unwrap();
        let results = [
            wait(store.record_turn(&claim, turn(vec![], false))).map(drop),
            wait(store.record_call_started(&claim, &calls[0], vec![], at(6))).map(|_| ()),
            wait(store.record_call_finished(&claim, &calls[0], done(""), at(6))),
            wait(store.tell_results(&claim, vec![], at(6))),
            wait(store.pause_run(&claim, spent(), at(6))),
            wait(store.interrupt_run(&claim, "stop".into(), spent(), at(6))),
            wait(store.end_run(&claim, completed(), spent(), at(6))),
            wait(store.readmit_call(
                &claim,
                &calls[0],
                Readmission::Refused { by: RefusedBy::Policy, result: String::new() },
                vec![],
                at(6),
            )),
        ];
        for result in results {
            assert_eq!(result, Err(StoreError::Fenced(claim.run.clone())), "round {round}");
        }
        assert_eq!(wait(store.events(&claim.run)).unwrap(), before);
        if round == 0 {
            wait(store.claim_run(&claim.run, owner.id(), &alice(), at(7))).unwrap();
        }
    }
}

fn a_run_is_claimed_by_one_process(store: &dyn Store) {
    let driver = owner(store);
    let claim = create(store, &driver);
    wait(store.interrupt_run(&claim, "stopped".into(), spent(), at(2))).unwrap();
    let owners: Vec<_> = (0..8).map(|_| owner(store)).collect();
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = owners
            .iter()
            .map(|owner| {
                scope.spawn(|| wait(store.claim_run(&claim.run, owner.id(), &alice(), at(3))))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for result in results.into_iter().filter(Result::is_err) {
        assert!(matches!(conflict(result), Conflict::OwnedElsewhere { .. }));
    }
}
