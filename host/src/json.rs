//! The JSON that scripts read. These shapes are a contract of their own: they do not follow the
//! store's.

use crate::domain::approval::Preview;
use crate::domain::event::Event;
use crate::domain::message::Message;
use crate::domain::preview;
use crate::domain::rule::{ApprovalRule, Escalation};
use crate::domain::tool_call::CallState;
use crate::domain::visible::is_invisible;
use crate::ops::{Needs, PruneReport, Recovered, Story, SweepReport, pending_question};
use crate::plugin::{Description, Effects, Inspection};
use crate::runner::Ended;
use crate::store::{
    CallRecord, Edited, JournalCheck, PendingCall, Pruned, ResolvedApproval, RunStart, RunSummary,
    StoredRun, Vote,
};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// Canonical arguments as the JSON they are; as a string where the model wrote none.
fn arguments(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

fn raw_preview(preview: Option<&Preview>) -> Value {
    preview.map_or(Value::Null, |preview| json!({"format": preview.format, "text": preview.text}))
}

fn rule(rule: &ApprovalRule) -> Value {
    json!(RuleRow::of(rule))
}

fn votes(votes: &[Vote]) -> Value {
    let vote = |vote: &Vote| {
        json!({
            "resolved_by": vote.resolver.resolved_by(),
            "authenticated_as": vote.resolver.authenticated_as,
            "at": vote.at.to_string(),
        })
    };
    votes.iter().map(vote).collect()
}

fn edits(edits: &[Edited]) -> Value {
    let edit = |edit: &Edited| {
        json!({
            "from": arguments(&edit.from),
            "to": arguments(&edit.to),
            "resolved_by": edit.resolver.resolved_by(),
            "authenticated_as": edit.resolver.authenticated_as,
            "at": edit.at.to_string(),
        })
    };
    edits.iter().map(edit).collect()
}

/// A call that waits, as whoever decides about it sees it.
pub(crate) fn pending(call: &CallRecord) -> Value {
    json!({
        "tool_call_id": call.id.as_str(),
        "tool_name": call.model_tool,
        "arguments": arguments(&call.arguments),
        "preview": raw_preview(call.preview.as_ref()),
        "preview_text": preview::text(call.preview.as_ref(), &call.arguments),
        "isolation": call.isolation(),
        "policy": call.policy_reasons(),
        "changed": call.changed,
        "expires_at": call.expires_at.map(|at| at.to_string()),
        "escalates_at": call.escalates_at.map(|at| at.to_string()),
        "escalated_at": call.escalated_at.map(|at| at.to_string()),
        "version": call.request,
        "approval": call.rule.as_ref().map(rule),
        "votes": votes(&call.votes),
    })
}

/// One run, as `run`, `approve` and `resume` give it.
pub(crate) fn run(run: &StoredRun, ended: Option<&Ended>, resumable: bool) -> Value {
    let waiting = |call: &&CallRecord| call.state == CallState::Waiting;
    let pending: Vec<Value> = run.calls.iter().filter(waiting).map(pending).collect();
    let (answer, error) = match ended {
        Some(Ended::Completed { answer }) => (json!(answer), Value::Null),
        Some(Ended::Failed { error }) => (Value::Null, json!(error)),
        Some(Ended::Interrupted { reason, .. }) => (Value::Null, json!(reason)),
        Some(Ended::Paused) | None => (Value::Null, Value::Null),
    };
    json!({
        "run_id": run.run.id.as_str(),
        "state": run.run.state.as_str(),
        "answer": answer,
        "error": error,
        "pending_approvals": pending,
        "resumable": resumable,
        "usage": {"input_tokens": run.run.usage.input_tokens, "output_tokens": run.run.usage.output_tokens},
    })
}

/// One row of `pending`. Borrowed, since there may be ten thousand.
#[derive(serde::Serialize)]
pub(crate) struct PendingRow<'a> {
    run_id: &'a str,
    tool_call_id: &'a str,
    tool: &'a str,
    agent: &'a str,
    state: &'static str,
    created_at: String,
    arguments: &'a RawValue,
    preview: Option<&'a Preview>,
    /// As it is shown to people.
    preview_text: String,
    isolation: Option<&'a str>,
    policy: &'a [String],
    changed: &'a [String],
    expires_at: Option<String>,
    escalates_at: Option<String>,
    escalated_at: Option<String>,
    /// What a person is asked where the outcome is unknown.
    question: Option<String>,
    program_pid: Option<u32>,
    version: i64,
    approval: RuleRow<'a>,
    votes: Value,
}

