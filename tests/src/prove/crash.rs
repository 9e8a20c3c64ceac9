//! Killing the program: at every fail point in turn, then at further places and at random times.

use super::look;
use super::recover::{Recovery, nothing_runs};
use super::scenario::{SCENARIOS, Scenario, Step};
use super::{Row, Table, Wrong, verb};
use crate::home::{Home, Ran, Start};
use crate::random::Random;
use initrunner::fail_point;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a supervisor may take to end everything: it is a matter of milliseconds.
const GONE: Timespec = Timespec { tv_sec: 60, tv_nsec: 0 };

/// How the program works: as the command line does, which drives one run, or as a process for many does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Threads {
    /// A runtime with one thread. The store has a thread of its own.
    One,
    /// A runtime with several: whoever calls a verb of the store does it, and reads are apart.
    Several,
}

impl Threads {
    const BOTH: [Threads; 2] = [Threads::One, Threads::Several];

    fn tell(self, start: Start) -> Start {
        match self {
            Threads::One => start,
            Threads::Several => start.env("INITRUNNER_SEVERAL_THREADS", "1"),
        }
    }

    fn name(self, place: &str) -> String {
        match self {
            Threads::One => place.to_owned(),
            Threads::Several => format!("{place}, several threads"),
        }
    }
}

/// One kill.
#[derive(Debug, Clone)]
struct Plan {
    threads: Threads,
    scenario: &'static Scenario,
    /// Which of its commands.
    step: usize,
    place: Place,
    seed: u64,
}

#[derive(Debug, Clone)]
enum Place {
    /// Where a fail point is reached for the `nth` time.
    Point { name: String, nth: usize },
    /// So long after the start.
    Time(Duration),
}

/// What a scenario came past when nothing killed it.
struct Path {
    threads: Threads,
    scenario: &'static Scenario,
    /// For each command: how long it took, and how often it reached what.
    steps: Vec<(Duration, BTreeMap<String, usize>)>,
}

/// Kills the program `kills` times, at least once at every fail point but those that only a daemon comes past.
pub fn table(kills: usize, seed: u64) -> Table {
    let title = format!("Crashes: the program is killed {kills} times (seed {seed})");
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    let mut paths = Vec::new();
    let stories = SCENARIOS.iter().flat_map(|it| Threads::BOTH.map(|threads| (it, threads)));
    for (scenario, threads) in stories {
        match walk(scenario, threads) {
            Ok(path) => paths.push(path),
            Err(wrong) => {
                let name = format!("undisturbed: {}", scenario.name);
                let mut row = Row::new(threads.name(&name));
                row.count("no kill", Err(wrong));
                rows.insert(row.name.clone(), row);
            }
        }
    }
    let (plans, unreached) = plans(&paths, kills, seed);
    for name in unreached {
        let mut row = Row::new(&name);
        row.count("no kill", Err(Wrong::untrue("no scenario comes past this fail point")));
        rows.insert(name, row);
    }

    let queue = Mutex::new(plans.into_iter());
    let rows = Mutex::new(rows);
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let plan = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(plan) = plan else { return };
                    let row = trial(&plan);
                    let mut rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
                    let name = row.name.clone();
                    rows.entry(name.clone()).or_insert_with(|| Row::new(name)).add(&row);
                }
            });
        }
    });
    let rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
    Table { title, rows: rows.into_values().collect() }
}

/// Goes through a scenario and notes what it comes past.
fn walk(scenario: &'static Scenario, threads: Threads) -> Result<Path, Wrong> {
    let home = scenario.home();
    let mut steps = Vec::new();
    for (index, step) in scenario.steps.iter().enumerate() {
        let log = home.root().join(format!("reached.{index}"));
        let began = Instant::now();
        let ran = threads
            .tell(step.start(&home, true))
            .env("INITRUNNER_FAIL_POINT", step.orders)
            .env("INITRUNNER_FAIL_POINT_LOG", &log.to_string_lossy())
            .run();
        if ran.stderr.contains("panicked") {
            return Err(Wrong::lost(format!("`{}` gave\n{ran}", step.words.join(" "))));
        }
        steps.push((began.elapsed(), reached(&log)));
    }
    let run = look::newest_run(&home).unwrap_or_default();
    let look = look::Look::at(&home, &run).map_err(Wrong::Lost)?;
    if look.state != scenario.end {
        return Err(Wrong::untrue(format!("the run is {}, not {}", look.state, scenario.end)));
    }
    Recovery::new(&home, 0).go_on(&mut Row::new(scenario.name))?;
    Ok(Path { threads, scenario, steps })
}

