//! A call inside a transaction that writes: finding it and moving it on.

use super::fault::Fault;
use super::run_row::RunRow;
use super::writer::Write;
use super::{request, rows};
use crate::domain::clock::Timestamp;
use crate::domain::event::EventKind;
use crate::domain::ids::CallId;
use crate::domain::tool_call::{CallEvent, CallState};
use crate::store::{Conflict, StoreError};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;

/// What deciding about a call takes.
#[derive(Debug)]
pub(super) struct CallRow {
    pub(super) n: i64,
    pub(super) id: CallId,
    pub(super) state: CallState,
    /// The latest approval that was asked for.
    pub(super) request: Option<i64>,
    pub(super) model_tool: String,
    pub(super) arguments: String,
    pub(super) told: bool,
    /// How many times it was started.
    pub(super) attempts: u32,
}

const COLUMNS: &str = "n, id, state, request, model_tool, arguments, told, attempts";

fn read(row: &Row<'_>) -> Result<CallRow, Fault> {
    Ok(CallRow {
        n: row.get(0)?,
        id: rows::call_id(&row.get::<_, String>(1)?)?,
        state: rows::call_state(&row.get::<_, String>(2)?)?,
        request: row.get(3)?,
        model_tool: row.get(4)?,
        arguments: row.get(5)?,
        told: row.get(6)?,
        attempts: row.get(7)?,
    })
}

/// Finds a call of a run.
pub(super) fn find(conn: &Connection, run: &RunRow, call: &CallId) -> Result<CallRow, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM calls WHERE run = ?1 AND id = ?2");
    let found = conn
        .prepare_cached(&sql)?
        .query_row(params![run.n, call.as_str()], |row| Ok(read(row)))
        .optional()?;
    match found {
        Some(call) => call,
        None => Err(StoreError::UnknownCall { run: run.id.clone(), call: call.to_string() }.into()),
    }
}

/// The calls of a run that are in `state`, in emitted order.
pub(super) fn in_state(
    conn: &Connection,
    run: &RunRow,
    state: CallState,
) -> Result<Vec<CallRow>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM calls WHERE run = ?1 AND state = ?2 ORDER BY n");
    let mut statement = conn.prepare_cached(&sql)?;
    let mut found = statement.query(params![run.n, state.as_str()])?;
    let mut calls = Vec::new();
    while let Some(row) = found.next()? {
        calls.push(read(row)?);
    }
    Ok(calls)
}

/// Whether a result was not told yet of any call of the run. Nothing else can happen to the others.
pub(super) fn any_open(conn: &Connection, run: &RunRow) -> Result<bool, Fault> {
    let mut statement =
        conn.prepare_cached("SELECT 1 FROM calls WHERE run = ?1 AND told = 0 LIMIT 1")?;
    Ok(statement.exists([run.n])?)
}

/// Moves a call to the state that follows `event`: only from the state that was read.
pub(super) fn change(
    write: &Write<'_>,
    call: &CallRow,
    event: CallEvent,
    result: Option<&str>,
) -> Result<CallState, Fault> {
    let Ok(next) = call.state.after(event) else {
        return Err(Conflict::WrongCallState { call: call.id.clone(), state: call.state }.into());
    };
    write.change_one(
        "UPDATE calls SET state = ?1, result = ?2 WHERE n = ?3 AND state = ?4",
        params![next.as_str(), result, call.n, call.state.as_str()],
    )?;
    Ok(next)
}

/// Starts a call; gives how many times it was started.
pub(super) fn start(write: &Write<'_>, call: &CallRow) -> Result<u32, Fault> {
    let Ok(next) = call.state.after(CallEvent::Start) else {
        return Err(Conflict::WrongCallState { call: call.id.clone(), state: call.state }.into());
    };
    let attempt = call.attempts.saturating_add(1);
    write.change_one(
        "UPDATE calls SET state = ?1, result = NULL, attempts = ?2
         WHERE n = ?3 AND state = ?4 AND attempts = ?5",
        params![next.as_str(), attempt, call.n, call.state.as_str(), call.attempts],
    )?;
    Ok(attempt)
}

/// Turns the run's calls that were started and have no result into unknown ones, and asks a person
/// about each: trying again could do it twice, and not trying could be leaving it undone.
pub(super) fn lose_track(write: &mut Write<'_>, run: &RunRow, at: Timestamp) -> Result<(), Fault> {
    for call in in_state(write.conn, run, CallState::Started)? {
        let state = change(write, &call, CallEvent::LoseTrack, None)?;
        write.record(at, &run.id, Some(&call.id), EventKind::CallUnknown, &json!({}))?;
        let shown = request::shown_before(write.conn, call.request)?;
        request::open(write, run, &call, state, shown, at)?;
    }
    Ok(())
}