/// A rule, whole: scripts need no defaults of ours.
#[derive(serde::Serialize)]
struct RuleRow<'a> {
    reviewers: &'a [String],
    quorum: u32,
    not_requester: bool,
    escalate: Option<&'a Escalation>,
}

impl<'a> RuleRow<'a> {
    fn of(rule: &'a ApprovalRule) -> Self {
        let ApprovalRule { reviewers, quorum, not_requester, escalate, .. } = rule;
        Self {
            reviewers,
            quorum: *quorum,
            not_requester: *not_requester,
            escalate: escalate.as_ref(),
        }
    }
}

impl<'a> PendingRow<'a> {
    pub(crate) fn of(call: &'a PendingCall) -> Self {
        Self {
            run_id: call.run.as_str(),
            tool_call_id: call.call.as_str(),
            tool: &call.tool,
            agent: &call.agent,
            state: call.state.as_str(),
            created_at: call.created_at.to_string(),
            // What waits has canonical arguments, always.
            arguments: serde_json::from_str(&call.arguments).unwrap_or(RawValue::NULL),
            preview: call.preview.as_ref(),
            preview_text: preview::text(call.preview.as_ref(), &call.arguments),
            isolation: call.isolation.as_deref(),
            policy: &call.policy,
            changed: &call.changed,
            expires_at: call.expires_at.map(|at| at.to_string()),
            escalates_at: call.escalates_at.map(|at| at.to_string()),
            escalated_at: call.escalated_at.map(|at| at.to_string()),
            question: pending_question(call),
            program_pid: call.running,
            version: call.request,
            approval: RuleRow::of(&call.rule),
            votes: votes(&call.votes),
        }
    }
}

/// One row of `runs`.
pub(crate) fn summary(run: &RunSummary) -> Value {
    json!({
        "run_id": run.id.as_str(),
        "agent": run.role_name,
        "state": run.state.as_str(),
        "waiting": run.waiting,
        "prompt": run.prompt,
        "created_at": run.created_at.to_string(),
        "updated_at": run.updated_at.to_string(),
    })
}

/// The whole story, as `show` gives it.
pub(crate) fn story(story: &Story) -> Value {
    let stored = &story.run;
    let messages: Vec<Value> = stored.messages.iter().map(message).collect();
    let calls: Vec<Value> = stored.calls.iter().map(call).collect();
    let events: Vec<Value> = story
        .events
        .iter()
        .map(|event| {
            json!({
                "sequence": event.sequence,
                "at": event.at.to_string(),
                "kind": event.kind,
                "call": event.call.as_ref().map(|call| call.as_str()),
                "body": arguments(&event.body),
            })
        })
        .collect();
    json!({
        "run_id": stored.run.id.as_str(),
        "state": stored.run.state.as_str(),
        "agent": stored.run.role_name,
        "role_path": stored.run.role_path,
        "prompt": stored.run.prompt,
        "trigger": stored.run.trigger,
        "requester": stored.run.requester,
        "outcome": stored.run.outcome,
        "created_at": stored.run.created_at.to_string(),
        "updated_at": stored.run.updated_at.to_string(),
        "spent": stored.run.spent,
        "usage": stored.run.usage,
        "messages": messages,
        "calls": calls,
        "events": events,
    })
}

