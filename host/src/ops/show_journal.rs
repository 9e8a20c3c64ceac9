//! Reading the journal of one run.

use super::error::OpError;
use super::find_run::find_recorded;
use super::host::Host;
use crate::domain::event::Event;
use crate::domain::ids::RunId;

/// Every event of a run, in order: of a pruned one, those of its approvals.
///
/// # Errors
/// Where there is no such run, or the database cannot be read.
pub async fn show_journal(host: &Host, run: &str) -> Result<(RunId, Vec<Event>), OpError> {
    let run = find_recorded(host, run).await?;
    let events = host.store()?.events(&run).await?;
    Ok((run, events))
}
