//! Performing the steps of one run, under one claim, until it pauses or ends. `step.rs` says what comes
//! next; each kind of step is done in a file of its own.

mod ask_model;
mod invoke;
mod leave;
mod retriable;
mod tell;

pub use retriable::retriable;

use super::report::{Masked, Reporter};
use super::step::{Step, next};
use crate::domain::budget::Spent;
use crate::domain::clock::Clock;
use crate::domain::ids::CallId;
use crate::domain::role::{EntrySource, Role};
use crate::domain::secret::mask;
use crate::gate::{Admitted, Gate, Toolset};
use crate::llm::{Model, ToolSpec};
use crate::observe::{Observer, Outcome, RunFacts, RunWatch};
use crate::store::{Claim, Store, StoreError, StoredRun};
use std::collections::HashMap;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tracing::Instrument;

/// Everything one run is driven with.
pub struct Driver<'a> {
    /// Where it is written down.
    pub store: &'a dyn Store,
    /// The way to its tools.
    pub gate: &'a Gate,
    /// Its tools.
    pub tools: &'a Toolset,
    /// The same as its model is told of them: what [`specs`] gives.
    pub specs: &'a [ToolSpec],
    /// Its role.
    pub role: &'a Role,
    /// Its model.
    pub model: &'a dyn Model,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Randomness for ids.
    pub random: &'a (dyn Fn() -> [u8; 16] + Sync),
    /// Where it is counted, logged and traced.
    pub observer: &'a Observer,
    /// Set to a sentence when the process is asked to stop.
    pub stop: watch::Receiver<Option<String>>,
    /// How long a call that is under way then may take to end by itself; after that it is given up, and
    /// whether it happened is not known.
    pub drain: Duration,
}

/// Tools as a model is told of them: made once for all runs of a role, since schemas are large.
pub fn specs(tools: &Toolset) -> Vec<ToolSpec> {
    let tools = tools.entries().iter().flat_map(|entry| &entry.tools);
    let spec = tools.map(|tool| ToolSpec {
        name: tool.model_name.clone(),
        description: tool.description.clone(),
        parameters: tool.parameters.source().clone(),
    });
    spec.collect()
}

/// How a drive ended, as written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The run waits for people.
    Paused,
    /// The model answered.
    Completed {
        /// Its text.
        answer: String,
    },
    /// The run cannot go on.
    Failed {
        /// Why.
        error: String,
    },
    /// The model or the process went away; the run can be resumed.
    Interrupted {
        /// Why.
        reason: String,
        /// Whether this process was asked to stop.
        stopped: bool,
    },
}

impl Ended {
    const fn outcome(&self) -> Outcome {
        match self {
            Self::Paused => Outcome::Paused,
            Self::Completed { .. } => Outcome::Completed,
            Self::Failed { .. } => Outcome::Failed,
            Self::Interrupted { .. } => Outcome::Interrupted,
        }
    }

    /// The same with its text as it was written down: secrets in it are sealed.
    fn with_stored_text(mut self, stored: &StoredRun) -> Self {
        let text = match &mut self {
            Ended::Paused => return self,
            Ended::Completed { answer: text }
            | Ended::Failed { error: text }
            | Ended::Interrupted { reason: text, .. } => text,
        };
        *text = stored.run.outcome.clone().unwrap_or_else(|| mask(text).into_owned());
        self
    }
}

/// What a drive leaves.
pub struct Driven {
    /// How it ended.
    pub ended: Ended,
    /// The run as it now stands, as it may be shown.
    pub run: StoredRun,
}

/// The run as this process knows it, kept equal to the store by making each change there first.
struct Running<'d, 'a> {
    driver: &'d Driver<'a>,
    claim: Claim,
    run: StoredRun,
    /// Calls admitted in this drive and not yet invoked. A call not in here goes through the gate again.
    admitted: HashMap<CallId, Admitted>,
    /// Running time before this drive.
    wall_before: u64,
    started: Instant,
    watch: RunWatch<'a>,
}