/// One event, as `audit show` and `audit export` give it.
pub(crate) fn event(event: &Event) -> Value {
    json!({
        "sequence": event.sequence,
        "at": event.at.to_string(),
        "run_id": event.run.as_ref().map(|run| run.as_str()),
        "tool_call_id": event.call.as_ref().map(|call| call.as_str()),
        "kind": event.kind,
        "body": arguments(&event.body),
    })
}

/// One row of `audit list`.
pub(crate) fn start(start: &RunStart) -> Value {
    json!({
        "sequence": start.sequence,
        "at": start.at.to_string(),
        "run_id": start.run.as_str(),
        "trigger_type": start.trigger_type,
        "agent": start.role,
        "who": start.who,
        "prompt": start.prompt,
    })
}

/// One row of `audit list --approvals`.
pub(crate) fn approval(approval: &ResolvedApproval) -> Value {
    json!({
        "request": approval.request,
        "run_id": approval.run.as_str(),
        "tool_call_id": approval.call.as_str(),
        "tool": approval.tool,
        "agent": approval.agent,
        "arguments": arguments(&approval.arguments),
        "created_at": approval.created_at.to_string(),
        "resolved_at": approval.resolved_at.to_string(),
        "decision": approval.decision,
        "resolved_by": approval.resolved_by,
        "authenticated_as": approval.authenticated_as,
        "reason": approval.reason,
    })
}

/// What `audit verify` gives.
pub(crate) fn check(check: &JournalCheck) -> Value {
    let findings: Vec<&String> = check.broken.iter().chain(&check.also).collect();
    json!({
        "holds": check.broken.is_none(),
        "events": check.events,
        "head": check.head.to_string(),
        "findings": findings,
        "left_out": check.left_out,
    })
}

/// What `audit prune` gives.
pub(crate) fn pruned(report: &PruneReport, dry_run: bool) -> Value {
    let (before, after) = match &report.size {
        Some(Ok((before, after))) => (json!(before), json!(after)),
        _ => (Value::Null, Value::Null),
    };
    let Pruned { runs, messages, calls, events } = report.pruned;
    json!({
        "dry_run": dry_run,
        "runs": runs,
        "messages": messages,
        "tool_calls": calls,
        "events": events,
        "bytes_before": before,
        "bytes_after": after,
    })
}

fn message(message: &Message) -> Value {
    match message {
        Message::User { text } => json!({"role": "user", "text": text}),
        Message::Assistant { text, calls, .. } => {
            let calls: Vec<&str> = calls.iter().map(|call| call.id.as_str()).collect();
            json!({"role": "assistant", "text": text, "calls": calls})
        }
        Message::ToolResult { call, tool, content, is_error, .. } => json!({
            "role": "tool", "call": call.as_str(), "tool": tool, "text": content, "is_error": is_error,
        }),
    }
}

fn call(call: &CallRecord) -> Value {
    json!({
        "tool_call_id": call.id.as_str(),
        "turn": call.turn,
        "entry": call.entry,
        "tool": call.model_tool,
        "arguments": arguments(&call.arguments),
        "proposed_arguments": arguments(call.as_proposed()),
        "edits": edits(&call.edits),
        "preview": raw_preview(call.preview.as_ref()),
        "preview_text": preview::text(call.preview.as_ref(), &call.arguments),
        "isolation": call.isolation(),
        "policy": call.policy_reasons(),
        "state": call.state.as_str(),
        "expires_at": call.expires_at.map(|at| at.to_string()),
        "escalates_at": call.escalates_at.map(|at| at.to_string()),
        "escalated_at": call.escalated_at.map(|at| at.to_string()),
        "version": call.request,
        "approval": call.rule.as_ref().map(rule),
        "votes": votes(&call.votes),
        "remembered_from": call.remembered_from.as_ref().map(|call| call.as_str()),
        "decision": call.decision,
        "resolved_by": call.resolver.as_ref().map(|resolver| resolver.resolved_by().to_owned()),
        "authenticated_as": call.resolver.as_ref().map(|resolver| resolver.authenticated_as.clone()),
        "resolved_at": call.decided_at.map(|at| at.to_string()),
        "attempts": call.attempts,
        "program_pid": call.running,
        "result": call.result,
    })
}

