//! Writes down that the gate, asked again at resume, does not admit a call as it stands.

use super::fault::Fault;
use super::journal::contents;
use super::request::{self, Shown};
use super::writer::Write;
use super::{call_row, policies, run_row};
use crate::domain::clock::Timestamp;
use crate::domain::event::EventKind;
use crate::domain::ids::CallId;
use crate::domain::policy::PolicyRecord;
use crate::domain::tool_call::{CallEvent, CallState};
use crate::store::{Claim, Readmission};
use serde_json::json;

pub(super) fn readmit_call(
    write: &mut Write<'_>,
    claim: &Claim,
    call: &CallId,
    readmission: &Readmission,
    said: &[PolicyRecord],
    at: Timestamp,
) -> Result<(), Fault> {
    let run = run_row::held(write, claim)?;
    let call = call_row::find(write.conn, &run, call)?;
    run_row::touch(write, &run, at)?;
    policies::record(write, &run, &call.id, said, at)?;
    match readmission {
        Readmission::Refused { by, result } => {
            let state = call_row::change(write, &call, CallEvent::Refuse(*by), Some(result))?;
            let body = json!({"contents": contents(&json!([result])), "state": state.as_str()});
            write.record(at, &run.id, Some(&call.id), EventKind::CallRefused, &body)
        }
        Readmission::Waiting { preview, binding, rule, changed } => {
            let state = call_row::change(write, &call, CallEvent::Ask, None)?;
            if call.state == CallState::Approved {
                let body = json!({"changed": changed, "request": call.request});
                write.record(at, &run.id, Some(&call.id), EventKind::ApprovalVoided, &body)?;
            }
            let shown = Shown {
                preview: preview.clone(),
                binding: Some(binding.clone()),
                rule: rule.clone(),
                changed: changed.clone(),
                source: call.request,
            };
            request::open(write, &run, &call, state, shown, at)
        }
    }
}
