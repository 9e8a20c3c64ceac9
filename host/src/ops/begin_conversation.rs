//! A conversation that nobody has named.

use super::host::Host;
use super::random;
use crate::domain::client_id::ClientId;
use crate::store::Conversation;

/// A new conversation of whoever is asking. Nothing of it is written down before its first run is.
pub fn begin_conversation(host: &Host) -> Conversation {
    Conversation {
        owner: host.identity().to_owned(),
        id: ClientId::from_random("talk", random::sixteen()),
    }
}
