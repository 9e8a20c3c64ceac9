//! Conversations: runs that follow one another.

use crate::domain::client_id::ClientId;
use crate::domain::ids::RunId;
use crate::domain::run::RunState;

/// What a run continues, together with its role's name: a run begins with everything that was said in the
/// runs of the same conversation before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Whose it is: an authenticated identity. Nobody else's conversations are met.
    pub owner: String,
    /// What they call it.
    pub id: ClientId,
}

/// A conversation, as far as it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationRecord {
    /// Its latest run.
    pub latest: RunId,
    /// Where that stands: only where it has ended may another one follow.
    pub state: RunState,
    /// How many runs it has.
    pub runs: usize,
    /// How many messages of the user it has: a prompt for each run, and those that clients gave as said
    /// before. Whoever sends the whole conversation again says something new after so many.
    pub user_turns: usize,
}
