//! Writes down, before a program runs, that a call is about to run it.

use super::fault::Fault;
use super::writer::Write;
use super::{boots, call_row, rows, run_row};
use crate::domain::clock::Timestamp;
use crate::domain::event::EventKind;
use crate::domain::ids::CallId;
use crate::domain::tool_call::CallState;
use crate::store::{Claim, Conflict, Program};
use rusqlite::params;
use serde_json::json;

pub(super) fn record_program_started(
    write: &mut Write<'_>,
    claim: &Claim,
    call: &CallId,
    attempt: u32,
    program: &Program,
    at: Timestamp,
) -> Result<(), Fault> {
    let run = run_row::held(write, claim)?;
    let call = call_row::find(write.conn, &run, call)?;
    if call.state != CallState::Started {
        return Err(Conflict::WrongCallState { call: call.id, state: call.state }.into());
    }
    let boot = boots::store(write, &program.boot)?;
    let start_time = rows::to_stored(program.start_time);
    write.insert(
        "INSERT INTO programs (call, attempt, pid, start_time, boot, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![call.n, attempt, program.pid, start_time, boot, at.0],
    )?;
    let body = json!({
        "attempt": attempt,
        "boot": program.boot,
        "isolation": program.isolation,
        "pid": program.pid,
        "start_time": start_time,
    });
    write.record(at, &run.id, Some(&call.id), EventKind::ProgramStarted, &body)
}