fn reached(log: &std::path::Path) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in std::fs::read_to_string(log).unwrap_or_default().lines() {
        *counts.entry(line.to_owned()).or_default() += 1;
    }
    counts
}

/// Which kills there will be, and the fail points that none of them can be at.
fn plans(paths: &[Path], kills: usize, seed: u64) -> (Vec<Plan>, Vec<String>) {
    let mut random = Random::new(seed);
    let mut places: Vec<(&Path, usize, String, usize)> = Vec::new();
    for path in paths {
        for (step, (_, points)) in path.steps.iter().enumerate() {
            for (name, count) in points {
                places.extend((1..=*count).map(|nth| (path, step, name.clone(), nth)));
            }
        }
    }
    let mut plans: Vec<Plan> = Vec::new();
    let mut plan = |path: &Path, step, place, random: &mut Random| {
        let (threads, scenario) = (path.threads, path.scenario);
        plans.push(Plan { threads, scenario, step, place, seed: random.bits() });
    };
    let mut unreached = Vec::new();
    let mut used = BTreeSet::new();
    // The points of the other kind of program, which come before all that are left.
    let mut next = Vec::new();
    let names = fail_point::names().into_iter().filter(|name| !verb::is_here(name));
    for (count, name) in names.enumerate() {
        let of = |threads: Threads| {
            places.iter().position(|place| place.2 == name && place.0.threads == threads)
        };
        // In turn, so that few kills are of both kinds, too.
        let mut kinds = Threads::BOTH;
        kinds.rotate_left(count % 2);
        let mut found = kinds.into_iter().filter_map(of);
        let Some(index) = found.next() else {
            unreached.push(name);
            continue;
        };
        next.extend(found);
        used.insert(index);
        let (path, step, _, nth) = places[index];
        plan(path, step, Place::Point { name, nth }, &mut random);
    }
    // Half of the rest at the same points in other circumstances, half at any time.
    let is_left = |index: &usize| !used.contains(index) && !next.contains(index);
    let mut others: Vec<usize> = (0..places.len()).filter(is_left).collect();
    for left in (1..others.len()).rev() {
        others.swap(left, random.below(left + 1));
    }
    others.extend(next);
    let stories: Vec<&Path> = paths
        .iter()
        .filter(|path| path.scenario.steps.iter().all(|s| s.orders.is_empty()))
        .collect();
    let named = used.len();
    for count in named..kills {
        if count % 2 == 0
            && let Some(index) = others.pop()
        {
            let (path, step, name, nth) = places[index].clone();
            plan(path, step, Place::Point { name, nth }, &mut random);
        } else if !stories.is_empty() {
            let path = *random.pick(&stories);
            let step = random.below(path.steps.len());
            let micros = usize::try_from(path.steps[step].0.as_micros()).unwrap_or(1).max(1);
            let after = Duration::from_micros(random.below(micros) as u64);
            plan(path, step, Place::Time(after), &mut random);
        }
    }
    (plans, unreached)
}

fn trial(plan: &Plan) -> Row {
    let name = match &plan.place {
        Place::Point { name, .. } => name.clone(),
        Place::Time(_) => format!("at any time: {}", plan.scenario.name),
    };
    let mut row = Row::new(plan.threads.name(&name));
    let home = plan.scenario.home();
    let outcome = kill(plan, &home).and_then(|()| {
        nothing_runs(&home)?;
        Recovery::new(&home, plan.seed).go_on(&mut row)
    });
    let place = match &plan.place {
        Place::Point { nth, .. } => format!("time {nth}"),
        Place::Time(after) => format!("after {after:?}"),
    };
    let trial = format!("{}, command {}, {place}", plan.scenario.name, plan.step + 1);
    row.count(&trial, outcome);
    row
}

