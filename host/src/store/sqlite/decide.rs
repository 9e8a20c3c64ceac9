//! Records what a person said of calls that wait: all of it or nothing, once per request. Of any number
//! of people who decide at the same moment one is first; the others learn who that was.

use super::fault::Fault;
use super::run_row::{self, RunRow};
use super::writer::Write;
use super::{adopt_orphans, call_row, programs, request, rows};
use crate::domain::clock::Timestamp;
use crate::domain::decision::{Decision, Resolver};
use crate::domain::run::RunState;
use crate::domain::tool_call::{CallEvent, CallState, UNKNOWN_RESULT};
use crate::store::{Conflict, Decided, DecisionRequest};
use call_row::CallRow;
use rusqlite::Connection;

pub(super) fn decide(write: &mut Write<'_>, request: &DecisionRequest) -> Result<Decided, Fault> {
    let run = run_row::find(write.conn, &request.run)?;
    let (run, _) = adopt_orphans::adopt_if_orphaned(write, run, request.at)?;
    for (call, decision) in &request.decisions {
        let call = call_row::find(write.conn, &run, call)?;
        resolve(write, &run, &call, decision, &request.resolver, request.at)?;
    }
    let waiting = run_row::waiting(write.conn, run.n)?;
    let resumable = matches!(run.state, RunState::Paused | RunState::Interrupted);
    let claim = if waiting == 0 && resumable {
        Some(run_row::claim(write, &run, &request.claim_as, request.at)?)
    } else {
        run_row::touch(write, &run, request.at)?;
        None
    };
    Ok(Decided { claim, waiting })
}

/// Records what was said of one call. Of an unknown one, *approve* means to try it again and *deny* to
/// tell the model that nobody knows.
pub(super) fn resolve(
    write: &mut Write<'_>,
    run: &RunRow,
    call: &CallRow,
    decision: &Decision,
    resolver: &Resolver,
    at: Timestamp,
) -> Result<(), Fault> {
    let (event, result) = match (call.state, decision) {
        (CallState::Waiting, Decision::Approve) => (CallEvent::Approve, None),
        (CallState::Waiting, Decision::Deny { .. }) => (CallEvent::Deny, None),
        (CallState::Unknown, Decision::Approve) => {
            programs::check_ended(write.conn, call, write.uptime().as_ref())?;
            (CallEvent::Retry, None)
        }
        (CallState::Unknown, Decision::Deny { .. }) => {
            (CallEvent::ReportUnknown, Some(UNKNOWN_RESULT))
        }
        _ => return Err(too_late(write.conn, call)?.into()),
    };
    call_row::change(write, call, event, result)?;
    request::decide(write, run, call, decision, resolver, at)
}

/// Why a call cannot be decided: who was first, where somebody was.
fn too_late(conn: &Connection, call: &CallRow) -> Result<Conflict, Fault> {
    let Some(n) = call.request else {
        return Ok(Conflict::NotWaiting { call: call.id.clone(), state: call.state });
    };
    let columns = conn
        .prepare_cached(
            "SELECT resolved_at, resolved_by, authenticated_as, decision, reason
             FROM pending_approvals WHERE n = ?1",
        )?
        .query_row([n], |row| {
            Ok(rows::AskedColumns {
                request: Some(n),
                resolved_at: row.get(0)?,
                resolved_by: row.get(1)?,
                authenticated_as: row.get(2)?,
                decision: row.get(3)?,
                reason: row.get(4)?,
            })
        })?;
    Ok(match rows::asked(columns)? {
        rows::Asked::Decided { decision, resolver, at } => Conflict::AlreadyDecided {
            call: call.id.clone(),
            decision: decision.as_str().to_owned(),
            by: resolver.resolved_by().to_owned(),
            at,
        },
        rows::Asked::Expired { at } => Conflict::Expired { call: call.id.clone(), at },
        _ => Conflict::NotWaiting { call: call.id.clone(), state: call.state },
    })
}
