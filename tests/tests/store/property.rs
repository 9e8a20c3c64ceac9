//! What holds in whatever order the verbs come, and whoever dies in between.

use super::fixture::*;
use initrunner::domain::budget::Spent;
use initrunner::domain::clock::ManualClock;
use initrunner::domain::event::Event;
use initrunner::domain::ids::CallId;
use initrunner::domain::message::Message;
use initrunner::domain::rule::{ApprovalRule, OnExpiry, Remember};
use initrunner::domain::run::RunState;
use initrunner::domain::tool_call::{CallEvent, CallState, RefusedBy};
use initrunner::store::owner::Owner;
use initrunner::store::sqlite::SqliteStore;
use initrunner::store::{
    Admission, CallOutcome, Claim, Conflict, Readmission, RunEnd, Store, StoreError, StoredRun,
};
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Three reviewers, and somebody who is none.
const PEOPLE: [&str; 4] = ["os:alice", "os:bob", "os:carol", "os:mallory"];

fn remembering() -> ApprovalRule {
    ApprovalRule { remember: Remember::Run, ..ApprovalRule::required() }
}

fn limited(on_expiry: OnExpiry) -> ApprovalRule {
    ApprovalRule { expires_after: Some(10), on_expiry, ..ApprovalRule::required() }
}

/// A verb and what it is done to: indices choose among the calls and claims there are, so that stale
/// ones are used as well.
#[derive(Debug, Clone)]
enum Step {
    Turn(Vec<u8>, bool),
    Start(Index, Index),
    Finish(Index, Index, bool),
    Readmit(Index, Index, bool),
    Tell(Index, Index),
    Pause(Index),
    Interrupt(Index),
    End(Index, bool),
    /// Who says it, and of each call: whether they approve.
    Decide(u8, Vec<(Index, bool)>),
    /// Who says it, and whether they were shown the present version.
    Edit(u8, Index, bool),
    Claim,
    Cancel,
    Adopt,
    /// So many seconds pass.
    Wait(u8),
    Sweep,
    RetryUnknown(Index, Index),
    /// The owner dies, and another takes its place.
    Die,
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<Index>;
    prop_oneof![
        4 => (prop::collection::vec(0..7u8, 0..4), any::<bool>())
            .prop_map(|(calls, pause)| Step::Turn(calls, pause)),
        6 => (index(), index()).prop_map(|(claim, call)| Step::Start(claim, call)),
        4 => (index(), index(), any::<bool>()).prop_map(|(a, b, ok)| Step::Finish(a, b, ok)),
        2 => (index(), index(), any::<bool>()).prop_map(|(a, b, ask)| Step::Readmit(a, b, ask)),
        2 => (index(), index()).prop_map(|(claim, call)| Step::Tell(claim, call)),
        1 => index().prop_map(Step::Pause),
        1 => index().prop_map(Step::Interrupt),
        1 => (index(), any::<bool>()).prop_map(|(claim, ok)| Step::End(claim, ok)),
        8 => (0..4u8, prop::collection::vec((index(), any::<bool>()), 1..3))
            .prop_map(|(who, said)| Step::Decide(who, said)),
        2 => (0..4u8, index(), any::<bool>()).prop_map(|(who, call, seen)| Step::Edit(who, call, seen)),
        3 => Just(Step::Claim),
        1 => Just(Step::Cancel),
        2 => Just(Step::Adopt),
        2 => (1..8u8).prop_map(Step::Wait),
        2 => Just(Step::Sweep),
        2 => (index(), index()).prop_map(|(claim, call)| Step::RetryUnknown(claim, call)),
        2 => Just(Step::Die),
    ]
}

struct World {
    store: SqliteStore,
    clock: Arc<ManualClock>,
    owner: Owner,
    claims: Vec<Claim>,
    calls: Vec<CallId>,
}

