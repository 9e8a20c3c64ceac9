//! Appends the results of a turn to the history and marks their calls as told, once each.

use super::fault::Fault;
use super::journal::contents;
use super::run_row::{self, RunRow};
use super::writer::Write;
use super::{call_row, message};
use crate::domain::clock::Timestamp;
use crate::domain::event::EventKind;
use crate::domain::message::Message;
use crate::store::{Claim, Conflict};
use serde_json::json;

pub(super) fn tell_results(
    write: &mut Write<'_>,
    claim: &Claim,
    results: &[Message],
    at: Timestamp,
) -> Result<(), Fault> {
    let run = run_row::held(write, claim)?;
    run_row::touch(write, &run, at)?;
    tell(write, &run, results, at)
}

/// The same of a run that this transaction already holds and has touched.
pub(super) fn tell(
    write: &mut Write<'_>,
    run: &RunRow,
    results: &[Message],
    at: Timestamp,
) -> Result<(), Fault> {
    let mut told = Vec::with_capacity(results.len());
    let mut calls = Vec::with_capacity(results.len());
    for result in results {
        let Message::ToolResult { call, .. } = result else {
            return Err(Fault::Failed("only results of calls can be told".into()));
        };
        let call = call_row::find(write.conn, run, call)?;
        if !call.state.is_final() {
            return Err(Conflict::WrongCallState { call: call.id, state: call.state }.into());
        }
        if call.told {
            return Err(Conflict::AlreadyTold { call: call.id }.into());
        }
        write.change_one("UPDATE calls SET told = 1 WHERE n = ?1 AND told = 0", [call.n])?;
        let text = message::append(write, run.n, result)?;
        told.push(json!([call.id, text]));
        calls.push(call.id);
    }
    let body = json!({"calls": calls, "contents": contents(&json!(told))});
    write.record(at, &run.id, None, EventKind::ResultsTold, &body)
}
