//! Pruning: what goes, what stays, and what a check says of the holes.

use super::{completed, spent};
use crate::fixture::*;
use initrunner::domain::ids::RunId;
use initrunner::store::owner::Owner;
use initrunner::store::{
    EventFilter, JournalHead, PruneRequest, Pruned, RunEnd, Store, StoreError,
};

conformance!(
    pruning_removes_what_ended_and_keeps_its_approvals,
    pruning_again_makes_one_hole_of_two,
    a_kept_head_is_compared_where_its_event_was_not_pruned,
);

/// A run of two calls, one approved and one denied, that is over.
fn ended(store: &dyn Store, owner: &Owner) -> RunId {
    let (run, calls) = paused(store, owner, 2);
    wait(store.decide(deny(&run.run, &calls[1..], owner))).unwrap();
    let decided = wait(store.decide(approve(&run.run, &calls[..1], owner))).unwrap();
    wait(store.end_run(&decided.claim.unwrap(), completed(), spent(), at(70))).unwrap();
    run.run
}

fn pruning_removes_what_ended_and_keeps_its_approvals(store: &dyn Store) {
    let owner = owner(store);
    let old = ended(store, &owner);
    let (waits, _) = paused(store, &owner, 1);
    // Ended with a call that waited.
    let claim = create(store, &owner);
    record(store, &claim, vec![waiting()], false);
    wait(store.end_run(&claim, RunEnd::Failed { error: "no".into() }, spent(), at(71))).unwrap();
    let history = wait(store.approvals(100)).unwrap();
    assert_eq!(history.len(), 3);

    assert_eq!(wait(store.prune(prune(at(70)))).unwrap(), Pruned::default());
    let counted = wait(store.prune(PruneRequest { dry_run: true, ..prune(at(90)) })).unwrap();
    assert_eq!(wait(store.runs(10)).unwrap().len(), 3);
    let pruned = wait(store.prune(prune(at(90)))).unwrap();
    assert_eq!(pruned, counted);
    assert_eq!((pruned.runs, pruned.calls, pruned.messages), (2, 3, 2));

    assert_eq!(wait(store.runs(10)).unwrap().len(), 1);
    assert!(matches!(wait(store.load_run(&old)), Err(StoreError::UnknownRun(_))));
    assert_eq!(wait(store.find_runs(old.as_str())).unwrap(), []);
    let recorded = wait(store.find_recorded(old.as_str())).unwrap();
    assert_eq!(recorded, std::slice::from_ref(&old));
    assert_eq!(wait(store.approvals(100)).unwrap(), history);
    let kinds = |run: &RunId| -> Vec<String> {
        wait(store.events(run)).unwrap().into_iter().map(|event| event.kind).collect()
    };
    assert_eq!(
        kinds(&old),
        [
            "approval_requested",
            "approval_requested",
            "approval_decided",
            "approval_decided",
            "run_resumed"
        ]
    );
    assert_eq!(kinds(&claim.run), ["approval_requested", "run_ended"]);
    assert_eq!(kinds(&waits.run).len(), 4);
    holds(store);
    // What is left goes on as before.
    wait(store.cancel_run(&waits.run, alice(), at(91))).unwrap();
    ended(store, &owner);
    holds(store);
}

fn pruning_again_makes_one_hole_of_two(store: &dyn Store) {
    let owner = owner(store);
    // Runs without approvals that take turns, so that pruning one leaves holes around the other's.
    let claims = [create(store, &owner), create(store, &owner)];
    for claim in &claims {
        record(store, claim, vec![refused()], false);
    }
    for (claim, second) in claims.iter().zip([70, 80]) {
        wait(store.end_run(claim, completed(), spent(), at(second))).unwrap();
    }
    for (second, runs) in [(75, 1), (85, 1), (95, 0)] {
        assert_eq!(wait(store.prune(prune(at(second)))).unwrap().runs, runs);
        holds(store);
    }
    // Only the two prunings are left.
    let events = wait(store.events_after(EventFilter::default(), 0, 10)).unwrap();
    let left: Vec<_> = events.iter().map(|event| (event.sequence, event.run.is_some())).collect();
    assert_eq!(left, [(7, false), (8, false)]);
}

fn a_kept_head_is_compared_where_its_event_was_not_pruned(store: &dyn Store) {
    let owner = owner(store);
    ended(store, &owner);
    holds(store);
    let events = wait(store.events_after(EventFilter::default(), 0, 100)).unwrap();
    let head = wait(store.check_journal(Vec::new())).unwrap().head;
    assert_eq!(head.sequence, events[events.len() - 1].sequence);
    // A head that was kept is compared, as long as its event is there.
    assert_eq!(wait(store.check_journal(vec![head])).unwrap().broken, None);
    let wrong = JournalHead { code: [0; 32], ..head };
    assert!(wait(store.check_journal(vec![wrong])).unwrap().broken.is_some());
    wait(store.prune(prune(at(90)))).unwrap();
    let broken = wait(store.check_journal(vec![head])).unwrap().broken;
    assert_eq!(broken, None, "the last event of a hole is known by its code");
    let inside = JournalHead { sequence: head.sequence - 1, ..head };
    let broken = wait(store.check_journal(vec![inside])).unwrap().broken;
    assert!(broken.is_some_and(
        |said| said.contains("was removed by pruning") || said.contains("not the one")
    ));
}
