//! Races: many processes decide the same call at the same moment. One is first, its decision is what
//! happens, and everybody else is told who that was.

use super::look::{self, Call, Look};
use super::{Row, Table, Wrong};
use crate::home::{Home, Ran, Running, Start, until};
use initrunner::domain::decision::SYSTEM;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::time::{Duration, Instant};

/// How many processes race, in the whole matrix.
pub const CROWDS: [usize; 3] = [2, 8, 64];

/// What one process of a race does: `RUN`, `CALL` and `PERSON` stand for what they say.
type Side = &'static [&'static str];

const APPROVE: Side = &["approve", "RUN", "--all", "--resolved-by", "PERSON"];
const DENY: Side = &["approve", "RUN", "--all", "--deny", "--resolved-by", "PERSON"];
const CANCEL: Side = &["cancel", "RUN", "--resolved-by", "PERSON"];
const EDIT: Side = &[
    "approve",
    "RUN",
    "--tool-call-id",
    "CALL",
    "--set",
    "command=echo edited >> effects",
    "--resolved-by",
    "PERSON",
];
const SWEEP: Side = &["sweep"];

/// One kind of race: the processes take the sides in turn.
struct Race {
    name: &'static str,
    sides: &'static [Side],
    /// The approval of the role's tool.
    approval: &'static str,
    /// How long the call may wait, where it may not wait for ever.
    expires: Option<Duration>,
}

/// The shortest limit that a role can have.
const LIMIT: Duration = Duration::from_secs(1);

const RACES: [Race; 5] = [
    Race { name: "approve", sides: &[APPROVE], approval: "required", expires: None },
    Race { name: "approve, deny", sides: &[APPROVE, DENY], approval: "required", expires: None },
    Race {
        name: "approve, cancel",
        sides: &[APPROVE, CANCEL],
        approval: "required",
        expires: None,
    },
    Race { name: "approve, edit", sides: &[APPROVE, EDIT], approval: "required", expires: None },
    Race {
        name: "approve, expiry",
        sides: &[APPROVE, SWEEP],
        approval: "{mode: required, expires_after: 1s}",
        expires: Some(LIMIT),
    },
];

impl Race {
    /// How often it is run: a small race is over soon, and its outcome depends on luck. One with a time
    /// limit takes that long.
    fn trials(&self, crowd: usize) -> usize {
        let most = if self.expires.is_some() { 8 } else { 16 };
        (most / crowd).max(1)
    }
}

/// Races in crowds of these sizes, and owners that stop and wake up.
pub fn table(crowds: &[usize]) -> Table {
    let mut rows = Vec::new();
    for race in &RACES {
        for crowd in crowds {
            let mut row = Row::new(format!("{}: {crowd} processes", race.name));
            for trial in 0..race.trials(*crowd) {
                row.count(&format!("race {}", trial + 1), run(race, *crowd, trial));
            }
            rows.push(row);
        }
    }
    for (name, trial) in SLEEPERS {
        let mut row = Row::new(name);
        let outcome = trial(&mut row);
        row.count("alone", outcome);
        rows.push(row);
    }
    Table { title: "Races: many decide the same call at once".into(), rows }
}

/// Where processes wait for the start.
struct Gate(File);

/// What each does there: says that it is there, and waits for a line of its own.
const AT_GATE: &str = "echo >> \"$INITRUNNER_HOME.ready\" && read -r _ < \"$INITRUNNER_HOME.gate\"";

impl Gate {
    fn build(home: &Home) -> Result<Self, Wrong> {
        let path = home.root().join("state.gate");
        let failed = |error: std::io::Error| Wrong::untrue(format!("no pipe: {error}"));
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
            .map_err(|error| failed(error.into()))?;
        // Open both ways, so that nobody waits for the other end to be opened.
        OpenOptions::new().read(true).write(true).open(&path).map(Self).map_err(failed)
    }

