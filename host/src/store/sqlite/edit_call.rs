//! Changes what a waiting call would do: the question that stood is resolved as edited, and another one
//! takes its place. What was said of the first stays with it, so that nobody has approved the second. A
//! call that was escalated stays so: nobody has settled it yet.

use super::call_row::CallRow;
use super::fault::Fault;
use super::journal::contents;
use super::request::{self, Shown, Subject};
use super::run_row::RunRow;
use super::writer::Write;
use super::{escalate, rules, votes};
use crate::domain::clock::Timestamp;
use crate::domain::decision::Resolver;
use crate::domain::event::EventKind;
use crate::domain::tool_call::CallState;
use crate::store::{Conflict, Edit};
use rusqlite::params;
use serde_json::json;

/// The call as it stands afterwards: still waiting.
pub(super) fn edit_call(
    write: &mut Write<'_>,
    run: &RunRow,
    call: CallRow,
    edit: &Edit,
    resolver: &Resolver,
    at: Timestamp,
) -> Result<CallRow, Fault> {
    let (CallState::Waiting, Some(from)) = (call.state, call.request) else {
        return Err(Conflict::WrongCallState { call: call.id, state: call.state }.into());
    };
    // Under the rule that stood, and under the one that stands now.
    let (rule, second) = rules::of_request(write.conn, from)?;
    for rule in [&rule, &edit.rule] {
        votes::check_eligible(run, &call, (rule, second), resolver)?;
    }
    write.change_one(
        "UPDATE pending_approvals
         SET resolved_at = ?1, resolved_by = ?2, authenticated_as = ?3, decision = 'edited'
         WHERE n = ?4 AND resolved_at IS NULL",
        params![at.0, resolver.resolved_by(), resolver.authenticated_as, from],
    )?;
    let shown = Shown {
        preview: edit.preview.clone(),
        binding: Some(edit.binding.clone()),
        rule: edit.rule.clone(),
        changed: Vec::new(),
        source: Some(from),
    };
    let subject = Subject {
        call: &call.id,
        tool: &call.model_tool,
        arguments: &edit.arguments,
        state: call.state,
    };
    let to = request::insert(write, run, &subject, &shown, at)?;
    write.change_one(
        "UPDATE calls SET proposed = coalesce(proposed, arguments), arguments = ?1, request = ?2
         WHERE n = ?3 AND state = ?4 AND request = ?5",
        params![edit.arguments, to, call.n, call.state.as_str(), from],
    )?;
    let body = json!({
        "authenticated_as": resolver.authenticated_as,
        "by": resolver.resolved_by(),
        "digests": {
            "from": contents(&json!([call.arguments])),
            "to": contents(&json!([edit.arguments])),
        },
        "request": from,
        "to": to,
    });
    write.record(at, &run.id, Some(&call.id), EventKind::ApprovalEdited, &body)?;
    if second.counts() && edit.rule.escalate.is_some() {
        escalate::note(write, &run.id, &call.id, to, &edit.rule, at)?;
    }
    Ok(CallRow { request: Some(to), arguments: edit.arguments.clone(), ..call })
}
