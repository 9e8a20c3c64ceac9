//! Whose decisions count and how many it takes, what becomes of a call that people change, and which
//! approvals are remembered: each behaviour run against every backend.

use super::fixture::*;
use initrunner::domain::decision::{Decision, Resolver};
use initrunner::domain::event::Event;
use initrunner::domain::ids::{CallId, RunId};
use initrunner::domain::rule::{ApprovalRule, Remember};
use initrunner::domain::run::RunState;
use initrunner::domain::tool_call::{CallState, UNKNOWN_RESULT};
use initrunner::store::owner::Owner;
use initrunner::store::{
    CallOutcome, CallRecord, Claim, Conflict, Decided, DecisionRequest, Edited, Readmission, Store,
    StoreError,
};

conformance!(
    a_quorum_of_distinct_reviewers_approves,
    one_reviewer_denies_at_once,
    nobody_votes_twice_and_notes_do_not_count,
    whoever_is_no_reviewer_changes_nothing,
    whoever_started_the_run_may_be_excluded,
    of_many_voters_the_quorum_settles_once,
    a_voided_approval_takes_its_votes_along,
    trying_again_takes_the_same_quorum_and_reporting_one_reviewer,
    cancelling_asks_no_reviewer,
    what_was_shown_is_what_is_decided,
    an_edit_is_decided_about_in_place_of_the_call,
    an_edit_voids_earlier_votes_and_counts_as_one,
    only_who_may_decide_may_edit,
    of_an_edit_and_an_approval_one_is_first,
    an_edited_call_may_be_edited_again,
    only_a_waiting_call_is_edited,
    an_equal_call_is_approved_as_the_first_was,
    only_an_equal_call_is_remembered,
    a_denial_is_not_remembered,
    a_remembered_approval_is_spent_and_cites_what_people_said,
    a_turn_with_one_call_that_waits_pauses_all_the_same,
    what_waits_tells_its_rule_and_its_votes,
);

fn call_of(store: &dyn Store, run: &RunId) -> CallRecord {
    wait(store.load_run(run)).unwrap().calls.remove(0)
}

fn conflict<T: std::fmt::Debug>(result: Result<T, StoreError>) -> Conflict {
    match result {
        Err(StoreError::Conflict(conflict)) => conflict,
        other => panic!("expected a conflict: {other:?}"),
    }
}

fn by(mut request: DecisionRequest, identity: &str) -> DecisionRequest {
    request.resolver = person(identity);
    request
}

/// The same decision with the call changed first.
fn edited(mut request: DecisionRequest, command: &str, rule: &ApprovalRule) -> DecisionRequest {
    request.decisions[0].edit = Some(edit(command, rule.clone()));
    request
}

fn vote(
    store: &dyn Store,
    run: &RunId,
    calls: &[CallId],
    owner: &Owner,
    who: &str,
) -> Result<Decided, StoreError> {
    wait(store.decide(by(approve(run, calls, owner), who)))
}

fn kinds(store: &dyn Store, run: &RunId) -> Vec<String> {
    wait(store.events(run)).unwrap().into_iter().map(|event| event.kind).collect()
}

fn last(store: &dyn Store, run: &RunId, kind: &str) -> serde_json::Value {
    let events = wait(store.events(run)).unwrap();
    let event: &Event = events.iter().rfind(|event| event.kind == kind).unwrap();
    serde_json::from_str(&event.body).unwrap()
}

fn remembering() -> ApprovalRule {
    ApprovalRule { remember: Remember::Run, ..ApprovalRule::required() }
}

fn done() -> CallOutcome {
    CallOutcome { succeeded: true, result: "gone".into() }
}

fn a_quorum_of_distinct_reviewers_approves(store: &dyn Store) {
    let owner = owner(store);
    let (first, calls) = paused_under(store, &owner, 1, &two_of_three());
    let one = vote(store, &first.run, &calls, &owner, "os:bob").unwrap();
    assert_eq!((one.claim, one.waiting), (None, 1));
    let call = call_of(store, &first.run);
    assert_eq!((call.state, &call.decision, &call.resolver), (CallState::Waiting, &None, &None));
    assert_eq!((call.voters(), call.votes[0].at), (vec!["os:bob"], at(60)));
    assert_eq!(call.rule, Some(two_of_three()));
    let voted = last(store, &first.run, "approval_voted");
    let expected = serde_json::json!({
        "authenticated_as": "os:bob", "by": "os:bob", "have": 1, "need": 2, "request": call.request,
    });
    assert_eq!(voted, expected);

    let two = vote(store, &first.run, &calls, &owner, "os:carol").unwrap();
    let claim = two.claim.unwrap();
    let call = call_of(store, &first.run);
    assert_eq!((call.state, call.resolver), (CallState::Approved, Some(person("os:carol"))));
    let late = conflict(vote(store, &first.run, &calls, &owner, "os:alice"));
    let both = "os:bob, os:carol".to_owned();
    let named = matches!(&late, Conflict::AlreadyDecided { by, .. } if *by == both);
    assert!(named, "{late}");
    assert_eq!(wait(store.record_call_started(&claim, &calls[0], at(61))), Ok(1));
}

