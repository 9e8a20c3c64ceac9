//! A run inside a transaction that writes: finding it, checking a claim, moving it on.

use super::fault::Fault;
use super::writer::Write;
use super::{outbox, resumption, rows, sealed};
use crate::domain::budget::Spent;
use crate::domain::clock::Timestamp;
use crate::domain::decision::Resolver;
use crate::domain::event::EventKind;
use crate::domain::ids::{OwnerId, RunId};
use crate::domain::run::RunState;
use crate::store::{Claim, Conflict, StoreError, record};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};

/// That a run has not ended, in the words of the index `unfinished_runs`, which is used where they are the
/// same. No list: of more than two values SQLite makes a table for each row that it looks at.
pub(super) const UNFINISHED: &str =
    "(state = 'queued' OR state = 'running' OR state = 'paused' OR state = 'interrupted')";

/// What deciding about a run takes.
#[derive(Debug)]
pub(super) struct RunRow {
    pub(super) n: i64,
    pub(super) id: RunId,
    pub(super) state: RunState,
    pub(super) owner: Option<OwnerId>,
    pub(super) fence: i64,
    /// The row of what it was made of.
    pub(super) role: i64,
    /// The role's name.
    pub(super) agent: String,
    /// Who started it: an authenticated identity.
    pub(super) requester: String,
    pub(super) turns: i64,
    /// Where to tell what becomes of it: addresses, a line each.
    pub(super) reply_to: Option<String>,
}

