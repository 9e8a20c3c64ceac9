//! The approvals that were asked for: rows of `pending_approvals`, kept for ever.

use super::call_row::CallRow;
use super::fault::Fault;
use super::journal::contents;
use super::run_row::RunRow;
use super::writer::Write;
use super::{bindings, boots, outbox, rows, rules};
use crate::domain::approval::{Binding, Preview};
use crate::domain::clock::{Moment, Timestamp};
use crate::domain::decision::{Decision, Resolver};
use crate::domain::event::EventKind;
use crate::domain::ids::CallId;
use crate::domain::outbox::MessageKind;
use crate::domain::rule::ApprovalRule;
use crate::domain::tool_call::CallState;
use rusqlite::{Connection, params};
use serde_json::{Value, json};

/// What a person is shown, and what their approval will be for.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) preview: Option<Preview>,
    /// `None` for a call that was started without anybody being asked.
    pub(super) binding: Option<Binding>,
    /// Who must approve.
    pub(super) rule: ApprovalRule,
    /// What changed since the last approval.
    pub(super) changed: Vec<String>,
    /// The call's request before this one.
    pub(super) source: Option<i64>,
}

/// A call that a person is asked about, which may not have a row yet.
pub(super) struct Subject<'c> {
    pub(super) call: &'c CallId,
    /// As the model named it.
    pub(super) tool: &'c str,
    pub(super) arguments: &'c str,
    /// Waiting, or unknown.
    pub(super) state: CallState,
}

/// Everything of a request that never changes once it was asked.
pub(super) struct Columns<'c> {
    pub(super) tool: &'c str,
    pub(super) agent: &'c str,
    pub(super) state: &'c str,
    pub(super) arguments: &'c str,
    pub(super) preview: Option<(&'c str, &'c str)>,
    pub(super) binding: Option<&'c Binding>,
    pub(super) changed: &'c [String],
    /// The rule's JSON.
    pub(super) rule: Option<&'c str>,
    pub(super) expires_at: Option<i64>,
    /// Since when it waits: the machine's start, and its uptime.
    pub(super) opened: Option<(&'c str, i64)>,
    pub(super) escalates_at: Option<i64>,
}

/// What the digest in the event covers: written here and checked by the journal's verification. The
/// last four have a place only where one of them is there, and the last of them only where it is.
pub(super) fn columns(columns: &Columns<'_>) -> Value {
    let Columns { tool, agent, state, arguments, preview, binding, changed, .. } = columns;
    let binding = binding.map(|binding| binding.digest().hex());
    let asked = json!([tool, agent, state, arguments, preview, binding, changed]);
    let Columns { rule, expires_at, opened, escalates_at, .. } = columns;
    if let Some(escalates_at) = escalates_at {
        return json!([asked, rule, expires_at, opened, escalates_at]);
    }
    if rule.is_none() && expires_at.is_none() && opened.is_none() {
        return asked;
    }
    json!([asked, rule, expires_at, opened])
}

/// Asks about a call that is stored, and makes the question its latest.
pub(super) fn open(
    write: &mut Write<'_>,
    run: &RunRow,
    call: &CallRow,
    state: CallState,
    shown: Shown,
    at: Timestamp,
) -> Result<(), Fault> {
    let subject =
        Subject { call: &call.id, tool: &call.model_tool, arguments: &call.arguments, state };
    let request = insert(write, run, &subject, &shown, at)?;
    write.change_one("UPDATE calls SET request = ?1 WHERE n = ?2", params![request, call.n])
}

/// Writes the question down and gives its number.
pub(super) fn insert(
    write: &mut Write<'_>,
    run: &RunRow,
    subject: &Subject<'_>,
    shown: &Shown,
    at: Timestamp,
) -> Result<i64, Fault> {
    let preview = shown.preview.as_ref();
    let (shared_binding, binding) = bindings::store(write, shown.binding.as_ref())?;
    let rule = rules::store(write, &shown.rule)?;
    let times = times(write, shown, subject.state, at)?;
    let changed = match shown.changed.is_empty() {
        true => None,
        false => Some(serde_json::to_string(&shown.changed)?),
    };
    let n = write.insert(
        "INSERT INTO pending_approvals (run_id, tool_call_id, tool, agent, state, arguments,
           preview_format, preview, shared_binding, binding, changed, created_at, rule, source,
           expires_at, opened_boot, opened_uptime, escalates_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
        params![
            run.id.as_str(),
            subject.call.as_str(),
            subject.tool,
            run.agent,
            subject.state.as_str(),
            subject.arguments,
            preview.map(|preview| rows::format_word(preview.format)),
            preview.map(|preview| preview.text.as_str()),
            shared_binding,
            binding,
            changed,
            at.0,
            rule,
            shown.source,
            times.expires_at,
            times.boot,
            times.uptime,
            times.escalates_at,
        ],
    )?;
    let json = rules::json(&shown.rule)?;
    let columns = columns(&Columns {
        tool: subject.tool,
        agent: &run.agent,
        state: subject.state.as_str(),
        arguments: subject.arguments,
        preview: preview.map(|preview| (rows::format_word(preview.format), &*preview.text)),
        binding: shown.binding.as_ref(),
        changed: &shown.changed,
        rule: json.as_deref(),
        expires_at: times.expires_at,
        opened: times.opened(),
        escalates_at: times.escalates_at,
    });
    let mut body = json!({"contents": contents(&columns), "request": n});
    // Most requests are a call's first: nothing is said of another then.
    if let Some(source) = shown.source {
        body["source"] = json!(source);
    }
    write.record(at, &run.id, Some(subject.call), EventKind::ApprovalRequested, &body)?;
    Ok(n)
}