impl World {
    /// Does a step; tells whether the store accepted it.
    fn perform(&mut self, step: &Step) -> bool {
        let store = &self.store;
        let claim = |index: &Index| index.get(&self.claims).clone();
        // A call that does not exist, where there is none yet.
        let strangers = [call_id()];
        let calls = if self.calls.is_empty() { &strangers[..] } else { &self.calls[..] };
        let run = self.claims[0].run.clone();
        match step {
            Step::Turn(kinds, pause) => {
                let admission = |kind: &u8| match kind {
                    0 => Admission::Ready,
                    1 => waiting(),
                    2 => waiting_under(two_of_three()),
                    3 => waiting_under(remembering()),
                    4 => waiting_under(limited(OnExpiry::Deny)),
                    5 => waiting_under(limited(OnExpiry::Fail)),
                    _ => refused(),
                };
                let calls: Vec<_> = kinds.iter().map(|kind| new_call(admission(kind))).collect();
                let ids: Vec<_> = calls.iter().map(|call| call.id.clone()).collect();
                // The latest claim: turns of stale ones would only be refused.
                let claim = self.claims[self.claims.len() - 1].clone();
                let accepted = wait(store.record_turn(&claim, turn(calls, *pause))).is_ok();
                if accepted {
                    self.calls.extend(ids);
                }
                accepted
            }
            Step::Start(c, call) => {
                wait(store.record_call_started(&claim(c), call.get(calls), at(2))).is_ok()
            }
            Step::Finish(c, call, succeeded) => {
                let outcome = CallOutcome { succeeded: *succeeded, result: "result".into() };
                wait(store.record_call_finished(&claim(c), call.get(calls), outcome, at(3))).is_ok()
            }
            Step::Readmit(c, call, ask) => {
                let readmission = if *ask {
                    Readmission::Waiting {
                        preview: None,
                        binding: binding("x"),
                        rule: ApprovalRule::required(),
                        changed: vec![],
                    }
                } else {
                    Readmission::Refused { by: RefusedBy::Policy, result: "no".into() }
                };
                wait(store.readmit_call(&claim(c), call.get(calls), readmission, at(4))).is_ok()
            }
            Step::Tell(c, call) => {
                let told = vec![result(call.get(calls), "told")];
                wait(store.tell_results(&claim(c), told, at(5))).is_ok()
            }
            Step::Pause(c) => wait(store.pause_run(&claim(c), Spent::default(), at(6))).is_ok(),
            Step::Interrupt(c) => {
                let reason = "stopped".into();
                wait(store.interrupt_run(&claim(c), reason, Spent::default(), at(7))).is_ok()
            }
            Step::End(c, completed) => {
                let end = if *completed {
                    RunEnd::Completed { answer: "done".into() }
                } else {
                    RunEnd::Failed { error: "failed".into() }
                };
                wait(store.end_run(&claim(c), end, Spent::default(), at(8))).is_ok()
            }
            Step::Decide(who, decisions) => {
                let mut request = approve(&run, &[], &self.owner);
                request.resolver = person(PEOPLE[usize::from(*who)]);
                for (call, approved) in decisions {
                    let one = if *approved { approve } else { deny };
                    let one = one(&run, &[call.get(calls).clone()], &self.owner);
                    request.decisions.extend(one.decisions);
                }
                let decided = wait(store.decide(request));
                let accepted = decided.is_ok() || is_late(&decided);
                self.claims.extend(decided.ok().and_then(|decided| decided.claim));
                accepted
            }
            Step::Edit(who, call, seen) => {
                let call = call.get(calls).clone();
                let stored = wait(store.load_run(&run)).unwrap();
                let shown = stored.calls.iter().find(|stored| stored.id == call);
                let mut request = approve(&run, &[call], &self.owner);
                request.resolver = person(PEOPLE[usize::from(*who)]);
                let shown = shown.and_then(|call| call.request);
                request.decisions[0].seen = if *seen { shown } else { shown.map(|n| n - 1) };
                request.decisions[0].edit = Some(edit(PEOPLE[usize::from(*who)], two_of_three()));
                let decided = wait(store.decide(request));
                let accepted = decided.is_ok() || is_late(&decided);
                assert!(
                    *seen || decided.is_err(),
                    "a version was decided about that nobody was shown"
                );
                self.claims.extend(decided.ok().and_then(|decided| decided.claim));
                accepted
            }
            Step::Claim => {
                let claimed = wait(store.claim_run(&run, self.owner.id(), &alice(), at(9)));
                let accepted = claimed.is_ok();
                self.claims.extend(claimed.ok());
                accepted
            }
            Step::Cancel => wait(store.cancel_run(&run, alice(), at(10))).is_ok(),
            Step::Adopt => !wait(store.adopt_orphans(at(11))).unwrap().is_empty(),
            Step::Wait(seconds) => {
                self.clock.advance(i64::from(*seconds) * 1_000_000);
                false
            }
            Step::Sweep => {
                let swept = wait(store.sweep(at(12))).unwrap();
                !swept.warned.is_empty() || !swept.expired.is_empty()
            }
            Step::RetryUnknown(c, call) => {
                wait(store.retry_unknown(&claim(c), call.get(calls), at(13))).is_ok()
            }
            Step::Die => {
                self.owner = owner(store);
                false
            }
        }
    }

