//! How much one call may use. Each limit ends in an error that the model and the person can read: what
//! was too much, how much there was, and the key that allows more.

use super::carried;
use super::error::EntryProblem;
use crate::domain::grant::Grants;
use crate::domain::limit::{Ceilings, Limit};
use crate::domain::role::Entry;
use std::time::Duration;

/// What one call may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallLimits {
    /// The whole call: waiting for its turn, host calls, everything.
    pub timeout: Duration,
    /// Where that number comes from.
    pub(super) timed_by: TimedBy,
    /// Bytes of linear memory, over all memories of the instance.
    pub memory: usize,
    /// Bytes of one result.
    pub output: usize,
    /// Bytes kept of what the component prints.
    pub log: usize,
    /// Calls from the component into the host.
    pub host_calls: u32,
    /// Bytes that one lift or lower may allocate in the host.
    pub host_call_bytes: usize,
    /// Handles (streams, files, requests) open at a time.
    pub handles: usize,
    /// Elements of each table.
    pub table_elements: usize,
    /// Tables.
    pub tables: usize,
    /// Linear memories.
    pub memories: usize,
    /// Core instances.
    pub instances: usize,
    /// Calls of the plugin at a time.
    pub concurrent_calls: u32,
    /// How far a role may go, for whoever hits a limit.
    pub(super) ceilings: Ceilings,
}

/// Where the time of a call comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimedBy {
    /// `timeout_seconds`.
    Limit,
    /// What is left of the run's budget.
    Budget,
    /// The contract: describing is pure and small.
    Contract,
}

/// What takes longer than this to describe itself is stuck.
const DESCRIBING: Duration = Duration::from_secs(10);

impl CallLimits {
    /// What holds where a role says nothing.
    pub(super) fn new(ceilings: &Ceilings) -> Self {
        Self::from(ceilings, |limit| ceilings.default_of(limit))
    }

    fn from(ceilings: &Ceilings, value: impl Fn(Limit) -> u32) -> Self {
        let size = |limit| value(limit) as usize;
        Self {
            timeout: Duration::from_secs(value(Limit::TimeoutSeconds).into()),
            timed_by: TimedBy::Limit,
            memory: size(Limit::MemoryMb).saturating_mul(1 << 20),
            output: size(Limit::MaxOutputBytes),
            log: size(Limit::MaxLogBytes),
            host_calls: value(Limit::MaxHostCalls),
            host_call_bytes: size(Limit::MaxHostCallBytes),
            handles: size(Limit::MaxHandles),
            table_elements: size(Limit::MaxTableElements),
            tables: size(Limit::MaxTables),
            memories: size(Limit::MaxMemories),
            instances: size(Limit::MaxInstances),
            concurrent_calls: value(Limit::MaxConcurrentCalls),
            ceilings: *ceilings,
        }
    }

    /// The limits of one tool of an entry: what the role asks for, else the defaults. A tool that runs
    /// programs may take as long as they may, and somewhat longer.
    pub(super) fn of(entry: &Entry, tool: &str, grants: &Grants, ceilings: &Ceilings) -> Self {
        let asked = entry.limits_of(tool);
        let value = |limit: Limit| match asked.get(&limit) {
            Some(asked) => asked.value.min(ceilings.of(limit)),
            None => ceilings.default_of(limit),
        };
        let mut limits = Self::from(ceilings, value);
        if let Some(own) = own_time(entry, grants)
            && !asked.contains_key(&Limit::TimeoutSeconds)
        {
            // The tool must outlive what it waits for to be able to tell how that ended.
            let ceiling = Duration::from_secs(ceilings.of(Limit::TimeoutSeconds).into());
            limits.timeout = limits.timeout.max(own.saturating_add(AFTERWARDS)).min(ceiling);
        }
        limits
    }

    /// The same within what a run has left.
    pub fn within(mut self, left: Duration) -> Self {
        if left < self.timeout {
            self.timeout = left;
            self.timed_by = TimedBy::Budget;
        }
        self
    }

    /// The same for `manifest` and `describe`.
    pub(super) fn describing(mut self) -> Self {
        if DESCRIBING <= self.timeout {
            self.timeout = DESCRIBING;
            self.timed_by = TimedBy::Contract;
        }
        self
    }

