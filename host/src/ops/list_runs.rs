//! The runs.

use super::error::OpError;
use super::host::Host;
use crate::store::{Page, RunFilter, RunPage, RunSummary};

/// The runs, newest first, at most `limit`.
///
/// # Errors
/// Where the database cannot be read.
pub async fn list_runs(host: &Host, limit: usize) -> Result<Vec<RunSummary>, OpError> {
    let store = host.store()?;
    store.adopt_orphans(host.clock.now()).await?;
    Ok(store.runs(limit).await?)
}

/// A page of the runs that are wanted.
///
/// # Errors
/// Where the database cannot be read.
pub async fn page_runs(host: &Host, filter: RunFilter, page: Page) -> Result<RunPage, OpError> {
    let store = host.store()?;
    store.adopt_orphans(host.clock.now()).await?;
    Ok(store.list_runs(filter, page).await?)
}