/// Goes through the scenario as far as its process is killed, and compares what is written down with
/// where that was.
fn kill(plan: &Plan, home: &Home) -> Result<(), Wrong> {
    for step in &plan.scenario.steps[..plan.step] {
        let start = plan.threads.tell(step.start(home, true));
        let ran = start.env("INITRUNNER_FAIL_POINT", step.orders).run();
        understood_or_ordered(step, &ran)?;
    }
    let step = &plan.scenario.steps[plan.step];
    match &plan.place {
        Place::Point { name, nth } => {
            let event = commits(name);
            let before = event.map(|(kind, _)| look::journaled(home, kind));
            let log = home.root().join("reached");
            let orders = format!("{name}:{nth},{}", step.orders);
            let ended = Ended::watch(home)?;
            let ran = plan
                .threads
                .tell(step.start(home, true))
                .env("INITRUNNER_FAIL_POINT", &orders)
                .env("INITRUNNER_FAIL_POINT_LOG", &log.to_string_lossy())
                .after(ALIVE)
                .run();
            ended.wait()?;
            let last = std::fs::read_to_string(&log).unwrap_or_default();
            if ran.code.is_some() || last.lines().last() != Some(name) {
                return Err(Wrong::untrue(format!("it was not killed there:\n{ran}")));
            }
            if let (Some((kind, committed)), Some(before), 1) = (event, before, *nth) {
                let after = look::journaled(home, kind);
                if (after > before) != committed {
                    return Err(Wrong::lost(format!(
                        "the journal had {before} and has {after} events `{kind}`"
                    )));
                }
            }
        }
        Place::Time(after) => {
            let ended = Ended::watch(home)?;
            // The shipped program, where it works like that.
            let failing = plan.threads == Threads::Several;
            let start = plan.threads.tell(step.start(home, failing));
            let running = start.after(ALIVE).start();
            std::thread::sleep(*after);
            running.kill();
            ended.wait()?;
        }
    }
    Ok(())
}

/// A command that went as the story says: told in words, or ended by its own order.
fn understood_or_ordered(step: &Step, ran: &Ran) -> Result<(), Wrong> {
    if (ran.code.is_none() || ran.code == Some(130)) && !step.orders.is_empty() {
        return Ok(());
    }
    super::recover::understood(step.words, ran)
}

/// The event that a verb's transaction adds, and whether it is there when this point is reached.
fn commits(point: &str) -> Option<(&'static str, bool)> {
    let (verb, moment) = point.strip_prefix("store.")?.split_once('.')?;
    let kind = match verb {
        "cancel_run" | "end_run" => "run_ended",
        "claim_run" => "run_claimed",
        "create_run" => "run_created",
        "decide" => "approval_decided",
        "interrupt_run" => "run_interrupted",
        "pause_run" => "run_paused",
        "readmit_call" => "approval_voided",
        "record_call_finished" => "call_finished",
        "record_call_started" => "call_started",
        "record_turn" => "turn_recorded",
        "retry_unknown" => "unknown_retried",
        "sweep" => "approval_expired",
        "tell_results" => "results_told",
        _ => return None,
    };
    match moment {
        "before_begin" | "after_verb" | "before_commit" => Some((kind, false)),
        "after_commit" | "after_heads" => Some((kind, true)),
        _ => None,
    }
}

/// Has a process, and the supervisors it starts, hold the other end of a pipe open.
const ALIVE: &str = "exec 9>\"$INITRUNNER_HOME.alive\"";

/// Tells when a process and all its supervisors are gone.
struct Ended(File);

impl Ended {
    fn watch(home: &Home) -> Result<Self, Wrong> {
        let path = home.root().join("state.alive");
        let failed = |error: std::io::Error| Wrong::untrue(format!("no pipe: {error}"));
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
            .map_err(|error| failed(error.into()))?;
        // Otherwise opening would wait for the process, which may be killed before it opens its end.
        let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
        let file = OpenOptions::new().read(true).custom_flags(flags).open(&path).map_err(failed)?;
        Ok(Self(file))
    }

    /// Waits, once the process itself is known to have ended.
    fn wait(mut self) -> Result<(), Wrong> {
        // No end of file as long as anybody holds the other end; no data, ever.
        loop {
            match self.0.read(&mut [0; 1]) {
                Ok(0) => return Ok(()),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
                    if poll(&mut fds, Some(&GONE)) == Ok(0) {
                        return Err(Wrong::untrue("a supervisor outlived its host by a minute"));
                    }
                }
                Ok(_) => {}
                Err(error) => return Err(Wrong::untrue(format!("the pipe: {error}"))),
            }
        }
    }
}
