//! Deciding waiting calls, and going on when none waits any more.

use super::Attended;
use super::continue_run::continue_run;
use super::error::OpError;
use super::find_run::{find_call, find_run};
use super::host::Host;
use super::open_role::open_stored;
use crate::domain::decision::{Decision, Resolver};
use crate::domain::ids::CallId;
use crate::domain::tool_call::CallState;
use crate::runner::Driven;
use crate::store::{CallRecord, Conflict, DecisionRequest, StoredRun};

/// Which waiting calls are decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Every one.
    All,
    /// This one; the others are denied.
    Call(String),
}

/// A decision, as a person gives it.
#[derive(Debug, Clone)]
pub struct ApproveRequest {
    /// The run's id, or its beginning.
    pub run: String,
    /// Which calls.
    pub selection: Selection,
    /// What is said of them.
    pub decision: Decision,
    /// What the person calls themselves; recorded, never trusted.
    pub note: Option<String>,
}

/// What came of it.
pub enum Approved {
    /// The run went on.
    Driven(Box<Driven>),
    /// The decision is recorded; a living process drives the run and will act on it.
    Recorded(Box<StoredRun>),
}

/// Records a decision and resumes the run. Everything that resuming needs is checked first: a decision
/// is not spent on a run that cannot go on here.
///
/// # Errors
/// [`OpError::Conflict`] where somebody else was first, with their name; others as for any resume.
pub async fn approve_run(
    host: &Host,
    request: ApproveRequest,
    mut attended: Attended<'_>,
) -> Result<Approved, OpError> {
    let store = host.store()?;
    store.adopt_orphans(host.clock.now()).await?;
    let id = find_run(host, &request.run).await?;
    let run = store.load_run(&id).await?;
    let decisions = decisions(&run, &request)?;
    let opened = open_stored(host, &run.run).await?;

    let decided = store
        .decide(DecisionRequest {
            run: id.clone(),
            decisions,
            resolver: Resolver { authenticated_as: host.identity().to_owned(), note: request.note },
            claim_as: host.owner()?,
            at: host.clock.now(),
        })
        .await?;
    match decided.claim {
        Some(claim) => {
            let driven = continue_run(host, &opened, claim, &mut attended).await?;
            Ok(Approved::Driven(Box::new(driven)))
        }
        None => Ok(Approved::Recorded(Box::new(store.load_run(&id).await?))),
    }
}

fn decisions(
    run: &StoredRun,
    request: &ApproveRequest,
) -> Result<Vec<(CallId, Decision)>, OpError> {
    // Such a run cannot go on, so no decision is spent on it.
    if let Some(error) = unknown_outcome(run) {
        return Err(error);
    }
    let waiting: Vec<&CallRecord> =
        run.calls.iter().filter(|call| call.state == CallState::Waiting).collect();
    match &request.selection {
        Selection::All if waiting.is_empty() => Err(nothing_waits(run)),
        Selection::All => Ok(waiting
            .into_iter()
            .map(|call| (call.id.clone(), request.decision.clone()))
            .collect()),
        Selection::Call(text) => {
            let named = find_call(run, text)?;
            if named.state != CallState::Waiting {
                return Err(decided_before(named));
            }
            let others = || Decision::Deny {
                reason: Some("only another call of the same turn was decided".into()),
            };
            Ok(waiting
                .into_iter()
                .map(|call| {
                    let said =
                        if call.id == named.id { request.decision.clone() } else { others() };
                    (call.id.clone(), said)
                })
                .collect())
        }
    }
}

/// Nothing of the run waits: because everything was decided, or because nothing ever waited.
fn nothing_waits(run: &StoredRun) -> OpError {
    match run.calls.iter().rev().find(|call| call.decided_at.is_some()) {
        Some(call) => decided_before(call),
        None => OpError::Conflict(Conflict::WrongState {
            run: run.run.id.clone(),
            state: run.run.state,
        }),
    }
}

/// The question that a call with an unknown outcome poses, where the run has one.
pub(super) fn unknown_outcome(run: &StoredRun) -> Option<OpError> {
    let call = run.calls.iter().find(|call| call.state == CallState::Unknown)?;
    Some(OpError::UnknownOutcome(format!(
        "call {} of run {} was started and its process died before a result was written, so whether \
         it happened is not known; look, then end the run with `initrunner cancel {}`",
        call.id, run.run.id, run.run.id
    )))
}

fn decided_before(call: &CallRecord) -> OpError {
    OpError::Conflict(match (&call.decision, &call.resolver, call.decided_at) {
        (Some(decision), Some(resolver), Some(at)) => Conflict::AlreadyDecided {
            call: call.id.clone(),
            decision: decision.as_str().to_owned(),
            by: resolver.resolved_by().to_owned(),
            at,
        },
        _ => Conflict::NotWaiting { call: call.id.clone(), state: call.state },
    })
}
