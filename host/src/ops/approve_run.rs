//! Deciding waiting calls, and going on when none waits any more.

use super::Attended;
use super::continue_run::continue_run;
use super::edit_call::{NewArguments, edit_call};
use super::error::OpError;
use super::find_run::{find_call, find_run};
use super::host::Host;
use super::open_role::{Opened, open_stored};
use crate::domain::clock::Timestamp;
use crate::domain::decision::{Decision, Resolver};
use crate::domain::ids::{CallId, RunId};
use crate::domain::policy::PolicyRecord;
use crate::domain::preview;
use crate::domain::run::RunState;
use crate::domain::tool_call::CallState;
use crate::domain::visible::one_line;
use crate::gate::Proposed;
use crate::runner::{Driven, Progress, retriable};
use crate::store::{
    CallDecision, CallRecord, Claim, Conflict, DecisionRequest, Idempotency, PendingCall,
    StoreError, StoredRun,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// Which waiting calls are decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Every one.
    All,
    /// This one; the others are denied, unless they are to be kept.
    Call(String),
}

/// What a person says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// About calls that wait.
    Decide(Decision),
    /// Approve a call with other arguments.
    Edit(NewArguments),
    /// Try a call again whose outcome is unknown.
    Retry,
    /// Tell the model that a call's outcome is unknown.
    ReportUnknown,
}

/// A decision, as a person gives it.
#[derive(Debug, Clone)]
pub struct ApproveRequest {
    /// The run's id, or its beginning.
    pub run: String,
    /// Which calls.
    pub selection: Selection,
    /// What is said of them.
    pub choice: Choice,
    /// The version of the named call that the person was shown; else the one that is stored now.
    pub seen: Option<i64>,
    /// Whether the calls beside a named one stay waiting; otherwise they are denied.
    pub keep_others: bool,
    /// What the person calls themselves; recorded, never trusted.
    pub note: Option<String>,
}

/// What came of it.
pub enum Approved {
    /// The run went on.
    Driven(Box<Driven>),
    /// The decision is recorded. The run does not go on here: other calls still need a person, or a
    /// living process drives it and will act on the decision. Of the run there is what
    /// [`Store::load_turn`](crate::store::Store::load_turn) gives.
    Recorded(Box<StoredRun>),
}

/// Records a decision and resumes the run. Everything that resuming needs is checked first: a decision
/// is not spent on a run that cannot go on here.
///
/// # Errors
/// [`OpError::Conflict`] where somebody else was first, with their name, or where this person's word does
/// not count; [`OpError::Edit`] where a call cannot be changed like that; others as for any resume.
pub async fn approve_run(
    host: &Host,
    request: ApproveRequest,
    attended: Attended<'_>,
) -> Result<Approved, OpError> {
    let store = host.store()?;
    let id = find_run(host, &request.run).await?;
    let mut run = store.load_turn(&id).await?;
    // Nobody but a dead owner leaves a run in this state for long.
    if run.run.state == RunState::Running {
        store.adopt_orphans(host.clock.now()).await?;
        run = store.load_turn(&id).await?;
    }
    let decisions = match decisions(&run, &request, host.identity()) {
        Ok(decisions) => decisions,
        // Whoever comes too late may mean a call of an earlier turn.
        Err(_) => decisions(&store.load_run(&id).await?, &request, host.identity())?,
    };
    let edits = match request.choice {
        // Of an edit's decisions only the named call's is an approval.
        Choice::Edit(arguments) => decisions
            .iter()
            .find(|one| one.decision == Decision::Approve)
            .map(|one| (one.call.clone(), arguments))
            .into_iter()
            .collect(),
        _ => BTreeMap::new(),
    };
    settle(host, run, Said { decisions, edits, note: request.note, idempotency: None }, attended)
        .await
}

/// What one person says of calls of one run.
pub(super) struct Said {
    pub(super) decisions: Vec<CallDecision>,
    /// What they make of calls that they approve.
    pub(super) edits: BTreeMap<CallId, NewArguments>,
    pub(super) note: Option<String>,
    /// What tells that the request is sent again.
    pub(super) idempotency: Option<Idempotency>,
}

