//! What is removed of what ended long ago.

use crate::domain::clock::Timestamp;
use crate::domain::decision::Resolver;

/// What to prune.
#[derive(Debug, Clone)]
pub struct PruneRequest {
    /// Runs that ended before this moment.
    pub before: Timestamp,
    /// Who prunes.
    pub resolver: Resolver,
    /// Only count.
    pub dry_run: bool,
    /// At most so many runs at once: others wait meanwhile. A conversation is not divided by it.
    pub limit: usize,
    /// When.
    pub at: Timestamp,
}

/// What was removed, or would be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Runs.
    pub runs: u64,
    /// Messages of theirs.
    pub messages: u64,
    /// Calls of theirs, with their results.
    pub calls: u64,
    /// Events.
    pub events: u64,
}
