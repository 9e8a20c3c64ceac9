//! The schema's version, and making it in a new file.

use super::fault::Fault;
use crate::fail_point;
use rusqlite::Connection;

/// What this program writes and reads. Raised with every change of `schema.sql`, together with the
/// statements that bring an older file to it.
pub(super) const VERSION: i64 = 1;

/// `IniR` in ASCII, in the file's header: tells our databases from other programs'.
pub(super) const APPLICATION: i64 = 0x496e_6952;

/// What the file's header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Our schema, at this program's version.
    Present,
    /// Our schema, written by a newer program.
    Newer(i64),
    /// An empty file.
    Empty,
    /// Another program's database.
    Foreign,
}

/// Looks at the header. Reads one page where the database is ours.
pub(super) fn find(conn: &Connection) -> Result<Found, Fault> {
    let number = |name| conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let application = number("application_id")?;
    let version = number("user_version")?;
    if application == APPLICATION {
        return Ok(match version {
            VERSION => Found::Present,
            newer if newer > VERSION => Found::Newer(newer),
            _ => Found::Foreign,
        });
    }
    let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let empty = application == 0 && version == 0 && tables == 0;
    Ok(if empty { Found::Empty } else { Found::Foreign })
}

/// Makes the tables, unless another process does so first.
pub(super) fn create(conn: &Connection) -> Result<(), Fault> {
    conn.execute_batch("BEGIN IMMEDIATE")?;
    let made = find(conn).and_then(|found| {
        if found == Found::Empty {
            conn.execute_batch(include_str!("schema.sql"))?;
            conn.pragma_update(None, "application_id", APPLICATION)?;
            conn.pragma_update(None, "user_version", VERSION)?;
        }
        fail_point::reach("store.open.schema_written");
        conn.execute_batch("COMMIT")?;
        Ok(())
    });
    if !conn.is_autocommit() {
        // The failure that led here says more than one of the rollback would.
        drop(conn.execute_batch("ROLLBACK"));
    }
    made
}