    fn observe(&self) -> (StoredRun, Vec<Event>) {
        let run = &self.claims[0].run;
        // Reading refuses columns that do not fit together, so this alone is a check.
        (wait(self.store.load_run(run)).unwrap(), wait(self.store.events(run)).unwrap())
    }
}

/// Whether a decision was refused because it came too late, which expires the call.
fn is_late<T>(decided: &Result<T, StoreError>) -> bool {
    matches!(decided, Err(StoreError::Conflict(Conflict::Expired { .. })))
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
                assert!(rules[&request].reviewers.contains(&who));
                assert!(votes.entry(request).or_default().insert(who), "counted twice");
            }
            "approval_decided" => {
                let request = body["request"].as_i64().unwrap();
                assert!(open.entry(call).or_default().remove(&request), "decided twice");
                let who = body["authenticated_as"].as_str().unwrap().to_owned();
                let rule = &rules[&request];
                let reviewer = rule.reviewers.is_empty() || rule.reviewers.contains(&who);
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
                assert_eq!(rules[&request].expires_after, Some(10));
                allowed.insert(call, 0);
            }
            "unknown_retried" => {
                let request = body["request"].as_i64().unwrap();
                assert!(open.entry(call).or_default().remove(&request), "retried after a decision");
                assert!(body["attempt"].as_i64().unwrap() <= 3);
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_verbs_breaks_a_promise(
        steps in prop::collection::vec(step(), 1..60),
        approved_before: bool,
    ) {
        let clock = Arc::new(ManualClock::new(at(0)));
        let store = SqliteStore::in_memory_with(clock.clone()).unwrap();
        let owner = owner(&store);
        let claim = create(&store, &owner);
        let mut world = World { store, clock, owner, claims: vec![claim], calls: Vec::new() };
        if approved_before {
            // Something for later calls to be equal to.
            let run = world.claims[0].run.clone();
            let store = &world.store;
            let calls = record(store, &world.claims[0], vec![waiting_under(remembering())], true);
            let decided = wait(store.decide(approve(&run, &calls, &world.owner))).unwrap();
            world.claims.extend(decided.claim);
            world.calls.extend(calls);
        }
        let mut before = world.observe();
        let mut rules: BTreeMap<i64, ApprovalRule> = rules_of(&before.0).collect();
        for step in &steps {
            let accepted = world.perform(step);
            let after = world.observe();
            check_step(&before, &after, accepted);
            rules.extend(rules_of(&after.0));
            check_whole(&after.0, &after.1, &rules);
            let (queue, total) = wait(world.store.pending(100)).unwrap();
            prop_assert_eq!(queue.len(), total);
            let waiting = wait(world.store.runs(1)).unwrap()[0].waiting;
            prop_assert_eq!(total, waiting);
            if after.0.run.state.is_final() {
                prop_assert_eq!(total, 0);
            }
            before = after;
        }
        // The tables are what the events say, and stay so when what ended is pruned.
        prop_assert_eq!(wait(world.store.check_journal(Vec::new())).unwrap().broken, None);
        let ended = before.0.run.state.is_final();
        let resolved = wait(world.store.approvals(100)).unwrap();
        let pruned = wait(world.store.prune(prune(at(100)))).unwrap();
        prop_assert_eq!(pruned.runs, u64::from(ended));
        prop_assert_eq!(wait(world.store.runs(10)).unwrap().is_empty(), ended);
        prop_assert_eq!(wait(world.store.approvals(100)).unwrap(), resolved);
        prop_assert_eq!(wait(world.store.check_journal(Vec::new())).unwrap().broken, None);
    }
}
