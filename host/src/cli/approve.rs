//! `initrunner approve`.

use super::answer;
use super::arguments::Approve;
use super::exit::Exit;
use super::json;
use super::output::Output;
use super::progress::Live;
use super::signals;
use crate::domain::decision::Decision;
use crate::domain::run::RunState;
use crate::ops::{ApproveRequest, Approved, Attended, Host, OpError, Selection, approve_run};

pub(super) async fn approve(host: &Host, command: Approve, output: &Output) -> Exit {
    let request = ApproveRequest {
        run: command.run_id,
        selection: command.tool_call_id.map_or(Selection::All, Selection::Call),
        decision: if command.deny { Decision::Deny { reason: None } } else { Decision::Approve },
        note: command.resolved_by,
    };
    let mut live = Live::resumed(output, command.json);
    let attended = Attended { reporter: &mut live, stop: signals::listen() };
    let approved = approve_run(host, request, attended).await;
    if matches!(approved, Ok(Approved::Driven(_))) {
        live.open();
    }
    let streamed = live.streamed();
    drop(live);
    match approved {
        Ok(Approved::Driven(driven)) => answer::tell(host, &driven, output, command.json, streamed),
        Ok(Approved::Recorded(run)) => {
            let driven = run.run.state == RunState::Running;
            if command.json {
                output.data(&json::run(&run, None, host.persists()).to_string());
            } else if driven {
                output.data("Recorded. Another process drives the run and acts on it.");
            } else {
                output.data("Recorded.");
                answer::paused(host, &run, output);
            }
            if driven { Exit::Done } else { Exit::Paused }
        }
        Err(error @ OpError::MissingVariables { .. }) => {
            output.error(&format!("{error}\nthe run stays paused, and no decision was recorded"));
            Exit::Paused
        }
        Err(error) => output.failure(&error),
    }
}
