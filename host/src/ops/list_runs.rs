//! The runs.

use super::error::OpError;
use super::host::Host;
use crate::store::RunSummary;

/// The runs, newest first, at most `limit`.
///
/// # Errors
/// Where the database cannot be read.
pub async fn list_runs(host: &Host, limit: usize) -> Result<Vec<RunSummary>, OpError> {
    let store = host.store()?;
    store.adopt_orphans(host.clock.now()).await?;
    Ok(store.runs(limit).await?)
}
