//! A file of an older version: what was written down then still holds, and can be told from what
//! somebody changed.

use super::fixture::*;
use initrunner::store::{Pruned, Store};
use rusqlite::Connection;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;

/// A database of the first version with one run of every kind.
fn first_version() -> Files {
    let files = Files::new();
    let mut builder = DirBuilder::new();
    builder.mode(0o700).recursive(true);
    builder.create(files.path().parent().unwrap()).unwrap();
    builder.create(files.folder.path().join("keys")).unwrap();
    fs::write(files.folder.path().join("keys/audit.key"), [7; 32]).unwrap();
    fs::write(files.path().with_extension("db.heads"), "").unwrap();
    let conn = Connection::open(files.path()).unwrap();
    conn.execute_batch("PRAGMA journal_mode = WAL; PRAGMA foreign_keys = OFF").unwrap();
    conn.execute_batch(include_str!("../../schemas/1.sql")).unwrap();
    conn.execute_batch(include_str!("../../schemas/1.rows.sql")).unwrap();
    // `IniR`, and the version.
    conn.pragma_update(None, "application_id", 0x496e_6952).unwrap();
    conn.pragma_update(None, "user_version", 1).unwrap();
    files
}

#[test]
fn an_older_files_journal_still_holds() {
    let files = first_version();
    let store = files.open();
    let check = wait(store.check_journal(Vec::new())).unwrap();
    assert_eq!((check.events, check.broken, check.also), (49, None, vec![]));
    // And goes on, under this version.
    let owner = owner(&store);
    paused(&store, &owner, 1);
    let check = wait(store.check_journal(Vec::new())).unwrap();
    assert_eq!((check.events, check.broken), (53, None));
    let pruned = wait(store.prune(prune(at(1_000_000_000))));
    assert!(matches!(pruned, Ok(Pruned { runs: 4, .. })), "{pruned:?}");
    assert_eq!(wait(store.check_journal(Vec::new())).unwrap().broken, None);
}

#[test]
fn what_was_changed_in_an_older_file_is_found() {
    for (change, expected) in [
        (
            "UPDATE pending_approvals SET decision = 'approve' WHERE decision = 'deny'",
            "the decision is",
        ),
        ("UPDATE calls SET result = 'x' WHERE state = 'succeeded'", "the result of call"),
        ("UPDATE runs SET state = 'interrupted' WHERE state = 'paused'", "the state is"),
        ("UPDATE messages SET message = replace(message, 'touch a', 'touch b')", "turn 1 of run"),
        ("UPDATE events SET at = at + 1 WHERE sequence = 9", "event 9 was changed"),
    ] {
        let files = first_version();
        assert!(files.raw().execute(change, []).unwrap() > 0, "{change}");
        let broken = wait(files.open().check_journal(Vec::new())).unwrap().broken;
        assert!(broken.as_ref().is_some_and(|broken| broken.contains(expected)), "{broken:?}");
    }
}
