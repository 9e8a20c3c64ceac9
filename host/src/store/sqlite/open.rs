//! Opening the database's file, and making it: quick where it exists, private where it is new.

use super::fault::{Fault, of_file};
use super::key::KeyPlace;
use super::{heads, schema};
use crate::domain::clock::{Clock, NoClock};
use crate::fail_point;
use crate::store::StoreError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, MAIN_DB, OpenFlags};
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a transaction waits for another process's: several times the longest one that we have (a
/// full batch with large components), and short enough that a person still sees a connection between
/// what they did and the answer.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How many statements a connection keeps prepared: more than all verbs together have.
const STATEMENTS: usize = 96;

/// Where a store lives and how it is used.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// The database's file. Its folder is made, private to the user, where it is missing.
    pub path: PathBuf,
    /// The folder of the journal's key: not the database's, so that a copy of one is not a copy of
    /// both.
    pub key_folder: PathBuf,
    /// Only read: nothing is made or changed, and verbs that write answer [`StoreError::ReadOnly`].
    pub read_only: bool,
    /// How long to wait for other processes; five seconds unless a test is in a hurry.
    pub busy_timeout: Duration,
    /// Read where it is written, with one connection: for a process that drives one run and is gone. A
    /// second connection would cost it a millisecond; a server wants its reads apart.
    pub one_connection: bool,
    /// Work on the thread that asks, as far as that does not wait for other processes: for a process
    /// that does one thing after the other. A thread more, its memory, and waking each other would cost
    /// it half a millisecond; a server must not be held up by a disk.
    pub alone: bool,
    /// Tells how long the machine has been up, so that waiting is measured whatever becomes of the time of
    /// day. [`NoClock`] unless one is given: then only the times count that verbs are called with.
    pub clock: Arc<dyn Clock>,
}

impl OpenOptions {
    /// Reads and writes the database at `path`, with the key in `key_folder`.
    pub fn new(path: impl Into<PathBuf>, key_folder: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            key_folder: key_folder.into(),
            read_only: false,
            busy_timeout: BUSY_TIMEOUT,
            one_connection: false,
            alone: false,
            clock: Arc::new(NoClock),
        }
    }
}

/// Opens the file, making it and its schema where there is none.
pub(super) fn first(options: &OpenOptions) -> Result<Connection, StoreError> {
    let path = &options.path;
    if !options.read_only {
        make_private(path).map_err(|error| of_file(&error, path))?;
    } else if !path.exists() {
        return Err(StoreError::Failed {
            path: path.clone(),
            reason: "there is no such file".into(),
        });
    }
    let conn = again(options)?;
    let fault = |fault: Fault| fault.at(path);
    match schema::find(&conn).map_err(fault)? {
        schema::Found::Present => {}
        schema::Found::Older(found) if options.read_only => {
            return Err(StoreError::OlderSchema {
                path: path.clone(),
                found,
                known: schema::VERSION,
            });
        }
        schema::Found::Older(_) => schema::migrate(&conn).map_err(fault)?,
        schema::Found::Newer(found) => {
            return Err(StoreError::NewerSchema {
                path: path.clone(),
                found,
                known: schema::VERSION,
            });
        }
        schema::Found::Foreign => {
            return Err(StoreError::Corrupt {
                path: path.clone(),
                reason: "it belongs to another program".into(),
            });
        }
        schema::Found::Empty if options.read_only => {
            return Err(StoreError::Corrupt { path: path.clone(), reason: "it is empty".into() });
        }
        schema::Found::Empty => {
            fail_point::reach("store.open.file_made");
            KeyPlace::Folder(options.key_folder.clone()).ensure()?;
            fail_point::reach("store.open.key_made");
            heads::create(path).map_err(|error| of_file(&error, path))?;
            fail_point::reach("store.open.heads_made");
            write_ahead(&conn, options.busy_timeout).map_err(fault)?;
            fail_point::reach("store.open.log_switched");
            schema::create(&conn).map_err(fault)?;
            fail_point::reach("store.open.schema_made");
        }
    }
    Ok(conn)
}

/// Opens the file once more, for another thread of the same store.
pub(super) fn again(options: &OpenOptions) -> Result<Connection, StoreError> {
    let path = &options.path;
    let access = if options.read_only {
        OpenFlags::SQLITE_OPEN_READ_ONLY
    } else {
        OpenFlags::SQLITE_OPEN_READ_WRITE
    };
    // Each connection is used by one thread at a time, so SQLite need not lock it.
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let conn = Connection::open_with_flags(path, flags)
        .and_then(|conn| configure(&conn, options.busy_timeout).map(|()| conn))
        .map_err(|error| Fault::Sql(error).at(path))?;
    // SQLite opens for reading what it cannot open for writing, and says nothing.
    if !options.read_only && conn.is_readonly(MAIN_DB).unwrap_or(false) {
        return Err(StoreError::ReadOnly {
            path: path.clone(),
            reason: "this user may only read it".into(),
        });
    }
    Ok(conn)
}

/// A database that is gone with its connection.
pub(super) fn in_memory() -> Result<Connection, Fault> {
    let conn = Connection::open_in_memory()?;
    configure(&conn, Duration::ZERO)?;
    schema::create(&conn)?;
    Ok(conn)
}

/// Sets what SQLite does not remember in the file.
fn configure(conn: &Connection, busy_timeout: Duration) -> rusqlite::Result<()> {
    conn.busy_timeout(busy_timeout)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    // Nothing in the file's schema is run with more trust than the file itself deserves.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, true)?;
    // What is deleted is overwritten, also in pages that stay in the file.
    conn.pragma_update(None, "secure_delete", "ON")?;
    // A plan does not depend on the values bound. Otherwise SQLite plans a statement anew whenever they
    // change, which here is each time, and took a fifth of a server's time.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // Every commit is on the disk before it is answered.
    conn.pragma_update(None, "synchronous", "FULL")
}

/// Switches the file to a write-ahead log, which it then remembers. SQLite does not wait by itself for
/// another process that is doing the same.
fn write_ahead(conn: &Connection, patience: Duration) -> Result<(), Fault> {
    let started = Instant::now();
    loop {
        let mode = conn.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0));
        match mode {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(mode) => {
                return Err(Fault::Failed(format!(
                    "its file system does not allow a write-ahead log (SQLite stays at `{mode}`)"
                )));
            }
            Err(error)
                if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy)
                    && started.elapsed() < patience =>
            {
                // As long as making the schema takes: there is little use in asking more often.
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Makes the file and its folder where they are missing. SQLite gives its `-wal` and `-shm` files the
/// database's mode, so the mode of this one decides.
///
/// A file that exists is not opened here: closing it again would drop the locks that another
/// connection of this process holds on it (POSIX locks belong to the process).
fn make_private(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        // Nor is the mode of a folder or a device changed.
        Ok(found) if !found.is_file() => {
            let what = if found.is_dir() { "it is a folder" } else { "it is no file" };
            return Err(io::Error::other(format!("{what}; give the path of a file")));
        }
        Ok(found) => {
            let mode = found.permissions().mode();
            if mode & 0o077 != 0 {
                fs::set_permissions(path, Permissions::from_mode(mode & 0o700))?;
            }
            return Ok(());
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        // Another process made it at the same moment.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_file() => Ok(()),
        other => other.map(|_file| ()),
    }
}
