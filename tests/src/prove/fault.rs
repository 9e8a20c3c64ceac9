//! A machine that fails around the program: no space, no right to write, a lock that somebody keeps, a
//! clock that jumps, a model that is gone. Each time people are told, and nothing is lost.

use super::look;
use super::recover::{Recovery, understood};
use super::room::{Room, Said};
use super::scenario::{SCENARIOS, Scenario};
use super::{Row, Table, Wrong};
use crate::home::{Home, Ran, until};
use crate::model_stub::{Answer, ModelStub};
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// How long somebody keeps the database locked: twice as long as the program waits.
const LOCKED: Duration = Duration::from_secs(10);

/// A lock that is given back in time.
const BRIEFLY: Duration = Duration::from_secs(2);

/// Ten years in seconds: no patience, retention or time limit is longer.
const TEN_YEARS: i64 = 10 * 365 * 24 * 3600;

/// How many KiB are left on a disk that fills up: from nothing to enough for everything, so that it is
/// full at one write after the other.
const LEFT: [u32; 12] = [0, 4, 8, 16, 24, 32, 48, 64, 80, 96, 128, 256];

/// The largest file in KiB, where files may not grow. SQLite's shared memory alone takes 32.
const LARGEST: [u32; 7] = [1, 33, 40, 48, 64, 96, 160];

/// All faults, each kind beside the others: most of them wait.
pub fn table() -> Table {
    let rows: [fn() -> Row; 7] = [
        disk_full,
        files_cannot_grow,
        locked_before,
        locked_during,
        read_only,
        clock_jumps,
        model_down,
    ];
    let rows = std::thread::scope(|scope| {
        let running: Vec<_> = rows.into_iter().map(|row| scope.spawn(row)).collect();
        let ended = running.into_iter().map(|thread| match thread.join() {
            Ok(row) => row,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        ended.collect()
    });
    Table { title: "Faults: the machine fails around the program".into(), rows }
}

/// The story with several calls in a turn.
fn story() -> &'static Scenario {
    &SCENARIOS[0]
}

/// A run that waits for its first decisions.
fn waiting() -> Result<(Home, String), Wrong> {
    let home = story().home();
    let ran = home.run(["run", "role.yaml", "-p", "go"]);
    match (ran.code, look::newest_run(&home)) {
        (Some(2), Some(run)) => Ok((home, run)),
        _ => Err(Wrong::lost(format!("the run does not wait:\n{ran}"))),
    }
}

/// Whether a command failed with these words for its person, or did what it should.
fn told(code: Option<i32>, words: &str, sentence: &str) -> Result<bool, Wrong> {
    match code {
        Some(1) if words.contains(sentence) => Ok(true),
        Some(0 | 2) => Ok(false),
        _ => Err(Wrong::untrue(format!("`{sentence}` was to be told, and not {code:?}: {words}"))),
    }
}

/// Counts a trial, after people went on with the run.
fn go_on(row: &mut Row, trial: &str, home: &Home, outcome: Result<(), Wrong>) {
    let outcome = outcome.and_then(|()| Recovery::new(home, 1).go_on(row));
    row.count(trial, outcome);
}

fn disk_full() -> Row {
    let mut row = Row::new("the disk is full");
    let mut refused = 0;
    for left in LEFT {
        let (home, run) = match waiting() {
            Ok(waiting) => waiting,
            Err(wrong) => {
                row.count("before", Err(wrong));
                continue;
            }
        };
        let Some(mut room) = Room::enter(&home) else {
            row.name.push_str(" (not tried: no mount namespaces here)");
            return row;
        };
        let outcome = fill(&mut room, left).and_then(|()| {
            let said = room.run(&format!("approve {run} --all"));
            if told(Some(said.code), &said.stderr, "there is no space left")? {
                refused += 1;
            }
            // What is on the small disk is what people go on with.
            let kept = home.root().join("kept");
            let copy = format!(
                "rm \"$INITRUNNER_HOME/filler\"; cp -a \"$INITRUNNER_HOME\" '{}'",
                kept.display()
            );
            done(room.say(&copy))?;
            let moved = std::fs::remove_dir_all(home.state())
                .and_then(|()| std::fs::rename(&kept, home.state()));
            moved.map_err(|error| Wrong::untrue(format!("the state cannot be kept: {error}")))
        });
        drop(room);
        go_on(&mut row, &format!("{left} KiB left"), &home, outcome);
    }
    if refused == 0 {
        row.count("all", Err(Wrong::untrue("the disk was never full")));
    }
    row
}

/// Puts the state folder on a small disk with so many KiB left.
fn fill(room: &mut Room, left: u32) -> Result<(), Wrong> {
    done(room.say(
        "cp -a \"$INITRUNNER_HOME\" \"$INITRUNNER_HOME.outside\" && \
         mount -t tmpfs -o size=8m none \"$INITRUNNER_HOME\" && \
         cp -a \"$INITRUNNER_HOME.outside/.\" \"$INITRUNNER_HOME/\"",
    ))?;
    // Runs until nothing is left, which is its error.
    room.say("cat /dev/zero > \"$INITRUNNER_HOME/filler\"");
    done(room.say(&format!("truncate -s -{left}K \"$INITRUNNER_HOME/filler\"")))
}

fn done(said: Said) -> Result<(), Wrong> {
    if said.code == 0 {
        return Ok(());
    }
    Err(Wrong::untrue(format!("the fault cannot be made: {}{}", said.stdout, said.stderr)))
}

fn files_cannot_grow() -> Row {
    let mut row = Row::new("files may not grow");
    let mut refused = 0;
    for largest in LARGEST {
        let trial = format!("{largest} KiB");
        match waiting() {
            Err(wrong) => row.count(&trial, Err(wrong)),
            Ok((home, run)) => {
                // Without the signal (setrlimit(2)) writing gives an error. The unit is 512 bytes.
                let limit = format!("trap '' XFSZ && ulimit -f {}", largest * 2);
                let ran = home.command(["approve", &run, "--all"]).after(&limit).run();
                let outcome = told(ran.code, &ran.stderr, "the database `").map(|failed| {
                    refused += usize::from(failed);
                });
                go_on(&mut row, &trial, &home, outcome);
            }
        }
    }
    if refused == 0 {
        row.count("all", Err(Wrong::untrue("no file was ever too large")));
    }
    row
}

/// Keeps the database locked for so long while something is done.
fn while_locked(
    home: &Home,
    long: Duration,
    act: impl FnOnce() -> Result<(), Wrong>,
) -> Result<(), Wrong> {
    let conn = home.database();
    let failed = |error: rusqlite::Error| Wrong::untrue(format!("it cannot be locked: {error}"));
    conn.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::sleep(long);
            // Closing it gives the lock back.
            drop(conn);
        });
        act()
    })
}

