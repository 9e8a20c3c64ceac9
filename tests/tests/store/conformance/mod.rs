//! What every backend must do: one function per behaviour, each run against every backend, and one file
//! per topic.

mod conversations;
mod decisions;
mod edits;
mod idempotency;
mod journal;
mod lists;
mod owners;
mod pages;
mod pruning;
mod queue;
mod remembered;
mod runs;
mod sealing;
mod turns;
mod votes;

use crate::fixture::*;
use initrunner::domain::budget::Spent;
use initrunner::domain::event::Event;
use initrunner::domain::ids::{CallId, RunId};
use initrunner::store::owner::Owner;
use initrunner::store::{
    CallOutcome, CallRecord, Decided, DecisionRequest, RunEnd, Store, StoreError,
};

/// A call that gave its result.
fn done(text: &str) -> CallOutcome {
    CallOutcome { succeeded: true, result: text.into(), told: vec![] }
}

fn spent() -> Spent {
    Spent { requests: 2, tool_calls: 1, wall_ms: 2500 }
}

fn completed() -> RunEnd {
    RunEnd::Completed { answer: "Deleted.".into() }
}

/// The first call of a run.
fn call_of(store: &dyn Store, run: &RunId) -> CallRecord {
    wait(store.load_run(run)).unwrap().calls.remove(0)
}

/// The kinds of the events of a run.
fn kinds(store: &dyn Store, run: &RunId) -> Vec<String> {
    wait(store.events(run)).unwrap().into_iter().map(|event| event.kind).collect()
}

/// What the last event of a kind says.
fn last(store: &dyn Store, run: &RunId, kind: &str) -> serde_json::Value {
    let events = wait(store.events(run)).unwrap();
    let event: &Event = events.iter().rfind(|event| event.kind == kind).unwrap();
    serde_json::from_str(&event.body).unwrap()
}

/// The same decision by somebody else.
fn by(mut request: DecisionRequest, identity: &str) -> DecisionRequest {
    request.resolver = person(identity);
    request
}

/// Approves as somebody.
fn vote(
    store: &dyn Store,
    run: &RunId,
    calls: &[CallId],
    owner: &Owner,
    who: &str,
) -> Result<Decided, StoreError> {
    wait(store.decide(by(approve(run, calls, owner), who)))
}
