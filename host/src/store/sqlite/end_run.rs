//! Ends a claim and the run.

use super::fault::Fault;
use super::journal::contents;
use super::run_row::{self, RunRow};
use super::writer::Write;
use super::{call_row, components, outbox, request};
use crate::domain::budget::Spent;
use crate::domain::clock::Timestamp;
use crate::domain::event::EventKind;
use crate::domain::outbox::MessageKind;
use crate::domain::run::RunState;
use crate::domain::tool_call::{CallEvent, CallState, UNKNOWN_RESULT};
use crate::store::{Claim, RunEnd};
use serde_json::json;

pub(super) fn end_run(
    write: &mut Write<'_>,
    claim: &Claim,
    ending: &RunEnd,
    spent: Spent,
    at: Timestamp,
) -> Result<(), Fault> {
    let run = run_row::held(write, claim)?;
    run_row::spend(write, &run, spent)?;
    end(write, &run, ending, Some(spent), at)
}

/// Ends a run that this transaction already holds.
pub(super) fn end(
    write: &mut Write<'_>,
    run: &RunRow,
    end: &RunEnd,
    spent: Option<Spent>,
    at: Timestamp,
) -> Result<(), Fault> {
    close_calls(write, run, at)?;
    let (state, outcome) = match end {
        RunEnd::Completed { answer } => (RunState::Completed, answer),
        RunEnd::Failed { error } => (RunState::Failed, error),
    };
    run_row::change(write, run, state, None, run.fence, Some(outcome), at)?;
    components::release(write, run.role, at)?;
    let body = json!({"contents": contents(&json!([outcome])), "state": state.as_str()});
    let body = run_row::with_spent(body, spent);
    write.record(at, &run.id, None, EventKind::RunEnded, &body)?;
    outbox::put(write, run, MessageKind::Ended, &json!({"state": state.as_str()}), at)
}

/// Takes what nobody will decide any more out of the queue.
fn close_calls(write: &mut Write<'_>, run: &RunRow, at: Timestamp) -> Result<(), Fault> {
    if !call_row::any_open(write.conn, run)? {
        return Ok(());
    }
    call_row::lose_track(write, run, at)?;
    for call in call_row::in_state(write.conn, run, CallState::Waiting)? {
        call_row::change(write, &call, CallEvent::Expire, None)?;
        request::close(write, &call, at)?;
    }
    for call in call_row::in_state(write.conn, run, CallState::Unknown)? {
        call_row::change(write, &call, CallEvent::ReportUnknown, Some(UNKNOWN_RESULT))?;
        request::close(write, &call, at)?;
    }
    Ok(())
}
