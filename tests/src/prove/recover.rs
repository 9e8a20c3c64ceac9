//! What careful people do after something broke: they look, decide truthfully, and go on until the run
//! has ended. Everything they read on the way is compared with what happened.

use super::look::{self, Call, Look};
use super::{Row, Wrong};
use crate::home::{Home, Ran};
use crate::random::Random;
use std::collections::BTreeMap;

/// More steps than any scenario has, with everything asked twice.
const PATIENCE: usize = 30;

/// People at work on one broken run.
pub(super) struct Recovery<'h> {
    home: &'h Home,
    random: Random,
    /// How often each word had been appended when somebody last settled what its call did.
    settled: BTreeMap<String, Settled>,
    /// Calls whose unknown outcome was counted.
    counted: Vec<String>,
}

/// What somebody found who settled what a call did.
#[derive(Debug, Clone, Copy, Default)]
struct Settled {
    /// How often it had happened.
    count: usize,
    /// How often the host had tried it again by itself.
    retried: usize,
}

impl<'h> Recovery<'h> {
    pub(super) fn new(home: &'h Home, seed: u64) -> Self {
        Self { home, random: Random::new(seed), settled: BTreeMap::new(), counted: Vec::new() }
    }

    /// Goes on until the run has ended.
    pub(super) fn go_on(mut self, row: &mut Row) -> Result<(), Wrong> {
        if look::newest_run(self.home).is_none() {
            // It was never written down, and nobody was told that it was.
            self.run(&["run", "role.yaml", "-p", "go"])?;
        }
        let run = look::newest_run(self.home).ok_or_else(|| Wrong::lost("there is no run"))?;
        for _ in 0..PATIENCE {
            let look = Look::at(self.home, &run).map_err(Wrong::Lost)?;
            self.compare(&look, row)?;
            if look.is_over() {
                return self.leave(&look);
            }
            self.act(&run, &look)?;
        }
        Err(Wrong::lost(format!("run {run} does not end")))
    }

    /// Whether what is said of each call is true.
    fn compare(&mut self, look: &Look, row: &mut Row) -> Result<(), Wrong> {
        let effects = look::effects(self.home);
        for call in &look.calls {
            let count = effects.get(&call.word).copied().unwrap_or(0);
            let before = self.settled.get(&call.word).copied().unwrap_or_default();
            let settled = before.count;
            let (least, most) = match &*call.state {
                "succeeded" => (settled + 1, settled + 1),
                "unknown" => (settled, settled + 1),
                // A cancelled run asks nobody about what was under way.
                _ if look.is_open(call) && look.state == "cancelled" => (settled, settled + 1),
                _ => (settled, settled),
            };
            // What the role has the host repeat, it allows to happen again.
            let most = most + look.events_of(call, "unknown_retried") - before.retried;
            let what =
                || format!("call `{}` is {} and happened {count} times", call.word, call.state);
            if count > most {
                return Err(Wrong::Doubled(what()));
            }
            if count < least {
                return Err(Wrong::Untrue(what()));
            }
            if call.state == "started" {
                return Err(Wrong::untrue(format!("call `{}` is started by nobody", call.word)));
            }
            if call.state == "unknown" {
                if !look.is_open(call) {
                    return Err(Wrong::untrue(format!(
                        "call `{}` is unknown, and the journal knows its outcome",
                        call.word
                    )));
                }
                let attempt = format!("{} {}", call.id, look.events_of(call, "call_started"));
                if !self.counted.contains(&attempt) {
                    self.counted.push(attempt);
                    let counter =
                        if count > settled { &mut row.happened } else { &mut row.not_happened };
                    *counter += 1;
                }
            }
            // A question is put once; again only where the answer no longer fits, or nobody knows.
            let [asked, voided, unknown, edited, expired] = [
                "approval_requested",
                "approval_voided",
                "call_unknown",
                "approval_edited",
                "approval_expired",
            ]
            .map(|kind| look.events_of(call, kind));
            if asked > 1 + voided + unknown + edited {
                return Err(Wrong::lost(format!("call `{}` was asked about again", call.word)));
            }
            if expired != usize::from(call.state == "expired") {
                return Err(Wrong::untrue(format!("{}, and expired {expired} times", what())));
            }
        }
        // Nothing else happened: an edited call only before it was edited, as somebody knows who settled
        // what it did.
        for (word, count) in &effects {
            let known = self.settled.get(word).map_or(0, |settled| settled.count);
            if *count > known && look.calls.iter().all(|call| call.word != *word) {
                return Err(Wrong::Doubled(format!("`{word}` happened, and no call says so")));
            }
        }
        if look.state == "running" {
            return Err(Wrong::lost("the run belongs to a process that is dead"));
        }
        Ok(())
    }

