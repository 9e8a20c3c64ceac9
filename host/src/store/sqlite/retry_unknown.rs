//! Lets an unknown call be tried again without a person, where its role says so.

use super::fault::Fault;
use super::writer::Write;
use super::{call_row, outbox, programs, run_row};
use crate::domain::clock::Timestamp;
use crate::domain::decision::SYSTEM;
use crate::domain::event::EventKind;
use crate::domain::ids::CallId;
use crate::domain::outbox::MessageKind;
use crate::domain::tool_call::{CallEvent, CallState, MOST_ATTEMPTS};
use crate::store::{Claim, Conflict};
use rusqlite::params;
use serde_json::json;

pub(super) fn retry_unknown(
    write: &mut Write<'_>,
    claim: &Claim,
    call: &CallId,
    at: Timestamp,
) -> Result<(), Fault> {
    let run = run_row::held(write, claim)?;
    let call = call_row::find(write.conn, &run, call)?;
    if call.state != CallState::Unknown {
        return Err(Conflict::WrongCallState { call: call.id, state: call.state }.into());
    }
    let attempts: u32 = write
        .conn
        .prepare_cached("SELECT attempts FROM calls WHERE n = ?1")?
        .query_row([call.n], |row| row.get(0))?;
    if attempts >= MOST_ATTEMPTS {
        return Err(Conflict::TriedOften { call: call.id, attempts }.into());
    }
    programs::check_ended(write.conn, &call, write.uptime().as_ref())?;
    let state = call_row::change(write, &call, CallEvent::Retry, None)?;
    // The question is answered, by nobody's decision: what an earlier approval is bound to is in the
    // question's row, and the gate compares it before the call happens.
    write.change_one(
        "UPDATE pending_approvals
         SET resolved_at = ?1, resolved_by = ?2, authenticated_as = ?2, decision = 'approve'
         WHERE n = ?3 AND resolved_at IS NULL",
        params![at.0, SYSTEM, call.request],
    )?;
    run_row::touch(write, &run, at)?;
    let body = json!({
        "attempt": attempts + 1,
        "authenticated_as": SYSTEM,
        "by": SYSTEM,
        "decision": "approve",
        "request": call.request,
        "state": state.as_str(),
    });
    write.record(at, &run.id, Some(&call.id), EventKind::UnknownRetried, &body)?;
    let body = json!({"by": SYSTEM, "call": call.id, "decision": "approve"});
    outbox::put(write, &run, MessageKind::Decided, &body, at)
}
