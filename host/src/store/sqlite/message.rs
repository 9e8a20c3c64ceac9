//! Appends to a run's history.

use super::fault::Fault;
use super::writer::Write;
use crate::domain::message::Message;
use rusqlite::params;

/// Appends a message; gives its text, as stored.
pub(super) fn append(write: &Write<'_>, run: i64, message: &Message) -> Result<String, Fault> {
    let text = serde_json::to_string(message)?;
    write.insert("INSERT INTO messages (run, message) VALUES (?1, ?2)", params![run, text])?;
    Ok(text)
}
