//! Reads events: the journal of one run, or page by page.

use super::fault::Fault;
use super::rows;
use crate::domain::clock::Timestamp;
use crate::domain::event::Event;
use crate::domain::ids::RunId;
use crate::store::{EventFilter, StoreError};
use rusqlite::{Connection, Row, params};

pub(super) fn events(conn: &Connection, run: &RunId) -> Result<Vec<Event>, Fault> {
    let mut statement = conn.prepare_cached(
        "SELECT sequence, at, run_id, call_id, kind, body FROM events
         WHERE run_id = ?1 ORDER BY sequence",
    )?;
    let mut found = statement.query([run.as_str()])?;
    let mut events = Vec::new();
    while let Some(row) = found.next()? {
        events.push(event(row)?);
    }
    if events.is_empty() {
        // Writing a run down is its first event.
        return Err(StoreError::UnknownRun(run.to_string()).into());
    }
    Ok(events)
}

/// One page of those that are wanted.
pub(super) fn events_after(
    conn: &Connection,
    filter: &EventFilter,
    after: i64,
    limit: usize,
) -> Result<Vec<Event>, Fault> {
    // Without a run the numbers lead; `+` keeps the index of runs out of it, which would sort.
    let of_run = if filter.run.is_some() { "run_id = ?5" } else { "+run_id IS NOT ?5" };
    let sql = format!(
        "SELECT sequence, at, run_id, call_id, kind, body FROM events
         WHERE sequence > ?1 AND at >= ?2 AND at < ?3 AND {of_run} ORDER BY sequence LIMIT ?4"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let mut found = statement.query(params![
        after,
        filter.since.map_or(i64::MIN, |since| since.0),
        filter.until.map_or(i64::MAX, |until| until.0),
        rows::to_stored(limit as u64),
        filter.run.as_ref().map(RunId::as_str),
    ])?;
    let mut events = Vec::new();
    while let Some(row) = found.next()? {
        events.push(event(row)?);
    }
    Ok(events)
}

/// The number of the last one.
pub(super) fn last_event(conn: &Connection) -> Result<i64, Fault> {
    let sql = "SELECT coalesce(max(sequence), 0) FROM events";
    Ok(conn.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

fn event(row: &Row<'_>) -> Result<Event, Fault> {
    let run = row.get_ref(2)?.as_str()?;
    Ok(Event {
        sequence: row.get(0)?,
        at: Timestamp(row.get(1)?),
        run: if run.is_empty() { None } else { Some(rows::run_id(run)?) },
        call: row.get_ref(3)?.as_str_or_null()?.map(rows::call_id).transpose()?,
        kind: row.get(4)?,
        body: row.get(5)?,
    })
}