impl Driver<'_> {
    /// Drives a claimed run until it pauses or ends.
    ///
    /// # Errors
    /// [`StoreError`] where something could not be written down; nothing was done beyond what is.
    pub async fn drive(
        &self,
        claim: Claim,
        run: StoredRun,
        reporter: &mut dyn Reporter,
    ) -> Result<Driven, StoreError> {
        let watch = self.observer.run(RunFacts {
            run: &claim.run,
            role: self.role,
            conversation: run.run.conversation.as_deref(),
        });
        let log = watch.log();
        let mut running = Running {
            driver: self,
            claim,
            wall_before: run.run.spent.wall_ms,
            run,
            admitted: HashMap::new(),
            started: Instant::now(),
            watch,
        };
        let mut reporter = Masked::new(reporter);
        let ended = running.until_it_ends(&mut reporter).instrument(log.clone()).await;
        let outcome = ended.as_ref().map_or(Outcome::Lost, Ended::outcome);
        log.in_scope(|| running.watch.ended(outcome));
        let ended = ended?;
        if !running.run.holds_secrets() {
            return Ok(Driven { ended, run: running.run });
        }
        // As it may be shown: what was driven holds secrets that are sealed in the store.
        let run = self.store.load_run(&running.claim.run).await?;
        Ok(Driven { ended: ended.with_stored_text(&run), run })
    }
}

impl Running<'_, '_> {
    async fn until_it_ends(&mut self, reporter: &mut dyn Reporter) -> Result<Ended, StoreError> {
        loop {
            // Taken out first: the lock on it must not be held while the run is written down.
            let stopped = self.driver.stop.borrow().clone();
            if let Some(reason) = stopped {
                return self.interrupt(reason, true).await;
            }
            let ended = match next(&self.run.messages, &self.run.calls) {
                Step::AskModel => self.ask_model(reporter).await?,
                Step::Invoke(call) => self.invoke(&call, reporter).await?,
                Step::Tell(calls) => self.tell(&calls, reporter).await?,
                Step::Pause => self.retry_or_pause().await?,
                Step::Finish(answer) => Some(self.complete(answer).await?),
            };
            if let Some(ended) = ended {
                return Ok(ended);
            }
        }
    }

    /// The kind of plugin that an entry is of, for whoever counts: a built-in's type, or `component`.
    fn kind(&self, entry: &str) -> &str {
        let entries = self.driver.tools.entries();
        match entries.iter().find(|one| one.entry.name == entry).map(|one| &one.entry.source) {
            Some(EntrySource::Type(name)) => name,
            Some(EntrySource::Component(_)) => "component",
            None => "none",
        }
    }

    fn spent(&self) -> Spent {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Spent { wall_ms: self.wall_before.saturating_add(now), ..self.run.run.spent }
    }

    /// What is left of the run's time.
    fn time_left(&self) -> Duration {
        let all = u64::from(self.run.run.budgets.max_wall_time) * 1000;
        Duration::from_millis(all.saturating_sub(self.spent().wall_ms))
    }

    async fn reload(&mut self) -> Result<(), StoreError> {
        self.run = self.driver.store.load_to_drive(&self.claim.run).await?;
        Ok(())
    }
}

/// Waits until the process is asked to stop; for ever, if nobody can ask.
async fn stopped(stop: &mut watch::Receiver<Option<String>>) -> String {
    loop {
        // Cloned out at once: the lock on it must not be held while waiting.
        let reason = stop.borrow_and_update().clone();
        if let Some(reason) = reason {
            return reason;
        }
        if stop.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Waits until a call is given up: some time after the process was asked to stop.
async fn given_up(stop: &mut watch::Receiver<Option<String>>, drain: Duration) -> String {
    let reason = stopped(stop).await;
    if !drain.is_zero() {
        tokio::time::sleep(drain).await;
    }
    reason
}