    /// Opens when everybody is there, and not before this moment.
    fn open(
        mut self,
        home: &Home,
        crowd: Vec<Start>,
        moment: Option<Instant>,
    ) -> Result<Vec<Ran>, Wrong> {
        let count = crowd.len();
        let running: Vec<Running> =
            crowd.into_iter().map(|start| start.after(AT_GATE).start()).collect();
        let ready = home.root().join("state.ready");
        until("everybody is at the start", || {
            std::fs::read_to_string(&ready).is_ok_and(|text| text.lines().count() == count)
        });
        if let Some(moment) = moment {
            std::thread::sleep(moment.saturating_duration_since(Instant::now()));
        }
        let go = "\n".repeat(count);
        let went = self.0.write_all(go.as_bytes());
        went.map_err(|error| Wrong::untrue(format!("nobody could start: {error}")))?;
        Ok(running.into_iter().map(Running::wait).collect())
    }
}

/// A run with one call that waits.
fn waiting(approval: &str) -> Result<(Home, String, String), Wrong> {
    let home = Home::new();
    home.file(
        "role.yaml",
        format!(
            "name: test\nprompt: p\nmodel: scripted:script.yaml\n\
             tools:\n  - {{type: shell, shell: true, approval: {approval}}}\n"
        ),
    );
    home.file(
        "script.yaml",
        "rules:\n\
         - turn: 0\n  calls: [{tool: shell, arguments: {command: \"echo a >> effects\"}}]\n\
         - {from: tool, when: \"(?s).*\", reply: Done.}\n",
    );
    let ran = home.run(["run", "role.yaml", "-p", "go"]);
    let (run, call) = (look::newest_run(&home), look::calls_of_newest(&home).into_iter().next());
    match (ran.code, run, call) {
        (Some(2), Some(run), Some(call)) => Ok((home, run, call)),
        _ => Err(Wrong::lost(format!("the run does not wait:\n{ran}"))),
    }
}

/// How many milliseconds before the limit the gate opens, trial by trial: about what a process needs from
/// there to its decision, so that some come in time and some do not. Whoever is first, one is.
const EARLY: [u64; 4] = [45, 30, 15, 0];

fn run(race: &Race, crowd: usize, trial: usize) -> Result<(), Wrong> {
    let (home, run, call) = waiting(race.approval)?;
    let early = Duration::from_millis(EARLY[trial % EARLY.len()]);
    let moment = race.expires.map(|limit| Instant::now() + limit.saturating_sub(early));
    let gate = Gate::build(&home)?;
    let person = |n: usize| format!("person-{n}.");
    let start = |n: usize| {
        let words: Vec<String> = race.sides[n % race.sides.len()]
            .iter()
            .map(|word| match *word {
                "RUN" => run.clone(),
                "CALL" => call.clone(),
                "PERSON" => person(n),
                word => word.to_owned(),
            })
            .collect();
        home.command(words.iter().map(String::as_str))
    };
    let ran = gate.open(&home, (0..crowd).map(start).collect(), moment)?;
    if race.expires.is_some() {
        go_on(&home, &run)?;
    }

    let look = Look::at(&home, &run).map_err(Wrong::Lost)?;
    let effects = look::effects(&home);
    let count: usize = effects.values().sum();
    if count > 1 {
        return Err(Wrong::Doubled(format!("the call happened {count} times")));
    }
    let ended = look.calls.iter().find(|found| found.id == call).cloned();
    let ended = ended.ok_or_else(|| Wrong::lost("the call is gone"))?;
    // Cancelled in the middle, a call may have happened and nobody asks.
    let may_be = match &*ended.state {
        "succeeded" => 1..=1,
        "unknown" if look.state == "cancelled" => 0..=1,
        _ => 0..=0,
    };
    if !may_be.contains(&count) || effects.keys().any(|word| *word != ended.word) {
        let Call { word, state, .. } = &ended;
        let said = format!("call `{word}` is {state}, and what happened is {effects:?}");
        return Err(Wrong::Untrue(said));
    }
    let edited = look.events_of(&ended, "approval_edited");
    if edited != usize::from(ended.word == "edited") {
        let said = format!("the journal has {edited} edits, and the call is `{}`", ended.word);
        return Err(Wrong::Untrue(said));
    }
    if !look.is_over() {
        return Err(Wrong::lost(format!("the run is {} after everybody decided", look.state)));
    }
    winners(race, &home, &run, &ran, &person)?;
    let verified = home.run(["audit", "verify"]);
    if verified.code != Some(0) {
        return Err(Wrong::untrue(format!("the journal does not hold: {verified}")));
    }
    Ok(())
}

