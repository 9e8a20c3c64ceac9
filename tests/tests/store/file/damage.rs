//! Files that are damaged, changed by somebody, another program's or of a newer version: each is refused
//! with a sentence.

use super::opened;
use crate::fixture::*;
use initrunner::store::{Store, StoreError};
use std::fs;

#[test]
fn what_is_not_a_database_is_left_as_it_is() {
    let files = Files::new();
    fs::create_dir(files.folder.path().join("state")).unwrap();
    fs::write(files.path(), "this is a letter, and not a database".repeat(100)).unwrap();
    let error = opened(files.options());
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    assert_eq!(
        error.to_string(),
        format!(
            "the database `{}` is damaged or not a database: file is not a database; restore a backup or move the file away",
            files.path().display()
        )
    );
    assert!(fs::read_to_string(files.path()).unwrap().starts_with("this is a letter"));

    fs::remove_file(files.path()).unwrap();
    files.raw().execute_batch("CREATE TABLE notes (text)").unwrap();
    let error = opened(files.options());
    assert!(error.to_string().contains("it belongs to another program"), "{error}");
}

#[test]
fn a_damaged_page_is_an_error_with_a_sentence() {
    let files = Files::new();
    let store = files.open();
    let owner = owner(&store);
    // Enough that rows fill the second half: the header and the schema are in the first.
    let runs: Vec<_> = (0..300).map(|_| paused(&store, &owner, 1).0.run).collect();
    drop(store);
    let mut bytes = fs::read(files.path()).unwrap();
    let half = bytes.len() / 2;
    for byte in bytes.iter_mut().skip(half) {
        *byte = byte.wrapping_mul(31).wrapping_add(7);
    }
    fs::write(files.path(), bytes).unwrap();
    let store = files.open();
    let errors: Vec<_> = runs.iter().filter_map(|run| wait(store.load_run(run)).err()).collect();
    assert!(!errors.is_empty());
    for error in errors {
        let damaged = matches!(error, StoreError::Corrupt { .. } | StoreError::UnknownRun(_));
        assert!(damaged, "{error}");
    }
}

#[test]
fn rows_that_do_not_fit_together_are_refused() {
    let files = Files::new();
    let store = files.open();
    let owner = owner(&store);
    let (claim, calls) = paused(&store, &owner, 1);
    let raw = files.raw();
    raw.execute_batch("PRAGMA ignore_check_constraints = ON").unwrap();
    let run = &claim.run;
    for (change, undo, sentence) in [
        (
            "UPDATE calls SET state = 'approved'",
            "UPDATE calls SET state = 'waiting'",
            format!("call {} is approved, which does not fit its approval", calls[0]),
        ),
        (
            "UPDATE runs SET state = 'running'",
            "UPDATE runs SET state = 'paused'",
            format!("run {run} is running and has no owner"),
        ),
        (
            "UPDATE pending_approvals SET decision = 'approve'",
            "UPDATE pending_approvals SET decision = NULL",
            "approval request 1 is neither open nor decided".into(),
        ),
        (
            "UPDATE calls SET result = 'forged'",
            "UPDATE calls SET result = NULL",
            format!("call {} is waiting, which does not fit", calls[0]),
        ),
        (
            "UPDATE runs SET state = 'perhaps'",
            "UPDATE runs SET state = 'paused'",
            "there is no run state `perhaps`".into(),
        ),
    ] {
        raw.execute_batch(change).unwrap();
        let error = wait(store.load_run(run)).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
        assert!(error.to_string().contains(&sentence), "{error}");
        raw.execute_batch(undo).unwrap();
    }
    wait(store.load_run(run)).unwrap();
}

#[test]
fn a_components_changed_bytes_are_refused() {
    let files = Files::new();
    let store = files.open();
    let owner = owner(&store);
    create(&store, &owner);
    files.raw().execute_batch("UPDATE component_bytes SET bytes = x'0061736d01'").unwrap();
    let error = wait(store.component(&component().0)).unwrap_err();
    assert!(error.to_string().contains("were changed"), "{error}");
}

#[test]
fn a_newer_schema_is_refused() {
    let files = Files::new();
    files.open();
    files.raw().execute_batch("PRAGMA user_version = 7").unwrap();
    let error = opened(files.options());
    assert_eq!(error, StoreError::NewerSchema { path: files.path(), found: 7, known: 3 });
}
