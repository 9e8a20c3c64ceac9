//! The approvals queue.

use super::error::OpError;
use super::host::Host;
use crate::store::{Page, PendingCall, PendingFilter, PendingPage};

/// The calls that need a person, oldest first, at most `limit`; and how many there are in all.
///
/// # Errors
/// Where the database cannot be read.
pub async fn list_pending(host: &Host, limit: usize) -> Result<(Vec<PendingCall>, usize), OpError> {
    let store = host.store()?;
    store.adopt_orphans(host.clock.now()).await?;
    Ok(store.pending(limit).await?)
}

/// A page of the calls that need a person and are wanted.
///
/// # Errors
/// Where the database cannot be read.
pub async fn page_pending(
    host: &Host,
    filter: PendingFilter,
    page: Page,
) -> Result<PendingPage, OpError> {
    let store = host.store()?;
    store.adopt_orphans(host.clock.now()).await?;
    Ok(store.list_pending(filter, page).await?)
}
