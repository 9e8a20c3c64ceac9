//! Reads the journal of one run.

use super::fault::Fault;
use super::rows;
use crate::domain::clock::Timestamp;
use crate::domain::event::Event;
use crate::domain::ids::RunId;
use crate::store::StoreError;
use rusqlite::Connection;

pub(super) fn events(conn: &Connection, run: &RunId) -> Result<Vec<Event>, Fault> {
    let mut statement = conn.prepare_cached(
        "SELECT sequence, at, call_id, kind, body FROM events WHERE run_id = ?1 ORDER BY sequence",
    )?;
    let mut found = statement.query([run.as_str()])?;
    let mut events = Vec::new();
    while let Some(row) = found.next()? {
        events.push(Event {
            sequence: row.get(0)?,
            at: Timestamp(row.get(1)?),
            run: run.clone(),
            call: row.get::<_, Option<String>>(2)?.as_deref().map(rows::call_id).transpose()?,
            kind: row.get(3)?,
            body: row.get(4)?,
        });
    }
    if events.is_empty() {
        // Writing a run down is its first event.
        return Err(StoreError::UnknownRun(run.to_string()).into());
    }
    Ok(events)
}
