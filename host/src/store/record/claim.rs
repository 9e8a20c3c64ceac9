//! The right to drive a run.

use crate::domain::ids::{OwnerId, RunId};

/// The right to drive one run: held by one process at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The run.
    pub run: RunId,
    /// The process.
    pub owner: OwnerId,
    /// Grows with every claim of the run; every write compares it.
    pub fence: i64,
}
