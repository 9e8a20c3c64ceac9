//! Approvals that count towards a quorum.

use crate::domain::clock::Timestamp;
use crate::domain::decision::Resolver;

/// An approval that was not enough by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vote {
    /// Who gave it.
    pub resolver: Resolver,
    /// When.
    pub at: Timestamp,
}

/// The identities that gave them.
pub(super) fn voters(votes: &[Vote]) -> Vec<&str> {
    votes.iter().map(|vote| vote.resolver.authenticated_as.as_str()).collect()
}
