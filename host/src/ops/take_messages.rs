//! What is to be told outside, for whoever tells it.

use super::error::OpError;
use super::host::Host;
use crate::store::{OutboxMessage, StoreError, StoredRun};

/// Takes messages that are due and whose addresses begin with one of the roles' names, each with its run as it
/// may be shown. Each is to be marked within a minute, or another takes it.
///
/// # Errors
/// Where the database cannot be read or written.
pub async fn take_messages(
    host: &Host,
    roles: Vec<String>,
    limit: usize,
) -> Result<Vec<(OutboxMessage, StoredRun)>, OpError> {
    let store = host.store()?;
    let mut taken = Vec::new();
    for message in store.due_messages(roles, limit, host.clock.now()).await? {
        match store.load_run(&message.run).await {
            Ok(run) => taken.push((message, run)),
            // It was pruned meanwhile: there is nothing left to tell.
            Err(StoreError::UnknownRun(_)) => {
                store.mark_delivered(message.n, None, host.clock.now()).await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(taken)
}

/// Notes that a message is out, and what the service calls it.
///
/// # Errors
/// Where the database cannot be written.
pub async fn mark_delivered(
    host: &Host,
    message: i64,
    receipt: Option<String>,
) -> Result<(), OpError> {
    Ok(host.store()?.mark_delivered(message, receipt, host.clock.now()).await?)
}

/// Notes that a message could not be sent: it is tried again, each time later.
///
/// # Errors
/// Where the database cannot be written.
pub async fn mark_failed(host: &Host, message: i64, why: &str) -> Result<(), OpError> {
    host.store()?.mark_failed(message, why, host.clock.now()).await?;
    Ok(())
}
