//! The end of a daemon, by choice or not: nothing that was accepted is lost, and nothing runs twice.

use crate::role::{self, HOOK, SECRET, body};
use initrunner_tests::home::until;
use initrunner_tests::prove::daemon as prove;
use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

#[test]
fn a_daemon_that_is_stopped_hands_its_runs_to_the_next() {
    let home = role::home("auto", &format!("{HOOK}daemon: {{max_concurrent_runs: 1}}\n"));
    let daemon = role::daemon(&home);
    for n in 0..3 {
        let command = format!("touch begun; sleep 1; echo {n} >> done");
        assert_eq!(daemon.push("/hook", SECRET, &body(&command)).status, 202);
    }
    until("the first is under way", || home.work().join("begun").exists());
    assert_eq!(daemon.stop().code, Some(0));
    // What was under way has ended, and the others have not begun.
    assert_eq!(fs::read_to_string(home.work().join("done")).unwrap(), "0\n");
    assert_eq!(role::count(&home, "queued"), 2);
    let _daemon = role::daemon(&home);
    role::are(&home, "completed", 3);
    assert_eq!(fs::read_to_string(home.work().join("done")).unwrap(), "0\n1\n2\n");
}

#[test]
fn two_daemons_share_the_work() {
    let home = role::home("auto", HOOK);
    let (one, other) = (role::daemon(&home), role::daemon(&home));
    let mut accepted = BTreeSet::new();
    for n in 0..20 {
        let text = body(&format!("echo {n} >> done"));
        for (daemon, status) in [(&one, 202), (&other, 200)] {
            let answer = daemon.push("/hook", SECRET, &text);
            assert_eq!(answer.status, status, "{}", answer.text());
            accepted.insert(answer.json()["run_id"].to_string());
        }
    }
    assert_eq!(accepted.len(), 20);
    role::are(&home, "completed", 20);
    let done = fs::read_to_string(home.work().join("done")).unwrap();
    let each: BTreeSet<&str> = done.lines().collect();
    assert_eq!((done.lines().count(), each.len()), (20, 20));
}

#[test]
fn where_nothing_is_kept_a_pause_is_told_and_given_up() {
    let home = role::home("required", HOOK);
    let command = home.command(["daemon", "ops.yaml", "--port", "0", "--no-audit"]);
    let daemon = initrunner_tests::daemon::Daemon::of(command.env("HOOK_SECRET", SECRET));
    assert_eq!(daemon.push("/hook", SECRET, &body("echo x")).status, 202);
    daemon.logs("cannot be resumed", 1);
    assert_eq!(daemon.push("/hook", SECRET, &body("echo y")).status, 202);
    daemon.logs("cannot be resumed", 2);
    assert!(!home.state().join("audit.db").exists());
}

#[test]
fn a_daemon_that_is_killed_loses_nothing_and_runs_nothing_twice() {
    let table = prove::table(Duration::from_secs(5), 11);
    println!("{table}");
    let problems = table.problems().join("\n");
    assert!(problems.is_empty(), "{table}\n{problems}");
    assert!(table.total().trials > 5, "{table}");
}

#[test]
fn a_run_that_cannot_be_written_down_for_a_while_is_not_lost() {
    let home = role::home("auto", HOOK);
    let daemon = role::daemon(&home);
    let command = "touch begun; sleep 2; echo x >> done";
    assert_eq!(daemon.push("/hook", SECRET, &body(command)).status, 202);
    until("it is under way", || home.work().join("begun").exists());
    let database = home.database();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    // Longer than anybody waits for the right to write.
    daemon.logs("a run could not be written down", 1);
    database.execute_batch("ROLLBACK").unwrap();
    // Whether the call happened is not known: a person says.
    role::are(&home, "paused", 1);
    let run = home.last();
    let call = home.json(["show", &run, "--json"])["calls"][0].to_string();
    assert!(call.contains("unknown"), "{call}");
    assert_eq!(fs::read_to_string(home.work().join("done")).unwrap(), "x\n");
    daemon.stop();
}
