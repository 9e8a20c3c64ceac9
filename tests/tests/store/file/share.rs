//! Processes that share a file, at once and one after the other.

use super::patient;
use crate::fixture::*;
use initrunner::domain::run::RunState;
use initrunner::store::{Conflict, Store};

#[test]
fn a_run_is_there_in_the_next_process() {
    let files = Files::new();
    let first = files.open();
    let owner_a = owner(&first);
    let (claim, calls) = paused(&first, &owner_a, 1);
    // While the other process lives, and after it has gone.
    let second = files.open();
    assert_eq!(wait(second.pending(10)).unwrap().1, 1);
    drop((first, owner_a));
    let owner_b = owner(&second);
    let claim = wait(second.decide(approve(&claim.run, &calls, &owner_b))).unwrap().claim.unwrap();
    let third = files.open();
    assert_eq!(wait(third.load_run(&claim.run)).unwrap().run.state, RunState::Running);
    let check = wait(third.check_journal(Vec::new())).unwrap();
    assert_eq!((check.events, check.broken), (7, None));
}

#[test]
fn two_stores_that_decide_at_once_agree() {
    let files = Files::new();
    let stores: Vec<_> = (0..4).map(|_| patient(&files)).collect();
    let owner = owner(&stores[0]);
    for _ in 0..5 {
        let (claim, calls) = paused(&stores[0], &owner, 1);
        let results: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = stores
                .iter()
                .map(|store| {
                    scope.spawn(|| wait(store.decide(approve(&claim.run, &calls, &owner))))
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    }
    assert_eq!(wait(stores[3].check_journal(Vec::new())).unwrap().broken, None);
}

#[test]
fn many_make_the_database_at_once() {
    let files = Files::new();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let store = patient(&files);
                let owner = owner(&store);
                create(&store, &owner);
            });
        }
    });
    let store = files.open();
    assert_eq!(wait(store.runs(100)).unwrap().len(), 8);
    assert_eq!(wait(store.check_journal(Vec::new())).unwrap().broken, None);
}

#[test]
fn a_run_owned_by_another_process_names_it() {
    let files = Files::new();
    let (first, second) = (files.open(), files.open());
    let driver = owner(&first);
    let claim = create(&first, &driver);
    let other = owner(&second);
    let error = wait(second.claim_run(&claim.run, other.id(), &alice(), at(1))).unwrap_err();
    let pid = std::process::id();
    assert_eq!(error, Conflict::OwnedElsewhere { run: claim.run, pid }.into());
}
