//! Up to when a trigger that follows the clock has been seen to.

use super::fault::Fault;
use super::writer::Write;
use crate::domain::clock::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

/// Notes it. What was seen to stays so: a mark never moves back.
pub(super) fn mark(
    write: &Write<'_>,
    role: &str,
    trigger: &str,
    at: Timestamp,
) -> Result<(), Fault> {
    write.execute(
        r#"INSERT INTO trigger_marks (role, "trigger", at) VALUES (?1, ?2, ?3)
           ON CONFLICT DO UPDATE SET at = max(at, excluded.at)"#,
        params![role, trigger, at.0],
    )?;
    Ok(())
}

/// Reads it; nothing where the trigger is new.
pub(super) fn find(
    conn: &Connection,
    role: &str,
    trigger: &str,
) -> Result<Option<Timestamp>, Fault> {
    Ok(conn
        .prepare_cached(r#"SELECT at FROM trigger_marks WHERE role = ?1 AND "trigger" = ?2"#)?
        .query_row(params![role, trigger], |row| row.get(0).map(Timestamp))
        .optional()?)
}
