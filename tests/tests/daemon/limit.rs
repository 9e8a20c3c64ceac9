//! How much a daemon does at a time, and in a day.

use crate::role::{self, HOOK, SECRET, body};
use expect_test::expect;
use initrunner_tests::daemon::Daemon;
use initrunner_tests::home::{Home, until};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

#[test]
fn runs_that_wait_for_approval_take_no_place() {
    let home = role::home("required", &format!("{HOOK}daemon: {{max_concurrent_runs: 1}}\n"));
    let daemon = role::daemon(&home);
    for n in 0..5 {
        assert_eq!(daemon.push("/hook", SECRET, &body(&format!("echo {n}"))).status, 202);
    }
    role::are(&home, "paused", 5);
}

#[test]
fn no_more_go_on_at_a_time_than_may_and_all_are_done() {
    let home = role::home("auto", &format!("{HOOK}daemon: {{max_concurrent_runs: 2}}\n"));
    let daemon = role::daemon(&home);
    // Each looks how many there are, itself among them.
    let command =
        |n: usize| format!("mkdir at.{n}; ls -d at.* | wc -l >> seen; sleep 0.2; rmdir at.{n}");
    for n in 0..8 {
        assert_eq!(daemon.push("/hook", SECRET, &body(&command(n))).status, 202);
    }
    role::are(&home, "completed", 8);
    let seen = std::fs::read_to_string(home.work().join("seen")).unwrap();
    let seen: Vec<usize> = seen.split_whitespace().map(|word| word.parse().unwrap()).collect();
    assert_eq!(seen.len(), 8);
    assert!(seen.iter().all(|count| *count <= 2) && seen.contains(&2), "{seen:?}");
}

/// More than are looked at when a daemon begins wait for people; the ones behind them go on all the same, each as
/// soon as there is a place.
#[test]
fn what_was_interrupted_goes_on_behind_a_thousand_that_wait() {
    let limits = |places| format!("{HOOK}daemon: {{max_concurrent_runs: {places}}}\n");
    let home = role::home("required", &limits(16));
    let daemon = role::daemon(&home);
    for n in 0..1000 {
        assert_eq!(daemon.push("/hook", SECRET, &body(&format!("echo {n}"))).status, 202);
    }
    let are = |state: &str, number: i64| {
        let sql = "SELECT count(*) FROM runs WHERE state = ?1";
        let count = || home.database().query_row(sql, [state], |row| row.get::<_, i64>(0));
        until(&format!("{number} are {state}"), || count().unwrap() == number);
    };
    are("paused", 1000);
    // Words that take their time.
    home.file("script.yaml", "fallback: one\ndelay_ms: 1500\n");
    role::write(&home, "ops", "required", &limits(8));
    daemon.logs("the role was read again", 1);
    for n in 1000..1006 {
        assert_eq!(daemon.push("/hook", SECRET, &body(&format!("echo {n}"))).status, 202);
    }
    are("running", 6);
    daemon.kill();
    // Whoever looks first finds that their process is gone.
    assert_eq!(home.run(["runs", "--limit", "1"]).code, Some(0));
    are("interrupted", 6);
    role::write(&home, "ops", "required", &limits(1));
    let daemon = role::daemon(&home);
    are("completed", 6);
    daemon.stop();
}

