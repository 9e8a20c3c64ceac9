//! Ending a run that has not ended.

use super::error::OpError;
use super::find_run::find_run;
use super::host::Host;
use crate::domain::decision::Resolver;
use crate::store::StoredRun;

/// Ends a run in any unfinished state; its waiting calls are denied, and a process that drives it is
/// refused its next write.
///
/// # Errors
/// [`OpError::Conflict`] where the run has ended.
pub async fn cancel_run(
    host: &Host,
    run: &str,
    note: Option<String>,
) -> Result<StoredRun, OpError> {
    let store = host.store()?;
    let id = find_run(host, run).await?;
    let resolver = Resolver { authenticated_as: host.identity().to_owned(), note };
    store.cancel_run(&id, resolver, host.clock.now()).await?;
    Ok(store.load_run(&id).await?)
}
