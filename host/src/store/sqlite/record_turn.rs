//! Writes down one answer of the model, gated whole: the message, its calls, what people are asked, and
//! the pause where that is all there is left to do.

use super::fault::Fault;
use super::journal::contents;
use super::request::{self, Shown, Subject};
use super::run_row::{self, RunRow};
use super::writer::Write;
use super::{end_run, load_run, message, pause_run, policies, remember, rows};
use crate::domain::clock::Timestamp;
use crate::domain::event::EventKind;
use crate::domain::rule::Remember;
use crate::domain::tool_call::{CallEvent, CallState, WrongState};
use crate::store::{
    Admission, AfterTurn, CallRecord, Claim, Conflict, NewCall, RunEnd, TurnRecord,
};
use rusqlite::params;
use serde_json::{Value, json};

pub(super) fn record_turn(
    write: &mut Write<'_>,
    claim: &Claim,
    turn: &TurnRecord,
) -> Result<Vec<CallRecord>, Fault> {
    let run = run_row::held(write, claim)?;
    let number = run.turns + 1;
    let text = message::append(write, run.n, &turn.assistant)?;
    let states = turn.calls.iter().map(|call| Ok((call, admitted(call)?)));
    let states: Vec<(&NewCall, CallState)> = states.collect::<Result<_, Fault>>()?;
    let columns: Vec<Value> = states
        .iter()
        .map(|(call, _)| {
            let refusal = match &call.admission {
                Admission::Refused { result, .. } => Some(result),
                Admission::Waiting { .. } | Admission::Ready => None,
            };
            let NewCall { entry, tool, model_tool, provider_id, arguments, .. } = call;
            json!([entry, tool, model_tool, provider_id, arguments, refusal])
        })
        .collect();
    let calls: Vec<Value> =
        states.iter().map(|(call, state)| json!([call.id, state.as_str()])).collect();
    let contents = contents(&json!([text, columns]));
    // What the run has used so far, and the tokens of this turn.
    let used = json!([
        turn.spent.requests,
        turn.spent.tool_calls,
        turn.spent.wall_ms,
        turn.usage.input_tokens,
        turn.usage.output_tokens,
    ]);
    let body = json!({"calls": calls, "contents": contents, "turn": number, "used": used});
    write.record(turn.at, &run.id, None, EventKind::TurnRecorded, &body)?;
    let mut remembered = false;
    let mut written = Some(Vec::with_capacity(states.len()));
    for (position, (call, state)) in states.into_iter().enumerate() {
        let place = (number, rows::to_stored(position as u64));
        policies::record(write, &run, &call.id, &call.said, turn.at)?;
        let inserted = insert(write, &run, call, state, place, turn.at)?;
        remembered |= inserted.state == CallState::Approved;
        let record = record(&run, call, &inserted, place, turn.at);
        written = written.zip(record).map(|(mut written, record)| {
            written.push(record);
            written
        });
    }
    let pauses = matches!(turn.then, AfterTurn::Pause)
        && !(remembered && run_row::waiting(write.conn, run.n)? == 0);
    count(write, &run, number, turn, pauses)?;
    match &turn.then {
        AfterTurn::Continue => {}
        AfterTurn::Pause if pauses => pause_run::paused(write, &run, None, turn.at)?,
        AfterTurn::Pause => {}
        AfterTurn::Complete { answer } => {
            let end = RunEnd::Completed { answer: answer.clone() };
            end_run::end(write, &run, &end, None, turn.at)?;
        }
    }
    match written {
        Some(written) => Ok(written),
        None => load_run::calls_of_turn(write.conn, &run.id, run.n, number),
    }
}

/// Counts the turn and what it used; where the run pauses with it, that is the same change of its row.
fn count(
    write: &Write<'_>,
    run: &RunRow,
    number: i64,
    turn: &TurnRecord,
    pauses: bool,
) -> Result<(), Fault> {
    let sql = if pauses {
        "UPDATE runs SET turns = ?1, requests = ?2, tool_calls = ?3, wall_ms = ?4,
           input_tokens = input_tokens + ?5, output_tokens = output_tokens + ?6, updated_at = ?7,
           state = 'paused', owner = NULL, outcome = NULL
         WHERE n = ?8 AND state = 'running' AND fence = ?9"
    } else {
        "UPDATE runs SET turns = ?1, requests = ?2, tool_calls = ?3, wall_ms = ?4,
           input_tokens = input_tokens + ?5, output_tokens = output_tokens + ?6, updated_at = ?7
         WHERE n = ?8 AND state = 'running' AND fence = ?9"
    };
    write.change_one(
        sql,
        params![
            number,
            turn.spent.requests,
            turn.spent.tool_calls,
            rows::to_stored(turn.spent.wall_ms),
            rows::to_stored(turn.usage.input_tokens),
            rows::to_stored(turn.usage.output_tokens),
            turn.at.0,
            run.n,
            run.fence,
        ],
    )
}

