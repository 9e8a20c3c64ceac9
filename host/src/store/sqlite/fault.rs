//! Why a verb failed, before the database's path is known; and the database's own words, sorted into
//! what a person can do about them.

use crate::store::{Conflict, StoreError};
use rusqlite::ErrorCode;
use rusqlite::types::FromSqlError;
use std::io;
use std::path::Path;

/// A failure inside a transaction.
#[derive(Debug)]
pub(super) enum Fault {
    /// The database's.
    Sql(rusqlite::Error),
    /// An answer for the caller.
    Refused(StoreError),
    /// Rows that no program of ours wrote: a sentence.
    Inconsistent(String),
    /// Anything else: a sentence.
    Failed(String),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Fault::Sql(error)
    }
}

impl From<FromSqlError> for Fault {
    fn from(error: FromSqlError) -> Self {
        Fault::Inconsistent(format!("a column holds what it cannot: {error}"))
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Fault::Refused(error)
    }
}

impl From<Conflict> for Fault {
    fn from(conflict: Conflict) -> Self {
        Fault::Refused(conflict.into())
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Fault::Inconsistent(format!("a stored JSON text cannot be read: {error}"))
    }
}

impl Fault {
    /// The error for the caller.
    pub(super) fn at(self, path: &Path) -> StoreError {
        let path = path.to_owned();
        match self {
            Fault::Refused(error) => error,
            Fault::Inconsistent(reason) => StoreError::Corrupt { path, reason },
            Fault::Failed(reason) => StoreError::Failed { path, reason },
            Fault::Sql(error) => {
                let reason = words(&error);
                match error.sqlite_error_code() {
                    // Memory shared with other processes lies in a file, too. SQLite says no more than
                    // this where the disk has no room for it.
                    _ if extended_code(&error) == Some(rusqlite::ffi::SQLITE_IOERR_SHMSIZE) => {
                        StoreError::Full { path }
                    }
                    // So does a file system that became read-only: the file is there, and the one of the
                    // log cannot be made beside it.
                    Some(ErrorCode::CannotOpen) => StoreError::ReadOnly { path, reason },
                    Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                        StoreError::Locked { path }
                    }
                    Some(ErrorCode::ReadOnly) => StoreError::ReadOnly { path, reason },
                    Some(ErrorCode::DiskFull) => StoreError::Full { path },
                    Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                        StoreError::Corrupt { path, reason }
                    }
                    Some(_) => StoreError::Failed { path, reason },
                    // A value of another type than the schema allows.
                    None => StoreError::Corrupt { path, reason },
                }
            }
        }
    }
}

fn extended_code(error: &rusqlite::Error) -> Option<std::ffi::c_int> {
    error.sqlite_error().map(|error| error.extended_code)
}

/// What SQLite says, without the numbers of its codes.
fn words(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        other => other.to_string(),
    }
}

/// Sorts a failure to make or open a file: by what the person can change.
pub(super) fn of_file(error: &io::Error, path: &Path) -> StoreError {
    let path = path.to_owned();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full { path },
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::AlreadyExists => StoreError::ReadOnly { path, reason: error.to_string() },
        _ => StoreError::Failed { path, reason: error.to_string() },
    }
}