fn one_reviewer_denies_at_once(store: &dyn Store) {
    let owner = owner(store);
    for denier in ["os:carol", "os:bob"] {
        let (first, calls) = paused_under(store, &owner, 1, &two_of_three());
        vote(store, &first.run, &calls, &owner, "os:bob").unwrap();
        let denied = wait(store.decide(by(deny(&first.run, &calls, &owner), denier))).unwrap();
        assert!(denied.claim.is_some());
        assert_eq!(call_of(store, &first.run).state, CallState::Denied);
    }
}

fn nobody_votes_twice_and_notes_do_not_count(store: &dyn Store) {
    let owner = owner(store);
    let (first, calls) = paused_under(store, &owner, 1, &two_of_three());
    vote(store, &first.run, &calls, &owner, "os:bob").unwrap();
    let mut again = by(approve(&first.run, &calls, &owner), "os:bob");
    again.resolver.note = Some("os:carol".into());
    again.at = at(61);
    let refused = conflict(wait(store.decide(again)));
    let expected = Conflict::VotedBefore {
        call: calls[0].clone(),
        identity: "os:bob".into(),
        at: at(60),
        standing: "1 of 2 approvals (os:bob); os:alice or os:carol may approve".into(),
    };
    assert_eq!(refused, expected);
    assert_eq!(call_of(store, &first.run).voters(), ["os:bob"]);
}

fn whoever_is_no_reviewer_changes_nothing(store: &dyn Store) {
    let owner = owner(store);
    let (first, calls) = paused_under(store, &owner, 1, &two_of_three());
    let before = wait(store.events(&first.run)).unwrap();
    for decision in [approve, deny] {
        let mut request = by(decision(&first.run, &calls, &owner), "os:mallory");
        request.resolver.note = Some("os:alice".into());
        let refused = conflict(wait(store.decide(request)));
        let expected = Conflict::NotAReviewer {
            call: calls[0].clone(),
            identity: "os:mallory".into(),
            reviewers: "os:alice, os:bob or os:carol".into(),
        };
        assert_eq!(refused, expected);
    }
    assert_eq!(wait(store.events(&first.run)).unwrap(), before);
}

fn whoever_started_the_run_may_be_excluded(store: &dyn Store) {
    let owner = owner(store);
    let rule = ApprovalRule { not_requester: true, ..ApprovalRule::required() };
    let (first, calls) = paused_under(store, &owner, 1, &rule);
    for decision in [approve, deny] {
        let refused = conflict(wait(store.decide(decision(&first.run, &calls, &owner))));
        let sentence = format!(
            "os:alice started the run and may not decide about call {}: anybody but os:alice may",
            calls[0]
        );
        assert_eq!(refused.to_string(), sentence);
    }
    assert!(vote(store, &first.run, &calls, &owner, "os:bob").unwrap().claim.is_some());
}

