//! Roles that change while a daemon works.

use crate::role::{self, HOOK, SECRET, body};
use initrunner_tests::home::until;
use std::fs;

#[test]
fn a_role_that_breaks_is_left_as_it_was_and_one_that_changes_is_taken() {
    let home = role::home("auto", HOOK);
    let daemon = role::daemon(&home);
    let good = fs::read_to_string(home.work().join("ops.yaml")).unwrap();
    home.file("ops.yaml", good.replace("prompt: p", "promt: p"));
    daemon.logs("the role was left as it was", 1);
    assert!(daemon.logged().contains("did you mean `prompt`?"), "{}", daemon.logged());
    assert_eq!(daemon.push("/hook", SECRET, &body("echo 1")).status, 202);
    // A variable that is not there is told as well.
    home.file("ops.yaml", good.replace("HOOK_SECRET", "NOT_SET"));
    daemon.logs("needs the variable `NOT_SET`, which is not set", 1);
    assert_eq!(daemon.push("/hook", SECRET, &body("echo 2")).status, 202);
    home.file("ops.yaml", good.replace("/hook", "/moved"));
    daemon.logs("the role was read again", 1);
    assert_eq!(daemon.push("/hook", SECRET, &body("echo 3")).status, 404);
    assert_eq!(daemon.push("/moved", SECRET, &body("echo 3")).status, 202);
    role::are(&home, "completed", 3);
}

#[test]
fn roles_come_and_go_and_runs_stay() {
    let home = role::home("required", HOOK);
    let daemon = {
        let command = initrunner_tests::daemon::Daemon::command(&home, ".");
        initrunner_tests::daemon::Daemon::of(command.env("HOOK_SECRET", SECRET))
    };
    role::write(&home, "second", "required", &HOOK.replace("/hook", "/second"));
    until("the second is there", || daemon.push("/second", SECRET, &body("echo x")).status == 202);
    role::are(&home, "paused", 1);
    fs::remove_file(home.work().join("second.yaml")).unwrap();
    until("the second is gone", || daemon.push("/second", SECRET, &body("echo y")).status == 404);
    // Its run needs no file.
    let run = role::runs(&home)[0]["run_id"].as_str().unwrap().to_owned();
    let ran = home.run(["approve", &run, "--all"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(daemon.push("/hook", SECRET, &body("echo z")).status, 202);
}

#[test]
fn what_was_accepted_keeps_the_role_of_then() {
    let home = role::home("auto", &format!("{HOOK}daemon: {{max_concurrent_runs: 1}}\n"));
    let daemon = role::daemon(&home);
    let wait = "until test -e go; do sleep 0.1; done; cat /dev/null";
    assert_eq!(daemon.push("/hook", SECRET, &body(wait)).status, 202);
    until("the first has begun", || role::count(&home, "running") == 1);
    assert_eq!(daemon.push("/hook", SECRET, &body("echo then")).status, 202);
    let text = fs::read_to_string(home.work().join("ops.yaml")).unwrap();
    home.file("ops.yaml", text.replace("approval: auto", "approval: required"));
    daemon.logs("the role was read again", 1);
    assert_eq!(daemon.push("/hook", SECRET, &body("echo now")).status, 202);
    fs::write(home.work().join("go"), "").unwrap();
    role::are(&home, "completed", 2);
    role::are(&home, "paused", 1);
}

#[test]
fn a_file_that_is_no_role_any_more_is_a_role_that_breaks() {
    let home = role::home("auto", HOOK);
    let command = initrunner_tests::daemon::Daemon::command(&home, ".");
    let daemon = initrunner_tests::daemon::Daemon::of(command.env("HOOK_SECRET", SECRET));
    let good = fs::read_to_string(home.work().join("ops.yaml")).unwrap();
    home.file("ops.yaml", good.replace("model:", "modle:"));
    daemon.logs("the role was left as it was", 1);
    assert_eq!(daemon.push("/hook", SECRET, &body("echo 1")).status, 202);
}

#[test]
fn what_was_accepted_is_done_also_where_its_role_is_gone() {
    let home = role::home("auto", HOOK);
    let command = initrunner_tests::daemon::Daemon::command(&home, ".");
    let daemon = initrunner_tests::daemon::Daemon::of(command.env("HOOK_SECRET", SECRET));
    let one = format!("{}daemon: {{max_concurrent_runs: 1}}\n", HOOK.replace("/hook", "/second"));
    role::write(&home, "second", "auto", &one);
    let wait = body("until test -e go; do sleep 0.1; done");
    until("the second is there", || daemon.push("/second", SECRET, &wait).status == 202);
    assert_eq!(daemon.push("/second", SECRET, &body("echo x")).status, 202);
    fs::remove_file(home.work().join("second.yaml")).unwrap();
    daemon.logs("the role is gone", 1);
    fs::write(home.work().join("go"), "").unwrap();
    role::are(&home, "completed", 2);
}

#[test]
fn a_webhook_for_which_nobody_listens_is_not_taken() {
    let home = role::home("auto", "triggers:\n  - {type: heartbeat, every: 1h, prompt: p}\n");
    let daemon = role::daemon(&home);
    role::write(&home, "ops", "auto", HOOK);
    daemon.logs("there was no webhook when the daemon began", 1);
}

#[test]
fn another_schedule_has_missed_nothing() {
    let hourly =
        "triggers:\n  - {type: cron, schedule: \"0 * * * *\", on_missed: all, prompt: p}\n";
    let home = role::home("auto", hourly);
    role::daemon(&home).stop();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    // As if it had struck a while ago; within the hour, so that none is missed.
    let then = now.as_micros() as i64 / 3_600_000_000 * 3_600_000_000;
    home.database().execute("UPDATE trigger_marks SET at = ?1", [then]).unwrap();
    let daemon = role::daemon(&home);
    role::write(&home, "ops", "auto", &hourly.replace("0 * * * *", "* * * * *"));
    daemon.logs("the role was read again", 1);
    std::thread::sleep(std::time::Duration::from_millis(500));
    daemon.stop();
    assert!(role::runs(&home).len() <= 1, "{}", role::runs(&home).len());
}
