//! Writes down, before a component is invoked, that it is about to be. This is where an approval is
//! spent: only a ready or approved call starts, and it is neither afterwards.

use super::fault::Fault;
use super::writer::Write;
use super::{call_row, run_row};
use crate::domain::clock::Timestamp;
use crate::domain::event::EventKind;
use crate::domain::ids::CallId;
use crate::domain::tool_call::CallEvent;
use crate::store::Claim;
use serde_json::json;

pub(super) fn record_call_started(
    write: &mut Write<'_>,
    claim: &Claim,
    call: &CallId,
    at: Timestamp,
) -> Result<u32, Fault> {
    let run = run_row::held(write, claim)?;
    let call = call_row::find(write.conn, &run, call)?;
    call_row::change(write, &call, CallEvent::Start, None)?;
    let attempt: u32 = write
        .conn
        .prepare_cached("UPDATE calls SET attempts = attempts + 1 WHERE n = ?1 RETURNING attempts")?
        .query_row([call.n], |row| row.get(0))?;
    run_row::touch(write, &run, at)?;
    let body = json!({"attempt": attempt});
    write.record(at, &run.id, Some(&call.id), EventKind::CallStarted, &body)?;
    Ok(attempt)
}
