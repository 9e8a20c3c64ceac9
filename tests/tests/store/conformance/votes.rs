//! Whose decisions count, and how many it takes.

use super::{by, call_of, kinds, last, vote};
use crate::fixture::*;
use initrunner::domain::rule::ApprovalRule;
use initrunner::domain::tool_call::{CallState, UNKNOWN_RESULT};
use initrunner::store::{Conflict, Readmission, Store};

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
    what_waits_tells_its_rule_and_its_votes,
);

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
    assert_eq!(wait(store.record_call_started(&claim, &calls[0], vec![], at(61))), Ok(1));
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
            reviewers: "os:alice, os:bob or os:carol may".into(),
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
    wait(store.readmit_call(&claim, &calls[0], again, vec![], at(61))).unwrap();
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
        wait(store.record_call_started(&claim, &calls[0], vec![], at(61))).unwrap();
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
