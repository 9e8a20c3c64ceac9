//! Policy components: loaded once, asked many times.
//!
//! A tool gets a fresh instance for each call. A policy's `decide` is a pure question, and its policies
//! take longer to read than to ask, so its instances stay, with everything parsed. They are replaced
//! after anything that may have left them in a state of their own (a trap, a time-out), and after so many
//! decisions that whatever they hoard stays small.
//!
//! A policy reaches nothing: it imports no capability, WASI is inert, the clocks stand still and
//! randomness is zero, so that it cannot answer by anything that the request does not say. Whatever
//! goes wrong denies.

mod bindings;
mod decide;
mod load;
mod wire;

use super::state::State;
use crate::domain::digest::Digest;
use crate::domain::policy::Diagnostic;
use bindings::{Decider, DeciderPre};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use wasmtime::Store;

/// What one answer may take. A hundred policies answer in a fraction of a millisecond; a person is
/// waiting for the model all the same.
const DEADLINE: Duration = Duration::from_secs(1);

/// What reading the sources may take: ten thousand policies are read in about one second.
const LOADING: Duration = Duration::from_secs(20);

/// Memory of one instance: ten thousand policies take about 60 MiB.
const MEMORY: usize = 192 << 20;

/// Answers that one instance gives before it is replaced: often enough that a leak of a kilobyte for each
/// stays below ten megabytes, rarely enough that reading the policies again costs nothing measurable.
const ANSWERS: u32 = 10_000;

/// Instances of one policy at a time; a question beyond them waits for its turn. Twice the cores of a small
/// machine, so that one that spins until its time is over holds nobody up there, and 1.5 GiB at the very most.
const INSTANCES: usize = 8;

/// Bytes of one source.
pub const LARGEST_SOURCE: usize = 4 << 20;

/// Bytes of a call's arguments that a policy is asked about. Larger ones are denied unasked.
pub const LARGEST_ARGUMENTS: usize = 1 << 20;

/// A policy component with its sources, ready to be asked.
pub struct LoadedPolicy {
    /// What people call the component.
    pub name: String,
    /// Of the component's bytes, its sources and the tools that they were read for.
    pub digest: Digest,
    /// The names of the policies.
    pub policies: Vec<String>,
    /// Whether some policy speaks of who may approve.
    pub speaks_of_approval: bool,
    /// The schema that the policies were checked against.
    pub schema: Option<String>,
    /// What their author should look at.
    pub warnings: Vec<Diagnostic>,
    pre: DeciderPre<State>,
    sources: Vec<bindings::exports::initrunner::plugin::policies::Source>,
    /// The names again, for looking one up.
    known: HashSet<String>,
    idle: Mutex<Vec<Warm>>,
    /// One permit for each instance that may exist.
    turns: Semaphore,
}

impl LoadedPolicy {
    /// Bytes of memory of one instance; `None` where none is idle just now.
    pub fn memory(&self) -> Option<usize> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.last().map(|warm| warm.store.data().usage.memory())
    }
}

/// An instance that has read its sources.
struct Warm {
    store: Store<State>,
    decider: Decider,
    /// How many answers it gave.
    answers: u32,
}

/// Why a policy cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyError {
    /// The component: a sentence, and the cure where there is one.
    Component(super::LoadError),
    /// The sources.
    Sources(Vec<Diagnostic>),
}

impl From<super::LoadError> for PolicyError {
    fn from(error: super::LoadError) -> Self {
        Self::Component(error)
    }
}

/// A policy, as the gate holds it.
pub type SharedPolicy = Arc<LoadedPolicy>;
