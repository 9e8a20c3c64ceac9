//! How a run ended, for whoever read along.

use super::question::undecided;
use crate::domain::message::Usage;
use crate::domain::run::RunState;
use crate::domain::visible::one_line;
use crate::http::Shared;
use crate::http::body::ErrorDetail;
use crate::http::error::ApiError;
use crate::ops::{Approved, OpError};
use crate::runner::{Driven, Ended};
use crate::store::{CallRecord, Conflict, StoredRun};
use tokio::task::JoinError;

/// How it ended.
#[derive(Debug, Clone)]
pub(in crate::http) enum Outcome {
    /// The model answered.
    Completed,
    /// People must decide these calls.
    Waiting(Vec<CallRecord>),
    /// Nothing of it waits, and nothing of it happens here: it has ended, or goes on in a process that knows
    /// of the decision.
    Elsewhere(RunState),
    /// Somebody ended it.
    Cancelled(String),
    /// It gave no answer.
    Failed {
        /// A word for programs.
        code: String,
        /// A sentence for people.
        message: String,
        /// Whether it can be gone on with.
        resumable: bool,
    },
}

/// How it ended, and what that took.
#[derive(Debug, Clone)]
pub(in crate::http) struct Told {
    pub(in crate::http) outcome: Outcome,
    /// Tokens that were used while it was read along.
    pub(in crate::http) used: Usage,
}

/// `before` is what the run had used before it was read along.
pub(super) fn of(
    joined: Result<Result<Approved, OpError>, JoinError>,
    app: &Shared,
    before: Usage,
) -> Told {
    let (run, ended) = match joined {
        Ok(Ok(Approved::Driven(driven))) => {
            let Driven { run, ended } = *driven;
            (run, ended)
        }
        Ok(Ok(Approved::Recorded(run))) => (*run, Ended::Paused),
        Ok(Err(OpError::Conflict(conflict @ Conflict::Cancelled { .. }))) => {
            let outcome = Outcome::Cancelled(one_line(&conflict.to_string()));
            return Told { outcome, used: Usage::default() };
        }
        Ok(Err(error)) => return refused(error.into()),
        Err(_) => return refused(super::given_up()),
    };
    let used = Usage {
        input_tokens: run.run.usage.input_tokens.saturating_sub(before.input_tokens),
        output_tokens: run.run.usage.output_tokens.saturating_sub(before.output_tokens),
    };
    let failed = |code: &str, message: &str, resumable| Outcome::Failed {
        code: code.to_owned(),
        message: one_line(message),
        resumable,
    };
    let outcome = match &ended {
        Ended::Completed { .. } => Outcome::Completed,
        Ended::Paused => paused(app, run),
        Ended::Failed { error } => failed("run_failed", error, false),
        Ended::Interrupted { reason, .. } => failed("interrupted", reason, app.host.persists()),
    };
    Told { outcome, used }
}

fn paused(app: &Shared, run: StoredRun) -> Outcome {
    let StoredRun { run, calls, .. } = run;
    let waiting: Vec<CallRecord> = calls.into_iter().filter(undecided).collect();
    match (waiting.len(), app.host.persists()) {
        (0, _) => Outcome::Elsewhere(run.state),
        (_, true) => Outcome::Waiting(waiting),
        // A question that nobody can answer would keep a page waiting for ever.
        (count, false) => Outcome::Failed {
            code: "not_persisted".into(),
            message: format!(
                "{count} tool call(s) need approval, and this server keeps no runs, so that they cannot be \
                 gone on with; start it without `--no-audit`"
            ),
            resumable: false,
        },
    }
}

fn refused(error: ApiError) -> Told {
    let ErrorDetail { code, message, .. } = error.body().error;
    let outcome = Outcome::Failed { code: code.to_owned(), message, resumable: false };
    Told { outcome, used: Usage::default() }
}
