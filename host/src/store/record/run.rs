//! Runs: as they are made, as they end, and as they are stored.

use super::call::CallRecord;
use super::claim::Claim;
use super::conversation::Conversation;
use super::idempotency::Idempotency;
use crate::domain::budget::{Budgets, Spent};
use crate::domain::clock::Timestamp;
use crate::domain::component::ComponentBytes;
use crate::domain::digest::Digest;
use crate::domain::ids::{OwnerId, RunId};
use crate::domain::message::{Message, Usage};
use crate::domain::policy::{Circumstances, Counts};
use crate::domain::run::RunState;
use crate::domain::tool_call::CallState;
use crate::store::Conflict;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How the outcome of a cancelled run begins; who cancelled it follows.
pub(in crate::store) const CANCELLED_BY: &str = "cancelled by ";

/// A run to write down.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// Its id.
    pub id: RunId,
    /// The role's name.
    pub role_name: String,
    /// The role's text as read, variables unresolved.
    pub role_text: String,
    /// The role file's absolute path: relative paths in the role start from its folder.
    pub role_path: PathBuf,
    /// Other texts that the role names, by the path it names them with, such as a model's script.
    pub files: BTreeMap<String, String>,
    /// The components that the role's entries use.
    pub components: Vec<(Digest, ComponentBytes)>,
    /// The conversation that it continues: it begins with everything that was said there.
    pub conversation: Option<Conversation>,
    /// What a client says was said before the prompt: texts of the user and of the model, in order.
    pub history: Vec<Message>,
    /// What was asked.
    pub prompt: String,
    /// What started it: `cli`, `http`, or the name of a role's trigger.
    pub trigger: String,
    /// Who started it: an authenticated identity, such as `os:alice`.
    pub requester: String,
    /// Its limits.
    pub budgets: Budgets,
    /// Where to tell what becomes of it, such as `demo/slack/C123/456`: opaque, on one line each, and part of
    /// no decision.
    pub reply_to: Vec<String>,
    /// What tells the request for it from the same one sent again; `None`: each is a new one.
    pub idempotency: Option<Idempotency>,
    /// When.
    pub at: Timestamp,
}

/// On what terms a run is queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueTerms {
    /// How many runs of its role may wait for their turn, this one among them.
    pub limit: u32,
    /// Up to when its trigger has seen to the clock, where it follows one.
    pub mark: Option<Timestamp>,
    /// How many runs of its role may have been asked for since a moment, this one among them.
    pub most_since: Option<(u32, Timestamp)>,
}

/// What the runs of a role have used since a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    /// How many were asked for.
    pub runs: u64,
    /// What the models of those read and wrote with which something was done, all that they ever did.
    pub usage: Usage,
}

impl NewRun {
    /// The run as [`load_to_drive`](crate::store::Store::load_to_drive) reads it once it is written down, for
    /// whoever wrote it: reading costs as much as writing. `None` for a run that continues a conversation,
    /// of which the store alone knows what was said before.
    pub fn written(self, claim: &Claim) -> Option<StoredRun> {
        if self.conversation.is_some() {
            return None;
        }
        let run = RunRecord {
            id: self.id,
            state: RunState::Running,
            owner: Some(claim.owner.clone()),
            fence: claim.fence,
            role_name: self.role_name,
            role_text: self.role_text,
            role_path: self.role_path,
            files: self.files,
            components: self.components.into_iter().map(|(digest, _)| digest).collect(),
            conversation: None,
            prompt: self.prompt,
            trigger: self.trigger,
            requester: self.requester,
            budgets: self.budgets,
            spent: Spent::default(),
            usage: Usage::default(),
            outcome: None,
            created_at: self.at,
            updated_at: self.at,
        };
        let mut messages = self.history;
        let prompt_at = messages.len();
        messages.push(Message::User { text: run.prompt.clone() });
        Some(StoredRun { run, messages, earlier: 0, prompt_at, calls: Vec::new() })
    }
}

/// How a run ends.
#[derive(Debug, Clone)]
pub enum RunEnd {
    /// The model answered.
    Completed {
        /// Its text.
        answer: String,
    },
    /// It cannot go on.
    Failed {
        /// The sentence.
        error: String,
    },
}

