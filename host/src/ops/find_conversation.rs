//! What is stored of what a client names: a conversation, or a request that it sent before.

use super::error::OpError;
use super::host::Host;
use crate::domain::ids::RunId;
use crate::store::{Conversation, ConversationRecord, Idempotency};

/// How far a conversation with a role goes; nothing where it has not begun.
///
/// # Errors
/// Where the database cannot be read.
pub async fn find_conversation(
    host: &Host,
    role: &str,
    conversation: &Conversation,
) -> Result<Option<ConversationRecord>, OpError> {
    Ok(host.store()?.conversation(role, conversation).await?)
}

/// The run that came of a request that was sent before; nothing for a new one.
///
/// # Errors
/// Where the key was sent with another request, or the database cannot be read.
pub async fn find_repeated(
    host: &Host,
    sent: Option<&Idempotency>,
) -> Result<Option<RunId>, OpError> {
    match sent {
        None => Ok(None),
        Some(sent) => Ok(host.store()?.find_repeated(sent).await?),
    }
}
