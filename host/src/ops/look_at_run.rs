//! How one run stands, for whoever reads along.

use super::error::OpError;
use super::host::Host;
use crate::domain::ids::RunId;
use crate::store::StoredRun;

/// Reads a run and the calls of its latest turn, and nothing of what was said.
///
/// # Errors
/// Where there is no such run.
pub async fn look_at_run(host: &Host, run: &RunId) -> Result<StoredRun, OpError> {
    let store = host.store()?;
    store.adopt_orphans(host.clock.now()).await?;
    Ok(store.load_turn(run).await?)
}
