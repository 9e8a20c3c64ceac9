//! The whole story of one run.

use super::error::OpError;
use super::find_run::find_run;
use super::host::Host;
use crate::domain::event::Event;
use crate::store::StoredRun;

/// A run, its history and its journal.
pub struct Story {
    /// The run, its messages and calls.
    pub run: StoredRun,
    /// Its journal.
    pub events: Vec<Event>,
}

/// Reads everything about one run.
///
/// # Errors
/// Where there is no such run.
pub async fn show_run(host: &Host, run: &str) -> Result<Story, OpError> {
    let store = host.store()?;
    store.adopt_orphans(host.clock.now()).await?;
    let id = find_run(host, run).await?;
    Ok(Story { run: store.load_run(&id).await?, events: store.events(&id).await? })
}
