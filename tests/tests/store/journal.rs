//! Whoever changes the journal is found out.

use super::fixture::*;
use initrunner::domain::client_id::ClientId;
use initrunner::domain::digest::Digest;
use initrunner::store::sqlite::SqliteStore;
use initrunner::store::{Conversation, Idempotency, NewRun, Store, StoreError};
use std::fs;

/// A database with the twelve events of two paused runs of two calls and an ended one, changed by
/// `tamper`; gives what the check says.
fn check(tamper: impl FnOnce(&Files)) -> String {
    let files = Files::new();
    let store = files.open();
    let owner = owner(&store);
    paused(&store, &owner, 2);
    paused(&store, &owner, 2);
    let claim = create(&store, &owner);
    wait(store.cancel_run(&claim.run, alice(), at(9))).unwrap();
    drop(store);
    tamper(&files);
    said(&files.open())
}

fn said(store: &SqliteStore) -> String {
    let check = wait(store.check_journal(Vec::new())).unwrap();
    check.broken.unwrap_or_else(|| format!("{} events hold", check.events))
}

fn sql(files: &Files, statements: &str) {
    files.raw().execute_batch(statements).unwrap();
}

#[test]
fn a_journal_that_nobody_touched_holds() {
    assert_eq!(check(|_| {}), "12 events hold");
}

#[test]
fn a_changed_event_is_found() {
    let changed = "event 3 was changed, is not in its place, or was written with another key";
    for column in [
        "body = replace(body, 'request', 'requesT')",
        "at = at + 1",
        "kind = 'approval_decided'",
        "run_id = (SELECT run_id FROM events WHERE sequence = 12)",
        "call_id = NULL",
        "mac = zeroblob(32)",
    ] {
        let statement = format!("UPDATE events SET {column} WHERE sequence = 3");
        assert_eq!(check(|files| sql(files, &statement)), changed, "{column}");
    }
}

#[test]
fn a_removed_event_is_found() {
    assert_eq!(
        check(|files| sql(files, "DELETE FROM events WHERE sequence = 5")),
        "event 5 is missing"
    );
    assert_eq!(
        check(|files| sql(files, "DELETE FROM events WHERE sequence = 1")),
        "event 1 is missing"
    );
    // Also where those behind it move up.
    assert_eq!(
        check(|files| sql(
            files,
            "DELETE FROM events WHERE sequence = 5;
             UPDATE events SET sequence = -(sequence - 1) WHERE sequence > 5;
             UPDATE events SET sequence = -sequence WHERE sequence < 0"
        )),
        "event 5 was changed, is not in its place, or was written with another key"
    );
}

#[test]
fn two_events_that_changed_places_are_found() {
    assert_eq!(
        check(|files| sql(
            files,
            "UPDATE events SET sequence = -1 WHERE sequence = 3;
             UPDATE events SET sequence = 3 WHERE sequence = 4;
             UPDATE events SET sequence = 4 WHERE sequence = -1"
        )),
        "event 3 was changed, is not in its place, or was written with another key"
    );
}

#[test]
fn an_event_put_in_between_is_found() {
    assert_eq!(
        check(|files| sql(
            files,
            "INSERT INTO events SELECT 13, at, run_id, call_id, kind, body, mac
             FROM events WHERE sequence = 12"
        )),
        "event 13 was changed, is not in its place, or was written with another key"
    );
}

#[test]
fn a_cut_off_end_is_found_by_the_heads() {
    assert_eq!(
        check(|files| sql(files, "DELETE FROM events WHERE sequence > 10")),
        "the journal ends with event 10, but event 12 had been written: its end was cut off"
    );
    assert_eq!(
        check(|files| sql(files, "DELETE FROM events")),
        "the journal ends with event 0, but event 12 had been written: its end was cut off"
    );
}

#[test]
fn a_cut_off_end_stays_found_when_the_journal_goes_on() {
    let files = Files::new();
    let store = files.open();
    let owner = owner(&store);
    paused(&store, &owner, 1);
    create(&store, &owner);
    sql(&files, "DELETE FROM events WHERE sequence = 5");
    create(&store, &owner);
    assert_eq!(
        said(&store),
        "event 5 is not the one that was written first: the file of chain heads names another"
    );
}

