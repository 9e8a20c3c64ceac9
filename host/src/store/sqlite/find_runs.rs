//! Finds runs by the beginning of their id.

use super::fault::Fault;
use super::rows;
use crate::domain::ids::RunId;
use rusqlite::{Connection, params};

/// How many are given: enough to show a person that, and between what, they must choose.
const LIMIT: i64 = 10;

pub(super) fn find_runs(conn: &Connection, prefix: &str) -> Result<Vec<RunId>, Fault> {
    find(conn, prefix, "SELECT id FROM runs WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT ?3")
}

/// The same among the runs that the journal still speaks of.
pub(super) fn find_recorded(conn: &Connection, prefix: &str) -> Result<Vec<RunId>, Fault> {
    let sql = "SELECT DISTINCT run_id FROM events WHERE run_id >= ?1 AND run_id < ?2
               ORDER BY run_id LIMIT ?3";
    find(conn, prefix, sql)
}

fn find(conn: &Connection, prefix: &str, sql: &str) -> Result<Vec<RunId>, Fault> {
    // `~` sorts behind every character of an id, so this is a range of the index.
    let mut statement = conn.prepare_cached(sql)?;
    let mut found = statement.query(params![prefix, format!("{prefix}~"), LIMIT])?;
    let mut runs = Vec::new();
    while let Some(row) = found.next()? {
        runs.push(rows::run_id(&row.get::<_, String>(0)?)?);
    }
    Ok(runs)
}