/// Whoever decides too late has the call expire and is told so; then the run is there for anybody to go
/// on with.
fn go_on(home: &Home, run: &str) -> Result<(), Wrong> {
    let look = Look::at(home, run).map_err(Wrong::Lost)?;
    if look.state != "interrupted" {
        return Ok(());
    }
    ends("going on without the call", &home.run(["resume", run]), 0)
}

/// Whether one was first, and the others were told who.
fn winners(
    race: &Race,
    home: &Home,
    run: &str,
    ran: &[Ran],
    person: &dyn Fn(usize) -> String,
) -> Result<(), Wrong> {
    let story = home.json(["show", run, "--json"]);
    let first = story["calls"][0]["resolved_by"].as_str().unwrap_or_default().to_owned();
    let outcome = story["outcome"].as_str().unwrap_or_default().to_owned();
    let side = |n: usize| race.sides[n % race.sides.len()];
    let mut won = Vec::new();
    for (n, ran) in ran.iter().enumerate() {
        match ran.code {
            Some(0) if side(n) == SWEEP => {}
            Some(0) => won.push(n),
            // Everybody who is told no is told whose yes or no it was: of the call, or of the run.
            Some(3) => {
                let who = outcome.strip_prefix("cancelled by ").unwrap_or(&first);
                let told = match first == SYSTEM {
                    true => ran.stderr.contains(" expired at "),
                    false => ran.stderr.contains(&first) || ran.stderr.contains(who),
                };
                // A run that came to its own end was ended by nobody.
                let came_late = side(n) == CANCEL && ran.stderr.contains("is completed");
                if !told && !came_late {
                    return Err(Wrong::untrue(format!("who was first ({first})? Told was\n{ran}")));
                }
            }
            _ => return Err(Wrong::untrue(format!("{} was told\n{ran}", person(n)))),
        }
    }
    // Of those who sweep, one expires the call, or whoever decides too late does.
    let expired = ran.iter().filter(|ran| ran.stdout.contains(" expired: ")).count();
    if expired > usize::from(first == SYSTEM) {
        return Err(Wrong::Doubled(format!("{expired} had it expire, and {first} was first")));
    }
    let deciders = won.iter().filter(|n| side(**n) != CANCEL).count();
    let cancellers = won.len() - deciders;
    // A run that somebody approved can still be cancelled; nothing else is done twice.
    let fits = if first == SYSTEM { won.is_empty() } else { (1..=2).contains(&won.len()) };
    if deciders > 1 || cancellers > 1 || !fits {
        return Err(Wrong::Doubled(format!("{deciders} decided and {cancellers} cancelled")));
    }
    Ok(())
}

/// Owners that stop in the middle and are not dead, or not alive, as others see it.
type Sleeper = fn(&mut Row) -> Result<(), Wrong>;

const SLEEPERS: [(&str, Sleeper); 4] = [
    ("a stopped owner is waited for", waited_for),
    ("a stopped owner is killed", stopped_and_killed),
    ("an owner wakes up before its call, replaced", |row| replaced("runner.invoke.admitted", row)),
    ("an owner wakes up after its call, replaced", |row| replaced("runner.invoke.invoked", row)),
];

/// Approves with a process that stops itself at a fail point.
fn stopped(home: &Home, run: &str, point: &str) -> Result<Running, Wrong> {
    let log = home.root().join("reached");
    let running = home
        .failing(["approve", run, "--all", "--resolved-by", "sleeper."])
        .env("INITRUNNER_FAIL_POINT", &format!("{point}:stop"))
        .env("INITRUNNER_FAIL_POINT_LOG", &log.to_string_lossy())
        .start();
    let stat = format!("/proc/{}/stat", running.id());
    until("the owner has stopped", || {
        let stat = std::fs::read_to_string(&stat).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, after)| after.starts_with('T'))
    });
    Ok(running)
}

