//! What one event does to the run it belongs to.

use super::super::journal::Line;
use super::body::{Body, Named};
use super::expected::{Call, Created, Request, Resolved, Run, Said, Text};
use crate::domain::run::RunState;
use crate::domain::tool_call::{CallEvent, CallState, UNKNOWN_RESULT};

/// Who decides where time does.
const SYSTEM: &str = "system";

/// Applies an event; tells whether the run is over. Fails with what is wrong with the event, as the
/// rest of a sentence.
pub(super) fn apply(run: &mut Run, line: &Line<'_>, body: Body) -> Result<bool, &'static str> {
    const INCOMPLETE: &str = "lacks a part";
    // Events that only an approval or a program is about may leave the run's row as it is.
    match line.kind {
        "approval_requested"
        | "approval_voted"
        | "approval_decided"
        | "approval_edited"
        | "approval_remembered"
        | "approval_expiring"
        | "approval_expired"
        | "approval_escalated"
        | "approval_voided"
        | "program_started"
        | "call_unknown"
        | "call_refused"
        | "policy_decided"
        | "unknown_retried"
        | "run_resumed" => {}
        _ => run.updated.clear(),
    }
    if !run.updated.contains(&line.at) {
        run.updated.push(line.at);
    }
    let state = |body: &Body| body.state.as_deref().and_then(CallState::parse);
    match line.kind {
        "run_created" => {
            let state = if body.owner.is_some() { RunState::Running } else { RunState::Queued };
            run.state = state.as_str().into();
            run.owner = body.owner;
            run.fence = body.fence.ok_or(INCOMPLETE)?;
            run.used = Some([0; 5]);
            run.created = Some(Created {
                event: line.sequence,
                at: line.at,
                contents: body.contents,
                history: body.history,
                requester: body.requester,
                trigger: body.trigger,
            });
        }
        "run_claimed" => {
            run.state = RunState::Running.as_str().into();
            run.owner = body.owner;
            run.fence = body.fence.ok_or(INCOMPLETE)?;
            run.outcome = Text::Nothing;
        }
        "run_resumed" | "approval_voided" | "policy_decided" => {}
        "turn_recorded" => turn(run, line, body),
        "results_told" => {
            let mut calls = Vec::with_capacity(body.calls.len());
            for named in body.calls {
                let Named::Told(id) = named else { return Err("names calls in a wrong way") };
                if let Some(call) = run.call(Some(&id)) {
                    call.told = true;
                }
                calls.push(id);
            }
            let contents = body.contents;
            run.history.push(Said::Results { event: line.sequence, calls, contents });
        }
        "run_paused" | "run_interrupted" => {
            let paused = line.kind == "run_paused";
            let next = if paused { RunState::Paused } else { RunState::Interrupted };
            run.state = next.as_str().into();
            run.owner = None;
            run.fence = body.fence.unwrap_or(run.fence);
            run.outcome = body.reason.map_or(Text::Nothing, Text::Is);
            spend(run, body.spent);
        }
        "run_ended" => {
            end(run, line, body);
            return Ok(true);
        }
        "approval_requested" => {
            let request = body.request.ok_or(INCOMPLETE)?;
            ask(run, line, request, body.contents, body.source);
            if let Some(call) = run.call(line.call)
                && call.state != CallState::Unknown
            {
                call.state = CallState::Waiting;
            }
        }
        "approval_voted" => {
            let request = run.open.get_mut(&body.request.ok_or(INCOMPLETE)?);
            if let Some(request) = request {
                request.votes.push((body.authenticated_as, body.by, line.at));
            }
        }
        "approval_decided" => {
            let approved = body.decision.as_deref() == Some("approve");
            let event = run.call(line.call).map(|call| match (call.state, approved) {
                (CallState::Unknown, true) => CallEvent::Retry,
                (CallState::Unknown, false) => CallEvent::ReportUnknown,
                (_, true) => CallEvent::Approve,
                (_, false) => CallEvent::Deny,
            });
            if let Some(event) = event {
                move_on(run, line, event);
            }
            resolve(run, line, body);
        }
        "approval_remembered" => {
            let request = body.request.ok_or(INCOMPLETE)?;
            if !run.open.contains_key(&request) {
                ask(run, line, request, body.contents.clone(), None);
            }
            if let Some(request) = run.open.get_mut(&request) {
                request.source = body.source;
            }
            if let Some(call) = run.call(line.call) {
                call.state = CallState::Approved;
            }
            resolve(run, line, Body { decision: Some("approve".into()), ..body });
        }
        "approval_edited" => {
            if let Some(call) = run.call(line.call) {
                call.edited = true;
            }
            resolve(run, line, Body { decision: Some("edited".into()), ..body });
        }
        "approval_expiring" => {
            let request = run.open.get_mut(&body.request.ok_or(INCOMPLETE)?);
            if let Some(request) = request {
                request.warned_at = Some(line.at);
                request.warned_boot = body.boot;
                request.warned_uptime = body.uptime;
            }
        }
        "approval_escalated" => {
            let request = run.open.get_mut(&body.request.ok_or(INCOMPLETE)?);
            if let Some(request) = request {
                request.escalated_at = Some(line.at);
            }
        }
        "approval_expired" => {
            move_on(run, line, CallEvent::Expire);
            let by = Some(SYSTEM.to_owned());
            let decision = Some("expired".to_owned());
            let body = Body { decision, by: by.clone(), authenticated_as: by, ..body };
            resolve(run, line, body);
        }
        "call_refused" | "call_finished" => {
            let state = state(&body).ok_or(INCOMPLETE)?;
            if let Some(call) = run.call(line.call) {
                call.state = state;
                call.result = Text::of_digest(body.contents);
            }
        }
        "call_started" => {
            if let Some(call) = run.call(line.call) {
                call.state = CallState::Started;
                call.result = Text::Nothing;
                call.attempts = body.attempt.ok_or(INCOMPLETE)?;
            }
        }
        "program_started" => {
            if let Some(call) = run.call(line.call) {
                call.programs.push([body.attempt, body.pid, body.start_time]);
            }
        }
        "call_unknown" => {
            if let Some(call) = run.call(line.call) {
                call.state = CallState::Unknown;
            }
        }
        "unknown_retried" => {
            let state = state(&body).unwrap_or(CallState::Approved);
            if let Some(call) = run.call(line.call) {
                call.state = state;
            }
            resolve(run, line, body);
        }
        _ => return Err("is of a kind that this program does not know"),
    }
    Ok(false)
}

fn turn(run: &mut Run, line: &Line<'_>, body: Body) {
    run.turns += 1;
    let turn = body.turn.unwrap_or(run.turns);
    // Who wrote down what the run had used also put the results of refused calls into the digest.
    let refusals = body.used.is_some();
    for (position, named) in (0..).zip(body.calls) {
        let Named::Recorded(id, state) = named else { continue };
        let state = CallState::parse(&state).unwrap_or(CallState::Proposed);
        let refused = matches!(state, CallState::Refused(_));
        run.calls.push(Call {
            id,
            event: line.sequence,
            at: line.at,
            turn,
            position,
            state,
            request: None,
            attempts: 0,
            result: if refused { Text::Unchecked } else { Text::Nothing },
            told: false,
            edited: false,
            programs: Vec::new(),
        });
    }
    run.used = match (run.used, body.used) {
        (Some([.., input, output]), Some([requests, calls, time, more_input, more_output])) => {
            Some([requests, calls, time, input + more_input, output + more_output])
        }
        _ => None,
    };
    let contents = body.contents;
    run.history.push(Said::Turn { event: line.sequence, turn, contents, refusals });
}

/// Takes what a run had used when it was let go. An event that does not say so wrote nothing down, or
/// was written by a program that recorded it nowhere; before the first turn the two look the same.
fn spend(run: &mut Run, spent: Option<[i64; 3]>) {
    match (&mut run.used, spent) {
        (Some([requests, calls, time, ..]), Some(spent)) => [*requests, *calls, *time] = spent,
        (used, None) if run.turns == 0 => *used = None,
        _ => {}
    }
}

fn end(run: &mut Run, line: &Line<'_>, body: Body) {
    run.state = body.state.unwrap_or_default();
    run.owner = None;
    run.fence = body.fence.unwrap_or(run.fence);
    run.outcome = match (body.contents, body.by) {
        (Some(digest), _) => Text::Digest(digest),
        (None, Some(by)) => Text::Is(format!("cancelled by {by}")),
        (None, None) => Text::Unchecked,
    };
    // Who cancels a run does not know what it used.
    if run.state != RunState::Cancelled.as_str() {
        spend(run, body.spent);
    }
    if run.state != RunState::Cancelled.as_str() {
        for call in &mut run.calls {
            match call.state {
                CallState::Waiting => call.state = CallState::Expired,
                CallState::Unknown => {
                    call.state = CallState::Failed;
                    call.result = Text::Is(UNKNOWN_RESULT.into());
                }
                _ => {}
            }
        }
    }
    for request in run.open.values_mut() {
        request.resolved = Some(Resolved {
            event: line.sequence,
            at: line.at,
            decision: None,
            by: None,
            authenticated_as: None,
            reason: None,
        });
    }
}

fn ask(
    run: &mut Run,
    line: &Line<'_>,
    request: i64,
    contents: Option<String>,
    source: Option<i64>,
) {
    if let Some(call) = run.call(line.call) {
        call.request = Some(request);
    }
    let call = line.call.unwrap_or_default().to_owned();
    run.open.insert(
        request,
        Request {
            call,
            event: line.sequence,
            at: line.at,
            contents,
            source,
            warned_at: None,
            warned_boot: None,
            warned_uptime: None,
            escalated_at: None,
            votes: Vec::new(),
            resolved: None,
        },
    );
}

fn resolve(run: &mut Run, line: &Line<'_>, body: Body) {
    let request = body.request.and_then(|request| run.open.get_mut(&request));
    if let Some(request) = request {
        request.resolved = Some(Resolved {
            event: line.sequence,
            at: line.at,
            decision: body.decision,
            by: body.by,
            authenticated_as: body.authenticated_as,
            reason: body.reason,
        });
    }
}

/// Moves the event's call on, as the verb did.
fn move_on(run: &mut Run, line: &Line<'_>, event: CallEvent) {
    let Some(call) = run.call(line.call) else { return };
    if let Ok(next) = call.state.after(event) {
        call.state = next;
    }
    if event == CallEvent::ReportUnknown {
        call.result = Text::Is(UNKNOWN_RESULT.into());
    }
}
