//! Records what a person said of calls that wait: all of it or nothing, once per request, and only where
//! the call's rule lets it count. Of any number of people who decide at the same moment one is first; the
//! others learn who that was.

use super::fault::Fault;
use super::run_row::{self, RunRow};
use super::writer::Write;
use super::{
    adopt_orphans, call_row, edit_call, idempotency, policies, programs, request, rows, votes,
};
use crate::domain::clock::Timestamp;
use crate::domain::decision::{Decision, Resolver};
use crate::domain::run::RunState;
use crate::domain::tool_call::{CallEvent, CallState, UNKNOWN_RESULT};
use crate::store::{CallDecision, Conflict, Decided, DecisionRequest};
use call_row::CallRow;
use rusqlite::Connection;

pub(super) fn decide(write: &mut Write<'_>, request: &DecisionRequest) -> Result<Decided, Fault> {
    let run = run_row::find(write.conn, &request.run)?;
    let (run, _) = adopt_orphans::adopt_if_orphaned(write, run, request.at)?;
    for decision in &request.decisions {
        say(write, &run, decision, &request.resolver, request.at)?;
    }
    let waiting = run_row::waiting(write.conn, run.n)?;
    let resumable = matches!(run.state, RunState::Paused | RunState::Interrupted);
    let claim = if waiting == 0 && resumable {
        Some(run_row::claim(write, &run, &request.claim_as, &request.resolver, request.at)?)
    } else {
        run_row::touch(write, &run, request.at)?;
        None
    };
    idempotency::record(write, request.idempotency.as_ref(), &run.id, request.at)?;
    Ok(Decided { claim, run: None, waiting })
}

/// Records what one person said of one call: as a vote, where it takes more of them.
fn say(
    write: &mut Write<'_>,
    run: &RunRow,
    said: &CallDecision,
    resolver: &Resolver,
    at: Timestamp,
) -> Result<(), Fault> {
    let mut call = call_row::find(write.conn, run, &said.call)?;
    if !matches!(call.state, CallState::Waiting | CallState::Unknown) {
        return Err(too_late(write.conn, &call)?.into());
    }
    if run.state.is_final() {
        // What was happening when the run was cancelled stays unknown, and nobody is asked about it.
        return Err(run_row::over(write.conn, run)?.into());
    }
    if said.seen.is_some_and(|seen| call.request != Some(seen)) {
        return Err(changed(write.conn, run, &call)?.into());
    }
    policies::record(write, run, &call.id, &said.said, at)?;
    if let Some(edit) = &said.edit {
        call = edit_call::edit_call(write, run, call, edit, resolver, at)?;
    }
    if votes::cast(write, run, &call, &said.decision, resolver, at)? {
        resolve(write, run, &call, &said.decision, resolver, at)?;
    }
    Ok(())
}

/// Settles one call, whoever says so. Of an unknown one, *approve* means to try it again and *deny* to
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

/// What happened to a call since a person was shown it.
fn changed(conn: &Connection, run: &RunRow, call: &CallRow) -> Result<Conflict, Fault> {
    let (edited_by, at) = conn
        .prepare_cached(
            "SELECT source.resolved_by, asked.created_at FROM pending_approvals AS asked
             LEFT JOIN pending_approvals AS source
               ON source.n = asked.source AND source.decision = 'edited'
             WHERE asked.n = ?1",
        )?
        .query_row([call.request], |row| Ok((row.get(0)?, Timestamp(row.get(1)?))))?;
    Ok(Conflict::Changed { run: run.id.clone(), call: call.id.clone(), edited_by, at })
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
            by: match decision {
                Decision::Approve => votes::names(conn, n, &resolver)?,
                Decision::Deny { .. } => resolver.resolved_by().to_owned(),
            },
            at,
        },
        rows::Asked::Expired { at } => Conflict::Expired { call: call.id.clone(), at },
        _ => Conflict::NotWaiting { call: call.id.clone(), state: call.state },
    })
}