/// What `sweep` gives, without the runs that went on.
pub(crate) fn sweep(report: &SweepReport) -> Value {
    let swept = &report.swept;
    let warned: Vec<Value> = swept
        .warned
        .iter()
        .map(|call| {
            json!({
                "run_id": call.run.as_str(),
                "tool_call_id": call.call.as_str(),
                "tool": call.tool,
                "expires_at": call.expires_at.to_string(),
            })
        })
        .collect();
    let expired: Vec<Value> = swept
        .expired
        .iter()
        .map(|call| {
            json!({
                "run_id": call.run.as_str(),
                "tool_call_id": call.call.as_str(),
                "tool": call.tool,
                "expires_after": call.limit,
                "on_expiry": call.on_expiry,
                "at": call.at.to_string(),
            })
        })
        .collect();
    let escalated: Vec<Value> = swept
        .escalated
        .iter()
        .map(|call| {
            json!({
                "run_id": call.run.as_str(),
                "tool_call_id": call.call.as_str(),
                "tool": call.tool,
                "reviewers": call.reviewers,
                "at": call.at.to_string(),
            })
        })
        .collect();
    json!({
        "adopted": report.adopted,
        "warned": warned,
        "escalated": escalated,
        "expired": expired,
        "clock_set_by_seconds": swept.jumped.map(|by| by as f64 / 1e6),
    })
}

/// One row of `recover`.
pub(crate) fn recovered(run: &Recovered) -> Value {
    let (needs, waiting, questions) = match &run.needs {
        Needs::Nobody => ("resume", 0, &[][..]),
        Needs::Decisions(waiting) => ("approve", *waiting, &[][..]),
        Needs::Choices(questions, waiting) => ("choose", *waiting, questions.as_slice()),
    };
    json!({
        "run_id": run.run.run.id.as_str(),
        "agent": run.run.run.role_name,
        "state": run.run.run.state.as_str(),
        "reason": run.run.run.outcome,
        "adopted": run.adopted,
        "needs": needs,
        "waiting": waiting,
        "questions": questions,
    })
}

/// What `inspect` gives.
pub(crate) fn inspection(found: &Inspection) -> Value {
    let effects = |effects: Effects| {
        json!({
            "read_only": effects.read_only,
            "destructive": effects.destructive,
            "idempotent": effects.idempotent,
            "open_world": effects.open_world,
        })
    };
    let mut all = json!({
        "digest": found.digest.to_string(),
        "size": found.size,
        "capabilities": found.imports.capabilities,
        "wasi": found.imports.inert,
        "not_offered": found.imports.unknown,
        "grants": {"needed": found.needed, "usable": found.usable},
        "left_out": found.left_out,
    });
    let said = match &found.said {
        Ok(said) => said,
        Err(error) => {
            all["problem"] = json!(error.message);
            return all;
        }
    };
    all["name"] = json!(said.manifest.name);
    all["version"] = json!(said.manifest.version);
    all["description"] = json!(said.manifest.description);
    all["config_schema"] = said.manifest.config_schema.source().clone();
    let tool = |tool: &Description| {
        json!({
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters.source(),
            "effects": effects(tool.effects),
        })
    };
    let (tools, problem) = match &said.tools {
        Ok(tools) => (tools.iter().map(tool).collect(), Value::Null),
        Err(problem) => (Value::Null, json!(problem)),
    };
    all["tools"] = tools;
    all["tools_need_configuration"] = problem;
    all
}

/// JSON as text in which no character hides or moves anything: a terminal may show it.
pub(crate) fn visible_text(value: &Value) -> String {
    let text = value.to_string();
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        // Only strings hold such characters, and there an escape means the same.
        if character == '\u{7f}' || is_invisible(character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(character);
        }
    }
    out
}