/// Records what one person said, all of it or nothing, and goes on with the run where nothing waits any
/// more. `run` is its latest turn.
pub(super) async fn settle(
    host: &Host,
    mut run: StoredRun,
    said: Said,
    mut attended: Attended<'_>,
) -> Result<Approved, OpError> {
    let store = host.store()?;
    let id = run.run.id.clone();
    let Said { mut decisions, edits, note, idempotency } = said;
    let opened = open_stored(host, &mut run).await?;
    if !edits.is_empty() || opened.tools.speaks_of_approval() {
        // As it would be driven: in place of a token, the value that it stands for.
        let run = store.load_to_drive(&id).await?;
        edit_calls(host, &opened, &run, &edits, &mut decisions).await?;
        ask_policies(host, &opened, &run, &mut decisions).await?;
    }
    for said in &mut decisions {
        // The model reads it.
        if let Decision::Deny { reason: Some(reason) } = &mut said.decision {
            *reason = opened.secrets.redact(reason).into_owned();
        }
    }

    let said: Vec<_> = decisions.iter().map(|one| (one.call.clone(), one.said.clone())).collect();
    let made: Vec<_> =
        decisions.iter().map(|one| (one.call.clone(), one.decision.as_str())).collect();
    let at = host.clock.now();
    let decided = store
        .decide(DecisionRequest {
            run: id.clone(),
            decisions,
            resolver: Resolver { authenticated_as: host.identity().to_owned(), note },
            claim_as: host.owner()?,
            idempotency,
            at,
        })
        .await;
    let decided = match decided {
        Ok(decided) => decided,
        Err(error) => {
            // Nothing of the decision is written down; that policies were asked is.
            record_policies(host, &id, said, host.clock.now()).await?;
            return Err(error.into());
        }
    };
    for (call, decision) in made {
        let asked = run.calls.iter().find(|one| one.id == call).map_or(at, |one| one.created_at);
        let waited = u64::try_from(at.0.saturating_sub(asked.0)).unwrap_or(0);
        host.observer().metrics().decided(decision, Duration::from_micros(waited));
        tracing::info!(run = %id, %call, decision, by = host.identity(), "call decided");
    }
    let claim = match decided.claim {
        Some(claim) => Some(claim),
        // What is left may be calls of unknown outcome that the role has the host try again.
        None => claim_to_retry(host, &opened, &id).await?,
    };
    match claim {
        Some(claim) => {
            attended.reporter.report(Progress::Resumed);
            // What it was claimed with lacks the calls of earlier turns, and policies count them.
            let run = decided.run.map(|run| *run).filter(|_| !opened.tools.has_policies());
            let driven = continue_run(host, &opened, claim, run, &mut attended).await?;
            Ok(Approved::Driven(Box::new(driven)))
        }
        None => Ok(Approved::Recorded(Box::new(store.load_turn(&id).await?))),
    }
}

