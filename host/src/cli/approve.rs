//! `initrunner approve`.

use super::answer;
use super::arguments::Approve;
use super::exit::Exit;
use super::output::Output;
use super::progress::Live;
use super::signals;
use crate::domain::decision::Decision;
use crate::domain::run::RunState;
use crate::domain::tool_call::CallState;
use crate::json;
use crate::ops::{
    ApproveRequest, Approved, Attended, Choice, Host, NewArguments, OpError, Selection,
    approve_run, show_run,
};
use crate::store::{Conflict, StoredRun};

pub(super) async fn approve(host: &Host, command: Approve, output: &Output) -> Exit {
    let named = command.tool_call_id.clone();
    let run_id = command.run_id.clone();
    let request = ApproveRequest {
        run: command.run_id,
        selection: command.tool_call_id.map_or(Selection::All, Selection::Call),
        choice: if !command.set.is_empty() {
            Choice::Edit(NewArguments::Set(command.set))
        } else if let Some(arguments) = command.arguments {
            Choice::Edit(match arguments.strip_prefix('@') {
                Some(path) => NewArguments::File(path.into()),
                None => NewArguments::Json(arguments),
            })
        } else if command.retry {
            Choice::Retry
        } else if command.report_unknown {
            Choice::ReportUnknown
        } else if command.deny {
            Choice::Decide(Decision::Deny { reason: command.reason })
        } else {
            Choice::Decide(Decision::Approve)
        },
        seen: command.version_shown,
        keep_others: command.keep_others,
        note: command.resolved_by,
    };
    let mut live = Live::new(output, command.json);
    let attended = Attended { reporter: &mut live, stop: signals::listen() };
    let approved = approve_run(host, request, attended).await;
    let streamed = live.streamed();
    drop(live);
    match approved {
        Ok(Approved::Driven(driven)) => answer::tell(host, &driven, output, command.json, streamed),
        Ok(Approved::Recorded(run)) => recorded(host, &run, output, command.json),
        Err(error @ OpError::MissingVariables { .. }) => {
            output.error(&format!("{error}\nthe run stays paused, and no decision was recorded"));
            Exit::Paused
        }
        Err(error) => {
            let exit = output.failure(&error);
            if beside(host, &error, named.as_deref(), &run_id).await {
                output.talk("  hint: `--tool-call-id ID --keep-others` decides one call and leaves the others waiting");
            }
            exit
        }
    }
}

/// Whether this person may not decide one call among several, and `named` is not that one: leaving the
/// others waiting is the way then.
async fn beside(host: &Host, error: &OpError, named: Option<&str>, run: &str) -> bool {
    let OpError::Conflict(Conflict::NotAReviewer { call, .. } | Conflict::IsRequester { call, .. }) =
        error
    else {
        return false;
    };
    if let Some(named) = named {
        return !call.as_str().contains(named);
    }
    let Ok(story) = show_run(host, run).await else { return false };
    story.run.calls.iter().filter(|call| call.state == CallState::Waiting).count() > 1
}

/// The decision is written down, and the run does not go on here.
fn recorded(host: &Host, run: &StoredRun, output: &Output, as_json: bool) -> Exit {
    let has = |state| run.calls.iter().any(|call| call.state == state);
    let (unknown, waiting) = (has(CallState::Unknown), has(CallState::Waiting));
    if as_json {
        output.data(&json::run(run, None, host.persists()).to_string());
    } else if run.run.state != RunState::Running {
        output.data("Recorded.");
        answer::paused(host, run, output);
    } else {
        output.data("Recorded. Another process drives the run and acts on it.");
        for line in answer::standings(run) {
            output.data(&line);
        }
    }
    if unknown {
        Exit::Conflict
    } else if waiting {
        Exit::Paused
    } else {
        Exit::Done
    }
}