/// A call as it would be read back, where that is plain from what was written: reading costs as much as
/// writing. `None` where more was decided here than the state.
fn record(
    run: &RunRow,
    call: &NewCall,
    inserted: &Inserted,
    (turn, position): (i64, i64),
    at: Timestamp,
) -> Option<CallRecord> {
    let (preview, binding, rule, result) = match &call.admission {
        Admission::Ready => (None, None, None, None),
        Admission::Refused { result, .. } => (None, None, None, Some(result.clone())),
        // Remembered, or time does something to it.
        Admission::Waiting { rule, .. }
            if inserted.state != CallState::Waiting
                || rule.expires_after.is_some()
                || rule.escalate.is_some() =>
        {
            return None;
        }
        Admission::Waiting { preview, binding, rule } => {
            (preview.clone(), Some(binding.clone()), Some(rule.clone()), None)
        }
    };
    Some(CallRecord {
        id: call.id.clone(),
        run: run.id.clone(),
        turn,
        position,
        entry: call.entry.clone(),
        tool: call.tool.clone(),
        model_tool: call.model_tool.clone(),
        provider_id: call.provider_id.clone(),
        arguments: call.arguments.clone(),
        proposed: None,
        edits: Vec::new(),
        state: inserted.state,
        request: inserted.request,
        rule,
        votes: Vec::new(),
        remembered_from: None,
        preview,
        binding,
        decision: None,
        resolver: None,
        decided_at: None,
        changed: Vec::new(),
        expires_at: None,
        escalates_at: None,
        escalated_at: None,
        attempts: 0,
        running: None,
        result,
        told: false,
        created_at: at,
    })
}

/// What writing a call down came to.
struct Inserted {
    state: CallState,
    request: Option<i64>,
}

/// The state that the gate's answer leads to.
fn admitted(call: &NewCall) -> Result<CallState, Fault> {
    let event = match &call.admission {
        Admission::Refused { by, .. } => CallEvent::Refuse(*by),
        Admission::Waiting { .. } => CallEvent::Ask,
        Admission::Ready => CallEvent::Admit,
    };
    CallState::Proposed.after(event).map_err(|wrong| wrong_state(call, &wrong))
}

fn wrong_state(call: &NewCall, wrong: &WrongState) -> Fault {
    Conflict::WrongCallState { call: call.id.clone(), state: wrong.state }.into()
}

/// Writes a call down. Its state is *approved* where people approved an equal one before.
fn insert(
    write: &mut Write<'_>,
    run: &RunRow,
    call: &NewCall,
    mut state: CallState,
    (turn, position): (i64, i64),
    at: Timestamp,
) -> Result<Inserted, Fault> {
    let (request, result) = match &call.admission {
        Admission::Ready => (None, None),
        Admission::Refused { result, .. } => (None, Some(result)),
        Admission::Waiting { preview, binding, rule } => {
            let (id, tool, arguments) = (&call.id, &*call.model_tool, &*call.arguments);
            let shown = Shown {
                preview: preview.clone(),
                binding: Some(binding.clone()),
                rule: rule.clone(),
                changed: Vec::new(),
                source: None,
            };
            let subject = Subject { call: id, tool, arguments, state };
            let request = request::insert(write, run, &subject, &shown, at)?;
            if rule.remember == Remember::Run
                && let Some(approval) = remember::find(write, run, request)?
            {
                remember::apply(write, run, id, request, &approval, at)?;
                state =
                    state.after(CallEvent::Approve).map_err(|wrong| wrong_state(call, &wrong))?;
            }
            (Some(request), None)
        }
    };
    write.insert(
        "INSERT INTO calls (run, id, turn, position, entry, tool, model_tool, provider_id,
           arguments, state, request, result, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        params![
            run.n,
            call.id.as_str(),
            turn,
            position,
            call.entry,
            call.tool,
            call.model_tool,
            call.provider_id,
            call.arguments,
            state.as_str(),
            request,
            result,
            at.0,
        ],
    )?;
    Ok(Inserted { state, request })
}
