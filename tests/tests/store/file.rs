//! What the store in a file adds: processes, files, and what goes wrong with them.

use super::fixture::*;
use initrunner::domain::ids::{OwnerId, RunId};
use initrunner::domain::run::RunState;
use initrunner::domain::tool_call::CallState;
use initrunner::store::owner::{self, Liveness, Owner};
use initrunner::store::sqlite::{OpenOptions, SqliteStore};
use initrunner::store::{Admission, Conflict, Store, StoreError};
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn opened(options: OpenOptions) -> StoreError {
    match SqliteStore::open(options) {
        Ok(_) => panic!("it opened"),
        Err(error) => error,
    }
}

#[test]
fn every_file_is_private() {
    let files = Files::new();
    let store = files.open();
    let owner = owner(&store);
    paused(&store, &owner, 1);
    let state = files.folder.path().join("state");
    for folder in [&state, &state.join("owners"), &files.folder.path().join("keys")] {
        assert_eq!(mode(folder), 0o700, "{}", folder.display());
    }
    let lock = format!("owners/{}.lock", owner.id());
    for file in ["audit.db", "audit.db-wal", "audit.db-shm", "audit.db.heads", &lock] {
        assert_eq!(mode(&state.join(file)), 0o600, "{file}");
    }
    assert_eq!(mode(&files.folder.path().join("keys/audit.key")), 0o600);
    assert_eq!(fs::read_dir(files.folder.path().join("keys")).unwrap().count(), 1);

    drop(store);
    fs::set_permissions(files.path(), fs::Permissions::from_mode(0o644)).unwrap();
    files.open();
    assert_eq!(mode(&files.path()), 0o600);
}

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

/// Waits as long as it takes: what is tested is who is first, not how long a busy disk needs for all of
/// them, one sync after the other.
fn patient(files: &Files) -> SqliteStore {
    SqliteStore::open(OpenOptions { busy_timeout: Duration::from_secs(600), ..files.options() })
        .unwrap()
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
fn what_waits_together_commits_together() {
    let files = Files::new();
    let store = files.open();
    let owner = owner(&store);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let verbs: Vec<_> = (0..200).map(|_| store.create_run(new_run(owner.id()))).collect();
        for verb in verbs {
            verb.await.unwrap();
        }
    });
    assert_eq!(wait(store.runs(1000)).unwrap().len(), 200);
    // One line for each commit.
    let commits = files.heads().len();
    assert!(commits <= 50, "{commits} commits for 200 verbs");
}

#[test]
fn a_failing_verb_undoes_only_itself() {
    let files = Files::new();
    let store = files.open();
    let owner = owner(&store);
    let good = new_run(owner.id());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let results: Vec<_> = runtime.block_on(async {
        // All of these wait before the first is done with its commit.
        let verbs: Vec<_> = (0..60)
            .map(|number| {
                let mut run = new_run(owner.id());
                if number % 3 == 1 {
                    run.id = good.id.clone();
                }
                store.create_run(run)
            })
            .collect();
        let mut results = Vec::new();
        for verb in verbs {
            results.push(verb.await.is_ok());
        }
        results
    });
    assert_eq!(results.iter().filter(|ok| **ok).count(), 41);
    assert_eq!(wait(store.runs(1000)).unwrap().len(), 41);
    assert_eq!(wait(store.check_journal(Vec::new())).unwrap().broken, None);
}

#[test]
fn a_paused_run_takes_two_commits() {
    let files = Files::new();
    let store = files.open();
    let owner = owner(&store);
    paused(&store, &owner, 1);
    assert_eq!(files.heads().len(), 2);
}

#[test]
fn a_paused_run_takes_little_room() {
    let files = Files::new();
    let store = files.open();
    let owner = owner(&store);
    // Roles, components and bindings are there once for all.
    paused(&store, &owner, 1);
    let size = || {
        let conn = files.raw();
        conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        let heads = fs::metadata(files.path().with_extension("db.heads")).unwrap().len();
        fs::metadata(files.path()).unwrap().len() + heads
    };
    let before = size();
    let count = 400;
    for _ in 0..count {
        paused(&store, &owner, 1);
    }
    let each = (size() - before) / count;
    // With arguments and a preview of a line each.
    assert!(each <= 2000, "{each} bytes");
}

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
    let second = store.create_run(new_run(owner.id()));
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
    assert_eq!(error, StoreError::NewerSchema { path: files.path(), found: 7, known: 2 });
}

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
    let error = wait(store.create_run(new_run(owner.id()))).unwrap_err();
    assert!(error.to_string().contains("audit.key` is missing; restore it"), "{error}");
    fs::write(files.folder.path().join("keys/audit.key"), "short").unwrap();
    let error = wait(store.create_run(new_run(owner.id()))).unwrap_err();
    assert!(error.to_string().contains("it has 5 bytes and not 32"), "{error}");
}

/// Not a test: the process that `a_killed_process_loses_nothing` kills. Says each run that it was told
/// is paused, and then one that it is driving.
#[test]
#[ignore = "the other half of a_killed_process_loses_nothing"]
fn a_process_to_kill() {
    let Some(folder) = std::env::var_os("STORE_TO_KILL") else { return };
    let folder = Path::new(&folder);
    let options = OpenOptions::new(folder.join("state/audit.db"), folder.join("keys"));
    let store = SqliteStore::open(options).unwrap();
    let owner = owner(&store);
    loop {
        let driven = create(&store, &owner);
        let calls = record(&store, &driven, vec![Admission::Ready], false);
        wait(store.record_call_started(&driven, &calls[0], vec![], at(2))).unwrap();
        let (paused, _) = paused(&store, &owner, 1);
        println!("told {} {}", paused.run, driven.run);
    }
}

