//! Why a component cannot be used, or a call gave nothing.

use crate::domain::role::{Position, Problem};

/// Why a component cannot be used. One sentence, and where there is one, the cure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct LoadError {
    /// The sentence.
    pub message: String,
    /// The cure.
    pub hint: Option<String>,
}

impl LoadError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    pub(super) fn with_hint(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: Some(hint.into()) }
    }

    /// The same, at a place in a role.
    pub(crate) fn at(self, position: Position) -> EntryProblem {
        EntryProblem { position, message: self.message, hint: self.hint }
    }
}

/// What is wrong with an entry of a role, where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryProblem {
    /// Where in the role's text.
    pub position: Position,
    /// The sentence.
    pub message: String,
    /// The cure.
    pub hint: Option<String>,
}

impl From<EntryProblem> for Problem {
    fn from(problem: EntryProblem) -> Self {
        let EntryProblem { position, message, hint } = problem;
        Self { position, message, hint, missing_variable: None }
    }
}

/// Why a call gave nothing. The three of the contract, and the sandbox's own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The component says that the arguments cannot be right.
    #[error("invalid arguments: {0}")]
    InvalidArguments(String),
    /// The component did nothing, and gives a hint.
    #[error("{0}")]
    Retry(String),
    /// The component tried and failed.
    #[error("{0}")]
    Failed(String),
    /// The component broke its sandbox's rules or its contract: a limit, a crash, an unusable result.
    #[error("{0}")]
    Broken(String),
}

impl CallError {
    /// The same with another text.
    pub(super) fn map(self, change: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::InvalidArguments(text) => Self::InvalidArguments(change(text)),
            Self::Retry(text) => Self::Retry(change(text)),
            Self::Failed(text) => Self::Failed(change(text)),
            Self::Broken(text) => Self::Broken(change(text)),
        }
    }
}
