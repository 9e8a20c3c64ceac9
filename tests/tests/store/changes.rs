//! Whoever shows what is stored is told that something was written.

use super::fixture::*;
use initrunner::store::sqlite::{OpenOptions, SqliteStore};
use initrunner::store::{Store, StoreError};
use std::future::Future;
use std::time::Duration;

/// As long as a machine may take that is busy with other tests.
const LONG: Duration = Duration::from_secs(60);

/// Long enough for a look that was on its way.
const SETTLED: Duration = Duration::from_millis(500);

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(future)
}

/// Waits for a change; tells whether one came.
fn changed(receiver: &mut tokio::sync::watch::Receiver<u64>, within: Duration) -> bool {
    block_on(async {
        match tokio::time::timeout(within, receiver.changed()).await {
            Ok(changed) => {
                changed.unwrap();
                true
            }
            Err(_) => false,
        }
    })
}

/// Waits until nothing of what was written is still to be told.
fn settle(receiver: &mut tokio::sync::watch::Receiver<u64>) {
    while changed(receiver, SETTLED) {}
}

/// How many connections of this process have the write-ahead log of these files open.
fn connections(files: &Files) -> usize {
    let log = files.path().with_extension("db-wal");
    let open = std::fs::read_dir("/proc/self/fd").unwrap();
    open.filter(|fd| {
        fd.as_ref().is_ok_and(|fd| std::fs::read_link(fd.path()).is_ok_and(|to| to == log))
    })
    .count()
}

#[test]
fn a_store_tells_of_its_own_writes_at_once() {
    let files = Files::new();
    for store in [SqliteStore::in_memory().unwrap(), files.open()] {
        let owner = owner(&store);
        create(&store, &owner);
        let mut receiver = store.changes().unwrap();
        // What was written before is no change, and reading is none.
        wait(store.runs(10)).unwrap();
        assert!(!receiver.has_changed().unwrap());
        create(&store, &owner);
        assert!(receiver.has_changed().unwrap());
        receiver.borrow_and_update();
        drop(store);
        assert!(receiver.has_changed().is_err(), "the store is gone");
    }
}

#[test]
fn a_store_tells_of_other_processes_writes_soon() {
    let files = Files::new();
    let (ours, theirs) = (files.open(), files.open());
    let owner = owner(&theirs);
    let read_only = OpenOptions { read_only: true, ..files.options() };
    let one_thread = OpenOptions { alone: true, ..files.options() };
    for options in [files.options(), read_only, one_thread] {
        let store = SqliteStore::open(options).unwrap();
        let mut receivers = [store.changes().unwrap(), store.changes().unwrap()];
        for _ in 0..3 {
            receivers.iter_mut().for_each(settle);
            create(&theirs, &owner);
            for receiver in &mut receivers {
                assert!(changed(receiver, LONG));
            }
        }
    }
    drop(ours);
}

#[test]
fn nobody_looks_where_nobody_listens() {
    let files = Files::new();
    let (store, theirs) = (files.open(), files.open());
    let owner = owner(&theirs);
    create(&theirs, &owner);
    wait(store.runs(1)).unwrap();
    let before = connections(&files);
    for _ in 0..3 {
        let mut receiver = store.changes().unwrap();
        let another = store.changes().unwrap();
        assert_eq!(connections(&files), before + 1);
        drop(receiver);
        // Somebody still listens.
        receiver = another;
        settle(&mut receiver);
        create(&theirs, &owner);
        assert!(changed(&mut receiver, LONG));
        assert_eq!(connections(&files), before + 1);
        drop(receiver);
        let started = std::time::Instant::now();
        while connections(&files) > before {
            assert!(started.elapsed() < LONG, "it looks for nobody");
            std::thread::yield_now();
        }
    }
    // Somebody who listens does not keep the store from going.
    let receiver = store.changes().unwrap();
    drop(store);
    assert!(receiver.has_changed().is_err());
}

#[test]
fn a_file_that_is_gone_is_named() {
    let files = Files::new();
    let store = files.open();
    std::fs::remove_file(files.path()).unwrap();
    assert!(matches!(store.changes(), Err(StoreError::ReadOnly { .. })));
}
