//! Requests that a client sends twice.

use super::{completed, last, spent};
use crate::fixture::*;
use initrunner::domain::client_id::ClientId;
use initrunner::domain::digest::Digest;
use initrunner::domain::ids::RunId;
use initrunner::domain::run::RunState;
use initrunner::store::{
    Conflict, DecisionRequest, Idempotency, NewRun, PruneRequest, Store, StoreError,
};

conformance!(
    a_run_that_is_asked_for_twice_is_made_once,
    a_decision_that_is_sent_twice_is_recorded_once,
    what_was_refused_leaves_its_key,
    a_key_is_kept_for_a_day_or_as_long_as_its_run,
    of_many_equal_requests_one_is_done,
);

const HOUR: i64 = 60 * 60;

fn sent(owner: &str, key: &str, request: &str) -> Idempotency {
    Idempotency {
        owner: owner.into(),
        key: ClientId::parse(key).unwrap(),
        request: Digest::of(request.as_bytes()),
    }
}

fn keyed(sent: &Idempotency) -> NewRun {
    NewRun { idempotency: Some(sent.clone()), ..new_run() }
}

fn repeated(run: &RunId) -> Conflict {
    Conflict::Repeated { run: run.clone() }
}

fn a_run_that_is_asked_for_twice_is_made_once(store: &dyn Store) {
    let owner = owner(store);
    let first = sent("key:ci", "deploy-7", "delete /tmp/scratch");
    assert_eq!(wait(store.find_repeated(&first)), Ok(None));
    let run = wait(store.create_run(keyed(&first), owner.id())).unwrap().run;
    for _ in 0..2 {
        let again = wait(store.create_run(keyed(&first), owner.id()));
        assert_eq!(conflict(again), repeated(&run));
    }
    assert_eq!(wait(store.find_repeated(&first)), Ok(Some(run.clone())));
    assert_eq!(wait(store.runs(10)).unwrap().len(), 1);
    // Another request under the key is a mistake, whoever's fault it is.
    let other = sent("key:ci", "deploy-7", "delete /tmp");
    assert_eq!(conflict(wait(store.create_run(keyed(&other), owner.id()))), Conflict::KeyReused);
    assert_eq!(conflict(wait(store.find_repeated(&other))), Conflict::KeyReused);
    // Somebody else's key is another one, and so is another key; whoever gives none repeats nothing.
    for other in [sent("key:web", "deploy-7", "x"), sent("key:ci", "deploy-8", "x")] {
        assert_eq!(wait(store.find_repeated(&other)), Ok(None));
        assert_ne!(wait(store.create_run(keyed(&other), owner.id())).unwrap().run, run);
    }
    create(store, &owner);
    create(store, &owner);
    assert_eq!(wait(store.runs(10)).unwrap().len(), 5);
    holds(store);
}

fn a_decision_that_is_sent_twice_is_recorded_once(store: &dyn Store) {
    let owner = owner(store);
    let (run, calls) = paused(store, &owner, 2);
    let run = run.run;
    let first = sent("key:boss", "yes-1", "approve the first");
    let decide = |calls: &[_], sent: &Idempotency| {
        let idempotency = Some(sent.clone());
        let request = DecisionRequest { idempotency, ..approve(&run, calls, &owner) };
        wait(store.decide(request))
    };
    assert_eq!(decide(&calls[..1], &first).unwrap().waiting, 1);
    let events = wait(store.events(&run)).unwrap();
    // Not that it was already decided: whoever sends it again is told what came of it.
    assert_eq!(conflict(decide(&calls[..1], &first)), repeated(&run));
    assert_eq!(wait(store.find_repeated(&first)), Ok(Some(run.clone())));
    let other = sent("key:boss", "yes-1", "approve both");
    assert_eq!(conflict(decide(&calls, &other)), Conflict::KeyReused);
    assert_eq!(wait(store.events(&run)).unwrap(), events);

    let second = sent("key:boss", "yes-2", "approve the second");
    let claim = decide(&calls[1..], &second).unwrap().claim.unwrap();
    assert_eq!(conflict(decide(&calls[1..], &second)), repeated(&run));
    assert_eq!(run_of(store, &run).fence, claim.fence);
    wait(store.end_run(&claim, completed(), spent(), at(70))).unwrap();
    assert_eq!(conflict(decide(&calls[1..], &second)), repeated(&run));
    holds(store);
}

