//! Calls: what becomes of one, and as it is stored.

use super::edit::Edited;
use super::vote::{Vote, voters};
use crate::domain::approval::{Binding, Preview};
use crate::domain::clock::Timestamp;
use crate::domain::decision::{Decision, Resolver};
use crate::domain::ids::{CallId, RunId};
use crate::domain::message::Message;
use crate::domain::rule::ApprovalRule;
use crate::domain::tool_call::{CallState, RefusedBy};
use crate::domain::vote::{self, SecondGroup};

/// What the gate says of a call again, at resume.
#[derive(Debug, Clone)]
pub enum Readmission {
    /// Refused now.
    Refused {
        /// By whom.
        by: RefusedBy,
        /// The text for the model.
        result: String,
    },
    /// A person must decide again.
    Waiting {
        /// What the person sees now.
        preview: Option<Preview>,
        /// What the new approval will be for.
        binding: Binding,
        /// Who must approve.
        rule: ApprovalRule,
        /// What changed, in words, old beside new; empty where it had not been decided before.
        changed: Vec<String>,
    },
}

/// What became of an invocation.
#[derive(Debug, Clone)]
pub struct CallOutcome {
    /// Whether the component gave a result.
    pub succeeded: bool,
    /// The text for the model.
    pub result: String,
    /// What the history is told in the same transaction, as
    /// [`tell_results`](crate::store::Store::tell_results) does: where this was the last open call, the
    /// results of all of them. Empty: nothing yet.
    pub told: Vec<Message>,
}

/// A call, as stored.
#[derive(Debug, Clone)]
pub struct CallRecord {
    /// Our id.
    pub id: CallId,
    /// Its run.
    pub run: RunId,
    /// Which turn of the run, from 1.
    pub turn: i64,
    /// Its place in the turn, from 0.
    pub position: i64,
    /// The entry's name.
    pub entry: String,
    /// The tool as the component names it.
    pub tool: String,
    /// The tool as the model named it.
    pub model_tool: String,
    /// The provider's id.
    pub provider_id: Option<String>,
    /// The canonical arguments: what is decided about, and what happens.
    pub arguments: String,
    /// The canonical arguments that the model asked for, where a person changed them.
    pub proposed: Option<String>,
    /// The changes that people made, oldest first.
    pub edits: Vec<Edited>,
    /// Where it stands.
    pub state: CallState,
    /// The number of the latest request for approval: the version that a person is shown and decides
    /// about.
    pub request: Option<i64>,
    /// Who must approve, where somebody was asked.
    pub rule: Option<ApprovalRule>,
    /// Approvals of the latest request that were not enough by themselves, oldest first.
    pub votes: Vec<Vote>,
    /// The call of the same run whose approval this one repeats.
    pub remembered_from: Option<CallId>,
    /// What the person saw.
    pub preview: Option<Preview>,
    /// What the approval is for; `None` where none was asked for, or the result was told.
    pub binding: Option<Binding>,
    /// What a person said.
    pub decision: Option<Decision>,
    /// Who said it.
    pub resolver: Option<Resolver>,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
    /// What changed since it was last approved, where it waits again.
    pub changed: Vec<String>,
    /// When it expires, as the clock said when it began to wait; `None`: never, or it does not wait.
    pub expires_at: Option<Timestamp>,
    /// When a second group of reviewers decides too, as the clock said when it began to wait; `None`:
    /// nobody else decides then, or nobody is asked any more.
    pub escalates_at: Option<Timestamp>,
    /// Since when they do.
    pub escalated_at: Option<Timestamp>,
    /// How many times it was started.
    pub attempts: u32,
    /// The process of a program that it started and that still runs, where its outcome is unknown.
    pub running: Option<u32>,
    /// The text for the model.
    pub result: Option<String>,
    /// Whether the history holds its result.
    pub told: bool,
    /// When it was written down.
    pub created_at: Timestamp,
}

impl CallRecord {
    /// How far the programs that it may run would be isolated; `None`: it may run none, or nobody was
    /// asked.
    pub fn isolation(&self) -> Option<&str> {
        self.binding.as_ref()?.isolation()
    }

    /// Why policies want a person asked, each in its author's words; empty where they do not.
    pub fn policy_reasons(&self) -> Vec<&str> {
        self.binding.as_ref().map(Binding::policy_reasons).unwrap_or_default()
    }

    /// The identities that approved the latest request so far.
    pub fn voters(&self) -> Vec<&str> {
        voters(&self.votes)
    }

    /// How far it has come, in words, in a run that `requester` started; `None` where any one person
    /// decides, or nobody was asked.
    pub fn standing(&self, requester: &str) -> Option<String> {
        let second = SecondGroup::of(self.escalates_at, self.escalated_at);
        vote::standing(self.rule.as_ref()?, requester, &self.voters(), second)
    }

    /// The arguments as the model asked for them.
    pub fn as_proposed(&self) -> &str {
        self.proposed.as_deref().unwrap_or(&self.arguments)
    }
}
