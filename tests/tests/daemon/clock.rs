//! Triggers that follow the clock. What a schedule means is tested where it is computed.

use crate::role;
use initrunner_tests::home::until;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const HOURLY: &str = "triggers:\n  - {type: cron, schedule: \"0 * * * *\", on_missed: ON_MISSED, prompt: \"{{ time }}\"}\n";

#[test]
fn a_heart_beats_also_over_a_restart() {
    let rest = "triggers:\n  - {type: heartbeat, every: 1s, prompt: \"{{ time }}\"}\n";
    let home = role::home("auto", rest);
    let daemon = role::daemon(&home);
    until("it has beaten three times", || role::count(&home, "completed") >= 3);
    daemon.kill();
    let before = role::runs(&home).len();
    std::thread::sleep(Duration::from_millis(2500));
    // What was missed is one beat, and not one for each second.
    let daemon = role::daemon(&home);
    until("it beats again", || role::runs(&home).len() > before);
    daemon.stop();
    assert!(role::runs(&home).len() <= before + 3, "{}", role::runs(&home).len());
}

/// Has a daemon find that it was away for so many hours.
fn missed(on_missed: &str, hours: i64) -> usize {
    let home = role::home("auto", &HOURLY.replace("ON_MISSED", on_missed));
    role::daemon(&home).stop();
    assert_eq!(role::runs(&home).len(), 0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as i64;
    // Half an hour off the full hour, so that none is due at this moment.
    let hour = 3_600_000_000;
    let then = now - now % hour - hour * hours + hour / 2;
    let marks = home.database().execute("UPDATE trigger_marks SET at = ?1", [then]).unwrap();
    assert_eq!(marks, 1);
    let daemon = role::daemon(&home);
    let wanted = match on_missed {
        "skip" => 0,
        "once" => 1,
        _ => usize::try_from(hours).unwrap(),
    };
    role::are(&home, "completed", wanted);
    daemon.stop();
    // A second start finds nothing more.
    role::daemon(&home).stop();
    role::runs(&home).len()
}

#[test]
fn what_was_missed_is_made_up_for_as_the_role_says() {
    // The full hour may come while this runs.
    let one_more = |count: usize, wanted: usize| count == wanted || count == wanted + 1;
    assert!(one_more(missed("once", 3), 1));
    assert!(one_more(missed("all", 3), 3));
    assert!(one_more(missed("skip", 3), 0));
}
