//! Warns about calls that wait and are about to expire, and expires those that nobody decided in time.

use super::fault::Fault;
use super::run_row::{self, RunRow};
use super::writer::Write;
use super::{adopt_orphans, boots, call_row, end_run, outbox, rows, rules};
use crate::domain::clock::{Moment, Timestamp, Uptime};
use crate::domain::decision::SYSTEM;
use crate::domain::event::EventKind;
use crate::domain::expiry::{Due, InWords, Waits, judge};
use crate::domain::ids::{CallId, RunId};
use crate::domain::outbox::MessageKind;
use crate::domain::rule::{ApprovalRule, OnExpiry};
use crate::domain::run::RunState;
use crate::domain::tool_call::{CallEvent, CallState};
use crate::store::{Conflict, Expired, Expiring, RunEnd, Swept};
use call_row::CallRow;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;

/// How many requests share a transaction: a thousand that expire at once must not hold up the one
/// decision that arrives meanwhile.
pub(super) const BATCH: usize = 128;

/// What a look without the right to write found.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// The requests that something is to be done about, by number.
    pub(super) due: Vec<i64>,
    /// In how many microseconds the next one is due.
    pub(super) next: Option<i64>,
    /// Whether the clock was set.
    pub(super) jumped: bool,
}

/// A request that can expire.
struct Request {
    n: i64,
    run: RunId,
    call: CallId,
    tool: String,
    rule: ApprovalRule,
    waits: Waits,
    warned: bool,
}

const SELECT: &str = "SELECT asked.n, run_id, tool_call_id, tool, rule, expires_at, opened.id,
     opened_uptime, warned_at, warned.id, warned_uptime
   FROM pending_approvals AS asked
     LEFT JOIN boots AS opened ON opened.n = opened_boot
     LEFT JOIN boots AS warned ON warned.n = warned_boot
   WHERE resolved_at IS NULL AND expires_at IS NOT NULL";

fn read(conn: &Connection, row: &Row<'_>) -> Result<Request, Fault> {
    let n = row.get(0)?;
    let rule = rules::read(conn, row.get(4)?)?;
    let uptime = |boot: Option<String>, microseconds: Option<i64>| match (boot, microseconds) {
        (Some(boot), Some(microseconds)) => Some(Uptime { boot, microseconds }),
        _ => None,
    };
    let warned_at: Option<i64> = row.get(8)?;
    let warned_uptime = uptime(row.get(9)?, row.get(10)?);
    let limit = rule.expires_after.ok_or_else(|| {
        Fault::Inconsistent(format!("approval request {n} expires, and its rule has no limit"))
    })?;
    Ok(Request {
        n,
        run: rows::run_id(row.get_ref(1)?.as_str()?)?,
        call: rows::call_id(row.get_ref(2)?.as_str()?)?,
        tool: row.get(3)?,
        rule,
        waits: Waits {
            limit,
            opened: uptime(row.get(6)?, row.get(7)?),
            expires_at: Timestamp(row.get(5)?),
            warned: warned_at.map(|at| Moment { at: Timestamp(at), uptime: warned_uptime }),
        },
        warned: warned_at.is_some(),
    })
}

/// Looks for what is due. All that can expire is looked at: which is first depends on what the machine
/// did meanwhile, and no index knows that.
pub(super) fn look(conn: &Connection, now: &Moment) -> Result<Look, Fault> {
    let mut look = Look { jumped: boots::jump(conn, now)?.is_some(), ..Look::default() };
    let mut statement = conn.prepare_cached(&format!("{SELECT} ORDER BY asked.n"))?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let request = read(conn, row)?;
        let next = match judge(&request.waits, now) {
            Due::Expired => {
                look.due.push(request.n);
                continue;
            }
            Due::Warn(left) => {
                look.due.push(request.n);
                left
            }
            Due::Later(left) => left,
        };
        look.next = Some(look.next.map_or(next, |earliest| earliest.min(next)));
    }
    Ok(look)
}

/// Does what is due about these requests, as far as they still wait.
pub(super) fn settle(write: &mut Write<'_>, due: &[i64], now: &Moment) -> Result<Swept, Fault> {
    let mut swept = Swept { jumped: boots::note_jump(write, now)?, ..Swept::default() };
    for n in due {
        let Some(request) = find(write.conn, *n)? else { continue };
        match judge(&request.waits, now) {
            Due::Later(_) => {}
            Due::Warn(left) => {
                let at = Timestamp(now.at.0.saturating_add(left));
                warn(write, &request, at, now)?;
                let Request { run, call, tool, .. } = request;
                swept.warned.push(Expiring { run, call, tool, expires_at: at });
            }
            Due::Expired => {
                let (expired, freed) = expire(write, request, now)?;
                swept.freed.extend(freed);
                swept.expired.push(expired);
            }
        }
    }
    Ok(swept)
}

