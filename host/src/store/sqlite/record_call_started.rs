//! Writes down, before a component is invoked, that it is about to be. This is where an approval is
//! spent: only a ready or approved call starts, and it is neither afterwards.

use super::fault::Fault;
use super::writer::Write;
use super::{call_row, policies, run_row};
use crate::domain::clock::Timestamp;
use crate::domain::event::EventKind;
use crate::domain::ids::CallId;
use crate::domain::policy::PolicyRecord;
use crate::store::Claim;
use serde_json::json;

pub(super) fn record_call_started(
    write: &mut Write<'_>,
    claim: &Claim,
    call: &CallId,
    said: &[PolicyRecord],
    at: Timestamp,
) -> Result<u32, Fault> {
    let run = run_row::held(write, claim)?;
    let call = call_row::find(write.conn, &run, call)?;
    let attempt = call_row::start(write, &call)?;
    run_row::touch(write, &run, at)?;
    policies::record(write, &run, &call.id, said, at)?;
    let body = json!({"attempt": attempt});
    write.record(at, &run.id, Some(&call.id), EventKind::CallStarted, &body)?;
    Ok(attempt)
}
