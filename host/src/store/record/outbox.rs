//! Messages to people outside.

use crate::domain::clock::Timestamp;
use crate::domain::ids::RunId;
use crate::domain::outbox::MessageKind;

/// Something to be told outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxMessage {
    /// Its number, to mark it by.
    pub n: i64,
    /// The same whenever it is sent: who receives it twice can tell.
    pub key: String,
    /// The run.
    pub run: RunId,
    /// What it is about.
    pub kind: MessageKind,
    /// Where it goes, as the run was given it.
    pub address: String,
    /// Canonical JSON: which calls, which state; no contents.
    pub body: String,
    /// What was sent to the same address about the same run before, oldest first.
    pub posted: Vec<Posted>,
    /// How often it could not be sent.
    pub failures: u32,
    /// When it was written down.
    pub created_at: Timestamp,
}

/// A message that is out and that can be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// What it was about.
    pub kind: MessageKind,
    /// What the service calls it.
    pub receipt: String,
}
