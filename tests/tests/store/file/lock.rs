//! Locks of other processes: who waits for them, how long, and what is said after that.

use super::patient;
use crate::fixture::*;
use initrunner::store::Store;
use initrunner::store::sqlite::{OpenOptions, SqliteStore};
use std::time::Duration;

#[test]
fn a_locked_database_says_so_and_loses_nothing() {
    let files = Files::new();
    let store = files.open();
    let owner = owner(&store);
    let (claim, calls) = paused(&store, &owner, 1);
    let raw = files.raw();
    raw.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = wait(store.decide(approve(&claim.run, &calls, &owner))).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the database `{}` is locked by another process; try again, or stop the program that holds it",
            files.path().display()
        )
    );
    // Reading goes on, and so does everything once the lock is gone.
    assert_eq!(wait(store.pending(10)).unwrap().1, 1);
    raw.execute_batch("COMMIT").unwrap();
    wait(store.decide(approve(&claim.run, &calls, &owner))).unwrap();
}

#[test]
fn the_only_thread_of_a_process_does_not_wait_for_a_lock() {
    let files = Files::new();
    let options = OpenOptions {
        one_connection: true,
        alone: true,
        busy_timeout: Duration::from_secs(5),
        ..files.options()
    };
    let store = SqliteStore::open(options).unwrap();
    let owner = owner(&store);
    let runs = || wait(store.runs(10)).unwrap();
    create(&store, &owner);
    let raw = files.raw();
    raw.execute_batch("BEGIN IMMEDIATE").unwrap();
    // This thread lets the lock go, so it must come back from here first.
    let second = store.create_run(new_run(), owner.id());
    raw.execute_batch("COMMIT").unwrap();
    wait(second).unwrap();
    create(&store, &owner);
    assert_eq!(runs().len(), 3);
    assert_eq!(wait(store.check_journal(Vec::new())).unwrap().broken, None);
}

#[test]
fn a_lock_that_is_let_go_in_time_is_waited_for() {
    let files = Files::new();
    let store = patient(&files);
    let owner = owner(&store);
    create(&store, &owner);
    let raw = files.raw();
    raw.execute_batch("BEGIN EXCLUSIVE").unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| create(&store, &owner));
        std::thread::sleep(Duration::from_millis(150));
        raw.execute_batch("COMMIT").unwrap();
    });
    assert_eq!(wait(store.runs(10)).unwrap().len(), 2);
}
