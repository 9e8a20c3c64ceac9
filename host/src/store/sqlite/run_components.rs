//! Reads which components a run was created with.

use super::fault::Fault;
use super::rows;
use crate::domain::digest::Digest;
use crate::domain::ids::RunId;
use crate::store::StoreError;
use rusqlite::{Connection, OptionalExtension};

pub(super) fn run_components(conn: &Connection, run: &RunId) -> Result<Vec<Digest>, Fault> {
    let role: Option<i64> = conn
        .prepare_cached("SELECT role FROM runs WHERE id = ?1")?
        .query_row([run.as_str()], |row| row.get(0))
        .optional()?;
    let Some(role) = role else { return Err(StoreError::UnknownRun(run.to_string()).into()) };
    let mut statement = conn
        .prepare_cached("SELECT digest FROM role_components WHERE role = ?1 ORDER BY position")?;
    let mut found = statement.query([role])?;
    let mut digests = Vec::new();
    while let Some(row) = found.next()? {
        digests.push(rows::digest(row.get(0)?)?);
    }
    Ok(digests)
}
