//! What is decided is what was shown; what becomes of a call that a person changes.

use super::{by, call_of, done, kinds, last, vote};
use crate::fixture::*;
use initrunner::domain::rule::ApprovalRule;
use initrunner::domain::tool_call::CallState;
use initrunner::store::{Conflict, DecisionRequest, Edited, Store, StoreError};

conformance!(
    what_was_shown_is_what_is_decided,
    an_edit_is_decided_about_in_place_of_the_call,
    an_edit_voids_earlier_votes_and_counts_as_one,
    only_who_may_decide_may_edit,
    of_an_edit_and_an_approval_one_is_first,
    an_edited_call_may_be_edited_again,
    only_a_waiting_call_is_edited,
);

/// The same decision with the call changed first.
fn edited(mut request: DecisionRequest, command: &str, rule: &ApprovalRule) -> DecisionRequest {
    request.decisions[0].edit = Some(edit(command, rule.clone()));
    request
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
    assert_eq!(wait(store.record_call_started(&claim, &calls[0], vec![], at(61))), Ok(1));
    wait(store.record_call_finished(&claim, &calls[0], done("gone"), at(62))).unwrap();
    let again = conflict(wait(store.record_call_started(&claim, &calls[0], vec![], at(63))));
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
    wait(store.record_call_started(&claim, &calls[0], vec![], at(61))).unwrap();
    drop(dying);
    let owner = owner(store);
    // Whatever became of an unknown call, it was these arguments.
    let unknown = edited(approve(&first.run, &calls, &owner), "ls", &rule);
    let refused = conflict(wait(store.decide(unknown)));
    let expected = Conflict::WrongCallState { call: calls[0].clone(), state: CallState::Unknown };
    assert_eq!(refused, expected);
}
