//! What must hold whatever the model says: of each step, and of all that a run's journal tells.

use crate::model::PEOPLE;
use initrunner::domain::event::Event;
use initrunner::domain::ids::CallId;
use initrunner::domain::message::Message;
use initrunner::domain::rule::{ApprovalRule, Remember};
use initrunner::domain::run::RunState;
use initrunner::domain::tool_call::{CallEvent, CallState, RefusedBy};
use initrunner::store::StoredRun;
use std::collections::{BTreeMap, BTreeSet};

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

pub(super) fn check_step(
    before: &(StoredRun, Vec<Event>),
    after: &(StoredRun, Vec<Event>),
    accepted: bool,
) {
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

fn may_decide(rule: &ApprovalRule, escalated: bool, who: &str) -> bool {
    let second = rule.escalate.iter().filter(|_| escalated).flat_map(|it| &it.reviewers);
    let named =
        rule.reviewers.is_empty() || rule.reviewers.iter().chain(second).any(|it| it == who);
    named && !(rule.not_requester && who == PEOPLE[0])
}

/// The latest request of each call, and its rule.
pub(super) fn rules_of(run: &StoredRun) -> impl Iterator<Item = (i64, ApprovalRule)> {
    run.calls.iter().filter_map(|call| Some((call.request?, call.rule.clone()?)))
}

/// `rules`: of every request so far.
pub(super) fn check_whole(run: &StoredRun, events: &[Event], rules: &BTreeMap<i64, ApprovalRule>) {
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
    // Requests that a second group of reviewers is asked about.
    let mut escalated: BTreeSet<i64> = BTreeSet::new();
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
                let escalated = escalated.contains(&request);
                assert!(rules.get(&request).is_none_or(|rule| may_decide(rule, escalated, &who)));
                assert!(votes.entry(request).or_default().insert(who), "counted twice");
            }
            "approval_decided" => {
                let request = body["request"].as_i64().unwrap();
                assert!(open.entry(call).or_default().remove(&request), "decided twice");
                let who = body["authenticated_as"].as_str().unwrap().to_owned();
                let rule = &rules[&request];
                let reviewer = may_decide(rule, escalated.contains(&request), &who);
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
            "approval_escalated" => {
                let request = body["request"].as_i64().unwrap();
                assert!(open[call].contains(&request), "escalated what nobody is asked");
                assert!(escalated.insert(request), "escalated twice");
                // Of one that was edited away since, the rule is not known any more.
                assert!(rules.get(&request).is_none_or(|rule| rule.escalate.is_some()));
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
