//! Lists the calls that wait for a person, oldest first.

use super::bindings::Told;
use super::fault::Fault;
use super::{bindings, programs, rows, rules, votes};
use crate::domain::clock::{Timestamp, Uptime};
use crate::domain::ids::RunId;
use crate::domain::tool_call::CallState;
use crate::store::PendingCall;
use rusqlite::{Connection, OptionalExtension};
use std::collections::HashMap;

pub(super) fn pending(
    conn: &Connection,
    limit: usize,
    now: Option<&Uptime>,
) -> Result<(Vec<PendingCall>, usize), Fault> {
    let total: i64 = conn
        .prepare_cached("SELECT count(*) FROM pending_approvals WHERE resolved_at IS NULL")?
        .query_row([], |row| row.get(0))?;
    let total = usize::try_from(total).unwrap_or_default();
    let mut statement = conn.prepare_cached(
        "SELECT run_id, tool_call_id, tool, agent, state, created_at, arguments, preview_format,
           preview, changed, n, rule, expires_at, shared_binding
         FROM pending_approvals WHERE resolved_at IS NULL ORDER BY created_at, n LIMIT ?1",
    )?;
    let mut found = statement.query([rows::to_stored(limit as u64)])?;
    let mut calls = Vec::with_capacity(limit.min(total));
    let mut known = HashMap::new();
    while let Some(row) = found.next()? {
        let run = rows::run_id(row.get_ref(0)?.as_str()?)?;
        let (request, rule): (i64, Option<i64>) = (row.get(10)?, row.get(11)?);
        let state = rows::call_state(row.get_ref(4)?.as_str()?)?;
        let running = match state {
            CallState::Unknown => programs::running_of_request(conn, request, now)?,
            _ => None,
        };
        let Told { isolation, policy } = match row.get(13)? {
            Some(shared) => told(conn, shared, &mut known)?,
            None => Told::default(),
        };
        calls.push(PendingCall {
            // Under the plain rule nobody votes, and it does not matter who started the run. A query for
            // each of ten thousand rows would take as long as all else.
            votes: if rule.is_some() { votes::read(conn, request)? } else { Vec::new() },
            requester: if rule.is_some() { Some(requester(conn, &run)?) } else { None },
            rule: rules::read(conn, rule)?,
            request,
            run,
            call: rows::call_id(row.get_ref(1)?.as_str()?)?,
            tool: row.get(2)?,
            agent: row.get(3)?,
            state,
            created_at: Timestamp(row.get(5)?),
            arguments: row.get(6)?,
            preview: rows::preview(row.get(7)?, row.get(8)?)?,
            isolation,
            policy,
            changed: rows::changed(row.get(9)?)?,
            expires_at: row.get::<_, Option<i64>>(12)?.map(Timestamp),
            running,
        });
    }
    Ok((calls, total))
}

/// What is told of a shared binding. Thousands of calls share a few.
fn told(conn: &Connection, shared: i64, known: &mut HashMap<i64, Told>) -> Result<Told, Fault> {
    if let Some(known) = known.get(&shared) {
        return Ok(known.clone());
    }
    let found = bindings::told(conn, shared)?;
    known.insert(shared, found.clone());
    Ok(found)
}

/// Who started a run; nobody where it is not there, which is no reason to keep what waits from people.
fn requester(conn: &Connection, run: &RunId) -> Result<String, Fault> {
    let found = conn
        .prepare_cached("SELECT requester FROM runs WHERE id = ?1")?
        .query_row([run.as_str()], |row| row.get(0))
        .optional()?;
    Ok(found.unwrap_or_default())
}
