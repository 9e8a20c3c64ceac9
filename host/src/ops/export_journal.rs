//! Handing out the journal's events, one after the other.

use super::error::OpError;
use super::find_run::find_recorded;
use super::host::Host;
use crate::domain::event::Event;
use crate::domain::moment::Moment;
use crate::store::EventFilter;

/// How many events are in memory at a time: reading them takes milliseconds, during which nobody is
/// kept from writing.
const PAGE: usize = 1000;

/// Which events.
#[derive(Debug, Clone, Default)]
pub struct ExportRequest {
    /// Of this run: its id, or the beginning.
    pub run: Option<String>,
    /// Not before.
    pub since: Option<Moment>,
    /// Before.
    pub until: Option<Moment>,
}

/// Gives every event that is wanted to `take`, in order; stops where that fails. Events that are
/// written meanwhile are given too.
///
/// # Errors
/// Where there is no such run, the database cannot be read, or `take` fails.
pub async fn export_journal(
    host: &Host,
    request: &ExportRequest,
    take: &mut dyn FnMut(&Event) -> Result<(), OpError>,
) -> Result<u64, OpError> {
    let now = host.clock.now();
    let run = match &request.run {
        Some(run) => Some(find_recorded(host, run).await?),
        None => None,
    };
    let filter = EventFilter {
        run,
        since: request.since.map(|moment| moment.seen_from(now)),
        until: request.until.map(|moment| moment.seen_from(now)),
    };
    let store = host.store()?;
    let (mut last, mut given) = (0, 0);
    loop {
        let page = store.events_after(filter.clone(), last, PAGE).await?;
        for event in &page {
            take(event)?;
            last = event.sequence;
            given += 1;
        }
        if page.len() < PAGE {
            return Ok(given);
        }
    }
}
