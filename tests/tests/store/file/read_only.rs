//! What can be read and not written, or neither: it says so, and nothing is changed.

use super::opened;
use crate::fixture::*;
use initrunner::store::sqlite::{OpenOptions, SqliteStore};
use initrunner::store::{Store, StoreError};
use std::fs;
use std::path::Path;

#[test]
fn what_cannot_be_written_says_so() {
    // A folder that cannot be made, even by root.
    let files = Files::new();
    fs::write(files.folder.path().join("state"), "a file").unwrap();
    let error = opened(files.options());
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
    assert!(error.to_string().contains("Not a directory"), "{error}");

    // A folder in the file's place.
    let files = Files::new();
    fs::create_dir_all(files.path()).unwrap();
    assert!(matches!(opened(files.options()), StoreError::Failed { .. }));

    // A file system that is mounted read-only, on which no permission helps.
    let read_only = Path::new("/proc/sys/initrunner/audit.db");
    let error = opened(OpenOptions::new(read_only, files.folder.path()));
    assert!(matches!(error, StoreError::ReadOnly { .. } | StoreError::Failed { .. }), "{error}");
}

#[test]
fn a_store_opened_only_to_be_read_changes_nothing() {
    let files = Files::new();
    let options = OpenOptions { read_only: true, ..files.options() };
    let error = opened(options.clone());
    assert!(error.to_string().contains("there is no such file"), "{error}");
    assert!(!files.folder.path().join("state").exists());

    let store = files.open();
    let owner = owner(&store);
    let (claim, calls) = paused(&store, &owner, 1);
    let reading = SqliteStore::open(options.clone()).unwrap();
    assert_eq!(wait(reading.pending(10)).unwrap().1, 1);
    assert_eq!(wait(reading.check_journal(Vec::new())).unwrap().broken, None);
    let error = wait(reading.decide(approve(&claim.run, &calls, &owner))).unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
    drop((reading, store));
    // Also where no other process has it open.
    let reading = SqliteStore::open(options).unwrap();
    assert_eq!(wait(reading.pending(10)).unwrap().1, 1);
}

#[test]
fn a_missing_key_stops_writing_and_not_reading() {
    let files = Files::new();
    let store = files.open();
    let owner = owner(&store);
    paused(&store, &owner, 1);
    drop(store);
    fs::remove_file(files.folder.path().join("keys/audit.key")).unwrap();
    let store = files.open();
    assert_eq!(wait(store.pending(10)).unwrap().1, 1);
    let error = wait(store.create_run(new_run(), owner.id())).unwrap_err();
    assert!(error.to_string().contains("audit.key` is missing; restore it"), "{error}");
    fs::write(files.folder.path().join("keys/audit.key"), "short").unwrap();
    let error = wait(store.create_run(new_run(), owner.id())).unwrap_err();
    assert!(error.to_string().contains("it has 5 bytes and not 32"), "{error}");
}
