//! Requests that a client may send twice.

use crate::domain::client_id::ClientId;
use crate::domain::digest::Digest;

/// What tells a request that is sent again from a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// Who sent it: an authenticated identity. Nobody else's keys matter.
    pub owner: String,
    /// The key that they gave it.
    pub key: ClientId,
    /// Digest of all that the request asks for: the same key with another one is a mistake.
    pub request: Digest,
}
