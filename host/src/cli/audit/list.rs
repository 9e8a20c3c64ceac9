//! `initrunner audit list`.

use super::arguments::AuditList;
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::cli::table::{Column, draw};
use crate::domain::clock::Timestamp;
use crate::domain::visible::one_line;
use crate::json;
use crate::ops::{Host, list_approvals, list_starts};
use crate::store::{ResolvedApproval, RunStart};
use serde_json::Value;

pub(super) async fn list(host: &Host, command: &AuditList, output: &Output) -> Exit {
    let (columns, rows, json): (&[Column], Vec<Vec<String>>, Vec<Value>) = if command.approvals {
        match list_approvals(host, command.limit).await {
            Ok(approvals) => (
                &APPROVALS,
                approvals.iter().map(approval).collect(),
                approvals.iter().map(json::approval).collect(),
            ),
            Err(error) => return output.failure(&error),
        }
    } else {
        match list_starts(host, command.limit).await {
            Ok(starts) => (
                &STARTS,
                starts.iter().map(start).collect(),
                starts.iter().map(json::start).collect(),
            ),
            Err(error) => return output.failure(&error),
        }
    };
    if command.json {
        output.data(&Value::Array(json).to_string());
    } else if rows.is_empty() {
        output.data("Nothing yet.");
    } else {
        output.write(&draw(columns, &rows, output.width()));
    }
    Exit::Done
}

const STARTS: [Column; 6] = [
    Column { head: "time", shrinks_to: Some(10) },
    Column { head: "run_id", shrinks_to: None },
    Column { head: "trigger_type", shrinks_to: None },
    Column { head: "agent", shrinks_to: Some(5) },
    Column { head: "who", shrinks_to: Some(4) },
    Column { head: "prompt", shrinks_to: Some(8) },
];

fn start(start: &RunStart) -> Vec<String> {
    vec![
        to_the_second(start.at),
        start.run.to_string(),
        one_line(&start.trigger_type),
        one_line(start.role.as_deref().unwrap_or_default()),
        one_line(&start.who),
        one_line(start.prompt.as_deref().unwrap_or_default()),
    ]
}

const APPROVALS: [Column; 7] = [
    Column { head: "time", shrinks_to: Some(10) },
    Column { head: "run_id", shrinks_to: None },
    Column { head: "tool_call_id", shrinks_to: None },
    Column { head: "tool", shrinks_to: Some(5) },
    Column { head: "decision", shrinks_to: None },
    Column { head: "who", shrinks_to: Some(4) },
    Column { head: "arguments", shrinks_to: Some(8) },
];

fn approval(approval: &ResolvedApproval) -> Vec<String> {
    vec![
        to_the_second(approval.resolved_at),
        approval.run.to_string(),
        approval.call.to_string(),
        one_line(&approval.tool),
        // The run ended first.
        one_line(approval.decision.as_deref().unwrap_or("closed")),
        one_line(approval.resolved_by.as_deref().unwrap_or_default()),
        one_line(&approval.arguments),
    ]
}

fn to_the_second(at: Timestamp) -> String {
    at.to_string().chars().take(19).collect()
}
