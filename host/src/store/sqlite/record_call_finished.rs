//! Writes down what became of a call that was started, and tells the history where it was the last one.

use super::fault::Fault;
use super::journal::contents;
use super::writer::Write;
use super::{call_row, run_row, tell_results};
use crate::domain::clock::Timestamp;
use crate::domain::event::EventKind;
use crate::domain::ids::CallId;
use crate::domain::tool_call::CallEvent;
use crate::store::{CallOutcome, Claim};
use serde_json::json;

pub(super) fn record_call_finished(
    write: &mut Write<'_>,
    claim: &Claim,
    call: &CallId,
    outcome: &CallOutcome,
    at: Timestamp,
) -> Result<(), Fault> {
    let run = run_row::held(write, claim)?;
    let call = call_row::find(write.conn, &run, call)?;
    let event = if outcome.succeeded { CallEvent::Succeed } else { CallEvent::Fail };
    let state = call_row::change(write, &call, event, Some(&outcome.result))?;
    run_row::touch(write, &run, at)?;
    let body = json!({"contents": contents(&json!([outcome.result])), "state": state.as_str()});
    write.record(at, &run.id, Some(&call.id), EventKind::CallFinished, &body)?;
    match outcome.told.is_empty() {
        true => Ok(()),
        false => tell_results::tell(write, &run, &outcome.told, at),
    }
}