/// Claims a run that nobody drives, where only calls of unknown outcome are undecided and the host tries
/// each of them again.
async fn claim_to_retry(
    host: &Host,
    opened: &Opened,
    id: &RunId,
) -> Result<Option<Claim>, OpError> {
    let store = host.store()?;
    let run = store.load_turn(id).await?;
    if run.run.state != RunState::Paused || retriable(&opened.tools, &run).is_none() {
        return Ok(None);
    }
    let by = Resolver { authenticated_as: host.identity().to_owned(), note: None };
    match store.claim_run(id, &host.owner()?, &by, host.clock.now()).await {
        Ok(claim) => Ok(Some(claim)),
        // Somebody else goes on with it.
        Err(StoreError::Conflict(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Gives decisions the edits that come before them.
async fn edit_calls(
    host: &Host,
    opened: &Opened,
    run: &StoredRun,
    edits: &BTreeMap<CallId, NewArguments>,
    decisions: &mut [CallDecision],
) -> Result<(), OpError> {
    for decision in decisions.iter_mut() {
        let Some(arguments) = edits.get(&decision.call) else { continue };
        if let Some(call) = run.calls.iter().find(|call| call.id == decision.call) {
            let circumstances = run.circumstances_of(call, host.clock.now());
            let edited = edit_call(host, opened, call, arguments, circumstances).await?;
            if let Some((edit, said)) = edited {
                decision.edit = Some(edit);
                decision.said = said;
            }
        }
    }
    Ok(())
}

/// Asks the policies that speak of approval whether this person may approve what they approve.
async fn ask_policies(
    host: &Host,
    opened: &Opened,
    run: &StoredRun,
    decisions: &mut [CallDecision],
) -> Result<(), OpError> {
    let at = host.clock.now();
    for index in 0..decisions.len() {
        let decision = &mut decisions[index];
        let call = run.calls.iter().find(|call| call.id == decision.call);
        let Some(call) = call.filter(|_| decision.decision == Decision::Approve) else { continue };
        let arguments = decision.edit.as_ref().map_or(&call.arguments, |edit| &edit.arguments);
        let proposed = Proposed {
            run: call.run.clone(),
            id: call.id.clone(),
            tool: call.model_tool.clone(),
            arguments: arguments.clone(),
            circumstances: run.circumstances_of(call, at),
        };
        let mut said = Vec::new();
        let may = host.gate()?.may_approve(&opened.tools, &proposed, host.identity(), &mut said);
        let may = may.await;
        said.iter_mut().for_each(|record| record.edited = decision.edit.is_some());
        decision.said.extend(said);
        if let Err(sentence) = may {
            let said: Vec<_> =
                decisions.iter().map(|one| (one.call.clone(), one.said.clone())).collect();
            record_policies(host, &run.run.id, said, at).await?;
            return Err(OpError::RefusedByPolicy { call: call.id.clone(), sentence });
        }
    }
    Ok(())
}

/// Writes down what policies said of calls that nothing was decided about.
async fn record_policies(
    host: &Host,
    run: &RunId,
    said: Vec<(CallId, Vec<PolicyRecord>)>,
    at: Timestamp,
) -> Result<(), OpError> {
    for (call, said) in said.into_iter().filter(|(_, said)| !said.is_empty()) {
        host.store()?.record_policies(run, &call, said, at).await?;
    }
    Ok(())
}

fn decisions(
    run: &StoredRun,
    request: &ApproveRequest,
    identity: &str,
) -> Result<Vec<CallDecision>, OpError> {
    let say = |call: &CallRecord, decision: Decision| CallDecision {
        call: call.id.clone(),
        seen: call.request,
        decision,
        edit: None,
        said: Vec::new(),
    };
    let waiting = || run.calls.iter().filter(|call| call.state == CallState::Waiting);
    let named = match &request.selection {
        Selection::All => None,
        Selection::Call(text) => Some(find_call(run, text)?),
    };
    // What was under way when its run was cancelled stays unknown, and nobody can settle it.
    if run.run.state.is_final() && named.is_some_and(|call| call.state == CallState::Unknown) {
        return Err(OpError::Conflict(run.run.over()));
    }
    match (&request.choice, named) {
        (Choice::Decide(_), None) if waiting().next().is_none() => Err(nothing_waits(run)),
        (Choice::Decide(decision), None) => {
            // Whoever approved some of them already means the others now.
            let voted = |call: &&CallRecord| {
                *decision == Decision::Approve && call.voters().contains(&identity)
            };
            let left = waiting().filter(|call| !voted(call));
            let left: Vec<_> = left.map(|call| say(call, decision.clone())).collect();
            match left.is_empty() {
                true => Ok(waiting().map(|call| say(call, decision.clone())).collect()),
                false => Ok(left),
            }
        }
        (Choice::Decide(_) | Choice::Edit(_), Some(named)) => match named.state {
            CallState::Waiting => {
                let decision = match &request.choice {
                    Choice::Decide(decision) => decision.clone(),
                    _ => Decision::Approve,
                };
                let mut said = say(named, decision);
                said.seen = request.seen.or(said.seen);
                if request.keep_others {
                    return Ok(vec![said]);
                }
                // In emitted order.
                Ok(waiting()
                    .map(|call| match call.id == named.id {
                        true => said.clone(),
                        false => say(call, passed_over()),
                    })
                    .collect())
            }
            CallState::Unknown => Err(OpError::UnknownOutcome(question(named))),
            _ => Err(decided_before(named)),
        },
        (Choice::Retry | Choice::ReportUnknown, Some(named))
            if named.state == CallState::Unknown =>
        {
            // Of an unknown call, *approve* means to try it again and *deny* to report it.
            let said = match request.choice {
                Choice::Retry => Decision::Approve,
                _ => Decision::Deny { reason: None },
            };
            Ok(vec![CallDecision { seen: request.seen.or(named.request), ..say(named, said) }])
        }
        (_, Some(named)) => Err(OpError::Conflict(Conflict::WrongCallState {
            call: named.id.clone(),
            state: named.state,
        })),
        (Choice::Edit(_), None) => Err(OpError::Setup {
            message: "an edit is for one call, and none was named".into(),
            hint: format!("name it; `initrunner show {}` lists them", run.run.id),
        }),
        (_, None) => Err(nothing_waits(run)),
    }
}

/// What is said of the calls beside the one that was named.
fn passed_over() -> Decision {
    Decision::Deny {
        reason: Some("only another call of the same turn was approved or denied".into()),
    }
}

/// Nothing of the run waits: because everything was decided, or because nothing ever waited.
pub(super) fn nothing_waits(run: &StoredRun) -> OpError {
    if let Some(error) = unknown_outcome(run) {
        return error;
    }
    match run.calls.iter().rev().find(|call| call.decided_at.is_some()) {
        Some(call) => decided_before(call),
        None => OpError::Conflict(run.run.over()),
    }
}

/// The question that a call with an unknown outcome poses, where an unfinished run has one.
pub(super) fn unknown_outcome(run: &StoredRun) -> Option<OpError> {
    let unknown = |call: &&CallRecord| call.state == CallState::Unknown;
    let call = run.calls.iter().find(unknown).filter(|_| !run.run.state.is_final())?;
    Some(OpError::UnknownOutcome(question(call)))
}

/// What a person is asked about a call that was started and has no result.
pub fn question(call: &CallRecord) -> String {
    let what = preview::one_line(call.preview.as_ref(), &call.arguments);
    ask(&call.run, &call.id, &call.model_tool, what, call.running)
}

/// The same of a call in the queue, where its outcome is unknown.
pub fn pending_question(call: &PendingCall) -> Option<String> {
    let what = preview::one_line(call.preview.as_ref(), &call.arguments);
    (call.state == CallState::Unknown)
        .then(|| ask(&call.run, &call.call, &call.tool, what, call.running))
}

fn ask(run: &RunId, id: &CallId, tool: &str, what: String, running: Option<u32>) -> String {
    let look = match running {
        Some(pid) => format!("its program (pid {pid}) still runs: wait for it or stop it"),
        None => "look first".to_owned(),
    };
    format!(
        "call {id} ({tool}: {what}) was started, and its process ended before a result was written, so \
         whether it happened is not known; {look}, then choose:\n  \
         initrunner approve {run} --tool-call-id {id} --retry\n  \
         initrunner approve {run} --tool-call-id {id} --report-unknown",
        tool = one_line(tool),
    )
}

pub(super) fn decided_before(call: &CallRecord) -> OpError {
    OpError::Conflict(match (&call.decision, &call.resolver, call.decided_at) {
        (Some(decision), Some(resolver), Some(at)) => Conflict::AlreadyDecided {
            call: call.id.clone(),
            decision: decision.as_str().to_owned(),
            by: match decision {
                Decision::Approve => {
                    let before = call.votes.iter().map(|vote| &vote.resolver);
                    let names = before.chain([resolver]).map(Resolver::resolved_by);
                    names.collect::<Vec<_>>().join(", ")
                }
                Decision::Deny { .. } => resolver.resolved_by().to_owned(),
            },
            at,
        },
        (None, _, Some(at)) if call.state == CallState::Expired => {
            Conflict::Expired { call: call.id.clone(), at }
        }
        _ => Conflict::NotWaiting { call: call.id.clone(), state: call.state },
    })
}
