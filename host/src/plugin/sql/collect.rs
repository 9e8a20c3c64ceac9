//! Rows as they come back: at most as many as there is room for.

use super::super::bindings::initrunner::host::sql::{Error, Rows, Value};
use super::session::Session;
use super::{Room, fault::clip};
use rusqlite::Statement;
use rusqlite::types::ValueRef;

/// What a value counts beside its text or bytes: what it takes where it is held.
const EACH: usize = 16;

/// Runs a statement to its end or until there is no more room, after leaving out its first `skip` rows.
/// `room` is what is left afterwards.
///
/// # Errors
/// SQLite's, and a first row that alone does not fit.
pub(super) fn collect(
    session: &Session,
    statement: &mut Statement<'_>,
    skip: u64,
    room: &mut Room,
) -> Result<Rows, Error> {
    let columns = columns(statement);
    room.bytes = room.bytes.saturating_sub(columns.iter().map(String::len).sum());
    let mut rows = Vec::new();
    let mut skipped = 0;
    let mut truncated = false;
    let mut found = statement.raw_query();
    while let Some(row) = found.next().map_err(|error| session.explain(&error))? {
        if skipped < skip {
            skipped += 1;
            continue;
        }
        let mut bytes = 0;
        let mut values = Vec::with_capacity(columns.len());
        for column in 0..columns.len() {
            let value = row.get_ref(column).map_err(|error| session.explain(&error))?;
            bytes += EACH + value.as_bytes_or_null().ok().flatten().map_or(0, <[u8]>::len);
            if bytes <= room.bytes {
                values.push(owned(value));
            }
        }
        if room.rows == 0 || bytes > room.bytes {
            if rows.is_empty() && room.rows > 0 {
                return Err(Error::Limit(format!(
                    "one row alone has {bytes} bytes, and {} may come back; name fewer columns, or cut \
                     long ones with `substr`",
                    room.bytes
                )));
            }
            truncated = true;
            break;
        }
        room.rows -= 1;
        room.bytes -= bytes;
        rows.push(values);
    }
    Ok(Rows { columns, rows, truncated })
}

/// The names of a statement's columns. Those of expressions are its own text, as long as it likes.
pub(super) fn columns(statement: &Statement<'_>) -> Vec<String> {
    statement.column_names().map(clip).collect()
}

fn owned(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(integer) => Value::Integer(integer),
        ValueRef::Real(real) => Value::Real(real),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Value::Text(text.to_owned()),
            // Whatever it is, it is not text.
            Err(_) => Value::Blob(bytes.to_owned()),
        },
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_owned()),
    }
}
