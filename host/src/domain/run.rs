//! A run's state, and which states may follow it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It was asked for and waits for its turn: no process has begun it.
    Queued,
    /// A process drives it, or died driving it.
    Running,
    /// It waits for people.
    Paused,
    /// The process or the model went away; `resume` continues it.
    Interrupted,
    /// The model answered.
    Completed,
    /// It ended without an answer.
    Failed,
    /// A person ended it.
    Cancelled,
}

impl RunState {
    /// Every state, for tables and tests.
    pub const ALL: [RunState; 7] = [
        RunState::Queued,
        RunState::Running,
        RunState::Paused,
        RunState::Interrupted,
        RunState::Completed,
        RunState::Failed,
        RunState::Cancelled,
    ];

    /// The word stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            RunState::Queued => "queued",
            RunState::Running => "running",
            RunState::Paused => "paused",
            RunState::Interrupted => "interrupted",
            RunState::Completed => "completed",
            RunState::Failed => "failed",
            RunState::Cancelled => "cancelled",
        }
    }

    /// Reads the stored word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether nothing can happen to the run any more.
    pub const fn is_final(self) -> bool {
        matches!(self, RunState::Completed | RunState::Failed | RunState::Cancelled)
    }

    /// Whether `next` may follow.
    pub const fn may_become(self, next: RunState) -> bool {
        match self {
            RunState::Queued => {
                matches!(next, RunState::Running | RunState::Failed | RunState::Cancelled)
            }
            RunState::Running => !matches!(next, RunState::Running | RunState::Queued),
            // The last call that waited may expire with nobody there to go on.
            RunState::Paused => {
                !matches!(next, RunState::Paused | RunState::Completed | RunState::Queued)
            }
            RunState::Interrupted => {
                matches!(next, RunState::Running | RunState::Failed | RunState::Cancelled)
            }
            RunState::Completed | RunState::Failed | RunState::Cancelled => false,
        }
    }
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_reads_back_from_its_word() {
        for state in RunState::ALL {
            assert_eq!(RunState::parse(state.as_str()), Some(state));
        }
    }

    #[test]
    fn nothing_follows_an_ended_run() {
        for from in RunState::ALL.into_iter().filter(|s| s.is_final()) {
            for to in RunState::ALL {
                assert!(!from.may_become(to), "{from} -> {to}");
            }
        }
    }
}
