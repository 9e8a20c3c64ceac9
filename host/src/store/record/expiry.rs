//! What a sweep finds and does.

use crate::domain::clock::Timestamp;
use crate::domain::ids::{CallId, RunId};
use crate::domain::rule::OnExpiry;

/// What a sweep did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// The calls that people were warned about.
    pub warned: Vec<Expiring>,
    /// The calls that a second group of reviewers is asked about.
    pub escalated: Vec<Escalated>,
    /// The calls that expired.
    pub expired: Vec<Expired>,
    /// The paused runs in which nothing waits any more: they can be resumed.
    pub freed: Vec<RunId>,
    /// By how many microseconds the clock was set since the last sweep, where it was.
    pub jumped: Option<i64>,
    /// In how many microseconds the next call is due, where time does something to one.
    pub next: Option<i64>,
}

/// A call that waits and is about to expire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiring {
    /// The run.
    pub run: RunId,
    /// The call.
    pub call: CallId,
    /// The tool as the model named it.
    pub tool: String,
    /// When, as the clock says now.
    pub expires_at: Timestamp,
}

/// A call that nobody decided for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escalated {
    /// The run.
    pub run: RunId,
    /// The call.
    pub call: CallId,
    /// The tool as the model named it.
    pub tool: String,
    /// The identities that count too from now on.
    pub reviewers: Vec<String>,
    /// When that was written down.
    pub at: Timestamp,
}

/// A call that nobody decided in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expired {
    /// The run.
    pub run: RunId,
    /// The call.
    pub call: CallId,
    /// The tool as the model named it.
    pub tool: String,
    /// How many seconds it could wait.
    pub limit: u64,
    /// What that means for the run.
    pub on_expiry: OnExpiry,
    /// When that was written down.
    pub at: Timestamp,
}