#[test]
fn a_storm_fills_the_queue_and_is_told() {
    let limits = "daemon: {max_concurrent_runs: 1, max_queued_runs: 20}\n";
    let home = role::home("auto", &format!("{HOOK}{limits}"));
    let daemon = role::daemon(&home);
    // The first keeps the only place.
    assert_eq!(
        daemon.push("/hook", SECRET, &body("until test -e go; do sleep 0.1; done")).status,
        202
    );
    until("the first has begun", || role::count(&home, "running") == 1);
    let mut accepted = 0;
    let mut refused = None;
    for n in 0..60 {
        let answer = daemon.push("/hook", SECRET, &body(&format!("echo {n} >> done")));
        match answer.status {
            202 => accepted += 1,
            503 => refused = Some(answer),
            other => panic!("{other}: {}", answer.text()),
        }
    }
    assert_eq!(accepted, 20);
    let refused = refused.unwrap();
    expect![[r#"{"error":{"message":"20 runs of this role wait for their turn already; try again later"}}"#]].assert_eq(&refused.text());
    assert!(refused.header("retry-after").is_some());
    std::fs::write(home.work().join("go"), "").unwrap();
    role::are(&home, "completed", 21);
    let done = std::fs::read_to_string(home.work().join("done")).unwrap();
    // In the order in which they came.
    let done: Vec<usize> = done.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(done, (0..20).collect::<Vec<_>>());
}

/// Clients of a storm, each on a connection of its own.
const CLIENTS: usize = 16;

/// What a storm's requests were answered.
#[derive(Default)]
struct Storm {
    accepted: BTreeSet<usize>,
    /// How often each other status came.
    refused: BTreeMap<u16, usize>,
    took: Duration,
}

/// Sends so many webhooks as fast as they are answered. Whoever is refused is told when to come again.
fn storm(daemon: &Daemon, requests: usize) -> Storm {
    let began = Instant::now();
    let client = |first: usize| {
        let (mut told, mut wire) = (Storm::default(), daemon.wire());
        for n in (first..requests).step_by(CLIENTS) {
            let request = daemon.signed("/hook", SECRET, &body(&format!("echo {n} >> done")));
            wire.write(&request.kept_alive()).unwrap();
            let answer = wire.answer().unwrap();
            if answer.status == 202 {
                told.accepted.insert(n);
                continue;
            }
            let later = answer.header("retry-after").map(str::parse::<u64>);
            assert!(matches!(later, Some(Ok(1..))), "{}", answer.text());
            *told.refused.entry(answer.status).or_default() += 1;
        }
        told
    };
    let client = &client;
    let clients: Vec<Storm> = std::thread::scope(|scope| {
        let clients: Vec<_> =
            (0..CLIENTS).map(|first| scope.spawn(move || client(first))).collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    let mut all = Storm { took: began.elapsed(), ..Storm::default() };
    for client in clients {
        all.accepted.extend(client.accepted);
        for (status, count) in client.refused {
            *all.refused.entry(status).or_default() += count;
        }
    }
    all
}

/// Kilobytes of memory that the process has now, and that it had at most.
fn memory(daemon: &Daemon) -> [u64; 2] {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.id())).unwrap();
    ["VmRSS:", "VmHWM:"].map(|name| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    })
}

#[test]
fn of_a_storm_what_was_accepted_is_done_once_and_the_rest_is_told() {
    const REQUESTS: usize = 10_000;
    const PLACES: usize = 100;
    /// Kilobytes: a hundred runs that wait are rows, and sixteen requests at a time are small.
    const MOST: u64 = 30_000;
    let limits = format!("daemon: {{max_concurrent_runs: 2, max_queued_runs: {PLACES}}}\n");
    let home = role::home("auto", &format!("{}{limits}", HOOK.replace("100000", "1000000")));
    let daemon = role::daemon(&home);
    // What the first run brings into memory is no matter of how many come.
    assert_eq!(daemon.push("/hook", SECRET, &body("true")).status, 202);
    role::are(&home, "completed", 1);
    let [before, _] = memory(&daemon);
    let told = storm(&daemon, REQUESTS);
    let [_, most] = memory(&daemon);
    let accepted = told.accepted.len();
    let Some((&503, &refused)) = told.refused.first_key_value() else {
        panic!("{:?}", told.refused)
    };
    assert_eq!((told.refused.len(), accepted + refused), (1, REQUESTS));
    assert!(accepted >= PLACES, "{accepted}");
    ended(&home, accepted + 1);
    let done = std::fs::read_to_string(home.work().join("done")).unwrap();
    let done: Vec<usize> = done.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(done.len(), accepted);
    assert_eq!(done.into_iter().collect::<BTreeSet<_>>(), told.accepted);
    println!(
        "{REQUESTS} webhooks in {:.2} s: {accepted} accepted, {refused} told to come again; {before} KB before, {most} KB at most",
        told.took.as_secs_f64()
    );
    assert!(most < before + MOST, "{before} KB before, {most} KB at most");
}

/// Waits until so many runs have completed.
fn ended(home: &Home, number: usize) {
    let count = "SELECT count(*) FROM runs WHERE state = 'completed'";
    let database = home.database();
    until("all that was accepted is done", || {
        let found: i64 = database.query_row(count, [], |row| row.get(0)).unwrap();
        usize::try_from(found).unwrap() == number
    });
}

#[test]
fn who_sends_too_often_is_told_when_to_come_again() {
    let home = role::home("auto", &HOOK.replace("100000", "30"));
    let daemon = role::daemon(&home);
    let told = storm(&daemon, 200);
    // A minute's worth at once, and what has become due meanwhile.
    let due = usize::try_from(told.took.as_secs()).unwrap() / 2 + 2;
    let accepted = told.accepted.len();
    assert!((30..=30 + due).contains(&accepted), "{accepted}");
    assert_eq!(told.refused, BTreeMap::from([(429, 200 - accepted)]));
    ended(&home, accepted);
}

#[test]
fn a_day_that_is_over_is_told() {
    for (limit, runs) in [("max_runs_per_day: 2", 2), ("max_tokens_per_day: 1", 1)] {
        let home = role::home("auto", &format!("{HOOK}daemon: {{{limit}}}\n"));
        let daemon = role::daemon(&home);
        for n in 0..runs {
            assert_eq!(daemon.push("/hook", SECRET, &body(&format!("echo {n}"))).status, 202);
            role::are(&home, "completed", n + 1);
        }
        let answer = daemon.push("/hook", SECRET, &body("echo more"));
        let key = limit.split(':').next().unwrap();
        let told = format!(
            "the role has reached its limit `daemon.{key}` for today (UTC); it goes on tomorrow"
        );
        assert_eq!(
            (answer.status, answer.json()["error"]["message"].as_str()),
            (429, Some(&*told))
        );
        // However many come, it is said once.
        assert_eq!(daemon.push("/hook", SECRET, &body("echo even more")).status, 429);
        let log = daemon.stop().stderr;
        assert_eq!(log.matches("the role's day is over").count(), 1, "{log}");
    }
}

#[test]
fn a_storm_gets_no_more_than_a_day_has() {
    let home = role::home("auto", &format!("{HOOK}daemon: {{max_runs_per_day: 3}}\n"));
    let daemon = role::daemon(&home);
    let accepted = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for n in 0..24 {
            let (daemon, accepted) = (&daemon, &accepted);
            scope.spawn(move || {
                let status = daemon.push("/hook", SECRET, &body(&format!("echo {n}"))).status;
                assert!(status == 202 || status == 429, "{status}");
                accepted
                    .fetch_add(usize::from(status == 202), std::sync::atomic::Ordering::Relaxed);
            });
        }
    });
    assert_eq!(accepted.into_inner(), 3);
    role::are(&home, "completed", 3);
}

#[test]
fn what_waits_does_not_begin_where_the_day_is_spent() {
    let home = role::home("auto", &format!("{HOOK}daemon: {{max_concurrent_runs: 1}}\n"));
    let daemon = role::daemon(&home);
    let wait = body("until test -e go; do sleep 0.1; done");
    assert_eq!(daemon.push("/hook", SECRET, &wait).status, 202);
    assert_eq!(daemon.push("/hook", SECRET, &body("echo x >> done")).status, 202);
    let limits = "daemon: {max_concurrent_runs: 1, max_tokens_per_day: 1}\n";
    role::write(&home, "ops", "auto", &format!("{HOOK}{limits}"));
    daemon.logs("the role was read again", 1);
    std::fs::write(home.work().join("go"), "").unwrap();
    daemon.logs("its runs wait", 1);
    assert_eq!((role::count(&home, "completed"), role::count(&home, "queued")), (1, 1));
    // And does where there is more to be spent.
    role::write(&home, "ops", "auto", HOOK);
    daemon.logs("the role was read again", 2);
    assert_eq!(daemon.push("/hook", SECRET, &body("echo y")).status, 202);
    role::are(&home, "completed", 3);
}
