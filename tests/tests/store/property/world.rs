//! Two processes that share what is stored, and the line for each verb that has the store do it.

use super::arguments;
use crate::fixture::*;
use crate::model::{Answer, Asked, PROCESSES, Then, Verb, rules};
use initrunner::domain::budget::Spent;
use initrunner::domain::clock::{Clock, ManualClock};
use initrunner::domain::event::Event;
use initrunner::domain::ids::{CallId, RunId};
use initrunner::domain::tool_call::RefusedBy;
use initrunner::store::owner::Owner;
use initrunner::store::sqlite::{OpenOptions, SqliteStore};
use initrunner::store::{
    Admission, AfterTurn, CallOutcome, Claim, NewCall, Readmission, RunEnd, Store, StoreError,
    StoredRun,
};
use std::sync::Arc;

/// Two processes with one store, or with a store each on one file.
pub(super) struct World {
    files: Option<Files>,
    pub(super) stores: Vec<Arc<SqliteStore>>,
    /// Every owner there has been, dead ones too, and which process it was.
    pub(super) owners: Vec<(String, usize)>,
    /// The living ones.
    processes: Vec<Owner>,
    clock: Arc<ManualClock>,
    pub(super) run: RunId,
    pub(super) claims: Vec<Claim>,
    pub(super) calls: Vec<CallId>,
    /// A paused run that nobody does anything to.
    pub(super) bystander: RunId,
}

fn new_call_of(asked: &Asked) -> NewCall {
    let (admission, kind) = match asked {
        Asked::Ready => (Admission::Ready, 0),
        Asked::Refused => (refused(), 0),
        Asked::Waiting { rule, kind } => {
            let binding = binding(&kind.to_string());
            (Admission::Waiting { preview: Some(preview()), binding, rule: rule.clone() }, *kind)
        }
    };
    NewCall { arguments: arguments(kind), ..new_call(admission) }
}

impl World {
    pub(super) fn in_memory() -> Self {
        let clock = Arc::new(ManualClock::new(at(0)));
        let store = Arc::new(SqliteStore::in_memory_with(clock.clone()).unwrap());
        Self::new(None, vec![store; PROCESSES], clock)
    }

    pub(super) fn in_a_file() -> Self {
        let files = Files::new();
        let clock = Arc::new(ManualClock::new(at(0)));
        let stores = (0..PROCESSES).map(|_| open(&files, &clock)).collect();
        Self::new(Some(files), stores, clock)
    }

    fn new(files: Option<Files>, stores: Vec<Arc<SqliteStore>>, clock: Arc<ManualClock>) -> Self {
        let processes: Vec<Owner> = stores.iter().map(|store| owner(&**store)).collect();
        let claim = create(&*stores[0], &processes[0]);
        // What people say in another run is no matter, and what happens here is none there.
        let other = create(&*stores[0], &processes[1]);
        let asked = Asked::Waiting { rule: rules()[2].clone(), kind: 0 };
        let both = vec![new_call_of(&asked), new_call_of(&asked)];
        let calls: Vec<CallId> = both.iter().map(|call| call.id.clone()).collect();
        wait(stores[0].record_turn(&other, turn(both, true))).unwrap();
        wait(stores[0].decide(approve(&other.run, &calls[..1], &processes[1]))).unwrap();
        Self {
            files,
            owners: (0..PROCESSES).map(|n| (processes[n].id().to_string(), n)).collect(),
            processes,
            stores,
            clock,
            run: claim.run.clone(),
            claims: vec![claim],
            calls: Vec::new(),
            bystander: other.run,
        }
    }

    fn call(&self, call: usize) -> CallId {
        self.calls.get(call).cloned().unwrap_or_else(call_id)
    }

    /// The claim, and the store of the process that has or had it.
    fn held(&self, claim: usize) -> (Claim, &SqliteStore) {
        let claim = self.claims[claim].clone();
        let of = |(id, _): &&(String, usize)| *id == claim.owner.as_str();
        let process = self.owners.iter().find(of).unwrap().1;
        (claim, &self.stores[process])
    }

