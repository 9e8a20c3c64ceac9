//! Warns about calls that wait and are about to expire, has others asked about those that nobody decided
//! for a while, and expires those that nobody decided in time.

use super::fault::Fault;
use super::run_row::{self, RunRow};
use super::writer::Write;
use super::{adopt_orphans, boots, call_row, end_run, escalate, outbox, rows, rules};
use crate::domain::clock::{Moment, Timestamp, Uptime};
use crate::domain::decision::SYSTEM;
use crate::domain::event::EventKind;
use crate::domain::expiry::{Due, Escalates, InWords, Waits, judge, until_escalation};
use crate::domain::ids::{CallId, RunId};
use crate::domain::outbox::MessageKind;
use crate::domain::rule::{ApprovalRule, OnExpiry};
use crate::domain::run::RunState;
use crate::domain::tool_call::{CallEvent, CallState};
use crate::store::{Conflict, Escalated, Expired, Expiring, RunEnd, Swept};
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

/// A request that time does something to.
struct Request {
    n: i64,
    run: RunId,
    call: CallId,
    tool: String,
    rule: ApprovalRule,
    /// `None`: it never expires.
    waits: Option<Waits>,
    warned: bool,
    /// `None`: nobody else is asked, or they were.
    escalates: Option<Escalates>,
}

impl Request {
    /// What becomes of it by itself; [`Due::Later`] for ever where nothing does.
    fn judge(&self, now: &Moment) -> Due {
        self.waits.as_ref().map_or(Due::Later(i64::MAX), |waits| judge(waits, now))
    }

    /// Whether others are to be asked now, or in how many microseconds; `None`: never.
    fn escalation(&self, now: &Moment) -> Option<Option<i64>> {
        self.escalates.as_ref().map(|escalates| until_escalation(escalates, now))
    }
}

const SELECT: &str = "SELECT asked.n, run_id, tool_call_id, tool, rule, expires_at, opened.id,
     opened_uptime, warned_at, warned.id, warned_uptime, escalates_at, escalated_at
   FROM pending_approvals AS asked
     LEFT JOIN boots AS opened ON opened.n = opened_boot
     LEFT JOIN boots AS warned ON warned.n = warned_boot
   WHERE resolved_at IS NULL";

/// The numbers of the requests that time does something to, each by its own index.
const TIMED: &str = "SELECT n FROM pending_approvals
     WHERE resolved_at IS NULL AND expires_at IS NOT NULL
   UNION SELECT n FROM pending_approvals
     WHERE resolved_at IS NULL AND escalates_at IS NOT NULL AND escalated_at IS NULL";

fn read(conn: &Connection, row: &Row<'_>) -> Result<Request, Fault> {
    let n = row.get(0)?;
    let rule = rules::read(conn, row.get(4)?)?;
    let uptime = |boot: Option<String>, microseconds: Option<i64>| match (boot, microseconds) {
        (Some(boot), Some(microseconds)) => Some(Uptime { boot, microseconds }),
        _ => None,
    };
    let warned_at: Option<i64> = row.get(8)?;
    let warned_uptime = uptime(row.get(9)?, row.get(10)?);
    let warned = warned_at.map(|at| Moment { at: Timestamp(at), uptime: warned_uptime });
    let opened = uptime(row.get(6)?, row.get(7)?);
    let waits = match row.get::<_, Option<i64>>(5)? {
        Some(at) => Some(Waits {
            limit: rule.expires_after.ok_or_else(|| inconsistent(n, "expires", "limit"))?,
            remind_before: rule.remind_before,
            opened: opened.clone(),
            expires_at: Timestamp(at),
            warned,
        }),
        None => None,
    };
    let escalates = match (row.get::<_, Option<i64>>(11)?, row.get::<_, Option<i64>>(12)?) {
        (Some(at), None) => {
            let escalation = rule.escalate.as_ref();
            let lacks = || inconsistent(n, "escalates", "second group");
            let after = escalation.ok_or_else(lacks)?.after;
            Some(Escalates { after, opened, escalates_at: Timestamp(at) })
        }
        _ => None,
    };
    Ok(Request {
        n,
        run: rows::run_id(row.get_ref(1)?.as_str()?)?,
        call: rows::call_id(row.get_ref(2)?.as_str()?)?,
        tool: row.get(3)?,
        rule,
        waits,
        warned: warned_at.is_some(),
        escalates,
    })
}

fn inconsistent(n: i64, does: &str, lacks: &str) -> Fault {
    Fault::Inconsistent(format!("approval request {n} {does}, and its rule has no {lacks}"))
}