#[test]
fn a_removed_file_of_heads_is_found() {
    let files = Files::new();
    let store = files.open();
    let owner = owner(&store);
    create(&store, &owner);
    drop(store);
    fs::remove_file(files.path().with_extension("db.heads")).unwrap();
    let store = files.open();
    create(&store, &owner);
    assert!(said(&store).contains("is missing, so nobody can tell"), "{}", said(&store));
}

#[test]
fn another_key_does_not_fit() {
    assert_eq!(
        check(|files| fs::write(files.folder.path().join("keys/audit.key"), [7; 32]).unwrap()),
        "event 1 was changed, is not in its place, or was written with another key"
    );
}

#[test]
fn a_crash_between_a_commit_and_its_head_accuses_nobody() {
    let files = Files::new();
    let store = files.open();
    let owner = owner(&store);
    create(&store, &owner);
    create(&store, &owner);
    drop(store);
    // The last line is missing, and then half of one is there.
    let path = files.path().with_extension("db.heads");
    let lines = fs::read_to_string(&path).unwrap();
    let first = lines.lines().next().unwrap();
    for left in [format!("{first}\n"), format!("{first}\n2 0a1b"), String::new()] {
        fs::write(&path, &left).unwrap();
        let store = files.open();
        assert!(said(&store).ends_with("events hold"));
        create(&store, &owner);
        assert!(said(&store).ends_with("events hold"));
        // The new line stands by itself.
        let last = files.heads().pop().unwrap();
        assert_eq!(last.len(), 2 + 64, "{last}");
    }
}

#[test]
fn a_changed_event_is_not_pruned() {
    let files = Files::new();
    let store = files.open();
    let owner = owner(&store);
    let claim = create(&store, &owner);
    record(&store, &claim, vec![refused()], false);
    wait(store.cancel_run(&claim.run, alice(), at(9))).unwrap();
    for change in [
        "UPDATE events SET body = '{}' WHERE sequence = 2",
        "UPDATE events SET mac = zeroblob(32) WHERE sequence = 2",
        "DELETE FROM events WHERE sequence = 2",
    ] {
        let kept = "CREATE TABLE kept AS SELECT * FROM events";
        sql(&files, &format!("{kept}; {change}"));
        let error = wait(store.prune(prune(at(100)))).unwrap_err().to_string();
        assert!(error.contains("so nothing was pruned"), "{change}: {error}");
        assert_eq!(wait(store.runs(1)).unwrap().len(), 1);
        let back = "DELETE FROM events; INSERT INTO events SELECT * FROM kept; DROP TABLE kept";
        sql(&files, back);
    }
    assert_eq!(wait(store.prune(prune(at(100)))).unwrap().runs, 1);
    assert_eq!(said(&store), "1 events hold");
}

#[test]
fn heads_of_several_processes_may_be_out_of_order() {
    let files = Files::new();
    let stores = [files.open(), files.open()];
    let owner = owner(&stores[0]);
    for round in 0..3 {
        create(&stores[round % 2], &owner);
    }
    let path = files.path().with_extension("db.heads");
    let mut lines = files.heads();
    lines.swap(0, 2);
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    assert_eq!(said(&stores[0]), "3 events hold");
}

#[test]
fn a_changed_message_before_the_prompt_is_found() {
    let files = Files::new();
    let store = files.open();
    let owner = owner(&store);
    let run = NewRun { history: said_before(), ..new_run() };
    let claim = wait(store.create_run(run, owner.id())).unwrap();
    record(&store, &claim, vec![waiting()], true);
    assert_eq!(said(&store), "4 events hold");
    sql(&files, "CREATE TABLE kept AS SELECT * FROM messages");
    for (change, expected) in [
        (
            "UPDATE messages SET message = replace(message, 'Who', 'How') WHERE n = 1",
            "earlier messages are not what was recorded (event 1)",
        ),
        ("UPDATE messages SET n = 10 WHERE n = 1", "earlier messages are not what was recorded"),
        ("DELETE FROM messages WHERE n = 2", "earlier messages are not what was recorded"),
        (
            "UPDATE runs SET history = 1",
            "the number of messages before the prompt is `1`, and the journal says `2`",
        ),
    ] {
        sql(&files, change);
        assert!(said(&store).contains(expected), "{change}: {}", said(&store));
        sql(&files, "DELETE FROM messages; INSERT INTO messages SELECT * FROM kept");
        sql(&files, "UPDATE runs SET history = 2");
    }
    assert_eq!(said(&store), "4 events hold");
    sql(&files, "DELETE FROM messages");
    let error = wait(store.load_run(&claim.run)).unwrap_err().to_string();
    assert!(error.contains("began with 2 messages, and some are gone"), "{error}");
}

