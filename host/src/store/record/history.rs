//! What the journal tells of the past: starts of runs, and approvals that are resolved.

use crate::domain::clock::Timestamp;
use crate::domain::ids::{CallId, RunId};

/// A start or a resumption of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunStart {
    /// The event that tells of it.
    pub sequence: i64,
    /// When.
    pub at: Timestamp,
    /// The run.
    pub run: RunId,
    /// `cli`, …; `resume` where the run had been started before.
    pub trigger_type: String,
    /// The role's name; `None` where it is not known any more.
    pub role: Option<String>,
    /// Who started it, as shown.
    pub who: String,
    /// What was asked; of a resumption, the decisions that led to it.
    pub prompt: Option<String>,
}

/// An approval that was asked for and is resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedApproval {
    /// Its number.
    pub request: i64,
    /// The run, which may be gone.
    pub run: RunId,
    /// The call.
    pub call: CallId,
    /// The tool as the model named it.
    pub tool: String,
    /// The role's name.
    pub agent: String,
    /// The canonical arguments.
    pub arguments: String,
    /// When it was asked.
    pub created_at: Timestamp,
    /// When it was resolved.
    pub resolved_at: Timestamp,
    /// `approve`, `deny`, …; `None` where the run ended first.
    pub decision: Option<String>,
    /// Who decided, as shown.
    pub resolved_by: Option<String>,
    /// The identity that counts.
    pub authenticated_as: Option<String>,
    /// Why.
    pub reason: Option<String>,
}