/// Finds a run.
pub(super) fn find(conn: &Connection, id: &RunId) -> Result<RunRow, Fault> {
    let found = conn
        .prepare_cached(
            "SELECT runs.n, state, owner, fence, role, name, turns, requester, reply_to
             FROM runs JOIN roles ON roles.n = runs.role WHERE id = ?1",
        )?
        .query_row([id.as_str()], |row| {
            Ok((
                row.get(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, Option<String>>(2)?,
                row.get(3)?,
                row.get(4)?,
                row.get(5)?,
                row.get(6)?,
                row.get(7)?,
                row.get(8)?,
            ))
        })
        .optional()?;
    let Some((n, state, owner, fence, role, agent, turns, requester, reply_to)) = found else {
        return Err(StoreError::UnknownRun(id.to_string()).into());
    };
    let (state, owner) = rows::standing(id, &state, owner)?;
    let id = id.clone();
    Ok(RunRow { n, id, state, owner, fence, role, agent, requester, turns, reply_to })
}

/// Finds a run for its owner.
///
/// Every write of a claim begins here, so that a process which slept through its own adoption, or
/// through a cancellation, changes nothing.
pub(super) fn held(write: &Write<'_>, claim: &Claim) -> Result<RunRow, Fault> {
    let run = find(write.conn, &claim.run)?;
    if run.fence != claim.fence {
        return Err(StoreError::Fenced(run.id).into());
    }
    match &run.owner {
        Some(owner) if *owner == claim.owner => Ok(run),
        Some(_) => Err(StoreError::Fenced(run.id).into()),
        // The claim was the last one, and its holder ended it.
        None => Err(Conflict::WrongState { run: run.id, state: run.state }.into()),
    }
}

/// Gives the run to `owner`, under a new fencing number, because `by` says so.
pub(super) fn claim(
    write: &mut Write<'_>,
    run: &RunRow,
    owner: &OwnerId,
    by: &Resolver,
    at: Timestamp,
) -> Result<Claim, Fault> {
    let fence = run.fence + 1;
    change(write, run, RunState::Running, Some(owner), fence, None, at)?;
    // Before the claim is written down: it ends the time that the decisions are counted from.
    let decisions = resumption::decisions(write.conn, run)?;
    let body = json!({"fence": fence, "owner": owner});
    write.record(at, &run.id, None, EventKind::RunClaimed, &body)?;
    resumption::record(write, run, &decisions, by, at)?;
    Ok(Claim { run: run.id.clone(), owner: owner.clone(), fence })
}

/// Gives a run whose turn has come to `owner`: it begins, and nothing is resumed.
pub(super) fn begin(
    write: &mut Write<'_>,
    run: &RunRow,
    owner: &OwnerId,
    at: Timestamp,
) -> Result<Claim, Fault> {
    let fence = run.fence + 1;
    change(write, run, RunState::Running, Some(owner), fence, None, at)?;
    let body = json!({"fence": fence, "owner": owner});
    write.record(at, &run.id, None, EventKind::RunClaimed, &body)?;
    Ok(Claim { run: run.id.clone(), owner: owner.clone(), fence })
}

/// Why a run is let go without having ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum LetGo<'r> {
    /// Its owner says so, and what it had used.
    By(&'r str, Spent),
    /// Its owner died: a new fencing number shuts it out, should it not be dead after all.
    Orphaned,
}

/// Lets a run go that can be resumed: paused where a person must decide something first, else
/// interrupted.
pub(super) fn let_go(
    write: &mut Write<'_>,
    run: &RunRow,
    why: LetGo<'_>,
    at: Timestamp,
) -> Result<RunState, Fault> {
    let (fence, reason, spent) = match why {
        LetGo::By(reason, spent) => (run.fence, reason, Some(spent)),
        LetGo::Orphaned => (run.fence + 1, "the process driving the run ended", None),
    };
    let waiting = waiting(write.conn, run.n)?;
    let (next, kind) = if waiting > 0 {
        (RunState::Paused, EventKind::RunPaused)
    } else {
        (RunState::Interrupted, EventKind::RunInterrupted)
    };
    change(write, run, next, None, fence, Some(reason), at)?;
    let body = json!({"fence": fence, "reason": reason, "waiting": waiting});
    let body = with_spent(body, spent);
    write.record(at, &run.id, None, kind, &body)?;
    if next == RunState::Paused {
        outbox::put_paused(write, run, at)?;
    }
    Ok(next)
}

/// What somebody is told who comes too late for the run: where a person ended it, who that was and when.
pub(super) fn over(conn: &Connection, run: &RunRow) -> Result<Conflict, Fault> {
    let (outcome, at): (Option<String>, i64) = conn
        .prepare_cached("SELECT outcome, updated_at FROM runs WHERE n = ?1")?
        .query_row([run.n], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(record::over(&run.id, run.state, outcome.as_deref(), Timestamp(at)))
}

/// Moves a run to another state: only from the state and fencing number that were read.
pub(super) fn change(
    write: &Write<'_>,
    run: &RunRow,
    next: RunState,
    owner: Option<&OwnerId>,
    fence: i64,
    outcome: Option<&str>,
    at: Timestamp,
) -> Result<(), Fault> {
    if !run.state.may_become(next) {
        return Err(over(write.conn, run)?.into());
    }
    if next.is_final() {
        sealed::forget(write, &run.id)?;
    }
    write.change_one(
        "UPDATE runs SET state = ?1, owner = ?2, fence = ?3, outcome = ?4, updated_at = ?5
         WHERE n = ?6 AND state = ?7 AND fence = ?8",
        params![
            next.as_str(),
            owner.map(OwnerId::as_str),
            fence,
            outcome,
            at.0,
            run.n,
            run.state.as_str(),
            run.fence
        ],
    )
}

/// Notes that something of the run changed.
pub(super) fn touch(write: &Write<'_>, run: &RunRow, at: Timestamp) -> Result<(), Fault> {
    write.change_one(
        "UPDATE runs SET updated_at = ?1 WHERE n = ?2 AND fence = ?3",
        params![at.0, run.n, run.fence],
    )
}

/// Notes what the run has used.
pub(super) fn spend(write: &Write<'_>, run: &RunRow, spent: Spent) -> Result<(), Fault> {
    write.change_one(
        "UPDATE runs SET requests = ?1, tool_calls = ?2, wall_ms = ?3 WHERE n = ?4 AND fence = ?5",
        params![spent.requests, spent.tool_calls, rows::to_stored(spent.wall_ms), run.n, run.fence],
    )
}

/// The body of an event, with what the run had used where the same transaction wrote that down.
pub(super) fn with_spent(mut body: Value, spent: Option<Spent>) -> Value {
    if let Some(Spent { requests, tool_calls, wall_ms }) = spent {
        body["spent"] = json!([requests, tool_calls, wall_ms]);
    }
    body
}

/// How many calls of the run a person must decide about. One whose result was told is none of them, and
/// its question need not be looked up: a long run has many.
pub(super) fn waiting(conn: &Connection, run: i64) -> Result<usize, Fault> {
    let count: i64 = conn
        .prepare_cached(
            "SELECT count(*) FROM calls JOIN pending_approvals AS asked ON asked.n = calls.request
             WHERE calls.run = ?1 AND calls.told = 0 AND asked.resolved_at IS NULL",
        )?
        .query_row([run], |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or_default())
}