#[test]
fn a_changed_idempotency_key_is_found_and_not_believed() {
    let files = Files::new();
    let store = files.open();
    let owner = owner(&store);
    let other = create(&store, &owner);
    let sent = Idempotency {
        owner: "key:ci".into(),
        key: ClientId::parse("a").unwrap(),
        request: Digest::of(b"a"),
    };
    let run = NewRun { idempotency: Some(sent.clone()), ..new_run() };
    wait(store.create_run(run.clone(), owner.id())).unwrap();
    assert_eq!(said(&store), "2 events hold");
    sql(&files, "CREATE TABLE kept AS SELECT * FROM idempotency");
    for change in [
        &*format!("UPDATE idempotency SET run_id = '{}'", other.run),
        "UPDATE idempotency SET request = zeroblob(32)",
        "UPDATE idempotency SET at = at + 1",
        "UPDATE idempotency SET seal = zeroblob(32)",
    ] {
        sql(&files, change);
        assert!(said(&store).contains("the row of an idempotency key that names run"), "{change}");
        assert!(matches!(wait(store.find_repeated(&sent)), Err(StoreError::Corrupt { .. })));
        let again = NewRun { id: run_id(), ..run.clone() };
        assert!(matches!(
            wait(store.create_run(again, owner.id())),
            Err(StoreError::Corrupt { .. })
        ));
        sql(&files, "DELETE FROM idempotency; INSERT INTO idempotency SELECT * FROM kept");
    }
    // A key of its own does not tell its text.
    let shown: String = files
        .raw()
        .query_row("SELECT hex(key) || hex(request) || run_id FROM idempotency", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert!(shown.ends_with(run.id.as_str()) && shown.len() == 128 + run.id.as_str().len());
    assert_eq!(said(&store), "2 events hold");
}

#[test]
fn a_changed_conversation_is_found() {
    let files = Files::new();
    let store = files.open();
    let owner = owner(&store);
    let of = |id: &str| {
        let id = ClientId::parse(id).unwrap();
        let conversation = Some(Conversation { owner: "key:web".into(), id });
        let run = NewRun { conversation, ..new_run() };
        let claim = wait(store.create_run(run, owner.id())).unwrap();
        wait(store.cancel_run(&claim.run, alice(), at(9))).unwrap();
    };
    ["a", "a", "b"].into_iter().for_each(of);
    assert_eq!(said(&store), "6 events hold");
    sql(&files, "CREATE TABLE kept AS SELECT * FROM conversations");
    sql(&files, "CREATE TABLE kept_runs AS SELECT n, id, conversation FROM runs");
    let differs = "conversation or earlier messages are not what was recorded";
    for (change, expected) in [
        ("UPDATE conversations SET owner = 'key:ci' WHERE id = 'a'", differs),
        ("UPDATE conversations SET role = 'other' WHERE id = 'a'", differs),
        ("UPDATE conversations SET id = 'c' WHERE id = 'a'", differs),
        // Moved to another one, out of it, and before what it followed.
        ("UPDATE runs SET conversation = 1", differs),
        ("UPDATE runs SET conversation = NULL WHERE n = 2", differs),
        ("UPDATE runs SET n = -n WHERE conversation = 1", differs),
        (
            "INSERT INTO conversations VALUES (9, 'x', 'y', 'z')",
            "no run is a part of the conversation `z`",
        ),
    ] {
        sql(&files, &format!("PRAGMA foreign_keys = OFF; {change}"));
        assert!(said(&store).contains(expected), "{change}: {}", said(&store));
        sql(
            &files,
            "PRAGMA foreign_keys = OFF;
             DELETE FROM conversations; INSERT INTO conversations SELECT * FROM kept;
             UPDATE runs SET n = abs(n), conversation =
               (SELECT conversation FROM kept_runs WHERE kept_runs.id = runs.id)",
        );
        assert_eq!(said(&store), "6 events hold", "{change}");
    }
}
