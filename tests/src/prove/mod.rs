//! Proof by trial that approvals hold: processes are killed, raced and starved, and after each trial
//! somebody looks whether anything was lost, happened twice, or was told untruthfully.
//!
//! `tests/prove` prints the tables; the ordinary tests run the same code with fewer trials.

pub mod crash;
pub mod daemon;
pub mod fault;
pub mod race;
pub mod verb;

mod look;
mod recover;
mod room;
mod scenario;
mod table;

pub use table::{Row, Table};

/// What a trial found to be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// Something that was written down or promised is gone, or a person is asked again.
    Lost(String),
    /// Something happened more often than people allowed.
    Doubled(String),
    /// What is said does not fit what happened.
    Untrue(String),
}

impl Wrong {
    fn lost(what: impl Into<String>) -> Self {
        Wrong::Lost(what.into())
    }

    fn untrue(what: impl Into<String>) -> Self {
        Wrong::Untrue(what.into())
    }

    fn text(&self) -> &str {
        match self {
            Wrong::Lost(text) | Wrong::Doubled(text) | Wrong::Untrue(text) => text,
        }
    }
}