    /// What to do to get more of a limit.
    pub(super) fn more(&self, limit: Limit) -> String {
        let value = match limit {
            Limit::TimeoutSeconds => self.timeout.as_secs(),
            Limit::MemoryMb => (self.memory >> 20) as u64,
            Limit::MaxOutputBytes => self.output as u64,
            Limit::MaxLogBytes => self.log as u64,
            Limit::MaxHostCalls => self.host_calls.into(),
            Limit::MaxHostCallBytes => self.host_call_bytes as u64,
            Limit::MaxHandles => self.handles as u64,
            Limit::MaxTableElements => self.table_elements as u64,
            Limit::MaxTables => self.tables as u64,
            Limit::MaxMemories => self.memories as u64,
            Limit::MaxInstances => self.instances as u64,
            Limit::MaxConcurrentCalls => self.concurrent_calls.into(),
        };
        self.ceilings.more_than(limit, value)
    }
}

/// What a tool has beyond the time of its program, request or statement to say how that ended.
const AFTERWARDS: Duration = Duration::from_secs(10);

/// The time that the entry's own configuration, or its grant, gives what its calls wait for.
fn own_time(entry: &Entry, grants: &Grants) -> Option<Duration> {
    let program = grants.process.as_ref().map(|it| Duration::from_millis(it.timeout_ms.into()));
    program.or_else(|| carried::own_time(entry))
}

/// What an entry asks for beyond the ceilings, at its keys. Nothing is lowered in silence: whoever wrote
/// the number counts on it.
pub(super) fn check_limits(
    entry: &Entry,
    grants: &Grants,
    ceilings: &Ceilings,
    config: &str,
) -> Result<(), Vec<EntryProblem>> {
    let asked = entry.tools.values().map(|tool| &tool.limits);
    let mut problems = Vec::new();
    let mut beyond = |limit: Limit, value: u64, position| {
        let (key, ceiling, most) = (limit.key(), ceilings.of(limit), limit.most());
        let hint = if ceiling < most && value <= u64::from(most) {
            format!("`{key} = {value}` under `[limits]` in `{config}` allows it")
        } else {
            format!("no host can allow more than {most}")
        };
        problems.push(EntryProblem {
            position,
            message: format!("`{key}` is {value}, and this host allows {ceiling} at most"),
            hint: Some(hint),
        });
    };
    for (limit, asked) in std::iter::once(&entry.settings.limits).chain(asked).flatten() {
        if asked.value > ceilings.of(*limit) {
            beyond(*limit, asked.value.into(), asked.position);
        }
    }
    // The time of a program, request or statement is asked for with a key of the configuration.
    let key = Limit::TimeoutSeconds.key();
    if let (Some(own), Some(position)) = (own_time(entry, grants), entry.config_positions.get(key))
    {
        let seconds = own.as_secs();
        if seconds > ceilings.of(Limit::TimeoutSeconds).into() {
            beyond(Limit::TimeoutSeconds, seconds, *position);
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// The largest linear memory a slot of the pool has room for: all that 32-bit WebAssembly can address.
/// How much of it a call may use is up to its limits.
pub(super) const LARGEST_MEMORY: usize = 4 << 30;

/// Bytes of a schema, a description or a preview: shown to people and models, who read no more.
pub(super) const DESCRIPTION: usize = 256 << 10;

/// Tools that one component may offer. OpenAI-compatible servers take 128 functions in one request.
pub(super) const TOOLS: usize = 128;

/// Bytes that one call may write to files, new names and gaps included: a call must not fill the disk.
/// A large download or a build's output fits; a loop that writes is stopped within a second.
pub(super) const WRITTEN: u64 = 256 << 20;

/// Names of folders that one call holds in open listings: thirty megabytes of the host's
/// memory at worst.
pub(super) const LISTED: usize = 100_000;

/// Files and folders that one call holds open. The process shares its descriptors (a thousand, where
/// nobody raised that) among all calls and the database.
pub(super) const OPEN_FILES: usize = 64;

/// Bytes of randomness that one call into the host may ask for: keys and seeds have a few dozen, and the
/// host makes them in one go.
pub(super) const RANDOM: u64 = 1 << 20;
