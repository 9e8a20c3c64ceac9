//! `initrunner pending`.

use super::arguments::Pending;
use super::exit::Exit;
use super::output::Output;
use super::table::{Column, draw};
use crate::domain::preview;
use crate::domain::tool_call::CallState;
use crate::domain::visible;
use crate::json::PendingRow;
use crate::ops::{Host, list_pending, pending_question};

pub(super) async fn pending(host: &Host, command: &Pending, output: &Output) -> Exit {
    let (calls, total) = match list_pending(host, command.limit).await {
        Ok(found) => found,
        Err(error) => return output.failure(&error),
    };
    if command.json {
        output.list(calls.iter().map(PendingRow::of));
        // The process is about to end, which gives ten thousand rows back faster than we do.
        std::mem::forget(calls);
        return Exit::Done;
    }
    output.data(&format!("Pending approvals ({total})"));
    if calls.is_empty() {
        return Exit::Done;
    }
    let columns = [
        Column { head: "run_id", shrinks_to: None },
        Column { head: "tool_call_id", shrinks_to: None },
        Column { head: "tool", shrinks_to: Some(5) },
        Column { head: "agent", shrinks_to: Some(5) },
        Column { head: "created_at", shrinks_to: Some(10) },
        Column { head: "arguments", shrinks_to: Some(12) },
    ];
    let rows: Vec<Vec<String>> = calls
        .iter()
        .map(|call| {
            let mut doing = preview::one_line(call.preview.as_ref(), &call.arguments);
            if call.state == CallState::Unknown {
                doing = format!("did this happen? {doing}");
            }
            vec![
                call.run.to_string(),
                call.call.to_string(),
                visible::one_line(&call.tool),
                visible::one_line(&call.agent),
                // Seconds are enough for a person; `--json` has them all.
                call.created_at.to_string().chars().take(19).collect(),
                doing,
            ]
        })
        .collect();
    output.write(&draw(&columns, &rows, output.width()));
    for call in &calls {
        for reason in call.policy.iter() {
            output.data(&format!(
                "  {}  asked by policy: {}",
                call.call,
                visible::one_line(reason)
            ));
        }
        if let Some(standing) = call.standing() {
            output.data(&format!("  {}  {}", call.call, visible::one_line(&standing)));
        }
        if let Some(at) = call.expires_at {
            output.data(&format!("  {}  expires at {at}", call.call));
        }
    }
    for question in calls.iter().filter_map(pending_question) {
        output.data(&format!("\n{question}"));
    }
    if total > calls.len() {
        output.talk(&format!("{} more; `--limit {total}` lists them all", total - calls.len()));
    }
    Exit::Done
}
