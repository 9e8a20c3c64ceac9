//! What is to be told outside: written down in the transaction that makes it true, and delivered at
//! least once. A message that was sent by a process which died before it could say so is sent again,
//! under the same key.

use super::fault::Fault;
use super::rows;
use super::run_row::RunRow;
use super::writer::Write;
use crate::domain::canonical;
use crate::domain::clock::Timestamp;
use crate::domain::outbox::{LEASE, LONGEST_WAIT, MessageKind, try_again_at};
use crate::store::{OutboxMessage, Posted, StoreError};
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
    let Some(addresses) = &run.reply_to else { return Ok(()) };
    let (body, event) = (canonical::to_text(body), write.last_event());
    for (position, address) in addresses.lines().enumerate() {
        // The first keeps the form that it has where it is the only one.
        let key = match position {
            0 => format!("{}/{}/{event}", run.id, kind.as_str()),
            _ => format!("{}/{}/{event}/{position}", run.id, kind.as_str()),
        };
        write.insert(
            "INSERT INTO outbox (key, run_id, kind, address, body, created_at, due_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
            params![key, run.id.as_str(), kind.as_str(), address, body, at.0],
        )?;
    }
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

/// Whether a message is due, whoever it is for. Only reads.
pub(super) fn any_due(conn: &Connection, now: Timestamp) -> Result<bool, Fault> {
    Ok(conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM outbox WHERE delivered_at IS NULL AND due_at <= ?1)
               OR EXISTS (SELECT 1 FROM outbox WHERE delivered_at IS NULL AND due_at > ?2)",
        )?
        .query_row([now.0, farthest(now).0], |row| row.get(0))?)
}

/// What is due later than this was written down while the clock was ahead, and is due now: otherwise it would
/// wait until that time comes.
fn farthest(now: Timestamp) -> Timestamp {
    now.after(2 * LONGEST_WAIT)
}

/// Takes the messages that are due and whose addresses begin with one of the `roles`, oldest first. Nobody else is given them for a while, within which
/// each is to be marked.
pub(super) fn due_messages(
    write: &Write<'_>,
    roles: &[String],
    limit: usize,
    now: Timestamp,
) -> Result<Vec<OutboxMessage>, Fault> {
    let mut statement = write.conn.prepare_cached(
        "SELECT n, key, run_id, kind, address, body, failures, created_at FROM outbox
         WHERE delivered_at IS NULL AND (due_at <= ?1 OR due_at > ?4)
           AND substr(address, 1, instr(address, '/') - 1) IN (SELECT value FROM json_each(?3))
         ORDER BY n LIMIT ?2",
    )?;
    let mut found = statement.query(params![
        now.0,
        rows::to_stored(limit as u64),
        serde_json::to_string(roles)?,
        farthest(now).0,
    ])?;
    let mut messages = Vec::new();
    while let Some(row) = found.next()? {
        messages.push(OutboxMessage {
            n: row.get(0)?,
            key: row.get(1)?,
            run: rows::run_id(row.get_ref(2)?.as_str()?)?,
            kind: kind(row.get_ref(3)?.as_str()?)?,
            address: row.get(4)?,
            body: row.get(5)?,
            posted: Vec::new(),
            failures: row.get(6)?,
            created_at: Timestamp(row.get(7)?),
        });
    }
    for message in &mut messages {
        message.posted = posted(write.conn, message)?;
        write.change_one(
            "UPDATE outbox SET due_at = ?1 WHERE n = ?2",
            params![now.after(LEASE).0, message.n],
        )?;
    }
    Ok(messages)
}

/// What was sent before to the address of a message, about the same run.
fn posted(conn: &Connection, message: &OutboxMessage) -> Result<Vec<Posted>, Fault> {
    let mut statement = conn.prepare_cached(
        "SELECT kind, receipt FROM outbox
         WHERE run_id = ?1 AND address = ?2 AND receipt IS NOT NULL AND n < ?3 ORDER BY n",
    )?;
    let mut found = statement.query(params![message.run.as_str(), message.address, message.n])?;
    let mut posted = Vec::new();
    while let Some(row) = found.next()? {
        posted.push(Posted { kind: kind(row.get_ref(0)?.as_str()?)?, receipt: row.get(1)? });
    }
    Ok(posted)
}

fn kind(word: &str) -> Result<MessageKind, Fault> {
    MessageKind::parse(word)
        .ok_or_else(|| Fault::Inconsistent(format!("there is no kind of message `{word}`")))
}

/// Notes that a message is out, and what the service calls it. Doing so twice changes nothing.
pub(super) fn mark_delivered(
    write: &Write<'_>,
    n: i64,
    receipt: Option<&str>,
    at: Timestamp,
) -> Result<(), Fault> {
    find(write.conn, n)?;
    write.execute(
        "UPDATE outbox SET delivered_at = ?1, receipt = ?3, error = NULL
         WHERE n = ?2 AND delivered_at IS NULL",
        params![at.0, n, receipt],
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