    /// Does a verb; `numbers` are the store's own of the model's versions.
    pub(super) fn perform(&mut self, verb: &Verb, numbers: &[i64]) -> Result<Answer, StoreError> {
        let now = self.clock.now();
        match verb {
            Verb::Turn { claim, calls, then } => {
                let (claim, store) = self.held(*claim);
                let calls: Vec<NewCall> = calls.iter().map(new_call_of).collect();
                let ids: Vec<CallId> = calls.iter().map(|call| call.id.clone()).collect();
                let mut turn = turn(calls, *then == Then::Pause);
                turn.at = now;
                if *then == Then::Complete {
                    turn.then = AfterTurn::Complete { answer: "done".into() };
                }
                wait(store.record_turn(&claim, turn))?;
                self.calls.extend(ids);
            }
            Verb::Start { claim, call } => {
                let (claim, store) = self.held(*claim);
                let attempt =
                    wait(store.record_call_started(&claim, &self.call(*call), vec![], now))?;
                return Ok(Answer::Attempt(attempt));
            }
            Verb::Finish { claim, call, succeeded } => {
                let (claim, store) = self.held(*claim);
                let outcome =
                    CallOutcome { succeeded: *succeeded, result: "result".into(), told: vec![] };
                wait(store.record_call_finished(&claim, &self.call(*call), outcome, now))?;
            }
            Verb::Readmit { claim, call, ask } => {
                let (claim, store) = self.held(*claim);
                let readmission = match ask {
                    Some((rule, kind)) => Readmission::Waiting {
                        preview: None,
                        binding: binding(&kind.to_string()),
                        rule: rule.clone(),
                        changed: vec![],
                    },
                    None => Readmission::Refused { by: RefusedBy::Policy, result: "no".into() },
                };
                wait(store.readmit_call(&claim, &self.call(*call), readmission, vec![], now))?;
            }
            Verb::RetryUnknown { claim, call } => {
                let (claim, store) = self.held(*claim);
                wait(store.retry_unknown(&claim, &self.call(*call), now))?;
            }
            Verb::Tell { claim, calls } => {
                let (claim, store) = self.held(*claim);
                let told = calls.iter().map(|call| result(&self.call(*call), "told")).collect();
                wait(store.tell_results(&claim, told, now))?;
            }
            Verb::Pause { claim } => {
                let (claim, store) = self.held(*claim);
                wait(store.pause_run(&claim, Spent::default(), now))?;
            }
            Verb::Interrupt { claim } => {
                let (claim, store) = self.held(*claim);
                wait(store.interrupt_run(&claim, "stopped".into(), Spent::default(), now))?;
            }
            Verb::End { claim, completed } => {
                let (claim, store) = self.held(*claim);
                let end = match completed {
                    true => RunEnd::Completed { answer: "done".into() },
                    false => RunEnd::Failed { error: "failed".into() },
                };
                wait(store.end_run(&claim, end, Spent::default(), now))?;
            }
            Verb::Decide { process, who, said } => {
                let mut request = approve(&self.run, &[], &self.processes[*process]);
                request.resolver = person(who);
                request.at = now;
                for said in said {
                    let one = if said.approve { approve } else { deny };
                    let call = [self.call(said.call)];
                    let mut one = one(&self.run, &call, &self.processes[*process]).decisions;
                    one[0].seen = said.shown.map(|version| numbers[version as usize - 1]);
                    one[0].edit =
                        said.edit.as_ref().map(|to| edit(&to.kind.to_string(), to.rule.clone()));
                    request.decisions.extend(one);
                }
                let decided = wait(self.stores[*process].decide(request))?;
                let claimed = decided.claim.is_some();
                self.claims.extend(decided.claim);
                return Ok(Answer::Decided { claimed, waiting: decided.waiting });
            }
            Verb::Claim { process } => {
                let id = self.processes[*process].id();
                let claim = wait(self.stores[*process].claim_run(&self.run, id, &alice(), now))?;
                self.claims.push(claim);
            }
            Verb::Cancel { process, who } => {
                wait(self.stores[*process].cancel_run(&self.run, person(who), now))?;
            }
            Verb::Adopt { process } => {
                let adopted = wait(self.stores[*process].adopt_orphans(now))?;
                return Ok(Answer::Adopted(adopted.contains(&self.run)));
            }
            Verb::Sweep { process } => {
                let swept = wait(self.stores[*process].sweep(now))?;
                return Ok(Answer::Swept { freed: swept.freed.contains(&self.run) });
            }
            Verb::Crash { process } => self.crash(*process),
            Verb::Wait { seconds } => self.clock.advance(*seconds as i64 * 1_000_000),
            Verb::SetClock { seconds } => self.clock.set(*seconds * 1_000_000),
        }
        Ok(Answer::Done)
    }

    /// The process is gone with everything that it holds, and another opens what it left.
    fn crash(&mut self, process: usize) {
        if let Some(files) = &self.files {
            self.stores[process] = open(files, &self.clock);
        }
        self.processes[process] = owner(&*self.stores[process]);
        self.owners.push((self.processes[process].id().to_string(), process));
    }

    /// What the process sees that did nothing last.
    pub(super) fn observe(&self, verb: Option<&Verb>) -> (StoredRun, Vec<Event>) {
        let store =
            &self.stores[usize::from(matches!(verb, Some(Verb::Decide { process: 0, .. })))];
        // Reading refuses columns that do not fit together, so this alone is a check.
        (wait(store.load_run(&self.run)).unwrap(), wait(store.events(&self.run)).unwrap())
    }
}

fn open(files: &Files, clock: &Arc<ManualClock>) -> Arc<SqliteStore> {
    let options = OpenOptions { clock: clock.clone(), ..files.options() };
    Arc::new(SqliteStore::open(options).unwrap())
}
