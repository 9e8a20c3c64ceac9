//! Approves a call as an equal one of the same run was approved: the same component, tool, arguments,
//! preview, role, configuration and grants, under the same rule. Nothing wider follows from a decision.

use super::fault::Fault;
use super::run_row::RunRow;
use super::writer::Write;
use crate::domain::clock::Timestamp;
use crate::domain::event::EventKind;
use crate::domain::ids::CallId;
use rusqlite::{OptionalExtension, params};
use serde_json::json;

/// An approval that people gave.
pub(super) struct Remembered {
    request: i64,
    by: String,
    authenticated_as: String,
}

/// The first approval of this run that `request`, which has just been asked, is equal to. Only what
/// people said themselves: an approval that was remembered is none, and neither is one that was voided
/// since, nor the word that an unknown call may be tried again.
pub(super) fn find(
    write: &Write<'_>,
    run: &RunRow,
    request: i64,
) -> Result<Option<Remembered>, Fault> {
    let found = write
        .conn
        .prepare_cached(
            "SELECT old.n, old.resolved_by, old.authenticated_as
             FROM pending_approvals AS new
             JOIN calls ON calls.run = ?1
             JOIN pending_approvals AS old ON old.n = calls.request
             LEFT JOIN pending_approvals AS source ON source.n = old.source
             WHERE new.n = ?2 AND old.n < new.n
               AND old.decision = 'approve' AND old.state = 'waiting'
               AND old.rule IS new.rule
               AND old.shared_binding = new.shared_binding AND old.binding = new.binding
               AND (source.n IS NULL OR source.tool_call_id = old.tool_call_id)
             ORDER BY old.n LIMIT 1",
        )?
        .query_row(params![run.n, request], |row| {
            Ok(Remembered { request: row.get(0)?, by: row.get(1)?, authenticated_as: row.get(2)? })
        })
        .optional()?;
    Ok(found)
}

/// Resolves `request` as `remembered` was.
pub(super) fn apply(
    write: &mut Write<'_>,
    run: &RunRow,
    call: &CallId,
    request: i64,
    remembered: &Remembered,
    at: Timestamp,
) -> Result<(), Fault> {
    write.change_one(
        "UPDATE pending_approvals
         SET resolved_at = ?1, resolved_by = ?2, authenticated_as = ?3, decision = 'approve',
           source = ?4
         WHERE n = ?5 AND resolved_at IS NULL",
        params![at.0, remembered.by, remembered.authenticated_as, remembered.request, request],
    )?;
    let body = json!({
        "authenticated_as": remembered.authenticated_as,
        "by": remembered.by,
        "decision": "approve",
        "request": request,
        "source": remembered.request,
    });
    write.record(at, &run.id, Some(call), EventKind::ApprovalRemembered, &body)
}
