//! Ends a run because a person says so, whoever drives it.

use super::fault::Fault;
use super::writer::Write;
use super::{call_row, components, decide, outbox, run_row};
use crate::domain::clock::Timestamp;
use crate::domain::decision::{Decision, Resolver};
use crate::domain::event::EventKind;
use crate::domain::ids::RunId;
use crate::domain::outbox::MessageKind;
use crate::domain::run::RunState;
use crate::domain::tool_call::{CallEvent, CallState};
use crate::store::record::CANCELLED_BY;
use serde_json::json;

pub(super) fn cancel_run(
    write: &mut Write<'_>,
    run: &RunId,
    resolver: &Resolver,
    at: Timestamp,
) -> Result<(), Fault> {
    let run = run_row::find(write.conn, run)?;
    // Before the calls, so that a run that has ended says so. The new fencing number shuts out a
    // process that drives it.
    let outcome = format!("{CANCELLED_BY}{}", resolver.resolved_by());
    let fence = run.fence + 1;
    run_row::change(write, &run, RunState::Cancelled, None, fence, Some(&outcome), at)?;
    let denied = Decision::Deny { reason: None };
    for state in [CallState::Waiting, CallState::Unknown] {
        for call in call_row::in_state(write.conn, &run, state)? {
            decide::resolve(write, &run, &call, &denied, resolver, at)?;
        }
    }
    // What is happening at this moment cannot be called back. Nobody is asked about it: whatever the
    // answer, nothing would follow from it.
    for call in call_row::in_state(write.conn, &run, CallState::Started)? {
        call_row::change(write, &call, CallEvent::LoseTrack, None)?;
        write.record(at, &run.id, Some(&call.id), EventKind::CallUnknown, &json!({}))?;
    }
    components::release(write, run.role, at)?;
    let body = json!({
        "authenticated_as": resolver.authenticated_as,
        "by": resolver.resolved_by(),
        "fence": fence,
        "state": RunState::Cancelled.as_str(),
    });
    write.record(at, &run.id, None, EventKind::RunEnded, &body)?;
    let body = json!({"by": resolver.resolved_by(), "state": RunState::Cancelled.as_str()});
    outbox::put(write, &run, MessageKind::Ended, &body, at)
}
