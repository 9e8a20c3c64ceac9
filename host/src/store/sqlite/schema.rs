//! The schema's version: making it in a new file, and bringing an older file to it.

use super::fault::Fault;
use crate::fail_point;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension};

/// What this program writes and reads. Raised with every change of `schema.sql`, together with the
/// statements that bring an older file to it.
pub(super) const VERSION: i64 = 3;

/// What brings a file of version 1, 2, … to the next one.
const MIGRATIONS: [&str; 2] =
    [include_str!("migrate_1_to_2.sql"), include_str!("migrate_2_to_3.sql")];

/// `IniR` in ASCII, in the file's header: tells our databases from other programs'.
pub(super) const APPLICATION: i64 = 0x496e_6952;

/// What the file's header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Our schema, at this program's version.
    Present,
    /// Our schema, written by an older program.
    Older(i64),
    /// Our schema, written by a newer program.
    Newer(i64),
    /// An empty file.
    Empty,
    /// Another program's database.
    Foreign,
}

/// Looks at the header, at one moment: between two looks another process may make the tables, and an
/// empty file with tables in it is none of ours. Reads one page where the database is ours.
pub(super) fn find(conn: &Connection) -> Result<Found, Fault> {
    if !conn.is_autocommit() {
        return look(conn);
    }
    let moment = conn.unchecked_transaction()?;
    let found = look(&moment)?;
    moment.commit()?;
    Ok(found)
}

fn look(conn: &Connection) -> Result<Found, Fault> {
    let number = |name| conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let application = number("application_id")?;
    let version = number("user_version")?;
    if application == APPLICATION {
        return Ok(match version {
            VERSION => Found::Present,
            newer if newer > VERSION => Found::Newer(newer),
            older if older >= 1 => Found::Older(older),
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

/// Brings an older file to this program's version, unless another process does so first. All of it or
/// nothing: a file is never left between two versions.
pub(super) fn migrate(conn: &Connection) -> Result<(), Fault> {
    // Tables are made anew under their old names, which foreign keys would take for deletions.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, false)?;
    let migrated = migrate_in_transaction(conn);
    if !conn.is_autocommit() {
        // The failure that led here says more than one of the rollback would.
        drop(conn.execute_batch("ROLLBACK"));
    }
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, true)?;
    migrated
}

fn migrate_in_transaction(conn: &Connection) -> Result<(), Fault> {
    conn.execute_batch("BEGIN IMMEDIATE")?;
    if let Found::Older(version) = find(conn)? {
        let done = usize::try_from(version - 1).unwrap_or_default();
        for migration in MIGRATIONS.iter().skip(done) {
            conn.execute_batch(migration)?;
        }
        let dangling: Option<String> =
            conn.query_row("PRAGMA foreign_key_check", [], |row| row.get(0)).optional()?;
        if let Some(table) = dangling {
            return Err(Fault::Inconsistent(format!(
                "a row of `{table}` names a row that is not there"
            )));
        }
        conn.pragma_update(None, "user_version", VERSION)?;
    }
    conn.execute_batch("COMMIT")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every column of every table, and every index.
    fn described(conn: &Connection) -> rusqlite::Result<Vec<String>> {
        let columns =
            "SELECT format('%s.%s %s %d %d', tables.name, columns.name, columns.type, \"notnull\", pk)
             FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
             WHERE tables.type = 'table' ORDER BY 1";
        let indexes =
            "SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY 1";
        let mut lines = Vec::new();
        for query in [columns, indexes] {
            let mut statement = conn.prepare(query)?;
            let found = statement.query_map([], |row| row.get::<_, String>(0))?;
            for line in found {
                lines.push(line?.split_whitespace().collect::<Vec<_>>().join(" "));
            }
        }
        Ok(lines)
    }

    #[test]
    fn an_older_file_gets_the_tables_that_a_new_one_has() {
        let made = |sql: &str, version: i64| {
            let conn = Connection::open_in_memory()?;
            conn.execute_batch(sql)?;
            conn.pragma_update(None, "application_id", APPLICATION)?;
            conn.pragma_update(None, "user_version", version)?;
            Ok::<_, rusqlite::Error>(conn)
        };
        let older = [
            include_str!("../../../../tests/schemas/1.sql"),
            include_str!("../../../../tests/schemas/2.sql"),
        ];
        for (version, sql) in (1..).zip(older) {
            let (Ok(old), Ok(new)) =
                (made(sql, version), made(include_str!("schema.sql"), VERSION))
            else {
                panic!("no database")
            };
            assert_eq!(find(&old).ok(), Some(Found::Older(version)));
            assert!(migrate(&old).is_ok());
            assert_eq!(find(&old).ok(), Some(Found::Present));
            let (migrated, made) = (described(&old), described(&new));
            assert!(made.as_ref().is_ok_and(|lines| lines.len() > 100), "{made:?}");
            assert_eq!(migrated, made, "from version {version}");
        }
        assert_eq!(older.len(), MIGRATIONS.len());
    }
}
