//! Time that passes over what nobody decides: a daemon sees to it by itself.

use crate::role::{self, HOOK, SECRET, body};
use initrunner_tests::serve::Server;

#[test]
fn what_nobody_decides_in_time_expires_and_its_run_goes_on() {
    let home = role::home("{expires_after: 2s}", HOOK);
    let daemon = role::daemon(&home);
    let accepted = daemon.push("/hook", SECRET, &body("echo x >> count"));
    let run = accepted.json()["run_id"].as_str().unwrap().to_owned();
    role::are(&home, "completed", 1);
    let story = home.json(["show", &run, "--json"]);
    assert_eq!(story["calls"][0]["state"], "expired");
    assert_eq!(
        story["outcome"],
        "Result: Nobody decided about this call in time; it was not executed."
    );
    assert!(!home.work().join("count").exists());
    daemon.stop();
}

/// A run of a role that this daemon has not: its own process has ended, and nobody else would go on with it.
#[test]
fn a_run_of_another_role_goes_on_where_the_sweep_has_freed_it() {
    let home = role::home("auto", HOOK);
    role::write(&home, "other", "{expires_after: 3s}", "");
    let daemon = role::daemon(&home);
    assert_eq!(home.run(["run", "other.yaml", "-p", "run echo x >> count"]).code, Some(2));
    role::are(&home, "completed", 1);
    assert!(!home.work().join("count").exists());
    daemon.stop();
}

#[test]
fn a_run_whose_daemon_died_is_taken_up_by_one_that_lives() {
    let home = role::home("auto", HOOK);
    // Words that take their time.
    home.file("script.yaml", "fallback: one two three\ndelay_ms: 2000\n");
    let one = role::daemon(&home);
    assert_eq!(one.push("/hook", SECRET, &body("x")).status, 202);
    role::are(&home, "running", 1);
    let other = role::daemon(&home);
    one.kill();
    // Something happens, after which it looks.
    assert_eq!(other.push("/hook", SECRET, &body("y")).status, 202);
    role::are(&home, "completed", 2);
    other.stop();
}

#[test]
fn a_server_sees_to_it_as_well() {
    let home = role::home("{expires_after: 3s}", "");
    let server = Server::start(&home, "ops.yaml");
    assert_eq!(home.run(["run", "ops.yaml", "-p", "run echo x >> count"]).code, Some(2));
    role::are(&home, "completed", 1);
    assert!(!home.work().join("count").exists());
    assert_eq!(server.stop().code, Some(0));
}