#[test]
fn a_killed_process_loses_nothing() {
    for rounds in [1, 3, 20] {
        let files = Files::new();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "file::a_process_to_kill", "--ignored", "--nocapture"])
            .env("STORE_TO_KILL", files.folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let told: Vec<String> =
            lines.filter(|line| line.starts_with("told ")).take(rounds).collect();
        child.kill().unwrap();
        child.wait().unwrap();

        let store = files.open();
        let adopted = wait(store.adopt_orphans(at(100))).unwrap();
        for line in &told {
            let ids: Vec<_> = line.split(' ').skip(1).map(|id| RunId::parse(id).unwrap()).collect();
            let paused = wait(store.load_run(&ids[0])).unwrap();
            assert_eq!(paused.run.state, RunState::Paused);
            assert_eq!(paused.calls[0].state, CallState::Waiting);
            assert!(adopted.contains(&ids[1]));
            let driven = wait(store.load_run(&ids[1])).unwrap();
            assert_eq!(driven.run.state, RunState::Paused);
            assert_eq!(driven.calls[0].state, CallState::Unknown);
        }
        assert_eq!(wait(store.check_journal(Vec::new())).unwrap().broken, None);
        // Its owner file was swept away.
        let owners = files.folder.path().join("state/owners");
        assert_eq!(fs::read_dir(owners).unwrap().count(), 0);
    }
}

#[test]
fn an_owner_is_alive_until_it_is_dropped() {
    let folder = tempfile::TempDir::new().unwrap();
    let id = OwnerId::from_random([7; 16]);
    assert_eq!(owner::is_alive(folder.path(), &id), Liveness::Dead);
    let owner = Owner::register(folder.path(), id.clone()).unwrap();
    let pid = std::process::id();
    assert_eq!(owner::is_alive(folder.path(), &id), Liveness::Alive { pid });
    drop(owner);
    assert_eq!(owner::is_alive(folder.path(), &id), Liveness::Dead);
    assert_eq!(fs::read_dir(folder.path().join("owners")).unwrap().count(), 0);
    // A file that a killed process left behind.
    fs::write(folder.path().join(format!("owners/{id}.lock")), "pid 1\n").unwrap();
    assert_eq!(owner::is_alive(folder.path(), &id), Liveness::Dead);
    Owner::register(folder.path(), id).unwrap();
}

#[test]
fn programs_that_an_owner_starts_do_not_keep_it_alive() {
    let folder = tempfile::TempDir::new().unwrap();
    let id = OwnerId::from_random([8; 16]);
    let owner = Owner::register(folder.path(), id.clone()).unwrap();
    let mut child = Command::new("sleep").arg("30").stdin(Stdio::null()).spawn().unwrap();
    drop(owner);
    // The file is gone with the owner; what counts is that nobody holds a lock on a new one.
    fs::write(folder.path().join(format!("owners/{id}.lock")), "").unwrap();
    assert_eq!(owner::is_alive(folder.path(), &id), Liveness::Dead);
    let links: Vec<_> = fs::read_dir(format!("/proc/{}/fd", child.id()))
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .filter(|target| target.starts_with(folder.path()))
        .collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(links, Vec::<std::path::PathBuf>::new());
}

#[test]
fn owners_come_and_go_while_others_sweep() {
    let files = Files::new();
    let store = files.open();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let sweeping = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                // A run of a dead owner makes the adoption, and so the sweep, happen.
                let owner = owner(&store);
                let claim = create(&store, &owner);
                drop(owner);
                assert_eq!(wait(store.adopt_orphans(at(1))).unwrap(), [claim.run]);
            }
        });
        for _ in 0..2000 {
            let owner = owner(&store);
            let folder = files.folder.path().join("state");
            assert!(matches!(owner::is_alive(&folder, owner.id()), Liveness::Alive { .. }));
        }
        stop.store(true, Ordering::Relaxed);
        sweeping.join().unwrap();
    });
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

#[test]
fn the_queue_of_ten_thousand_and_opening_are_quick() {
    let files = Files::new();
    let store = files.open();
    let owner = owner(&store);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        for _ in 0..40 {
            let mut verbs = Vec::new();
            for _ in 0..250 {
                let run = new_run(owner.id());
                let id = run.id.clone();
                verbs.push((id, store.create_run(run)));
            }
            let mut turns = Vec::new();
            for (_, verb) in verbs {
                let claim = verb.await.unwrap();
                let record = turn(vec![new_call(waiting())], true);
                turns.push(store.record_turn(&claim, record));
            }
            for verb in turns {
                verb.await.unwrap();
            }
        }
    });
    wait(store.pending(1)).unwrap();
    let best = (0..5).map(|_| {
        let started = Instant::now();
        let (queue, total) = wait(store.pending(10_000)).unwrap();
        assert_eq!((queue.len(), total), (10_000, 10_000));
        started.elapsed()
    });
    let queue = best.min().unwrap();
    drop(store);
    let size = fs::metadata(files.path()).unwrap().len();
    let best = (0..5).map(|_| {
        let started = Instant::now();
        let store = files.open();
        let opened = started.elapsed();
        assert_eq!(wait(store.runs(1)).unwrap().len(), 1);
        opened
    });
    let opened = best.min().unwrap();
    eprintln!("pending(10000) {queue:?}, open {opened:?}, {} bytes a paused run", size / 10_000);
    // Several times what is measured on a quiet machine: this finds a missing index, not a busy one.
    assert!(queue < Duration::from_millis(100), "{queue:?}");
    assert!(opened < Duration::from_millis(20), "{opened:?}");
}
