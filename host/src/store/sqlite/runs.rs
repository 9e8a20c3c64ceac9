//! Lists the runs, newest first.

use super::fault::Fault;
use super::{rows, run_row};
use crate::domain::clock::Timestamp;
use crate::store::RunSummary;
use rusqlite::Connection;

pub(super) fn runs(conn: &Connection, limit: usize) -> Result<Vec<RunSummary>, Fault> {
    // In the order they were written down, which no clock that was set back disturbs.
    let mut statement = conn.prepare_cached(
        "SELECT runs.n, id, name, state, prompt, created_at, updated_at
         FROM runs JOIN roles ON roles.n = runs.role ORDER BY runs.n DESC LIMIT ?1",
    )?;
    let mut found = statement.query([rows::to_stored(limit as u64)])?;
    let mut runs = Vec::new();
    while let Some(row) = found.next()? {
        runs.push(RunSummary {
            id: rows::run_id(row.get_ref(1)?.as_str()?)?,
            role_name: row.get(2)?,
            state: rows::run_state(row.get_ref(3)?.as_str()?)?,
            waiting: run_row::waiting(conn, row.get(0)?)?,
            prompt: row.get(4)?,
            created_at: Timestamp(row.get(5)?),
            updated_at: Timestamp(row.get(6)?),
        });
    }
    Ok(runs)
}
