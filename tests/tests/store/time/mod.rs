//! What time does to calls that wait, and what is kept about programs and for people outside: one
//! function per behaviour, each run against every backend, with a machine whose clock the test sets.

/// Makes each behaviour a test of every backend, with a clock that it sets.
macro_rules! conformance_in_time {
    ($($behaviour:ident),* $(,)?) => {
        mod in_memory {
            $(#[test] fn $behaviour() {
                let clock = crate::time::clock();
                let store = initrunner::store::sqlite::SqliteStore::in_memory_with(clock.clone()).unwrap();
                super::$behaviour(&store, &clock);
            })*
        }
        mod in_a_file {
            $(#[test] fn $behaviour() {
                let clock = crate::time::clock();
                let files = crate::fixture::Files::new();
                let store = crate::time::open(&files, &clock);
                super::$behaviour(&store, &clock);
            })*
        }
    };
}

mod escalation;
mod expiry;
mod outbox;
mod programs;
mod sweeper;

use crate::fixture::*;
use initrunner::domain::clock::{Clock, ManualClock};
use initrunner::domain::event::Event;
use initrunner::domain::ids::{CallId, RunId};
use initrunner::domain::rule::{ApprovalRule, Escalation, OnExpiry};
use initrunner::store::sqlite::{OpenOptions, SqliteStore};
use initrunner::store::{Claim, Store, Swept};
use std::sync::Arc;

const SECOND: i64 = 1_000_000;

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(at(1)))
}

fn open(files: &Files, clock: &Arc<ManualClock>) -> SqliteStore {
    let clock: Arc<dyn Clock> = clock.clone();
    SqliteStore::open(OpenOptions { clock, ..files.options() }).unwrap()
}

fn within(seconds: u64, on_expiry: OnExpiry) -> ApprovalRule {
    ApprovalRule { expires_after: Some(seconds), on_expiry, ..ApprovalRule::required() }
}

/// `os:alice` decides, and after so many seconds `os:carol` too.
fn escalating(after: u64) -> ApprovalRule {
    ApprovalRule {
        reviewers: vec!["os:alice".into()],
        escalate: Some(Escalation { after, reviewers: vec!["os:carol".into()] }),
        ..ApprovalRule::required()
    }
}

/// A paused run with so many calls that wait for at most so many seconds.
fn limited(store: &dyn Store, calls: usize, seconds: u64) -> (Claim, Vec<CallId>) {
    let owner = owner(store);
    paused_under(store, &owner, calls, &within(seconds, OnExpiry::Deny))
}

fn sweep(store: &dyn Store, clock: &ManualClock) -> Swept {
    wait(store.sweep(clock.now())).unwrap()
}

fn events(store: &dyn Store, run: &RunId, kind: &str) -> Vec<Event> {
    let events = wait(store.events(run)).unwrap();
    events.into_iter().filter(|event| event.kind == kind).collect()
}
