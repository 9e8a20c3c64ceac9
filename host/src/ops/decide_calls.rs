//! Deciding every waiting call of a run at once, each as a person says: what services send.

use super::Attended;
use super::approve_run::{Approved, Said, decided_before, nothing_waits, settle};
use super::edit_call::NewArguments;
use super::error::OpError;
use super::find_conversation::find_repeated;
use super::find_run::find_run;
use super::host::Host;
use crate::domain::decision::Decision;
use crate::domain::ids::CallId;
use crate::domain::run::RunState;
use crate::domain::tool_call::CallState;
use crate::store::{CallDecision, CallRecord, Conflict, Idempotency, StoredRun};
use std::collections::BTreeMap;

/// What is said of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallAnswer {
    /// What.
    pub choice: CallChoice,
    /// The version of the call that the person was shown; `None`: whatever is asked now.
    pub seen: Option<i64>,
}

/// What can be said of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallChoice {
    /// It may happen; with these arguments, a JSON object, where the person changed them.
    Approve(Option<String>),
    /// It may not, and why.
    Deny(Option<String>),
    /// Its outcome is unknown, and it is tried again.
    Retry,
    /// Its outcome is unknown, and the model is told so.
    ReportUnknown,
}

/// A decision about all that waits.
#[derive(Debug, Clone)]
pub struct DecideRequest {
    /// The run's id, or its beginning.
    pub run: String,
    /// By the whole id of each call.
    pub answers: BTreeMap<String, CallAnswer>,
    /// What the person calls themselves; recorded, never trusted.
    pub note: Option<String>,
    /// What tells that the request is sent again.
    pub idempotency: Option<Idempotency>,
}

/// Records the decisions, all of them or none, and goes on with the run.
///
/// # Errors
/// [`Conflict::Repeated`] where the same request was sent before;
/// [`OpError::Calls`] where a call that waits is not named, or one is named that the run does not have;
/// others as for [`approve_run`](super::approve_run).
pub async fn decide_calls(
    host: &Host,
    request: DecideRequest,
    attended: Attended<'_>,
) -> Result<Approved, OpError> {
    let store = host.store()?;
    let id = find_run(host, &request.run).await?;
    if let Some(run) = find_repeated(host, request.idempotency.as_ref()).await? {
        return Err(OpError::Conflict(Conflict::Repeated { run }));
    }
    let mut run = store.load_turn(&id).await?;
    if run.run.state == RunState::Running {
        store.adopt_orphans(host.clock.now()).await?;
        run = store.load_turn(&id).await?;
    }
    let known = |run: &StoredRun, name: &str| run.calls.iter().any(|call| call.id.as_str() == name);
    if !request.answers.keys().all(|name| known(&run, name)) {
        // Whoever comes too late may mean a call of an earlier turn.
        let whole = store.load_run(&id).await?;
        let unknown: Vec<String> =
            request.answers.keys().filter(|name| !known(&whole, name)).cloned().collect();
        if !unknown.is_empty() {
            return Err(OpError::Calls { run: id, missing: missing(&run, &request), unknown });
        }
        run.calls = whole.calls;
    }
    let said = said(&run, request)?;
    settle(host, run, said, attended).await
}

fn undecided(call: &&CallRecord) -> bool {
    matches!(call.state, CallState::Waiting | CallState::Unknown) && !call.told
}

fn missing(run: &StoredRun, request: &DecideRequest) -> Vec<String> {
    let names = run.calls.iter().filter(undecided).map(|call| call.id.to_string());
    names.filter(|name| !request.answers.contains_key(name)).collect()
}

fn said(run: &StoredRun, request: DecideRequest) -> Result<Said, OpError> {
    if run.run.state.is_final() || !run.calls.iter().any(|call| undecided(&call)) {
        let named = run.calls.iter().rev();
        let named = named.filter(|call| request.answers.contains_key(call.id.as_str()));
        let decided = named.into_iter().find(|call| call.decided_at.is_some());
        return Err(decided.map_or_else(|| nothing_waits(run), decided_before));
    }
    let missing = missing(run, &request);
    if !missing.is_empty() {
        return Err(OpError::Calls { run: run.run.id.clone(), missing, unknown: Vec::new() });
    }
    let DecideRequest { answers, note, idempotency, .. } = request;
    let mut said = Said { decisions: Vec::new(), edits: BTreeMap::new(), note, idempotency };
    for call in &run.calls {
        let Some(answer) = answers.get(call.id.as_str()) else { continue };
        let (decision, edit) = decision(call, &answer.choice)?;
        if let Some(arguments) = edit {
            said.edits.insert(call.id.clone(), NewArguments::Json(arguments));
        }
        let (call, seen) = (call.id.clone(), answer.seen.or(call.request));
        said.decisions.push(CallDecision { call, seen, decision, edit: None, said: Vec::new() });
    }
    Ok(said)
}

fn decision(call: &CallRecord, choice: &CallChoice) -> Result<(Decision, Option<String>), OpError> {
    match (call.state, choice) {
        (CallState::Waiting, CallChoice::Approve(edit)) => Ok((Decision::Approve, edit.clone())),
        (CallState::Waiting, CallChoice::Deny(reason)) => {
            Ok((Decision::Deny { reason: reason.clone() }, None))
        }
        (CallState::Unknown, CallChoice::Retry) => Ok((Decision::Approve, None)),
        (CallState::Unknown, CallChoice::ReportUnknown) => {
            Ok((Decision::Deny { reason: None }, None))
        }
        (CallState::Unknown, _) => Err(OpError::UnknownOutcome(format!(
            "whether call {} happened is not known: decide `retry` or `report_unknown`",
            call.id
        ))),
        (CallState::Waiting, _) => Err(wrong_state(&call.id, call.state)),
        _ => Err(decided_before(call)),
    }
}

fn wrong_state(call: &CallId, state: CallState) -> OpError {
    OpError::Conflict(Conflict::WrongCallState { call: call.clone(), state })
}