/// A run, as stored.
#[derive(Debug, Clone)]
pub struct RunRecord {
    /// Its id.
    pub id: RunId,
    /// Where it stands.
    pub state: RunState,
    /// The process driving it.
    pub owner: Option<OwnerId>,
    /// The last fencing number given.
    pub fence: i64,
    /// The role's name.
    pub role_name: String,
    /// The role's text.
    pub role_text: String,
    /// The role file's absolute path.
    pub role_path: PathBuf,
    /// Other texts the role names.
    pub files: BTreeMap<String, String>,
    /// The components of the role's entries, in order.
    pub components: Vec<Digest>,
    /// The client's name of the conversation that it is a part of.
    pub conversation: Option<String>,
    /// What was asked.
    pub prompt: String,
    /// What started it.
    pub trigger: String,
    /// Who started it.
    pub requester: String,
    /// Its limits.
    pub budgets: Budgets,
    /// What it has used.
    pub spent: Spent,
    /// Tokens used.
    pub usage: Usage,
    /// The answer, or why it failed or was interrupted.
    pub outcome: Option<String>,
    /// When it was written down.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl RunRecord {
    /// What somebody is told who comes when the run has ended: by whom, where that was a person.
    pub fn over(&self) -> Conflict {
        over(&self.id, self.state, self.outcome.as_deref(), self.updated_at)
    }
}

/// What somebody is told who comes when a run is in `state`, which came at `at` with `outcome`.
pub(in crate::store) fn over(
    run: &RunId,
    state: RunState,
    outcome: Option<&str>,
    at: Timestamp,
) -> Conflict {
    match outcome.and_then(|outcome| outcome.strip_prefix(CANCELLED_BY)) {
        Some(by) if state == RunState::Cancelled => {
            Conflict::Cancelled { run: run.clone(), by: by.to_owned(), at }
        }
        _ => Conflict::WrongState { run: run.clone(), state },
    }
}

/// Everything about one run.
#[derive(Debug, Clone)]
pub struct StoredRun {
    /// The run.
    pub run: RunRecord,
    /// The history, in order.
    pub messages: Vec<Message>,
    /// How many of them are of earlier runs of its conversation: in these, what was sealed stays so.
    pub earlier: usize,
    /// Where in it the prompt is: before it comes all that was said earlier. 0 where the messages were not
    /// read.
    pub prompt_at: usize,
    /// Every call, by turn and position.
    pub calls: Vec<CallRecord>,
}

impl StoredRun {
    /// Where the call at `turn` and `position` stands, for policies. Only the calls before it count, and of
    /// those only what the gate let through, so that the answer is the same whenever it is asked: what people
    /// decide about one call of a turn does not change what policies say of the next.
    pub fn circumstances(
        &self,
        tool: &str,
        (turn, position): (i64, i64),
        running_ms: u64,
        at: Timestamp,
    ) -> Circumstances {
        let before = self.calls.iter().filter(|call| {
            (call.turn, call.position) < (turn, position)
                && !matches!(call.state, CallState::Refused(_))
        });
        let (mut tool_calls, mut calls_of_tool) = (0, 0);
        for call in before {
            tool_calls += 1;
            calls_of_tool += u32::from(call.model_tool == tool);
        }
        Circumstances {
            requester: self.run.requester.clone(),
            trigger: self.run.trigger.clone(),
            at,
            counts: Counts {
                requests: u32::try_from(turn).unwrap_or(u32::MAX),
                tool_calls,
                calls_of_tool,
                running_ms,
            },
        }
    }

    /// Where a stored call stands.
    pub fn circumstances_of(&self, call: &CallRecord, at: Timestamp) -> Circumstances {
        let place = (call.turn, call.position);
        self.circumstances(&call.model_tool, place, self.run.spent.wall_ms, at)
    }
}

/// One row of the list of runs.
#[derive(Debug, Clone)]
pub struct RunSummary {
    /// The run.
    pub id: RunId,
    /// The role's name.
    pub role_name: String,
    /// Where it stands.
    pub state: RunState,
    /// How many of its calls wait.
    pub waiting: usize,
    /// Who started it.
    pub requester: String,
    /// What was asked.
    pub prompt: String,
    /// When it was written down.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}
