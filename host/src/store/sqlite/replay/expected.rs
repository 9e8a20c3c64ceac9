//! What the events say that the tables must hold.

use super::super::journal::contents;
use crate::domain::tool_call::CallState;
use serde_json::json;
use std::collections::BTreeMap;

/// A text that a column must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Text {
    /// NULL.
    #[default]
    Nothing,
    /// This one.
    Is(String),
    /// One with this digest.
    Digest(String),
    /// The events do not say, or another digest covers it.
    Unchecked,
}

impl Text {
    pub(super) fn fits(&self, stored: Option<&str>) -> bool {
        match (self, stored) {
            (Text::Unchecked, _) | (Text::Nothing, None) => true,
            (Text::Is(text), Some(stored)) => text == stored,
            (Text::Digest(digest), Some(stored)) => *digest == contents(&json!([stored])),
            _ => false,
        }
    }

    /// A text that an event may have said, or said the digest of.
    pub(super) fn of_digest(digest: Option<String>) -> Self {
        digest.map_or(Text::Unchecked, Text::Digest)
    }
}

/// A run that has not ended, as far as the events go.
#[derive(Debug, Default)]
pub(super) struct Run {
    /// `None` where the beginning was pruned: nothing but its approvals is left of such a run.
    pub(super) created: Option<Created>,
    pub(super) state: String,
    pub(super) owner: Option<String>,
    pub(super) fence: i64,
    pub(super) turns: i64,
    /// `None` where a program that did not record it wrote a turn.
    pub(super) used: Option<[i64; 5]>,
    pub(super) outcome: Text,
    /// The moments that `updated_at` may name: of the last event that sets it, and of those after it
    /// that may.
    pub(super) updated: Vec<i64>,
    pub(super) history: Vec<Said>,
    pub(super) calls: Vec<Call>,
    /// Requests that are not resolved, by number. Resolved ones never change, so they were compared
    /// when they were.
    pub(super) open: BTreeMap<i64, Request>,
    /// An event of it cannot be trusted or read, so nothing can be said of its rows.
    pub(super) doubtful: bool,
}

/// What a run was written down with.
#[derive(Debug)]
pub(super) struct Created {
    pub(super) event: i64,
    pub(super) at: i64,
    pub(super) contents: Option<String>,
    /// How many messages came before the prompt.
    pub(super) history: usize,
    pub(super) requester: Option<String>,
    pub(super) trigger: Option<String>,
}

/// One event that appended to the history.
#[derive(Debug)]
pub(super) enum Said {
    /// The model answered.
    Turn { event: i64, turn: i64, contents: Option<String>, refusals: bool },
    /// These calls' results.
    Results { event: i64, calls: Vec<String>, contents: Option<String> },
}

/// A call.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) id: String,
    /// Which event recorded it, and when.
    pub(super) event: i64,
    pub(super) at: i64,
    pub(super) turn: i64,
    pub(super) position: i64,
    pub(super) state: CallState,
    pub(super) request: Option<i64>,
    pub(super) attempts: i64,
    pub(super) result: Text,
    pub(super) told: bool,
    /// Whether a person replaced its arguments.
    pub(super) edited: bool,
    /// Attempt, process number and start of each program.
    pub(super) programs: Vec<[Option<i64>; 3]>,
}

/// An approval that was asked for.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) call: String,
    /// Which event asked, and when.
    pub(super) event: i64,
    pub(super) at: i64,
    pub(super) contents: Option<String>,
    /// The request that it replaces or repeats.
    pub(super) source: Option<i64>,
    pub(super) warned_at: Option<i64>,
    /// The start of the machine at the warning, and how long it had been up.
    pub(super) warned_boot: Option<String>,
    pub(super) warned_uptime: Option<i64>,
    /// Since when a second group of reviewers counts too.
    pub(super) escalated_at: Option<i64>,
    /// Who voted, as shown, and when.
    pub(super) votes: Vec<(Option<String>, Option<String>, i64)>,
    pub(super) resolved: Option<Resolved>,
}

/// What became of a request.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) event: i64,
    pub(super) at: i64,
    /// `None`: the run ended before anybody decided.
    pub(super) decision: Option<String>,
    pub(super) by: Option<String>,
    pub(super) authenticated_as: Option<String>,
    pub(super) reason: Option<String>,
}

impl Run {
    pub(super) fn call(&mut self, id: Option<&str>) -> Option<&mut Call> {
        let id = id?;
        self.calls.iter_mut().find(|call| call.id == id)
    }
}