    /// The next thing that a person does.
    fn act(&mut self, run: &str, look: &Look) -> Result<(), Wrong> {
        let in_state = |state: &str| look.calls.iter().find(|call| call.state == state);
        if let Some(call) = in_state("unknown") {
            return self.settle(run, look, call);
        }
        if let Some(call) = in_state("waiting") {
            let one = ["approve", run, "--tool-call-id", &call.id, "--keep-others"];
            let edit = format!("command=echo {}e >> effects", call.word);
            let asked = match self.random.below(8) {
                0 => self.run(&["approve", run, "--all", "--deny", "--reason", "not today"])?,
                1 => self.run(&one)?,
                2 if call.takes_command => {
                    let [verb, run, named, id, keep] = one;
                    self.run(&[verb, run, named, id, keep, "--set", &edit])?
                }
                3 => self.run(&["sweep"])?,
                _ => self.run(&["approve", run, "--all"])?,
            };
            // Nobody else is there who could have been first.
            if asked.code == Some(3) && !asked.stderr.contains(" expired at ") {
                return Err(Wrong::untrue(format!("the call waited, and told was\n{asked}")));
            }
            return Ok(());
        }
        if look.state == "interrupted" {
            return self.run(&["resume", run]).map(drop);
        }
        Err(Wrong::lost(format!("the run is {} and nothing of it waits", look.state)))
    }

    /// Looks whether a call happened, and says so, mostly.
    fn settle(&mut self, run: &str, look: &Look, call: &Call) -> Result<(), Wrong> {
        if self.random.once_in(4) {
            // Whoever only goes on settles nothing: the role's word counts, or a person is asked.
            return self.run(&["resume", run]).map(drop);
        }
        let count = look::effects(self.home).get(&call.word).copied().unwrap_or(0);
        let now = Settled { count, retried: look.events_of(call, "unknown_retried") };
        let before = self.settled.insert(call.word.clone(), now).unwrap_or_default();
        // Having it again is a person's right.
        let again =
            if count > before.count { self.random.once_in(4) } else { !self.random.once_in(3) };
        let choice = if again { "--retry" } else { "--report-unknown" };
        self.run(&["approve", run, "--tool-call-id", &call.id, choice]).map(drop)
    }

    fn run(&self, words: &[&str]) -> Result<Ran, Wrong> {
        let ran = self.home.command(words.iter().copied()).env("MOOD", "calm").run();
        understood(words, &ran)?;
        Ok(ran)
    }

    /// What must hold once the run has ended.
    fn leave(&self, look: &Look) -> Result<(), Wrong> {
        if look.state == "completed" && look.told != look.calls.len() {
            return Err(Wrong::lost(format!("{} results of {}", look.told, look.calls.len())));
        }
        let pending = self.home.json(["pending", "--json"]);
        if pending.as_array().is_none_or(|rows| !rows.is_empty()) {
            return Err(Wrong::untrue(format!("the run has ended, and this waits: {pending}")));
        }
        let verified = self.home.run(["audit", "verify"]);
        if verified.code != Some(0) {
            return Err(Wrong::untrue(format!("the journal does not hold: {verified}")));
        }
        nothing_runs(self.home)
    }
}

/// Whether a command ended in a way that its person can understand.
pub(super) fn understood(words: &[&str], ran: &Ran) -> Result<(), Wrong> {
    let known = matches!(ran.code, Some(0..=3 | 75));
    if known && !ran.stderr.contains("panicked") {
        return Ok(());
    }
    Err(Wrong::lost(format!("`{}` gave\n{ran}", words.join(" "))))
}

/// Whether every program that a tool started is gone.
pub(super) fn nothing_runs(home: &Home) -> Result<(), Wrong> {
    let work = home.work();
    let Ok(processes) = std::fs::read_dir("/proc") else { return Ok(()) };
    for process in processes.flatten() {
        if std::fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd == work) {
            let id = process.file_name();
            return Err(Wrong::untrue(format!("process {} outlived its host", id.display())));
        }
    }
    Ok(())
}
