//! What a person said about a waiting call, and who they are.

use serde::{Deserialize, Serialize};

/// Who decides where no person does: time, or a role's standing word. No authenticated identity is called
/// so, since each begins with where it was authenticated.
pub const SYSTEM: &str = "system";

/// A person's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub enum Decision {
    /// Let it happen.
    Approve,
    /// Do not.
    Deny {
        /// Why; the model reads it, quoted as data.
        reason: Option<String>,
    },
}

impl Decision {
    /// The word stored and shown: `approve` or `deny`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Decision::Approve => "approve",
            Decision::Deny { .. } => "deny",
        }
    }
}

/// Who decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolver {
    /// The identity that was authenticated, such as `os:alice`. The only one that counts.
    pub authenticated_as: String,
    /// What the caller calls themselves; recorded, never trusted.
    pub note: Option<String>,
}

impl Resolver {
    /// The name shown: the note where one is given, else the identity.
    pub fn resolved_by(&self) -> &str {
        self.note.as_deref().unwrap_or(&self.authenticated_as)
    }
}
