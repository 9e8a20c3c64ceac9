//! Runs: as they are made, as they end, and as they are stored.

use super::call::CallRecord;
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

/// A run to write down, claimed by its creator.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// Its id.
    pub id: RunId,
    /// Who drives it.
    pub owner: OwnerId,
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
    /// What a client says was said before the prompt: texts of the user and of the model, in order.
    pub history: Vec<Message>,
    /// What was asked.
    pub prompt: String,
    /// What started it: `cli`, `api`, `cron`, …
    pub trigger: String,
    /// Who started it: an authenticated identity, such as `os:alice`.
    pub requester: String,
    /// Its limits.
    pub budgets: Budgets,
    /// Where to tell what becomes of it, such as `slack:C123/456`: opaque, and part of no decision.
    pub reply_to: Option<String>,
    /// When.
    pub at: Timestamp,
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
        match self.outcome.as_deref().and_then(|outcome| outcome.strip_prefix(CANCELLED_BY)) {
            Some(by) if self.state == RunState::Cancelled => {
                Conflict::Cancelled { run: self.id.clone(), by: by.to_owned(), at: self.updated_at }
            }
            _ => Conflict::WrongState { run: self.id.clone(), state: self.state },
        }
    }
}

/// Everything about one run.
#[derive(Debug, Clone)]
pub struct StoredRun {
    /// The run.
    pub run: RunRecord,
    /// The history, in order.
    pub messages: Vec<Message>,
    /// Where in it the prompt is: before it comes what the run was given of what was said earlier. 0
    /// where the messages were not read.
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
    /// What was asked.
    pub prompt: String,
    /// When it was written down.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}
