//! A store does what the model (`model/`) says, in whatever order the verbs come, and whoever dies in
//! between; and its journal tells the same story.

use super::fixture::*;
use super::model::explore::{cases, walk};
use super::model::step::{Step, steps};
use super::model::{Answer, Asked, Model, PEOPLE, PROCESSES, Refusal, Settled, Then, Verb, rules};
use initrunner::domain::budget::Spent;
use initrunner::domain::clock::{Clock, ManualClock};
use initrunner::domain::event::Event;
use initrunner::domain::ids::{CallId, RunId};
use initrunner::domain::message::Message;
use initrunner::domain::rule::{ApprovalRule, Remember};
use initrunner::domain::run::RunState;
use initrunner::domain::tool_call::{CallEvent, CallState, RefusedBy};
use initrunner::store::owner::Owner;
use initrunner::store::sqlite::{OpenOptions, SqliteStore};
use initrunner::store::{
    Admission, AfterTurn, CallOutcome, CallRecord, Claim, NewCall, Readmission, RunEnd, Store,
    StoreError, StoredRun,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Two processes with one store, or with a store each on one file.
struct World {
    files: Option<Files>,
    stores: Vec<Arc<SqliteStore>>,
    /// Every owner there has been, dead ones too, and which process it was.
    owners: Vec<(String, usize)>,
    /// The living ones.
    processes: Vec<Owner>,
    clock: Arc<ManualClock>,
    run: RunId,
    claims: Vec<Claim>,
    calls: Vec<CallId>,
    /// A paused run that nobody does anything to.
    bystander: RunId,
}

fn arguments(kind: u8) -> String {
    format!(r#"{{"command":"{kind}"}}"#)
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
    fn in_memory() -> Self {
        let clock = Arc::new(ManualClock::new(at(0)));
        let store = Arc::new(SqliteStore::in_memory_with(clock.clone()).unwrap());
        Self::new(None, vec![store; PROCESSES], clock)
    }

    fn in_a_file() -> Self {
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
    fn perform(&mut self, verb: &Verb, numbers: &[i64]) -> Result<Answer, StoreError> {
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
                let outcome = CallOutcome { succeeded: *succeeded, result: "result".into() };
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
    fn observe(&self, verb: Option<&Verb>) -> (StoredRun, Vec<Event>) {
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

/// What a store and the model must agree on.
#[derive(Debug, PartialEq)]
struct View {
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
    fn of_model(model: &Model) -> Self {
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
    fn check_equal(&self, model: &Self, verb: &Verb) {
        for (at, (store, model)) in self.calls.iter().zip(&model.calls).enumerate() {
            assert_eq!(store, model, "call {at} after {verb:?}");
        }
        assert_eq!(self.calls.len(), model.calls.len(), "{verb:?}");
        assert_eq!(self, model, "{verb:?}");
    }

    fn of_store(world: &World, stored: &StoredRun, numbers: &[i64]) -> Self {
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

/// The store's numbers of the requests of a run, in the order in which they were made: the model's first
/// is the first of these.
fn numbers(events: &[Event]) -> Vec<i64> {
    let asked = events.iter().filter(|event| event.kind == "approval_requested");
    asked
        .map(|event| {
            let body: serde_json::Value = serde_json::from_str(&event.body).unwrap();
            body["request"].as_i64().unwrap()
        })
        .collect()
}

const EVENTS: [CallEvent; 11] = [
    CallEvent::Refuse(RefusedBy::Policy),
    CallEvent::Ask,
    CallEvent::Approve,
    CallEvent::Deny,
    CallEvent::Expire,
    CallEvent::Start,
    CallEvent::Succeed,
    CallEvent::Fail,
    CallEvent::LoseTrack,
    CallEvent::Retry,
    CallEvent::ReportUnknown,
];

fn follows(before: CallState, after: CallState) -> bool {
    EVENTS.into_iter().any(|event| before.after(event) == Ok(after))
}

/// One verb may lose track of a call and decide it, or end the run, in one transaction.
fn may_follow(before: CallState, after: CallState) -> bool {
    before == after
        || follows(before, after)
        || (before == CallState::Started && follows(CallState::Unknown, after))
}

fn check_step(before: &(StoredRun, Vec<Event>), after: &(StoredRun, Vec<Event>), accepted: bool) {
    if !accepted {
        assert_eq!(before.1, after.1, "a refused verb left an event");
        assert_eq!(format!("{:?}", before.0), format!("{:?}", after.0));
        return;
    }
    let (old, new) = (&before.0, &after.0);
    assert!(new.messages.starts_with(&old.messages), "the history was rewritten");
    assert!(after.1.starts_with(&before.1), "the journal was rewritten");
    assert!(new.run.fence >= old.run.fence);
    assert!(!old.run.state.is_final() || new.run.state == old.run.state);
    let states: BTreeMap<_, _> = old.calls.iter().map(|call| (&call.id, call)).collect();
    for call in &new.calls {
        let Some(old) = states.get(&call.id) else { continue };
        assert!(may_follow(old.state, call.state), "{} became {}", old.state, call.state);
        if old.state.is_final() {
            assert_eq!(old.result, call.result, "a result was changed");
        }
        if call.attempts > old.attempts {
            assert_eq!(call.attempts, old.attempts + 1);
            assert!(matches!(old.state, CallState::Ready | CallState::Approved));
        }
    }
}

fn may_decide(rule: &ApprovalRule, who: &str) -> bool {
    let named = rule.reviewers.is_empty() || rule.reviewers.iter().any(|name| name == who);
    named && !(rule.not_requester && who == PEOPLE[0])
}

/// The latest request of each call, and its rule.
fn rules_of(run: &StoredRun) -> impl Iterator<Item = (i64, ApprovalRule)> {
    run.calls.iter().filter_map(|call| Some((call.request?, call.rule.clone()?)))
}

/// `rules`: of every request so far.
fn check_whole(run: &StoredRun, events: &[Event], rules: &BTreeMap<i64, ApprovalRule>) {
    for call in &run.calls {
        let told = run
            .messages
            .iter()
            .filter(
                |message| matches!(message, Message::ToolResult { call: id, .. } if *id == call.id),
            )
            .count();
        assert_eq!(told, usize::from(call.told), "{} has {told} results", call.id);
    }
    let mut open: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
    // Who voted for a request.
    let mut votes: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
    // Requests that people were warned about.
    let mut warned: BTreeSet<i64> = BTreeSet::new();
    // Requests that people themselves approved.
    let mut approved: BTreeSet<i64> = BTreeSet::new();
    // A cancellation denies whoever's call it is.
    let ended_by_hand = run.run.state == RunState::Cancelled;
    // How often a call may be started: once if nobody had to be asked, and once for each approval.
    let mut allowed: BTreeMap<&str, i64> = BTreeMap::new();
    for event in events {
        let call = event.call.as_ref().map(CallId::as_str).unwrap_or_default();
        let body: serde_json::Value = serde_json::from_str(&event.body).unwrap();
        match event.kind.as_str() {
            "turn_recorded" => {
                for call in body["calls"].as_array().unwrap() {
                    let ready = call[1] == "ready";
                    let id = run.calls.iter().find(|c| call[0] == c.id.as_str()).unwrap();
                    allowed.insert(id.id.as_str(), i64::from(ready));
                }
            }
            "approval_requested" => {
                let request = body["request"].as_i64().unwrap();
                assert!(open.entry(call).or_default().insert(request));
                // Whatever was allowed before is not any more.
                allowed.insert(call, 0);
            }
            "approval_voted" => {
                let request = body["request"].as_i64().unwrap();
                assert!(open[call].contains(&request), "a vote on what was not asked");
                let who = body["authenticated_as"].as_str().unwrap().to_owned();
                // Whoever votes and edits again at once leaves no trace of the rule in between.
                assert!(rules.get(&request).is_none_or(|rule| may_decide(rule, &who)));
                assert!(votes.entry(request).or_default().insert(who), "counted twice");
            }
            "approval_decided" => {
                let request = body["request"].as_i64().unwrap();
                assert!(open.entry(call).or_default().remove(&request), "decided twice");
                let who = body["authenticated_as"].as_str().unwrap().to_owned();
                let rule = &rules[&request];
                let reviewer = may_decide(rule, &who);
                if body["decision"] == "approve" {
                    allowed.insert(call, 1);
                    approved.insert(request);
                    let voters = votes.entry(request).or_default();
                    assert!(voters.insert(who), "counted twice");
                    assert!(reviewer && voters.len() == rule.quorum as usize);
                } else {
                    assert!(reviewer || ended_by_hand);
                }
            }
            "approval_edited" => {
                let [from, to] = ["request", "to"].map(|key| body[key].as_i64().unwrap());
                assert!(open.entry(call).or_default().remove(&from), "edited after a decision");
                assert!(open[call].contains(&to), "nobody was asked about the edit");
                assert!(!approved.contains(&to) && !votes.contains_key(&to));
            }
            "approval_remembered" => {
                let [request, source] =
                    ["request", "source"].map(|key| body[key].as_i64().unwrap());
                assert!(open.entry(call).or_default().remove(&request));
                assert!(approved.contains(&source), "remembered what nobody approved");
                assert_eq!(rules[&request].remember, Remember::Run);
                allowed.insert(call, 1);
            }
            "approval_expiring" => {
                let request = body["request"].as_i64().unwrap();
                assert!(open[call].contains(&request), "a warning about what nobody is asked");
                assert!(warned.insert(request), "warned twice");
            }
            "approval_expired" => {
                let request = body["request"].as_i64().unwrap();
                assert!(open.entry(call).or_default().remove(&request), "expired after a decision");
                assert!(warned.contains(&request), "expired without a warning");
                assert!(rules[&request].expires_after.is_some());
                allowed.insert(call, 0);
            }
            "unknown_retried" => {
                let request = body["request"].as_i64().unwrap();
                assert!(open.entry(call).or_default().remove(&request), "retried after a decision");
                allowed.insert(call, 1);
            }
            "call_refused" => {
                allowed.insert(call, 0);
            }
            "call_started" => {
                let left = allowed.entry(call).or_default();
                *left -= 1;
                assert!(*left >= 0, "{call} was started without permission");
            }
            _ => {}
        }
    }
    if run.run.state == RunState::Paused {
        let waits = [CallState::Waiting, CallState::Unknown];
        assert!(run.calls.iter().any(|call| waits.contains(&call.state)), "paused for nobody");
    }
}

/// Takes a store through the steps beside the model, and on to the end of the run.
fn agree(mut world: World, steps: &[Step], approve: bool) {
    let mut before = world.observe(None);
    let mut rules_so_far = BTreeMap::new();
    let others = wait(world.stores[0].events(&world.bystander)).unwrap();
    walk(steps, approve, |verb, expected, model| {
        let given = world.perform(verb, &numbers(&before.1));
        let given = given.map_err(Refusal::from);
        assert_eq!(given, *expected, "{verb:?}");
        let after = world.observe(Some(verb));
        let view = View::of_store(&world, &after.0, &numbers(&after.1));
        view.check_equal(&View::of_model(model), verb);
        check_step(&before, &after, given.is_ok() || given == Err(Refusal::Expired));
        rules_so_far.extend(rules_of(&after.0));
        check_whole(&after.0, &after.1, &rules_so_far);
        before = after;
    });
    assert_eq!(wait(world.stores[0].events(&world.bystander)).unwrap(), others);
    // The tables are what the events say, and stay so when what ended is pruned.
    let store = &world.stores[0];
    assert_eq!(wait(store.check_journal(Vec::new())).unwrap().broken, None);
    let resolved = wait(store.approvals(100)).unwrap();
    assert_eq!(wait(store.prune(prune(at(1_000_000_000)))).unwrap().runs, 1);
    assert!(wait(store.load_run(&world.run)).is_err());
    assert_eq!(wait(store.approvals(100)).unwrap(), resolved);
    assert_eq!(wait(store.check_journal(Vec::new())).unwrap().broken, None);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, max_shrink_iters: 20_000, ..cases(512) })]

    #[test]
    fn no_order_of_verbs_breaks_a_promise(steps in steps(), approve: bool) {
        agree(World::in_memory(), &steps, approve);
    }
}

proptest! {
    // Each verb waits for the disk.
    #![proptest_config(ProptestConfig { failure_persistence: None, max_shrink_iters: 20_000, ..cases(24) })]

    #[test]
    fn no_death_of_a_process_breaks_a_promise(steps in steps(), approve: bool) {
        agree(World::in_a_file(), &steps, approve);
    }
}
