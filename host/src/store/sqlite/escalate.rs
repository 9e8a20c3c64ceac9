//! Has a second group of reviewers count for a call that waits.

use super::fault::Fault;
use super::outbox;
use super::run_row::RunRow;
use super::writer::Write;
use crate::domain::clock::Timestamp;
use crate::domain::event::EventKind;
use crate::domain::ids::{CallId, RunId};
use crate::domain::outbox::MessageKind;
use crate::domain::rule::ApprovalRule;
use rusqlite::params;
use serde_json::json;

/// Escalates an open request, and has it told.
pub(super) fn escalate(
    write: &mut Write<'_>,
    run: &RunRow,
    call: &CallId,
    request: i64,
    rule: &ApprovalRule,
    at: Timestamp,
) -> Result<(), Fault> {
    note(write, &run.id, call, request, rule, at)?;
    outbox::put(write, run, MessageKind::Escalated, &json!({"call": call}), at)
}

/// The same where whoever is to know was told before.
pub(super) fn note(
    write: &mut Write<'_>,
    run: &RunId,
    call: &CallId,
    request: i64,
    rule: &ApprovalRule,
    at: Timestamp,
) -> Result<(), Fault> {
    write.change_one(
        "UPDATE pending_approvals SET escalated_at = ?1
         WHERE n = ?2 AND resolved_at IS NULL AND escalated_at IS NULL",
        params![at.0, request],
    )?;
    let body = json!({"request": request, "reviewers": rule.second_group()});
    write.record(at, run, Some(call), EventKind::ApprovalEscalated, &body)
}