const LOCK_TOLD: &str = "is locked by another process";

fn locked_before() -> Row {
    let mut row = Row::new("the database is locked, then not");
    for (trial, long) in [("for 10 s", LOCKED), ("for 2 s", BRIEFLY)] {
        match waiting() {
            Err(wrong) => row.count(trial, Err(wrong)),
            Ok((home, run)) => {
                let outcome = while_locked(&home, long, || {
                    // Looking takes no lock.
                    understood(&["pending"], &home.run(["pending"]))?;
                    let ran = home.run(["approve", &run, "--all"]);
                    let refused = told(ran.code, &ran.stderr, LOCK_TOLD)?;
                    if refused != (long == LOCKED) {
                        return Err(Wrong::untrue(format!("a lock {trial} gave\n{ran}")));
                    }
                    Ok(())
                });
                go_on(&mut row, trial, &home, outcome);
            }
        }
    }
    row
}

/// The lock is taken while the call runs: its result is kept until it can be written down. Several at
/// once, since trying again must not be answered with the refusal before.
fn locked_during() -> Row {
    let mut row = Row::new("the database is locked during a call");
    std::thread::scope(|scope| {
        for trial in [(); 4].map(|()| scope.spawn(locked_during_one)) {
            match trial.join() {
                Ok(one) => row.add(&one),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    row
}

fn locked_during_one() -> Row {
    let mut row = Row::new("the database is locked during a call");
    match waiting() {
        Err(wrong) => row.count("for 10 s", Err(wrong)),
        Ok((home, run)) => {
            let approving = home
                .failing(["approve", &run, "--all"])
                .env("INITRUNNER_FAIL_POINT", "runner.invoke.invoked:stop")
                .start();
            until("the call has run", || !look::effects(&home).is_empty());
            until("its process has stopped", || {
                let stat = std::fs::read_to_string(format!("/proc/{}/stat", approving.id()));
                stat.is_ok_and(|stat| stat.contains(") T "))
            });
            let outcome = while_locked(&home, LOCKED, || {
                let began = Instant::now();
                approving.signal(Signal::CONT);
                let ran = approving.wait();
                match ran.code {
                    Some(2) => Ok(()),
                    _ => {
                        let took = began.elapsed();
                        Err(Wrong::lost(format!("after {took:?} the result was given up:\n{ran}")))
                    }
                }
            });
            go_on(&mut row, "for 10 s", &home, outcome);
        }
    }
    row
}

fn read_only() -> Row {
    let mut row = Row::new("the file system is read-only");
    let commands =
        ["approve RUN --all", "approve RUN --all --deny", "cancel RUN", "run role.yaml -p go"];
    for command in commands {
        let (home, run) = match waiting() {
            Ok(waiting) => waiting,
            Err(wrong) => {
                row.count(command, Err(wrong));
                continue;
            }
        };
        let Some(mut room) = Room::enter(&home) else {
            row.name.push_str(" (not tried: no mount namespaces here)");
            return row;
        };
        let mounted = done(room.say(
            "mount --bind \"$INITRUNNER_HOME\" \"$INITRUNNER_HOME\" && \
             mount -o remount,bind,ro \"$INITRUNNER_HOME\"",
        ));
        let outcome = mounted.and_then(|()| {
            let said = room.run(&command.replace("RUN", &run));
            match told(Some(said.code), &said.stderr, "cannot be written")? {
                true => Ok(()),
                false => Err(Wrong::untrue(format!("it was written to: {}", said.stdout))),
            }
        });
        drop(room);
        go_on(&mut row, command, &home, outcome);
    }
    row
}

fn clock_jumps() -> Row {
    let mut row = Row::new("the clock jumps");
    let jumps = [
        ("forward", [0, TEN_YEARS, TEN_YEARS]),
        ("back", [0, -TEN_YEARS, -TEN_YEARS]),
        ("forward and back", [0, TEN_YEARS, -TEN_YEARS]),
        ("back and forward", [0, -TEN_YEARS, TEN_YEARS]),
        ("from the future", [TEN_YEARS, 0, 0]),
        // Before 1970, where there is no time of day to be wrong about.
        ("from long ago", [-6 * TEN_YEARS, 0, TEN_YEARS]),
    ];
    for (trial, offsets) in jumps {
        let home = story().home();
        let first = offsets[0].to_string();
        let first = home
            .failing(["run", "role.yaml", "-p", "go"])
            .env("INITRUNNER_CLOCK_OFFSET", &first)
            .run();
        let outcome = expect_code(&first, 2).and_then(|()| {
            // Another run ends far away in time, which must not take anything from this one.
            home.role("other.yaml", "", "rules: [{reply: Done.}]\n");
            let other = home.failing(["run", "other.yaml", "-p", "hello", "--json"]);
            let far = (2 * TEN_YEARS).to_string();
            expect_code(&other.env("INITRUNNER_CLOCK_OFFSET", &far).run(), 0)?;
            Ok(())
        });
        let run = first_run(&home);
        let approve = |step: usize, code: i32| -> Result<(), Wrong> {
            let offset = offsets[step].to_string();
            let start = home.failing(["approve", &run, "--all"]).env("MOOD", "calm");
            expect_code(&start.env("INITRUNNER_CLOCK_OFFSET", &offset).run(), code)
        };
        let outcome = outcome.and_then(|()| approve(1, 2)).and_then(|()| approve(2, 0));
        let outcome = outcome.and_then(|()| {
            let happened = look::effects(&home);
            if happened.len() == 4 && happened.values().all(|count| *count == 1) {
                return expect_code(&home.run(["audit", "verify"]), 0);
            }
            let more = happened.values().any(|count| *count > 1);
            let what = format!("what happened is {happened:?}");
            Err(if more { Wrong::Doubled(what) } else { Wrong::Lost(what) })
        });
        row.count(trial, outcome);
    }
    row
}

fn first_run(home: &Home) -> String {
    let runs = home.json(["runs", "--json"]);
    let oldest = runs.as_array().and_then(|runs| runs.last()).map(|run| run["run_id"].clone());
    oldest.and_then(|id| id.as_str().map(str::to_owned)).unwrap_or_default()
}

fn expect_code(ran: &Ran, code: i32) -> Result<(), Wrong> {
    if ran.code == Some(code) {
        return Ok(());
    }
    Err(Wrong::lost(format!("{code} was expected:\n{ran}")))
}

/// The model answers with a call, is gone when the approved call has run, and comes back.
fn model_down() -> Row {
    let mut row = Row::new("the model is gone after the call");
    let home = Home::new();
    home.file(
        "role.yaml",
        "name: test\nprompt: p\n\
         model: {provider: openai, base_url: \"${SERVER}\", name: m}\n\
         tools: [{type: shell, shell: true, approval: required}]\n",
    );
    let call = r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"shell","arguments":"{\"command\":\"echo a >> effects\"}"}}]},"finish_reason":null}]}"#;
    let finish = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#;
    let first = ModelStub::serve(vec![Answer::stream().event(call).event(finish).event("[DONE]")]);
    let at = |server: &str, words: &[&str]| {
        home.command(words.iter().copied()).env("SERVER", server).run()
    };
    let outcome = expect_code(&at(&first.base_url(), &["run", "role.yaml", "-p", "go"]), 2)
        .and_then(|()| {
            let run = look::newest_run(&home).unwrap_or_default();
            // The server takes one connection; now nobody is there.
            expect_code(&at(&first.base_url(), &["approve", &run, "--all"]), 75)?;
            once(&home)?;
            let second = ModelStub::serve(vec![Answer::text("Done.")]);
            expect_code(&at(&second.base_url(), &["resume", &run]), 0)?;
            once(&home)?;
            expect_code(&home.run(["audit", "verify"]), 0)
        });
    row.count("once", outcome);
    row
}

fn once(home: &Home) -> Result<(), Wrong> {
    match look::effects(home).get("a").copied().unwrap_or(0) {
        1 => Ok(()),
        0 => Err(Wrong::lost("the call did not happen")),
        count => Err(Wrong::Doubled(format!("the call happened {count} times"))),
    }
}
