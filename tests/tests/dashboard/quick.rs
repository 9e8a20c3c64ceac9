//! How long the server takes for a page where very much waits.

use crate::desk::{Desk, home};
use initrunner_tests::filled::fill;
use std::time::{Duration, Instant};

/// Calls that wait.
const CALLS: usize = 10_000;

/// Those of them whose roles are there, so that their tools are looked up: a page full, and some.
const REAL: usize = 60;

/// What opening a page may take: longer than that is waited for.
const MOST: Duration = Duration::from_millis(200);

#[test]
fn a_queue_of_ten_thousand_calls_opens_at_once() {
    let home = home();
    fill(&home.state(), CALLS);
    let desk = Desk::of(home);
    for number in 0..REAL {
        desk.paused(&format!("run echo {number}"));
    }
    let mut visitor = desk.visitor("all");
    let total = (CALLS + REAL).to_string();
    for path in [
        "/approvals",
        "/approvals?order=oldest",
        "/",
        "/runs",
        "/api/approvals/pending?count_only=1",
    ] {
        let mut times = Vec::new();
        for _ in 0..7 {
            let began = Instant::now();
            let answer = visitor.get(path);
            times.push(began.elapsed());
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            assert!(answer.text().contains(&total), "{path}: {total} wait");
            assert!(answer.body.len() < 500_000, "{path}: pages, and not a wall");
        }
        times.sort();
        println!("{path}: {:.1?}, {:.1?} at most", times[times.len() / 2], times.last().unwrap());
        // The least of them: other tests are no part of it.
        assert!(times[0] <= MOST, "{path} takes {:?}", times[0]);
    }
}
