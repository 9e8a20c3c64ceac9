//! `initrunner approve`.

use super::answer;
use super::arguments::Approve;
use super::exit::Exit;
use super::json;
use super::output::Output;
use super::progress::Live;
use super::signals;
use crate::domain::decision::Decision;
use crate::ops::{ApproveRequest, Approved, Attended, Host, OpError, Selection, approve_run};

pub(super) async fn approve(host: &Host, command: Approve, output: &Output) -> Exit {
    let request = ApproveRequest {
        run: command.run_id,
        selection: command.tool_call_id.map_or(Selection::All, Selection::Call),
        decision: if command.deny { Decision::Deny { reason: None } } else { Decision::Approve },
        note: command.resolved_by,
    };
    let mut live = Live::new(output, command.json);
    let attended = Attended { reporter: &mut live, stop: signals::listen() };
    let approved = approve_run(host, request, attended).await;
    let streamed = live.streamed();
    drop(live);
    match approved {
        Ok(Approved::Driven(driven)) => {
            if !command.json {
                output.data("Resumed.");
            }
            answer::tell(host, &driven, output, command.json, streamed)
        }
        Ok(Approved::Recorded(run)) => {
            if command.json {
                output.data(&json::run(&run, None, host.persists()).to_string());
            } else {
                output.data("Recorded. Another process drives the run and acts on it.");
            }
            Exit::Done
        }
        Err(error @ OpError::MissingVariables { .. }) => {
            output.error(&format!("{error}\nthe run stays paused, and no decision was recorded"));
            Exit::Paused
        }
        Err(error) => output.failure(&error),
    }
}
