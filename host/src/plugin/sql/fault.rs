//! What an error of SQLite means, as one sentence. SQLite's own words about a statement are kept:
//! whoever wrote it needs them. Paths, and the statement itself, are left out.

use super::super::bindings::initrunner::host::sql::Error;
use super::watch::{Stop, Watch};
use rusqlite::ErrorCode;

/// Characters of SQLite's own words that are passed on: names in them come from the database.
const WORDS: usize = 300;

/// What is known where an error happened.
pub(super) struct Fault<'a> {
    pub(super) name: &'a str,
    pub(super) watch: &'a Watch,
    /// Whether the file was opened to be changed.
    pub(super) wrote: bool,
}

/// SQLite's code, where the error is SQLite's.
pub(super) fn code(error: &rusqlite::Error) -> Option<ErrorCode> {
    match error {
        rusqlite::Error::SqliteFailure(error, _) | rusqlite::Error::SqlInputError { error, .. } => {
            Some(error.code)
        }
        _ => None,
    }
}

/// The error that a component is given.
pub(super) fn sentence(error: &rusqlite::Error, fault: &Fault<'_>) -> Error {
    let name = fault.name;
    let failed = |text: String| Error::Failed(text);
    let (code, extended, words) = match error {
        rusqlite::Error::SqliteFailure(error, words) => {
            (error.code, error.extended_code, words.clone().unwrap_or_default())
        }
        rusqlite::Error::SqlInputError { error, msg, offset, .. } => {
            // An offset below zero: SQLite does not know where.
            let at = match offset {
                0.. => format!(" (at byte {offset} of the statement)"),
                _ => String::new(),
            };
            (error.code, error.extended_code, format!("{}{at}", clip(msg)))
        }
        other => return failed(format!("the database `{name}` cannot be used: {}", kind(other))),
    };
    let words = clip(&words);
    match code {
        ErrorCode::OperationInterrupted => {
            let stop = fault.watch.stop().unwrap_or(Stop::Time);
            fault.watch.sentence(stop)
        }
        ErrorCode::OutOfMemory => fault.watch.sentence(Stop::Memory),
        ErrorCode::TooBig => Error::Limit(
            "a text, a blob or a row would be longer than 1 MiB, which is the most".to_owned(),
        ),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked
            if extended == rusqlite::ffi::SQLITE_BUSY_RECOVERY =>
        {
            Error::Busy(format!("another program is recovering the database `{name}`; try again"))
        }
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Error::Busy(format!(
            "the database `{name}` was locked by another program for all of {:.1} s; nothing was \
             changed; try again",
            fault.watch.allowed().as_secs_f32()
        )),
        // A statement that SQLite's parser or compiler does not take, or one of its limits.
        ErrorCode::Unknown if is_limit(&words) => Error::Limit(words),
        // A view, a trigger or a column of the schema calls what only a statement itself may.
        ErrorCode::Unknown if words.starts_with("unsafe use of") => Error::Refused(words),
        ErrorCode::Unknown => Error::Invalid(words),
        ErrorCode::ParameterOutOfRange | ErrorCode::TypeMismatch => Error::Invalid(words),
        ErrorCode::NotADatabase => {
            failed(format!("the file of the database `{name}` is not an SQLite database"))
        }
        ErrorCode::DatabaseCorrupt => failed(format!("the database `{name}` is damaged: {words}")),
        ErrorCode::CannotOpen if fault.wrote => failed(format!(
            "the file of the database `{name}`, or one that SQLite keeps beside it, cannot be opened \
             to be changed"
        )),
        ErrorCode::CannotOpen => failed(format!(
            "the file of the database `{name}` cannot be opened; a database with a write-ahead log \
             can be read only where its folder can be written, or while a program has it open"
        )),
        ErrorCode::PermissionDenied => {
            failed(format!("the file of the database `{name}` may not be opened by this user"))
        }
        ErrorCode::ReadOnly if fault.wrote => {
            failed(format!("the file of the database `{name}` cannot be written by this user"))
        }
        ErrorCode::ReadOnly if extended == rusqlite::ffi::SQLITE_READONLY_ROLLBACK => {
            failed(format!(
                "a program that wrote to the database `{name}` was cut off, and reading cannot undo \
                 what it left; open it once with a program that may write"
            ))
        }
        ErrorCode::ReadOnly => {
            Error::ReadOnly("the statement changes the database, and a query only reads".to_owned())
        }
        ErrorCode::AuthorizationForStatementDenied => Error::Refused(words),
        ErrorCode::DiskFull => failed(format!(
            "there is no room left on the disk of the database `{name}`; nothing was changed"
        )),
        ErrorCode::ConstraintViolation => failed(format!("{words}; nothing was changed")),
        _ => failed(format!("the database `{name}` cannot be used: {words}")),
    }
}

/// SQLite reports most of its limits as errors in the statement.
fn is_limit(words: &str) -> bool {
    ["too many", "too large", "too long", "too complex", "too deep", "maximum depth", "too big"]
        .iter()
        .any(|limit| words.contains(limit))
}

/// An error of the library between, without what it carries: that may be the statement.
fn kind(error: &rusqlite::Error) -> &'static str {
    match error {
        rusqlite::Error::Utf8Error(..) => "a text in it is not UTF-8",
        rusqlite::Error::InvalidPath(_) => "its path is not one for SQLite",
        _ => "the library does not take what it gave",
    }
}

/// Foreign text inside a sentence: short, on one line.
pub(super) fn clip(text: &str) -> String {
    text.chars().take(WORDS).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
