//! Up to when triggers that follow the clock have been seen to.

use super::error::OpError;
use super::host::Host;
use crate::domain::clock::Timestamp;

/// Up to when a trigger of a role has been seen to; nothing where it is new.
///
/// # Errors
/// Where the database cannot be read.
pub async fn trigger_mark(
    host: &Host,
    role: &str,
    trigger: &str,
) -> Result<Option<Timestamp>, OpError> {
    Ok(host.store()?.trigger_mark(role, trigger).await?)
}

/// Notes that a trigger has been seen to. A mark never moves back.
///
/// # Errors
/// Where the database cannot be written.
pub async fn mark_trigger(
    host: &Host,
    role: &str,
    trigger: &str,
    at: Timestamp,
) -> Result<(), OpError> {
    Ok(host.store()?.mark_trigger(role, trigger, at).await?)
}
