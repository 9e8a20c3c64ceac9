//! Why an operation gave nothing. Each is a sentence for a person, and a kind that front doors map to
//! an exit code or a status.

use crate::domain::ids::{CallId, IdError, RunId};
use crate::domain::visible::one_line;
use crate::llm::ModelError;
use crate::plugin::LoadError;
use crate::store::{Conflict, StoreError};

/// Why an operation gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum OpError {
    /// The role cannot be used: every problem, rendered with its place.
    #[error("{rendered}")]
    Role {
        /// `path:line:column: message`, and hints, one problem after the other.
        rendered: String,
    },
    /// A variable that the role names is not set now.
    #[error("{rendered}")]
    MissingVariables {
        /// As for [`OpError::Role`].
        rendered: String,
    },
    /// The host's own configuration cannot be used: every problem, rendered with its place.
    #[error("{rendered}")]
    Config {
        /// As for [`OpError::Role`].
        rendered: String,
    },
    /// A component cannot be used.
    #[error("{}", with_hint(.0))]
    Component(#[from] LoadError),
    /// The model cannot be used as configured.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// There is no such run.
    #[error("there is no run `{0}`; `initrunner runs` lists them")]
    UnknownRun(String),
    /// The run has no such call.
    #[error("run {run} has no call `{call}`; `initrunner show {run}` lists them")]
    UnknownCall {
        /// The run.
        run: RunId,
        /// What was asked for.
        call: String,
    },
    /// Decisions that do not fit the calls that wait.
    #[error("{}", misfit(.run, .missing, .unknown))]
    Calls {
        /// The run.
        run: RunId,
        /// Calls that wait, and of which nothing was said.
        missing: Vec<String>,
        /// What was named and the run does not have.
        unknown: Vec<String>,
    },
    /// Several runs or calls begin like that.
    #[error("`{prefix}` is the beginning of several ids: {}; give more characters", .found.join(", "))]
    Ambiguous {
        /// What was given.
        prefix: String,
        /// Some that match.
        found: Vec<String>,
    },
    /// What was given is no id.
    #[error(transparent)]
    Id(#[from] IdError),
    /// Somebody else was first.
    #[error(transparent)]
    Conflict(Conflict),
    /// A call cannot be changed like that.
    #[error("call {call} was not changed: {sentence}")]
    Edit {
        /// The call.
        call: CallId,
        /// Why, and what to do.
        sentence: String,
    },
    /// Policy does not let this person approve a call.
    #[error("call {call} was not approved: {sentence}")]
    RefusedByPolicy {
        /// The call.
        call: CallId,
        /// Why, in the policies' words.
        sentence: String,
    },
    /// A started call's outcome is not known.
    #[error("{0}")]
    UnknownOutcome(String),
    /// People must decide first.
    #[error(
        "a decision on {} of run {run} is outstanding; `initrunner approve {run} --all` approves",
        counted(*waiting)
    )]
    Undecided {
        /// The run.
        run: RunId,
        /// How many.
        waiting: usize,
    },
    /// Nothing of the run is kept.
    #[error("this run is not persisted (`--no-audit`), so it cannot be resumed")]
    NotPersisted,
    /// The database.
    #[error(transparent)]
    Store(StoreError),
    /// The machine or its settings.
    #[error("{message}; {hint}")]
    Setup {
        /// The sentence.
        message: String,
        /// The cure.
        hint: String,
    },
}

fn misfit(run: &RunId, missing: &[String], unknown: &[String]) -> String {
    let mut clauses = Vec::new();
    if !missing.is_empty() {
        clauses.push(format!("a decision is missing for {}", missing.join(", ")));
    }
    if !unknown.is_empty() {
        let unknown: Vec<String> = unknown.iter().map(|it| format!("`{}`", one_line(it))).collect();
        clauses.push(format!("run {run} has no call {}", unknown.join(", ")));
    }
    format!("{}; decide each call that waits, and no other", clauses.join(", and "))
}

fn counted(calls: usize) -> String {
    match calls {
        1 => "1 tool call".to_owned(),
        calls => format!("{calls} tool calls"),
    }
}

fn with_hint(error: &LoadError) -> String {
    match &error.hint {
        Some(hint) => format!("{}\n  hint: {hint}", error.message),
        None => error.message.clone(),
    }
}

impl From<StoreError> for OpError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(conflict) => Self::Conflict(conflict),
            StoreError::UnknownRun(run) => Self::UnknownRun(run),
            StoreError::UnknownCall { run, call } => Self::UnknownCall { run, call },
            error => Self::Store(error),
        }
    }
}
