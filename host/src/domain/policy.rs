//! What policies are asked, and what they answer.

use super::clock::Timestamp;
use super::digest::Digest;
use serde::{Deserialize, Serialize};

/// An answer, the strictest last: of several policies the greatest holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The call may happen, as far as the policy is concerned.
    Allow,
    /// Only if a person says so.
    Ask,
    /// It may not.
    Deny,
}

impl Effect {
    /// The word for a person.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Ask => "ask",
            Self::Deny => "deny",
        }
    }
}

/// What a source holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// Policies, in the component's language.
    Policies,
    /// Names and types beyond what the tools say.
    Schema,
    /// People, groups and what is known of them.
    Entities,
}

/// One text that a policy component decides by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicySource {
    /// What people call it: its path, as named.
    pub name: String,
    /// What it holds.
    pub kind: SourceKind,
    /// All of it.
    pub text: String,
}

/// Something about a source, for its author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The source's name.
    pub source: String,
    /// Line and column, both from 1.
    pub place: Option<(u32, u32)>,
    /// Whether the sources can be used in spite of it.
    pub is_warning: bool,
    /// One sentence.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

/// The role, as policies see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub team: Option<String>,
    /// Who wrote it.
    pub author: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
}

/// A tool, as policies see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// As the model calls it.
    pub name: String,
    /// The entry's name.
    pub entry: String,
    /// The entry's type, or its component's name for itself.
    pub plugin: String,
    /// The component's name of the tool.
    pub tool: String,
    /// Hints of the component: read-only, destructive, idempotent, open-world, as it gave them.
    pub effects: [Option<bool>; 4],
}

/// What a run has done when a call is asked about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests to the model.
    pub requests: u32,
    /// Calls to tools.
    pub tool_calls: u32,
    /// Calls to the tool in question.
    pub calls_of_tool: u32,
    /// Milliseconds of running time.
    pub running_ms: u64,
}

/// What is asked about a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// May it happen?
    Invoke,
    /// May the person with this authenticated identity approve it?
    Approve(String),
}

/// One question about one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRequest {
    /// What is asked.
    pub question: Question,
    /// Who would call.
    pub agent: Agent,
    /// What would be called.
    pub subject: Subject,
    /// The canonical arguments.
    pub arguments: String,
    /// Who started the run.
    pub requester: String,
    /// How it was started.
    pub trigger: String,
    /// When it is asked.
    pub at: Timestamp,
    /// How far programs of the call would be isolated; `None`: it may run none.
    pub isolation: Option<Vec<String>>,
    /// What the run has done.
    pub counts: Counts,
}

/// Why, in the words of one policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reason {
    /// The policy's name.
    pub policy: String,
    /// What its author wants to have read.
    pub message: Option<String>,
    /// The author's word for how much it matters.
    pub severity: Option<String>,
}

/// The answer of one policy component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyAnswer {
    /// The answer; `Deny` where something went wrong.
    pub effect: Effect,
    /// The policies that determined it; none where no policy speaks of the question.
    pub reasons: Vec<Reason>,
    /// What went wrong.
    pub errors: Vec<String>,
    /// Of the component and everything that it decides by.
    pub digest: Digest,
    /// How long it took, in microseconds.
    pub took_us: u64,
}

impl PolicyAnswer {
    /// Whether no policy had anything to say: then rules written elsewhere hold alone. A denial is never
    /// silent, since what nobody permits is denied for no policy's reason.
    pub fn is_silent(&self) -> bool {
        self.effect == Effect::Allow && self.reasons.is_empty() && self.errors.is_empty()
    }
}