/// Expires those of these calls whose time is up and that somebody is about to decide. Tells about the
/// first.
pub(super) fn overdue<'c>(
    write: &mut Write<'_>,
    run: &RunId,
    calls: impl IntoIterator<Item = &'c CallId>,
    at: Timestamp,
) -> Result<Option<Conflict>, Fault> {
    // Most runs have no call that ever expires.
    let expires = write
        .conn
        .prepare_cached(
            "SELECT 1 FROM runs JOIN calls ON calls.run = runs.n
             JOIN pending_approvals AS asked ON asked.n = calls.request
             WHERE runs.id = ?1 AND told = 0 AND resolved_at IS NULL AND expires_at IS NOT NULL",
        )?
        .exists([run.as_str()])?;
    if !expires {
        return Ok(None);
    }
    let now = Moment { at, uptime: write.uptime() };
    let row = run_row::find(write.conn, run)?;
    let mut first = None;
    for id in calls {
        let Ok(call) = call_row::find(write.conn, &row, id) else { continue };
        let Some(n) = call.request.filter(|_| call.state == CallState::Waiting) else { continue };
        if let Some(request) = find(write.conn, n)?
            && judge(&request.waits, &now) == Due::Expired
        {
            expire(write, request, &now)?;
            first.get_or_insert(Conflict::Expired { call: call.id, at });
        }
    }
    Ok(first)
}

fn find(conn: &Connection, n: i64) -> Result<Option<Request>, Fault> {
    conn.prepare_cached(&format!("{SELECT} AND asked.n = ?1"))?
        .query_row([n], |row| Ok(read(conn, row)))
        .optional()?
        .transpose()
}

fn warn(
    write: &mut Write<'_>,
    request: &Request,
    expires_at: Timestamp,
    now: &Moment,
) -> Result<(), Fault> {
    let run = run_row::find(write.conn, &request.run)?;
    let (boot, uptime) = boots::columns(write, now)?;
    write.change_one(
        "UPDATE pending_approvals SET warned_at = ?1, warned_boot = ?2, warned_uptime = ?3
         WHERE n = ?4 AND resolved_at IS NULL",
        params![now.at.0, boot, uptime, request.n],
    )?;
    let body = json!({
        "boot": now.uptime.as_ref().map(|uptime| &uptime.boot),
        "expires_at": expires_at.0,
        "request": request.n,
        "uptime": uptime,
    });
    write.record(now.at, &run.id, Some(&request.call), EventKind::ApprovalExpiring, &body)?;
    let body = json!({"call": request.call, "expires_at": expires_at.0});
    outbox::put(write, &run, MessageKind::Expiring, &body, now.at)
}

/// Expires a request, and lets its run go on or fail; gives the run where it can go on now.
fn expire(
    write: &mut Write<'_>,
    request: Request,
    now: &Moment,
) -> Result<(Expired, Option<RunId>), Fault> {
    let at = now.at;
    if !request.warned {
        // Nobody looked in time to say so earlier.
        warn(write, &request, at, now)?;
    }
    let Request { n, run, call, tool, rule, .. } = request;
    let run = run_row::find(write.conn, &run)?;
    let (run, driven_by) = adopt_orphans::adopt_if_orphaned(write, run, at)?;
    let row = call_row::find(write.conn, &run, &call)?;
    close(write, &run, &row, n, rule.on_expiry, at)?;
    let within = InWords(rule.expires_after.unwrap_or_default());
    let sentence = format!("nobody decided about call {call} within {within}");
    let mut freed = None;
    if rule.on_expiry == OnExpiry::Fail && !run.state.is_final() {
        end_run::end(write, &run, &RunEnd::Failed { error: sentence }, None, at)?;
    } else if driven_by.is_none()
        && run.state == RunState::Paused
        && run_row::waiting(write.conn, run.n)? == 0
    {
        let reason = format!("{sentence}; it was not executed, and the run can go on");
        run_row::change(write, &run, RunState::Interrupted, None, run.fence, Some(&reason), at)?;
        let body = json!({"fence": run.fence, "reason": reason, "waiting": 0});
        write.record(at, &run.id, None, EventKind::RunInterrupted, &body)?;
        freed = Some(run.id.clone());
    } else {
        run_row::touch(write, &run, at)?;
    }
    let on_expiry = rule.on_expiry;
    let limit = rule.expires_after.unwrap_or_default();
    Ok((Expired { run: run.id, call, tool, limit, on_expiry, at }, freed))
}

fn close(
    write: &mut Write<'_>,
    run: &RunRow,
    call: &CallRow,
    request: i64,
    on_expiry: OnExpiry,
    at: Timestamp,
) -> Result<(), Fault> {
    call_row::change(write, call, CallEvent::Expire, None)?;
    write.change_one(
        "UPDATE pending_approvals
         SET resolved_at = ?1, resolved_by = ?2, authenticated_as = ?2, decision = 'expired'
         WHERE n = ?3 AND resolved_at IS NULL",
        params![at.0, SYSTEM, request],
    )?;
    let body = json!({
        "authenticated_as": SYSTEM,
        "by": SYSTEM,
        "decision": "expired",
        "on_expiry": on_expiry,
        "request": request,
    });
    write.record(at, &run.id, Some(&call.id), EventKind::ApprovalExpired, &body)?;
    let body = json!({"by": SYSTEM, "call": call.id, "decision": "expired"});
    outbox::put(write, run, MessageKind::Decided, &body, at)
}
