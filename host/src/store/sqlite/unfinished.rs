//! Lists the runs that nobody drives and that have not ended, oldest first.

use super::fault::Fault;
use super::rows;
use crate::domain::ids::RunId;
use rusqlite::Connection;

pub(super) fn unfinished(conn: &Connection, limit: usize) -> Result<Vec<RunId>, Fault> {
    let mut statement = conn.prepare_cached(
        "SELECT id FROM runs WHERE state IN ('paused', 'interrupted') ORDER BY n LIMIT ?1",
    )?;
    let mut found = statement.query([rows::to_stored(limit as u64)])?;
    let mut runs = Vec::new();
    while let Some(row) = found.next()? {
        runs.push(rows::run_id(row.get_ref(0)?.as_str()?)?);
    }
    Ok(runs)
}
