//! Starts of the machine, each stored once.

use super::fault::Fault;
use super::writer::Write;
use rusqlite::OptionalExtension;

/// The row of a start of the machine.
pub(super) fn store(write: &Write<'_>, boot: &str) -> Result<i64, Fault> {
    let known = write
        .conn
        .prepare_cached("SELECT n FROM boots WHERE id = ?1")?
        .query_row([boot], |row| row.get(0))
        .optional()?;
    match known {
        Some(n) => Ok(n),
        None => write.insert("INSERT INTO boots (id) VALUES (?1)", [boot]),
    }
}
