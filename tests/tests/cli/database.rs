//! Databases that cannot be used: one sentence with the cure, and nothing is lost.

use crate::{ASKING, RUNNER};
use expect_test::expect;
use initrunner_tests::home::Home;
use std::os::unix::fs::PermissionsExt;

/// A run that waits.
fn waiting() -> Home {
    let home = Home::with_role(ASKING, RUNNER);
    let ran = home.run(["run", "role.yaml", "-p", "run echo x >> count"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    home
}

#[test]
fn a_locked_database_is_waited_for_and_then_named() {
    let home = waiting();
    let conn = home.database();
    conn.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let starts = [
        vec!["approve", "RUN", "--all"],
        vec!["run", "role.yaml", "-p", "run true"],
        vec!["cancel", "RUN"],
    ];
    let running = starts.map(|words| home.command(words).start());
    home.run(["pending"]).check(expect![[r#"
        Pending approvals (1)
        ┏━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┓
        ┃ run_id           ┃ tool_call_id    ┃ tool  ┃ agent ┃ created_at          ┃ arguments       ┃
        ┡━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━┩
        │ RUN_____________ │ CALL___________ │ shell │ test  │ TIME_______________ │ echo x >> count │
        └──────────────────┴─────────────────┴───────┴───────┴─────────────────────┴─────────────────┘
        = 0
    "#]]);
    let [approve, run, cancel] = running.map(|running| running.wait());
    approve.check(expect![[r#"
        ! error: the database `FOLDER/state/audit.db` is locked by another process; try again, or stop the program that holds it
        = 1
    "#]]);
    run.check(expect![[r#"
        ! error: the database `FOLDER/state/audit.db` is locked by another process; try again, or stop the program that holds it
        = 1
    "#]]);
    cancel.check(expect![[r#"
        ! error: the database `FOLDER/state/audit.db` is locked by another process; try again, or stop the program that holds it
        = 1
    "#]]);
    assert!(!home.work().join("count").exists());
    conn.execute_batch("ROLLBACK").unwrap();
    assert_eq!(home.run(["approve", "RUN", "--all"]).code, Some(0));
    assert_eq!(std::fs::read_to_string(home.work().join("count")).unwrap(), "x\n");
}

#[test]
fn what_is_no_database_is_left_as_it_is() {
    let home = Home::with_role(ASKING, RUNNER);
    let garbage = b"these bytes are no database\n".repeat(1000);
    std::fs::write(home.state().join("audit.db"), &garbage).unwrap();
    let ran = home.run(["runs"]);
    assert_eq!(ran.to_string(), home.run(["run", "role.yaml", "-p", "run true"]).to_string());
    ran.check(expect![[r#"
        ! error: the database `FOLDER/state/audit.db` is damaged or not a database: file is not a database; restore a backup or move the file away
        = 1
    "#]]);
    assert_eq!(std::fs::read(home.state().join("audit.db")).unwrap(), garbage);
}

#[test]
fn a_database_of_a_newer_program_is_left_alone() {
    let home = waiting();
    home.database().pragma_update(None, "user_version", 99).unwrap();
    home.run(["approve", "RUN", "--all"]).check(expect![[r#"
        ! error: the database `FOLDER/state/audit.db` has schema 99, and this program knows up to 3; use a newer initrunner
        = 1
    "#]]);
    assert!(!home.work().join("count").exists());
}

#[test]
fn a_database_of_another_program_is_left_alone() {
    let home = Home::with_role(ASKING, RUNNER);
    home.database().execute_batch("CREATE TABLE songs (title TEXT)").unwrap();
    home.run(["run", "role.yaml", "-p", "run true"]).check(expect![[r#"
        ! error: the database `FOLDER/state/audit.db` is damaged or not a database: it belongs to another program; restore a backup or move the file away
        = 1
    "#]]);
}

#[test]
fn a_folder_is_no_database() {
    let home = Home::with_role(ASKING, RUNNER);
    let folder = home.work().display().to_string();
    let mode = || std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777;
    let before = mode();
    home.run(["pending", "--audit-db", &folder]).check(expect![[r#"
        ! error: the database `FOLDER/work` failed: it is a folder; give the path of a file
        = 1
    "#]]);
    home.run(["pending", "--audit-db", "/dev/null"]).check(expect![[r#"
        ! error: the database `/dev/null` failed: it is no file; give the path of a file
        = 1
    "#]]);
    assert_eq!(mode(), before);
}

#[test]
#[cfg(target_os = "linux")]
fn a_database_that_cannot_be_written_is_named() {
    let home = Home::with_role(ASKING, RUNNER);
    let ran = home.run([
        "--audit-db",
        "/proc/sys/initrunner/audit.db",
        "run",
        "role.yaml",
        "-p",
        "run x",
    ]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stderr.contains("the database `/proc/sys/initrunner/audit.db` "), "{ran}");
}

#[test]
fn a_named_database_that_is_not_there_is_no_empty_one() {
    let home = Home::with_role(ASKING, RUNNER);
    let path = home.root().join("typo/runs.db").display().to_string();
    for command in [&["runs"][..], &["pending"], &["audit", "verify"], &["sweep"]] {
        let ran = home.run(["--audit-db", &path].into_iter().chain(command.iter().copied()));
        assert_eq!((ran.code, &*ran.stdout), (Some(1), ""), "{ran}");
        assert!(ran.stderr.contains("its folder does not exist; correct the path"), "{ran}");
    }
    assert!(!home.root().join("typo").exists());
    let path = home.root().join("runs.db").display().to_string();
    let ran = home.run(["--audit-db", &path, "runs"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stderr.contains("there is no database `FOLDER/runs.db`; correct"), "{ran}");
    assert!(!home.root().join("runs.db").exists());
}

#[test]
#[cfg(target_os = "linux")]
fn a_state_folder_that_cannot_be_made_says_where_else_to_put_it() {
    let home = Home::with_role(ASKING, RUNNER);
    for (place, why) in [
        ("/dev/null/x", "there is a file in its place, or in the place of a folder around it"),
        ("/proc/x/y", "nothing can be made in the folder around it"),
    ] {
        for words in [&["runs"][..], &["run", "role.yaml", "-p", "run touch x"]] {
            let ran = home.command(words.iter().copied()).env("INITRUNNER_HOME", place).run();
            assert_eq!(ran.code, Some(1), "{ran}");
            let expected = format!(
                "the state folder `{place}` cannot be made: {why}; set `INITRUNNER_HOME` to a folder"
            );
            assert!(ran.stderr.contains(&expected), "{ran}");
        }
    }
}

#[test]
fn another_database_may_be_named() {
    let home = Home::with_role(ASKING, RUNNER);
    let path = home.root().join("elsewhere/runs.db").display().to_string();
    let ran = home.run(["--audit-db", &path, "run", "role.yaml", "-p", "run touch x"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(!home.state().join("audit.db").exists());
    home.run(["approve", "RUN", "--all"]).check(expect![[r#"
        ! error: there is no run `RUN_____________`; `initrunner runs` lists them
        = 4
    "#]]);
    home.run(["approve", "RUN", "--all", "--audit-db", &path]).check(expect![[r#"
        Resumed.
        Result: (no output)
        = 0
    "#]]);
    assert!(home.work().join("x").exists());
}

#[test]
fn a_lost_key_is_named() {
    let home = waiting();
    let key = home.state().join("keys/host.key");
    std::fs::write(&key, "short").unwrap();
    home.run(["approve", "RUN", "--all"]).check(expect![[r#"
        ! error: the state folder's key cannot be used: it has 5 bytes and not 32; make `FOLDER/state/keys` readable and writable for this user
        = 1
    "#]]);
    // A new key cannot tell what was approved under the old one.
    std::fs::remove_file(&key).unwrap();
    let ran = home.run(["approve", "RUN", "--all"]);
    ran.check(expect![[r#"
        Resumed.
        Run RUN_____________ paused — 1 tool call awaiting approval.
          CALL___________  shell  echo x >> count
            asked again, because this changed: configuration: what it was cannot be compared with what it is, because this host's key is another one or an older program asked

        Resume with: initrunner approve RUN_____________ --all
        = 2
    "#]]);
    std::fs::remove_file(home.state().join("keys/audit.key")).unwrap();
    home.run(["approve", "RUN", "--all"]).check(expect![[r#"
        ! error: the database `FOLDER/state/audit.db` failed: the journal's key `FOLDER/state/keys/audit.key` is missing; restore it, or move the database away
        = 1
    "#]]);
}

#[test]
fn a_changed_journal_is_found() {
    let home = waiting();
    home.run(["audit", "verify"]).check(expect![[r#"
        The journal holds: 4 events.
        Head: 4 CODE
        = 0
    "#]]);
    let conn = home.database();
    conn.execute_batch("DELETE FROM events WHERE sequence = 2").unwrap();
    home.run(["audit", "verify"]).check(expect![[r#"
        ! error: the journal does not hold: event 2 is missing
        = 1
    "#]]);
}

#[test]
fn a_database_that_is_named_without_its_folder_is_kept_from_programs_too() {
    let home = Home::with_role("  - {type: shell}", RUNNER);
    let words = ["--audit-db", "here.db", "run", "role.yaml", "-p", "run head -c 6 here.db"];
    let ran = home.command(words).at(&home.work()).run();
    assert!(ran.stdout.contains("is where initrunner keeps its state"), "{ran}");
}