fn of_many_voters_the_quorum_settles_once(store: &dyn Store) {
    let owner = owner(store);
    let rule = ApprovalRule { quorum: 4, ..ApprovalRule::required() };
    let (first, calls) = paused_under(store, &owner, 1, &rule);
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|number| {
                // Each of eight people, twice.
                let who = format!("os:user{}", number % 8);
                let request = by(approve(&first.run, &calls, &owner), &who);
                scope.spawn(move || wait(store.decide(request)))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let claims = results.iter().flatten().filter(|decided| decided.claim.is_some()).count();
    assert_eq!((results.iter().flatten().count(), claims), (4, 1));
    let call = call_of(store, &first.run);
    let mut voters: Vec<&str> = call.voters();
    let settled = call.resolver.as_ref().unwrap().authenticated_as.as_str();
    voters.push(settled);
    voters.sort_unstable();
    voters.dedup();
    assert_eq!(voters.len(), 4);
    let kinds = kinds(store, &first.run);
    let count = |kind: &str| kinds.iter().filter(|found| *found == kind).count();
    assert_eq!((count("approval_voted"), count("approval_decided")), (3, 1));
}

fn a_voided_approval_takes_its_votes_along(store: &dyn Store) {
    let owner = owner(store);
    let (first, calls) = paused_under(store, &owner, 1, &two_of_three());
    vote(store, &first.run, &calls, &owner, "os:bob").unwrap();
    let claim = vote(store, &first.run, &calls, &owner, "os:carol").unwrap().claim.unwrap();
    let before = call_of(store, &first.run).request;
    let again = Readmission::Waiting {
        preview: None,
        binding: binding("new"),
        rule: two_of_three(),
        changed: vec!["something".into()],
    };
    wait(store.readmit_call(&claim, &calls[0], again, at(61))).unwrap();
    wait(store.pause_run(&claim, Default::default(), at(61))).unwrap();
    let call = call_of(store, &first.run);
    assert_eq!((call.state, call.voters().len()), (CallState::Waiting, 0));
    assert_eq!(last(store, &first.run, "approval_requested")["source"].as_i64(), before);
    let one = vote(store, &first.run, &calls, &owner, "os:bob").unwrap();
    assert_eq!((one.claim, one.waiting), (None, 1));
}

fn trying_again_takes_the_same_quorum_and_reporting_one_reviewer(store: &dyn Store) {
    for retry in [true, false] {
        let dying = owner(store);
        let (first, calls) = paused_under(store, &dying, 1, &two_of_three());
        vote(store, &first.run, &calls, &dying, "os:bob").unwrap();
        let claim = vote(store, &first.run, &calls, &dying, "os:carol").unwrap().claim.unwrap();
        wait(store.record_call_started(&claim, &calls[0], at(61))).unwrap();
        drop(dying);
        let owner = owner(store);
        let stranger = vote(store, &first.run, &calls, &owner, "os:mallory");
        assert!(matches!(conflict(stranger), Conflict::NotAReviewer { .. }));
        if retry {
            let one = vote(store, &first.run, &calls, &owner, "os:bob").unwrap();
            assert_eq!((one.claim, one.waiting), (None, 1));
            let two = vote(store, &first.run, &calls, &owner, "os:alice").unwrap();
            assert!(two.claim.is_some());
            assert_eq!(call_of(store, &first.run).state, CallState::Approved);
        } else {
            let report = by(deny(&first.run, &calls, &owner), "os:bob");
            assert!(wait(store.decide(report)).unwrap().claim.is_some());
            assert_eq!(call_of(store, &first.run).result.as_deref(), Some(UNKNOWN_RESULT));
        }
    }
}

fn cancelling_asks_no_reviewer(store: &dyn Store) {
    let owner = owner(store);
    let (first, _) = paused_under(store, &owner, 1, &two_of_three());
    wait(store.cancel_run(&first.run, person("os:mallory"), at(61))).unwrap();
    assert_eq!(call_of(store, &first.run).state, CallState::Denied);
}

fn what_was_shown_is_what_is_decided(store: &dyn Store) {
    let owner = owner(store);
    let (first, calls) = paused(store, &owner, 1);
    let shown = call_of(store, &first.run).request;
    let edit = edited(approve(&first.run, &calls, &owner), "ls", &two_of_three());
    let mut edit = by(edit, "os:bob");
    edit.resolver.note = Some("Bob".into());
    edit.decisions[0].seen = shown;
    wait(store.decide(edit)).unwrap();
    for decision in [approve, deny] {
        let mut late = by(decision(&first.run, &calls, &owner), "os:carol");
        late.decisions[0].seen = shown;
        let refused = conflict(wait(store.decide(late)));
        let expected = Conflict::Changed {
            run: first.run.clone(),
            call: calls[0].clone(),
            edited_by: Some("Bob".into()),
            at: at(60),
        };
        assert_eq!(refused, expected);
    }
    let mut looked = by(approve(&first.run, &calls, &owner), "os:carol");
    looked.decisions[0].seen = call_of(store, &first.run).request;
    assert!(wait(store.decide(looked)).unwrap().claim.is_some());
}

fn an_edit_is_decided_about_in_place_of_the_call(store: &dyn Store) {
    let owner = owner(store);
    let (first, calls) = paused(store, &owner, 2);
    let before = call_of(store, &first.run);
    let mut request =
        edited(approve(&first.run, &calls[..1], &owner), "ls", &ApprovalRule::required());
    request.decisions.extend(deny(&first.run, &calls[1..], &owner).decisions);
    let claim = wait(store.decide(request)).unwrap().claim.unwrap();
    let call = call_of(store, &first.run);
    assert_eq!(call.state, CallState::Approved);
    assert_eq!(call.arguments, r#"{"command":"ls"}"#);
    assert_eq!(call.proposed.as_deref(), Some(before.arguments.as_str()));
    assert_eq!(call.as_proposed(), before.arguments);
    assert_eq!(call.preview.as_ref().map(|preview| preview.text.as_str()), Some("ls"));
    assert_eq!(call.binding, Some(binding("ls")));
    let change = Edited {
        from: before.arguments.clone(),
        to: call.arguments.clone(),
        resolver: alice(),
        at: at(60),
    };
    assert_eq!(call.edits, [change]);
    assert!(call.request > before.request && call.remembered_from.is_none());
    let event = last(store, &first.run, "approval_edited");
    assert_eq!((event["request"].as_i64(), event["to"].as_i64()), (before.request, call.request));
    assert_ne!(event["digests"]["from"], event["digests"]["to"]);
    let kinds = kinds(store, &first.run);
    assert_eq!(
        kinds[kinds.len() - 6..],
        [
            "approval_requested",
            "approval_edited",
            "approval_decided",
            "approval_decided",
            "run_claimed",
            "run_resumed"
        ]
    );
    // One approval: one start.
    assert_eq!(wait(store.record_call_started(&claim, &calls[0], at(61))), Ok(1));
    wait(store.record_call_finished(&claim, &calls[0], done(), at(62))).unwrap();
    let again = conflict(wait(store.record_call_started(&claim, &calls[0], at(63))));
    assert!(matches!(again, Conflict::WrongCallState { state: CallState::Succeeded, .. }));
}

fn an_edit_voids_earlier_votes_and_counts_as_one(store: &dyn Store) {
    let owner = owner(store);
    let rule = two_of_three();
    let (first, calls) = paused_under(store, &owner, 1, &rule);
    vote(store, &first.run, &calls, &owner, "os:bob").unwrap();
    let request = edited(by(approve(&first.run, &calls, &owner), "os:carol"), "ls", &rule);
    let decided = wait(store.decide(request)).unwrap();
    assert_eq!((decided.claim, decided.waiting), (None, 1));
    let call = call_of(store, &first.run);
    assert_eq!((call.state, call.voters()), (CallState::Waiting, vec!["os:carol"]));
    // Not twice for the editor; and whoever approved what it was may approve what it is.
    let twice = conflict(vote(store, &first.run, &calls, &owner, "os:carol"));
    assert!(matches!(twice, Conflict::VotedBefore { .. }), "{twice}");
    assert!(vote(store, &first.run, &calls, &owner, "os:bob").unwrap().claim.is_some());
}

fn only_who_may_decide_may_edit(store: &dyn Store) {
    let owner = owner(store);
    let (first, calls) = paused_under(store, &owner, 1, &two_of_three());
    let before = wait(store.events(&first.run)).unwrap();
    for rule in [two_of_three(), ApprovalRule::required()] {
        let request = edited(by(approve(&first.run, &calls, &owner), "os:mallory"), "ls", &rule);
        let refused = conflict(wait(store.decide(request)));
        assert!(matches!(refused, Conflict::NotAReviewer { .. }), "{refused}");
    }
    assert_eq!(wait(store.events(&first.run)).unwrap(), before);
    assert_eq!(call_of(store, &first.run).proposed, None);
}

fn of_an_edit_and_an_approval_one_is_first(store: &dyn Store) {
    let owner = owner(store);
    for _ in 0..4 {
        let (first, calls) = paused(store, &owner, 1);
        let seen = call_of(store, &first.run).request;
        let results: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16)
                .map(|number| {
                    let who = format!("os:user{number}");
                    let mut request = by(approve(&first.run, &calls, &owner), &who);
                    if number % 2 == 0 {
                        request = edited(request, &who, &ApprovalRule::required());
                    }
                    request.decisions[0].seen = seen;
                    scope.spawn(move || (number, wait(store.decide(request))))
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let winners: Vec<_> = results.iter().filter(|(_, result)| result.is_ok()).collect();
        let [(winner, _)] = winners[..] else { panic!("{} winners", winners.len()) };
        let name = format!("os:user{winner}");
        for (_, result) in &results {
            if let Err(error) = result {
                let StoreError::Conflict(Conflict::AlreadyDecided { by, .. }) = error else {
                    panic!("{error}")
                };
                assert_eq!(*by, name);
            }
        }
        let call = call_of(store, &first.run);
        assert_eq!(call.arguments.contains(&name), winner % 2 == 0);
        assert_eq!(call.proposed.is_some(), winner % 2 == 0);
    }
}

fn an_edited_call_may_be_edited_again(store: &dyn Store) {
    let owner = owner(store);
    let rule = two_of_three();
    let (first, calls) = paused_under(store, &owner, 1, &rule);
    let model = call_of(store, &first.run).arguments;
    for (who, command) in [("os:alice", "a"), ("os:bob", "b"), ("os:carol", "c")] {
        let request = edited(by(approve(&first.run, &calls, &owner), who), command, &rule);
        assert_eq!(wait(store.decide(request)).unwrap().waiting, 1);
    }
    let call = call_of(store, &first.run);
    assert_eq!((call.as_proposed(), call.voters()), (model.as_str(), vec!["os:carol"]));
    let steps: Vec<(&str, &str, &str)> = call
        .edits
        .iter()
        .map(|edit| (edit.from.as_str(), edit.to.as_str(), edit.resolver.resolved_by()))
        .collect();
    let [a, b, c] = ["a", "b", "c"].map(|command| format!(r#"{{"command":"{command}"}}"#));
    assert_eq!(steps, [(&*model, &*a, "os:alice"), (&*a, &*b, "os:bob"), (&*b, &*c, "os:carol")]);
}

fn only_a_waiting_call_is_edited(store: &dyn Store) {
    let dying = owner(store);
    let (first, calls) = paused(store, &dying, 1);
    let claim = wait(store.decide(approve(&first.run, &calls, &dying))).unwrap().claim.unwrap();
    let rule = ApprovalRule::required();
    let late = edited(approve(&first.run, &calls, &dying), "ls", &rule);
    assert!(matches!(conflict(wait(store.decide(late))), Conflict::AlreadyDecided { .. }));
    wait(store.record_call_started(&claim, &calls[0], at(61))).unwrap();
    drop(dying);
    let owner = owner(store);
    // Whatever became of an unknown call, it was these arguments.
    let unknown = edited(approve(&first.run, &calls, &owner), "ls", &rule);
    let refused = conflict(wait(store.decide(unknown)));
    let expected = Conflict::WrongCallState { call: calls[0].clone(), state: CallState::Unknown };
    assert_eq!(refused, expected);
}

/// A run in which people approved one call under `rule`, which has happened.
fn approved_once(store: &dyn Store, owner: &Owner, rule: &ApprovalRule) -> (Claim, CallId) {
    let (first, calls) = paused_under(store, owner, 1, rule);
    let mut request = by(approve(&first.run, &calls, owner), "os:bob");
    request.resolver.note = Some("Bob".into());
    let claim = wait(store.decide(request)).unwrap().claim.unwrap();
    wait(store.record_call_started(&claim, &calls[0], at(61))).unwrap();
    wait(store.record_call_finished(&claim, &calls[0], done(), at(62))).unwrap();
    wait(store.tell_results(&claim, vec![result(&calls[0], "gone")], at(63))).unwrap();
    (claim, calls[0].clone())
}

fn an_equal_call_is_approved_as_the_first_was(store: &dyn Store) {
    let owner = owner(store);
    let (claim, first) = approved_once(store, &owner, &remembering());
    let calls = record(store, &claim, vec![waiting_under(remembering())], true);
    let run = wait(store.load_run(&claim.run)).unwrap();
    // Nobody is asked, and the run does not pause.
    assert_eq!(run.run.state, RunState::Running);
    assert_eq!(wait(store.pending(10)).unwrap().1, 0);
    let call = &run.calls[1];
    assert_eq!((&call.id, call.state), (&calls[0], CallState::Approved));
    assert_eq!(call.decision, Some(Decision::Approve));
    let bob = Resolver { authenticated_as: "os:bob".into(), note: Some("Bob".into()) };
    assert_eq!(call.resolver, Some(bob));
    assert_eq!(call.remembered_from, Some(first));
    let event = last(store, &claim.run, "approval_remembered");
    let expected = serde_json::json!({
        "authenticated_as": "os:bob", "by": "Bob", "decision": "approve",
        "request": call.request, "source": run.calls[0].request,
    });
    assert_eq!(event, expected);
}

fn only_an_equal_call_is_remembered(store: &dyn Store) {
    let owner = owner(store);
    let other_rule = ApprovalRule { quorum: 2, ..remembering() };
    let other_binding = |part| {
        let mut admission = waiting_under(remembering());
        if let initrunner::store::Admission::Waiting { binding, .. } = &mut admission {
            binding.parts.insert(part, "another".into());
        }
        admission
    };
    let parts: Vec<_> = binding("").parts.into_keys().collect();
    assert_eq!(parts.len(), 7);
    let mut others: Vec<_> = parts.into_iter().map(other_binding).collect();
    // Another rule; and a rule that does not remember.
    others.extend([waiting_under(other_rule), waiting()]);
    for other in others {
        let (claim, _) = approved_once(store, &owner, &remembering());
        record(store, &claim, vec![other], true);
        let run = wait(store.load_run(&claim.run)).unwrap();
        assert_eq!((run.run.state, run.calls[1].state), (RunState::Paused, CallState::Waiting));
    }
    // What another run's people said is no matter.
    let (first, _) = paused_under(store, &owner, 1, &remembering());
    assert_eq!(call_of(store, &first.run).state, CallState::Waiting);
    // And in a run whose rule did not remember, nothing is.
    let (claim, _) = approved_once(store, &owner, &ApprovalRule::required());
    record(store, &claim, vec![waiting_under(remembering())], true);
    assert_eq!(wait(store.load_run(&claim.run)).unwrap().run.state, RunState::Paused);
}

fn a_denial_is_not_remembered(store: &dyn Store) {
    let owner = owner(store);
    let (first, calls) = paused_under(store, &owner, 1, &remembering());
    let claim = wait(store.decide(deny(&first.run, &calls, &owner))).unwrap().claim.unwrap();
    wait(store.tell_results(&claim, vec![result(&calls[0], "denied")], at(62))).unwrap();
    record(store, &claim, vec![waiting_under(remembering())], true);
    let run = wait(store.load_run(&claim.run)).unwrap();
    assert_eq!((run.run.state, run.calls[1].state), (RunState::Paused, CallState::Waiting));
}

fn a_remembered_approval_is_spent_and_cites_what_people_said(store: &dyn Store) {
    let owner = owner(store);
    let (claim, first) = approved_once(store, &owner, &remembering());
    let both = vec![waiting_under(remembering()), waiting_under(remembering())];
    let calls = record(store, &claim, both, true);
    for call in &calls {
        assert_eq!(wait(store.record_call_started(&claim, call, at(64))), Ok(1));
        let twice = conflict(wait(store.record_call_started(&claim, call, at(64))));
        assert!(matches!(twice, Conflict::WrongCallState { .. }));
        wait(store.record_call_finished(&claim, call, done(), at(65))).unwrap();
    }
    let run = wait(store.load_run(&claim.run)).unwrap();
    // Both cite the approval that people gave, and not one another.
    for call in &run.calls[1..] {
        assert_eq!(call.remembered_from.as_ref(), Some(&first));
    }
}

fn a_turn_with_one_call_that_waits_pauses_all_the_same(store: &dyn Store) {
    let owner = owner(store);
    let (claim, _) = approved_once(store, &owner, &remembering());
    let calls = record(store, &claim, vec![waiting_under(remembering()), waiting()], true);
    let run = wait(store.load_run(&claim.run)).unwrap();
    assert_eq!(run.run.state, RunState::Paused);
    assert_eq!(
        run.calls[1..].iter().map(|call| call.state).collect::<Vec<_>>(),
        [CallState::Approved, CallState::Waiting]
    );
    let claim =
        wait(store.decide(approve(&claim.run, &calls[1..], &owner))).unwrap().claim.unwrap();
    assert_eq!(wait(store.record_call_started(&claim, &calls[0], at(64))), Ok(1));
}

fn what_waits_tells_its_rule_and_its_votes(store: &dyn Store) {
    let owner = owner(store);
    let (first, calls) = paused_under(store, &owner, 1, &two_of_three());
    vote(store, &first.run, &calls, &owner, "os:bob").unwrap();
    paused(store, &owner, 1);
    let (queue, _) = wait(store.pending(10)).unwrap();
    assert_eq!(queue[0].rule, two_of_three());
    assert_eq!(
        (queue[0].voters(), queue[0].requester.as_deref()),
        (vec!["os:bob"], Some("os:alice"))
    );
    assert_eq!(Some(queue[0].request), call_of(store, &first.run).request);
    assert_eq!((&queue[1].rule, queue[1].votes.len()), (&ApprovalRule::required(), 0));
}
