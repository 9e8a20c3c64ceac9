//! What a store and the model are compared by: everything of a run that both can tell.

use super::arguments;
use super::world::World;
use crate::fixture::wait;
use crate::model::{Model, Settled, Verb};
use initrunner::domain::ids::CallId;
use initrunner::domain::rule::ApprovalRule;
use initrunner::domain::run::RunState;
use initrunner::domain::tool_call::CallState;
use initrunner::store::{CallRecord, Store, StoredRun};
use std::collections::BTreeSet;

/// What a store and the model must agree on.
#[derive(Debug, PartialEq)]
pub(super) struct View {
    state: RunState,
    /// Which of all owners there have been.
    owner: Option<usize>,
    fence: i64,
    claims: Vec<(usize, i64)>,
    calls: Vec<CallView>,
    /// Call, version and approvals of what waits for a person.
    queue: BTreeSet<(usize, CallView)>,
    waiting: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct CallView {
    state: &'static str,
    arguments: String,
    proposed: String,
    edits: usize,
    version: Option<u32>,
    rule: Option<String>,
    votes: Vec<String>,
    expires: bool,
    escalated: bool,
    /// By whom, where the decision still holds.
    decided: Option<String>,
    remembered_from: Option<usize>,
    attempts: u32,
    told: bool,
    result: Option<String>,
}

fn in_words(rule: &ApprovalRule) -> String {
    serde_json::to_string(rule).unwrap()
}

fn has_decision(state: CallState) -> bool {
    matches!(state, CallState::Approved | CallState::Denied)
}

impl View {
    pub(super) fn of_model(model: &Model) -> Self {
        let calls: Vec<CallView> = model
            .calls
            .iter()
            .map(|call| CallView {
                state: call.state.as_str(),
                arguments: arguments(call.kind),
                proposed: arguments(call.proposed),
                edits: call.edits,
                version: call.version(),
                rule: call.rule.as_ref().map(in_words),
                votes: call.votes.iter().map(|who| (*who).to_owned()).collect(),
                expires: call.state == CallState::Waiting && call.expires.is_some(),
                escalated: call.escalated,
                decided: match call.settled {
                    Some(Settled::Decided(who)) if has_decision(call.state) => Some(who.to_owned()),
                    _ => None,
                },
                remembered_from: call.remembered_from,
                attempts: call.attempts,
                told: call.told,
                result: call.result.map(str::to_owned),
            })
            .collect();
        let waits =
            |(at, _): &(usize, &CallView)| !model.state.is_final() && model.calls[*at].waits();
        Self {
            state: model.state,
            owner: model.owner,
            fence: model.fence,
            claims: model.claims.iter().map(|claim| (claim.owner, claim.fence)).collect(),
            queue: calls
                .iter()
                .enumerate()
                .filter(waits)
                .map(|(at, call)| (at, call.clone()))
                .collect(),
            waiting: model.waiting(),
            calls,
        }
    }

    /// Compares call by call, so that what is printed is what differs.
    pub(super) fn check_equal(&self, model: &Self, verb: &Verb) {
        for (at, (store, model)) in self.calls.iter().zip(&model.calls).enumerate() {
            assert_eq!(store, model, "call {at} after {verb:?}");
        }
        assert_eq!(self.calls.len(), model.calls.len(), "{verb:?}");
        assert_eq!(self, model, "{verb:?}");
    }

    pub(super) fn of_store(world: &World, stored: &StoredRun, numbers: &[i64]) -> Self {
        let number_of = |owner: &str| world.owners.iter().position(|(id, _)| id == owner).unwrap();
        let version = |request: i64| {
            let place = numbers.iter().position(|number| *number == request).unwrap();
            u32::try_from(place + 1).unwrap()
        };
        let place = |id: &CallId| world.calls.iter().position(|call| call == id).unwrap();
        let view = |call: &CallRecord| CallView {
            state: call.state.as_str(),
            arguments: call.arguments.clone(),
            proposed: call.as_proposed().to_owned(),
            edits: call.edits.len(),
            version: call.request.map(version),
            rule: call.rule.as_ref().map(in_words),
            votes: call.voters().into_iter().map(str::to_owned).collect(),
            expires: call.expires_at.is_some(),
            escalated: call.escalated_at.is_some(),
            decided: match &call.resolver {
                Some(resolver) if has_decision(call.state) => {
                    assert!(call.decision.is_some() && call.decided_at.is_some());
                    Some(resolver.authenticated_as.clone())
                }
                _ => None,
            },
            remembered_from: call.remembered_from.as_ref().map(place),
            attempts: call.attempts,
            told: call.told,
            result: call.result.clone(),
        };
        let calls: Vec<CallView> = stored.calls.iter().map(view).collect();
        let (queue, total) = wait(world.stores[0].pending(1000)).unwrap();
        assert_eq!(queue.len(), total);
        let (queue, others): (Vec<_>, Vec<_>) =
            queue.into_iter().partition(|waits| waits.run == world.run);
        assert_eq!(others.len(), 1, "another run's question was touched");
        let queue = queue.into_iter().map(|waits| {
            let at = place(&waits.call);
            let shown = CallView {
                state: waits.state.as_str(),
                arguments: waits.arguments.clone(),
                version: Some(version(waits.request)),
                rule: Some(in_words(&waits.rule)),
                votes: waits.voters().into_iter().map(str::to_owned).collect(),
                expires: waits.expires_at.is_some(),
                escalated: waits.escalated_at.is_some(),
                ..calls[at].clone()
            };
            (at, shown)
        });
        let listed = wait(world.stores[0].runs(10)).unwrap();
        Self {
            state: stored.run.state,
            owner: stored.run.owner.as_ref().map(|owner| number_of(owner.as_str())),
            fence: stored.run.fence,
            claims: world
                .claims
                .iter()
                .map(|claim| (number_of(claim.owner.as_str()), claim.fence))
                .collect(),
            queue: queue.collect(),
            waiting: listed.iter().find(|run| run.id == world.run).unwrap().waiting,
            calls,
        }
    }
}
