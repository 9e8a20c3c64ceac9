//! The queue of calls that wait for a person.

use super::vote::{Vote, voters};
use crate::domain::approval::Preview;
use crate::domain::clock::Timestamp;
use crate::domain::ids::{CallId, RunId};
use crate::domain::rule::ApprovalRule;
use crate::domain::tool_call::CallState;
use crate::domain::vote::{self, SecondGroup};
use std::sync::Arc;

/// One row of the approvals queue.
#[derive(Debug, Clone)]
pub struct PendingCall {
    /// The run.
    pub run: RunId,
    /// The call.
    pub call: CallId,
    /// The tool as the model named it.
    pub tool: String,
    /// The role's name.
    pub agent: String,
    /// Waiting, or unknown.
    pub state: CallState,
    /// The number of the request: the version that a person is shown and decides about.
    pub request: i64,
    /// Who must approve.
    pub rule: ApprovalRule,
    /// Who started the run; `None` under the plain rule, which asks for nobody in particular, unless the
    /// queue is read page by page.
    pub requester: Option<String>,
    /// Approvals that were not enough by themselves, oldest first.
    pub votes: Vec<Vote>,
    /// When it began to wait.
    pub created_at: Timestamp,
    /// The canonical arguments.
    pub arguments: String,
    /// What a person sees.
    pub preview: Option<Preview>,
    /// How far the programs that it may run would be isolated; `None`: it may run none.
    pub isolation: Option<Arc<str>>,
    /// Why policies want a person asked, each in its author's words; empty where they do not.
    pub policy: Arc<[String]>,
    /// What changed since it was last approved.
    pub changed: Vec<String>,
    /// When it expires, as the clock said when it began to wait; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// When a second group of reviewers decides too, as the clock said when it began to wait; `None`:
    /// nobody else decides then.
    pub escalates_at: Option<Timestamp>,
    /// Since when they do.
    pub escalated_at: Option<Timestamp>,
    /// The process of a program that it started and that still runs, where its outcome is unknown.
    pub running: Option<u32>,
}

impl PendingCall {
    /// The identities that approved it so far.
    pub fn voters(&self) -> Vec<&str> {
        voters(&self.votes)
    }

    /// How far it has come, in words; `None` where any one person decides.
    pub fn standing(&self) -> Option<String> {
        let second = SecondGroup::of(self.escalates_at, self.escalated_at);
        let requester = self.requester.as_deref().unwrap_or_default();
        vote::standing(&self.rule, requester, &self.voters(), second)
    }
}