/// Looks for what is due. All that time does something to is looked at: which is first depends on what
/// the machine did meanwhile, and no index knows that.
pub(super) fn look(conn: &Connection, now: &Moment) -> Result<Look, Fault> {
    let mut look = Look { jumped: boots::jump(conn, now)?.is_some(), ..Look::default() };
    let mut statement =
        conn.prepare_cached(&format!("{SELECT} AND asked.n IN ({TIMED}) ORDER BY asked.n"))?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let request = read(conn, row)?;
        let (mut is_due, mut next) = match request.judge(now) {
            Due::Expired => {
                look.due.push(request.n);
                continue;
            }
            Due::Warn(left) => (true, left),
            Due::Later(left) => (false, left),
        };
        match request.escalation(now) {
            Some(None) => is_due = true,
            Some(Some(left)) => next = next.min(left),
            None => {}
        }
        if is_due {
            look.due.push(request.n);
        }
        // Of what never expires nothing is left to come once others are asked.
        if next < i64::MAX {
            look.next = Some(look.next.map_or(next, |earliest| earliest.min(next)));
        }
    }
    Ok(look)
}

/// Does what is due about these requests, as far as they still wait.
pub(super) fn settle(write: &mut Write<'_>, due: &[i64], now: &Moment) -> Result<Swept, Fault> {
    let mut swept = Swept { jumped: boots::note_jump(write, now)?, ..Swept::default() };
    for n in due {
        let Some(request) = find(write.conn, *n)? else { continue };
        match request.judge(now) {
            Due::Later(_) => {}
            Due::Warn(left) => {
                let at = Timestamp(now.at.0.saturating_add(left));
                warn(write, &request, at, now)?;
                let Request { run, call, tool, .. } = &request;
                let (run, call, tool) = (run.clone(), call.clone(), tool.clone());
                swept.warned.push(Expiring { run, call, tool, expires_at: at });
            }
            Due::Expired => {
                let (expired, freed) = expire(write, request, now)?;
                swept.freed.extend(freed);
                swept.expired.push(expired);
                continue;
            }
        }
        if request.escalation(now) == Some(None) {
            swept.escalated.push(escalate(write, request, now)?);
        }
    }
    Ok(swept)
}

/// Expires those of these calls whose time is up and that somebody is about to decide, and escalates those
/// that nobody decided for a while: who may decide must not depend on who looked. Tells about the first
/// that expired.
pub(super) fn overdue<'c>(
    write: &mut Write<'_>,
    run: &RunId,
    calls: impl IntoIterator<Item = &'c CallId>,
    at: Timestamp,
) -> Result<Option<Conflict>, Fault> {
    // Time does nothing to the calls of most runs.
    let timed = write
        .conn
        .prepare_cached(
            "SELECT 1 FROM runs JOIN calls ON calls.run = runs.n
             JOIN pending_approvals AS asked ON asked.n = calls.request
             WHERE runs.id = ?1 AND told = 0 AND resolved_at IS NULL
               AND (expires_at IS NOT NULL
                 OR (escalates_at IS NOT NULL AND escalated_at IS NULL))",
        )?
        .exists([run.as_str()])?;
    if !timed {
        return Ok(None);
    }
    let now = Moment { at, uptime: write.uptime() };
    let row = run_row::find(write.conn, run)?;
    let mut first = None;
    for id in calls {
        let Ok(call) = call_row::find(write.conn, &row, id) else { continue };
        let waits = matches!(call.state, CallState::Waiting | CallState::Unknown);
        let Some(n) = call.request.filter(|_| waits) else { continue };
        let Some(request) = find(write.conn, n)? else { continue };
        if request.judge(&now) == Due::Expired {
            expire(write, request, &now)?;
            first.get_or_insert(Conflict::Expired { call: call.id, at });
        } else if request.escalation(&now) == Some(None) {
            escalate(write, request, &now)?;
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

/// Has the second group of a request's reviewers count from now on.
fn escalate(write: &mut Write<'_>, request: Request, now: &Moment) -> Result<Escalated, Fault> {
    let Request { n, run, call, tool, rule, .. } = request;
    let row = run_row::find(write.conn, &run)?;
    escalate::escalate(write, &row, &call, n, &rule, now.at)?;
    let reviewers = rule.second_group().into_iter().map(str::to_owned).collect();
    Ok(Escalated { run, call, tool, reviewers, at: now.at })
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
