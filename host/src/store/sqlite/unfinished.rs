//! Lists the runs that nobody drives and that have not ended, oldest first.

use super::fault::Fault;
use super::rows;
use crate::domain::ids::RunId;
use rusqlite::{Connection, params};

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

/// The interrupted runs of some roles, oldest first, each with its role's name and what started it.
pub(super) fn interrupted_runs(
    conn: &Connection,
    roles: &[String],
    limit: usize,
) -> Result<Vec<(RunId, String, String)>, Fault> {
    // The first lines are the index's own condition: without them it is not used.
    let mut statement = conn.prepare_cached(
        r#"SELECT runs.id, name, "trigger" FROM runs JOIN roles ON roles.n = runs.role
         WHERE (state = 'queued' OR state = 'running' OR state = 'paused' OR state = 'interrupted')
           AND state = 'interrupted' AND name IN (SELECT value FROM json_each(?1))
         ORDER BY runs.n LIMIT ?2"#,
    )?;
    let limit = rows::to_stored(limit as u64);
    let mut found = statement.query(params![serde_json::to_string(roles)?, limit])?;
    let mut runs = Vec::new();
    while let Some(row) = found.next()? {
        runs.push((rows::run_id(row.get_ref(0)?.as_str()?)?, row.get(1)?, row.get(2)?));
    }
    Ok(runs)
}
