//! What is to be told outside: written down in the transaction that makes it true, and delivered at
//! least once. A message that was sent by a process which died before it could say so is sent again,
//! under the same key.

use super::fault::Fault;
use super::rows;
use super::run_row::RunRow;
use super::writer::Write;
use crate::domain::canonical;
use crate::domain::clock::Timestamp;
use crate::domain::outbox::{LEASE, MessageKind, try_again_at};
use crate::store::{OutboxMessage, StoreError};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};

/// Writes down what is to be told about a run, where it has somebody to tell. Belongs to the event that
/// was recorded last, and its key names that one. `body` names calls and states and holds no contents:
/// whoever sends it reads those where they are kept.
pub(super) fn put(
    write: &Write<'_>,
    run: &RunRow,
    kind: MessageKind,
    body: &Value,
    at: Timestamp,
) -> Result<(), Fault> {
    let Some(address) = &run.reply_to else { return Ok(()) };
    let key = format!("{}/{}/{}", run.id, kind.as_str(), write.last_event());
    write.insert(
        "INSERT INTO outbox (key, run_id, kind, address, body, created_at, due_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
        params![key, run.id.as_str(), kind.as_str(), address, canonical::to_text(body), at.0],
    )?;
    Ok(())
}

/// Writes down that a run waits, and for which calls.
pub(super) fn put_paused(write: &Write<'_>, run: &RunRow, at: Timestamp) -> Result<(), Fault> {
    if run.reply_to.is_none() {
        return Ok(());
    }
    let calls = open_calls(write.conn, run)?;
    put(write, run, MessageKind::Paused, &json!({"calls": calls}), at)
}

fn open_calls(conn: &Connection, run: &RunRow) -> Result<Vec<String>, Fault> {
    let mut statement = conn.prepare_cached(
        "SELECT calls.id FROM calls JOIN pending_approvals AS asked ON asked.n = calls.request
         WHERE calls.run = ?1 AND asked.resolved_at IS NULL ORDER BY calls.n",
    )?;
    let mut found = statement.query([run.n])?;
    let mut calls = Vec::new();
    while let Some(row) = found.next()? {
        calls.push(row.get(0)?);
    }
    Ok(calls)
}

/// Takes the messages that are due, oldest first. Nobody else is given them for a while, within which
/// each is to be marked.
pub(super) fn due_messages(
    write: &Write<'_>,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<OutboxMessage>, Fault> {
    let mut statement = write.conn.prepare_cached(
        "SELECT n, key, run_id, kind, address, body, failures, created_at FROM outbox
         WHERE delivered_at IS NULL AND due_at <= ?1 ORDER BY n LIMIT ?2",
    )?;
    let mut found = statement.query(params![now.0, rows::to_stored(limit as u64)])?;
    let mut messages = Vec::new();
    while let Some(row) = found.next()? {
        let kind = row.get_ref(3)?.as_str()?;
        messages.push(OutboxMessage {
            n: row.get(0)?,
            key: row.get(1)?,
            run: rows::run_id(row.get_ref(2)?.as_str()?)?,
            kind: MessageKind::parse(kind).ok_or_else(|| {
                Fault::Inconsistent(format!("there is no kind of message `{kind}`"))
            })?,
            address: row.get(4)?,
            body: row.get(5)?,
            failures: row.get(6)?,
            created_at: Timestamp(row.get(7)?),
        });
    }
    for message in &messages {
        write.change_one(
            "UPDATE outbox SET due_at = ?1 WHERE n = ?2",
            params![now.after(LEASE).0, message.n],
        )?;
    }
    Ok(messages)
}

/// Notes that a message is out. Doing so twice changes nothing.
pub(super) fn mark_delivered(write: &Write<'_>, n: i64, at: Timestamp) -> Result<(), Fault> {
    find(write.conn, n)?;
    write.execute(
        "UPDATE outbox SET delivered_at = ?1, error = NULL WHERE n = ?2 AND delivered_at IS NULL",
        params![at.0, n],
    )?;
    Ok(())
}

/// Notes that a message could not be sent, and when it is due again.
pub(super) fn mark_failed(
    write: &Write<'_>,
    n: i64,
    error: &str,
    at: Timestamp,
) -> Result<Timestamp, Fault> {
    let failures = find(write.conn, n)?.saturating_add(1);
    let due = try_again_at(at, failures);
    write.execute(
        "UPDATE outbox SET failures = ?1, error = ?2, due_at = ?3
         WHERE n = ?4 AND delivered_at IS NULL",
        params![failures, error, due.0, n],
    )?;
    Ok(due)
}

/// How often a message has failed so far.
fn find(conn: &Connection, n: i64) -> Result<u32, Fault> {
    conn.prepare_cached("SELECT failures FROM outbox WHERE n = ?1")?
        .query_row([n], |row| row.get(0))
        .optional()?
        .ok_or_else(|| StoreError::UnknownMessage(n).into())
}
