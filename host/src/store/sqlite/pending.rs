//! Lists the calls that wait for a person: the oldest, or page by page those that are wanted.

use super::bindings::Told;
use super::fault::Fault;
use super::{bindings, programs, rows, rules, votes};
use crate::domain::clock::{Timestamp, Uptime};
use crate::domain::ids::RunId;
use crate::domain::tool_call::CallState;
use crate::store::{Order, Page, PendingCall, PendingFilter, PendingPage, Position};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::HashMap;

const COUNT: &str = "SELECT count(*) FROM pending_approvals WHERE resolved_at IS NULL";

const COLUMNS: &str =
    "run_id, tool_call_id, tool, agent, state, created_at, arguments, preview_format,
    preview, changed, n, rule, expires_at, shared_binding, escalates_at, escalated_at";

pub(super) fn pending(
    conn: &Connection,
    limit: usize,
    now: Option<&Uptime>,
) -> Result<(Vec<PendingCall>, usize), Fault> {
    let total: i64 = conn.prepare_cached(COUNT)?.query_row([], |row| row.get(0))?;
    let total = usize::try_from(total).unwrap_or_default();
    let sql = format!(
        "SELECT {COLUMNS} FROM pending_approvals WHERE resolved_at IS NULL
         ORDER BY created_at, n LIMIT ?1"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let mut found = statement.query([rows::to_stored(limit as u64)])?;
    let mut calls = Vec::with_capacity(limit.min(total));
    let mut known = HashMap::new();
    while let Some(row) = found.next()? {
        calls.push(call(conn, row, &mut known, now)?);
    }
    Ok((calls, total))
}

/// When a call expires that never does, in an order: after all others.
const NEVER: Timestamp = Timestamp(i64::MAX);

/// The same as a column.
const EXPIRES: &str = "ifnull(expires_at, 9223372036854775807)";

/// One page of those that are wanted.
pub(super) fn list_pending(
    conn: &Connection,
    filter: &PendingFilter,
    page: &Page,
    now: Option<&Uptime>,
) -> Result<PendingPage, Fault> {
    const WANTED: &str = "resolved_at IS NULL AND created_at >= ?1 AND created_at < ?2
        AND (?3 IS NULL OR run_id = ?3) AND (?4 IS NULL OR agent = ?4)
        AND (?5 IS NULL OR tool = ?5) AND (?6 IS NULL OR state = ?6)
        AND (?7 IS NULL OR EXISTS (SELECT 1 FROM runs WHERE id = run_id AND requester = ?7))";
    let (by, further, direction, start) = match page.order {
        Order::NewestFirst => ("created_at", "<", "DESC", i64::MAX),
        Order::OldestFirst => ("created_at", ">", "ASC", i64::MIN),
        Order::SoonestToExpireFirst => (EXPIRES, ">", "ASC", i64::MIN),
    };
    let start = Position { at: Timestamp(start), n: start };
    let start = page.after.unwrap_or(start);
    let limit = page.limit.max(1);
    let wanted = params![
        filter.since.map_or(i64::MIN, |since| since.0),
        filter.until.map_or(i64::MAX, |until| until.0),
        filter.run.as_ref().map(RunId::as_str),
        filter.role,
        filter.tool,
        filter.state.map(CallState::as_str),
        filter.requester,
        start.at.0,
        start.n,
        // One more tells whether there is another page.
        rows::to_stored(limit as u64).saturating_add(1),
    ];
    let total: i64 = match *filter == PendingFilter::default() {
        true => conn.prepare_cached(COUNT)?.query_row([], |row| row.get(0))?,
        false => conn
            .prepare_cached(&format!("SELECT count(*) FROM pending_approvals WHERE {WANTED}"))?
            .query_row(&wanted[..7], |row| row.get(0))?,
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM pending_approvals
         WHERE {WANTED} AND ({by}, n) {further} (?8, ?9)
         ORDER BY {by} {direction}, n {direction} LIMIT ?10"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let mut found = statement.query(wanted)?;
    let (mut calls, mut next) = (Vec::new(), None);
    let mut known = HashMap::new();
    while let Some(row) = found.next()? {
        if calls.len() == limit {
            next = calls.last().map(|last: &PendingCall| Position {
                at: match page.order {
                    Order::SoonestToExpireFirst => last.expires_at.unwrap_or(NEVER),
                    Order::NewestFirst | Order::OldestFirst => last.created_at,
                },
                n: last.request,
            });
            break;
        }
        let mut call = call(conn, row, &mut known, now)?;
        if call.requester.is_none() {
            call.requester = Some(requester(conn, &call.run)?);
        }
        calls.push(call);
    }
    let total = usize::try_from(total).unwrap_or_default();
    Ok(PendingPage { calls, next, total })
}

/// A row of the queue.
fn call(
    conn: &Connection,
    row: &Row<'_>,
    known: &mut HashMap<i64, Told>,
    now: Option<&Uptime>,
) -> Result<PendingCall, Fault> {
    let run = rows::run_id(row.get_ref(0)?.as_str()?)?;
    let (request, rule): (i64, Option<i64>) = (row.get(10)?, row.get(11)?);
    let state = rows::call_state(row.get_ref(4)?.as_str()?)?;
    let running = match state {
        CallState::Unknown => programs::running_of_request(conn, request, now)?,
        _ => None,
    };
    let Told { isolation, policy } = match row.get(13)? {
        Some(shared) => told(conn, shared, known)?,
        None => Told::default(),
    };
    Ok(PendingCall {
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
        escalates_at: row.get::<_, Option<i64>>(14)?.map(Timestamp),
        escalated_at: row.get::<_, Option<i64>>(15)?.map(Timestamp),
        running,
    })
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