/// Whether others are told that a living process has the run.
fn owned(home: &Home, run: &str, pid: u32) -> Result<(), Wrong> {
    let resumed = home.run(["resume", run]);
    let told = "is being driven by another process";
    if resumed.code != Some(3) || !resumed.stderr.contains(told) {
        return Err(Wrong::untrue(format!("process {pid} is stopped, and told was\n{resumed}")));
    }
    let approved = home.run(["approve", run, "--all"]);
    if approved.code != Some(3) || !approved.stderr.contains("sleeper.") {
        return Err(Wrong::untrue(format!("sleeper. decided, and told was\n{approved}")));
    }
    Ok(())
}

fn effect(home: &Home, expected: usize) -> Result<(), Wrong> {
    let count = look::effects(home).get("a").copied().unwrap_or(0);
    match count.cmp(&expected) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Less => Err(Wrong::lost("the call did not happen")),
        std::cmp::Ordering::Greater => {
            Err(Wrong::Doubled(format!("the call happened {count} times and not {expected}")))
        }
    }
}

fn ends(what: &str, ran: &Ran, code: i32) -> Result<(), Wrong> {
    if ran.code == Some(code) {
        return Ok(());
    }
    Err(Wrong::lost(format!("{what} should give {code}:\n{ran}")))
}

/// Nobody takes the run away; when it wakes up it goes on.
fn waited_for(_: &mut Row) -> Result<(), Wrong> {
    for point in ["runner.invoke.started", "runner.invoke.invoked", "store.decide.after_commit"] {
        let (home, run, _) = waiting("required")?;
        let sleeper = stopped(&home, &run, point)?;
        owned(&home, &run, sleeper.id())?;
        sleeper.signal(Signal::CONT);
        ends("the owner that woke up", &sleeper.wait(), 0)?;
        effect(&home, 1)?;
    }
    Ok(())
}

/// Killed, it is dead: its run is adopted, and what it did is unknown.
fn stopped_and_killed(row: &mut Row) -> Result<(), Wrong> {
    for (point, happened) in [("runner.invoke.started", 0), ("runner.invoke.invoked", 1)] {
        let (home, run, call) = waiting("required")?;
        let sleeper = stopped(&home, &run, point)?;
        owned(&home, &run, sleeper.id())?;
        sleeper.kill();
        ends("approving an unknown call", &home.run(["approve", &run, "--all"]), 3)?;
        effect(&home, happened)?;
        let choice = if happened == 0 { "--retry" } else { "--report-unknown" };
        *(if happened == 0 { &mut row.not_happened } else { &mut row.happened }) += 1;
        let words = ["approve", &run, "--tool-call-id", &call, choice];
        ends("the choice", &home.run(words), 0)?;
        effect(&home, 1)?;
    }
    Ok(())
}

/// Its lock is gone, so others take the run over and end it. Then it wakes up, and may do nothing more.
fn replaced(point: &str, row: &mut Row) -> Result<(), Wrong> {
    let (home, run, call) = waiting("required")?;
    let sleeper = stopped(&home, &run, point)?;
    for lock in std::fs::read_dir(home.state().join("owners")).into_iter().flatten().flatten() {
        let removed = std::fs::remove_file(lock.path());
        removed.map_err(|error| Wrong::untrue(format!("no lock to remove: {error}")))?;
    }
    let look = Look::at(&home, &run).map_err(Wrong::Lost)?;
    let state = look.calls.iter().find(|found| found.id == call).map(|call| call.state.clone());
    match state.as_deref() {
        Some("approved") => ends("resuming", &home.run(["resume", &run]), 0)?,
        Some("unknown") => {
            row.happened += 1;
            let words = ["approve", &run, "--tool-call-id", &call, "--report-unknown"];
            ends("reporting", &home.run(words), 0)?;
        }
        other => return Err(Wrong::untrue(format!("the call is {other:?}"))),
    }
    effect(&home, 1)?;
    sleeper.signal(Signal::CONT);
    let woken = sleeper.wait();
    // Either it is told that the run is somebody else's, or that it has ended.
    ends("the owner that was replaced", &woken, 3)?;
    effect(&home, 1)?;
    let verified = home.run(["audit", "verify"]);
    ends("verifying", &verified, 0)
}
