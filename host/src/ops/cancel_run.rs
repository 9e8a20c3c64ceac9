//! Ending a run that has not ended.

use super::error::OpError;
use super::find_run::find_run;
use super::host::Host;
use crate::domain::decision::Resolver;
use crate::store::{Conflict, StoreError, StoredRun};

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
    match store.cancel_run(&id, resolver, host.clock.now()).await {
        // Somebody else may have been first.
        Err(StoreError::Conflict(Conflict::WrongState { .. })) => {
            return Err(OpError::Conflict(store.load_run(&id).await?.run.over()));
        }
        cancelled => cancelled?,
    }
    Ok(store.load_run(&id).await?)
}