fn what_was_refused_leaves_its_key(store: &dyn Store) {
    let owner = owner(store);
    let (run, calls) = paused(store, &owner, 1);
    let first = sent("key:boss", "yes-1", "approve");
    let idempotency = || Some(first.clone());
    let unknown =
        DecisionRequest { idempotency: idempotency(), ..approve(&run.run, &[call_id()], &owner) };
    assert!(matches!(wait(store.decide(unknown)), Err(StoreError::UnknownCall { .. })));
    assert_eq!(wait(store.find_repeated(&first)), Ok(None));
    let right = DecisionRequest { idempotency: idempotency(), ..approve(&run.run, &calls, &owner) };
    assert!(wait(store.decide(right)).unwrap().claim.is_some());
    assert_eq!(last(store, &run.run, "approval_decided")["decision"], "approve");

    // An id that there is already: the run is not made, and the key is free.
    let mut twice = keyed(&sent("key:ci", "a", "a"));
    twice.id = run.run.clone();
    assert!(wait(store.create_run(twice.clone(), owner.id())).is_err());
    twice.id = run_id();
    assert!(wait(store.create_run(twice, owner.id())).is_ok());
    holds(store);
}

fn a_key_is_kept_for_a_day_or_as_long_as_its_run(store: &dyn Store) {
    let owner = owner(store);
    let first = sent("key:ci", "a", "a");
    let second = sent("key:ci", "b", "b");
    let run = wait(store.create_run(keyed(&first), owner.id())).unwrap();
    let ended = wait(store.create_run(keyed(&second), owner.id())).unwrap();
    wait(store.end_run(&ended, completed(), spent(), at(1))).unwrap();
    // The run of the other one goes, and its key with it; only counting removes nothing.
    let count = |dry_run| PruneRequest { dry_run, ..prune(at(10)) };
    assert_eq!(wait(store.prune(count(true))).unwrap().runs, 1);
    assert_eq!(wait(store.find_repeated(&second)), Ok(Some(ended.run)));
    assert_eq!(wait(store.prune(count(false))).unwrap().runs, 1);
    assert_eq!(wait(store.find_repeated(&second)), Ok(None));
    assert!(wait(store.create_run(keyed(&second), owner.id())).is_ok());

    for (seconds, known) in [(24 * HOUR, true), (24 * HOUR + 1, false)] {
        assert_eq!(wait(store.prune(prune(at(seconds)))).unwrap().runs, 0);
        assert_eq!(wait(store.find_repeated(&first)).unwrap().is_some(), known);
    }
    assert_eq!(run_of(store, &run.run).state, RunState::Running);
    assert!(wait(store.create_run(keyed(&first), owner.id())).is_ok());
    holds(store);
}

fn of_many_equal_requests_one_is_done(store: &dyn Store) {
    let owner = owner(store);
    let first = sent("key:ci", "a", "a");
    let all: Vec<_> = (0..20).map(|_| store.create_run(keyed(&first), owner.id())).collect();
    let answers: Vec<_> = all.into_iter().map(wait).collect();
    let mut made = answers.iter().filter_map(|answer| answer.as_ref().ok());
    let run = made.next().unwrap().run.clone();
    assert!(made.next().is_none());
    let others = answers.into_iter().filter_map(Result::err);
    assert!(others.into_iter().all(|error| error == repeated(&run).into()));
    assert_eq!(wait(store.runs(100)).unwrap().len(), 1);
}