/// What time will do to a question: nothing, mostly.
#[derive(Default)]
struct Times {
    expires_at: Option<i64>,
    escalates_at: Option<i64>,
    /// Since when it waits, where one of them is there.
    moment: Option<Moment>,
    boot: Option<i64>,
    uptime: Option<i64>,
}

impl Times {
    fn opened(&self) -> Option<(&str, i64)> {
        let uptime = self.moment.as_ref()?.uptime.as_ref()?;
        Some((&*uptime.boot, uptime.microseconds))
    }
}

/// The times of a question that is asked now. What was started and has no result never expires: it stays
/// true that nobody knows. But others may be asked about it.
fn times(
    write: &Write<'_>,
    shown: &Shown,
    state: CallState,
    at: Timestamp,
) -> Result<Times, Fault> {
    let limit = shown.rule.expires_after.filter(|_| state == CallState::Waiting);
    let delay = shown.rule.escalate.as_ref().map(|escalation| escalation.after);
    if limit.is_none() && delay.is_none() {
        return Ok(Times::default());
    }
    let moment = Moment { at, uptime: write.uptime() };
    let (boot, uptime) = boots::columns(write, &moment)?;
    let after = |seconds: Option<u64>| seconds.map(|seconds| at.after(seconds).0);
    Ok(Times {
        expires_at: after(limit),
        escalates_at: after(delay),
        moment: Some(moment),
        boot,
        uptime,
    })
}

/// What a person was shown when `request` was asked.
pub(super) fn shown_before(conn: &Connection, request: Option<i64>) -> Result<Shown, Fault> {
    let Some(n) = request else {
        return Ok(Shown {
            preview: None,
            binding: None,
            rule: ApprovalRule::required(),
            changed: Vec::new(),
            source: None,
        });
    };
    let (format, text, binding, rule) = conn
        .prepare_cached(
            "SELECT preview_format, preview, shared_binding, binding, rule
             FROM pending_approvals WHERE n = ?1",
        )?
        .query_row([n], |row| {
            Ok((row.get(0)?, row.get(1)?, (row.get(2)?, row.get(3)?), row.get(4)?))
        })?;
    Ok(Shown {
        preview: rows::preview(format, text)?,
        binding: bindings::read(conn, binding)?,
        rule: rules::read(conn, rule)?,
        changed: Vec::new(),
        source: Some(n),
    })
}

/// Writes down what a person said of a call's open request.
pub(super) fn decide(
    write: &mut Write<'_>,
    run: &RunRow,
    call: &CallRow,
    decision: &Decision,
    resolver: &Resolver,
    at: Timestamp,
) -> Result<(), Fault> {
    let reason = match decision {
        Decision::Approve => None,
        Decision::Deny { reason } => reason.as_deref(),
    };
    write.change_one(
        "UPDATE pending_approvals
         SET resolved_at = ?1, resolved_by = ?2, authenticated_as = ?3, decision = ?4, reason = ?5
         WHERE n = ?6 AND resolved_at IS NULL",
        params![
            at.0,
            resolver.resolved_by(),
            resolver.authenticated_as,
            decision.as_str(),
            reason,
            call.request
        ],
    )?;
    let body = json!({
        "authenticated_as": resolver.authenticated_as,
        "by": resolver.resolved_by(),
        "decision": decision.as_str(),
        "reason": reason,
        "request": call.request,
    });
    write.record(at, &run.id, Some(&call.id), EventKind::ApprovalDecided, &body)?;
    let body =
        json!({"by": resolver.resolved_by(), "call": call.id, "decision": decision.as_str()});
    outbox::put(write, run, MessageKind::Decided, &body, at)
}

/// Closes a call's open request, if it has one, without a decision: the run ended first.
pub(super) fn close(write: &Write<'_>, call: &CallRow, at: Timestamp) -> Result<(), Fault> {
    write.execute(
        "UPDATE pending_approvals SET resolved_at = ?1 WHERE n = ?2 AND resolved_at IS NULL",
        params![at.0, call.request],
    )?;
    Ok(())
}
