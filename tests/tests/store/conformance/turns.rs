//! Turns: the messages and calls of one answer, the pause that follows, the results that are told.

use super::spent;
use crate::fixture::*;
use initrunner::domain::budget::Spent;
use initrunner::domain::message::Message;
use initrunner::domain::run::RunState;
use initrunner::domain::tool_call::{CallState, RefusedBy};
use initrunner::store::{Admission, Conflict, Store};

conformance!(
    messages_come_back_in_order_and_unchanged,
    a_pause_is_part_of_the_turn,
    a_run_pauses_only_where_something_waits,
    pausing_loses_track_of_what_was_started,
    results_are_told_once_each,
);

fn messages_come_back_in_order_and_unchanged(store: &dyn Store) {
    let owner = owner(store);
    let claim = create(store, &owner);
    let calls: Vec<_> = [refused(), refused()].into_iter().map(new_call).collect();
    let ids: Vec<_> = calls.iter().map(|call| call.id.clone()).collect();
    let record = turn(calls, false);
    let said = record.assistant.clone();
    wait(store.record_turn(&claim, record)).unwrap();
    let odd = "\0 \u{feff}\u{2028}\r\n\"\\ é \u{1f600} <script> '; DROP TABLE runs;--";
    let told = vec![result(&ids[0], odd), result(&ids[1], "")];
    wait(store.tell_results(&claim, told.clone(), at(2))).unwrap();

    let prompt = Message::User { text: "delete /tmp/scratch".into() };
    let expected: Vec<_> = [prompt, said].into_iter().chain(told).collect();
    assert_eq!(wait(store.load_run(&claim.run)).unwrap().messages, expected);
}

fn a_pause_is_part_of_the_turn(store: &dyn Store) {
    let owner = owner(store);
    let claim = create(store, &owner);
    let calls = record(store, &claim, vec![waiting(), refused()], true);
    let run = run_of(store, &claim.run);
    assert_eq!((run.state, run.owner), (RunState::Paused, None));
    let stored = calls_of(store, &claim.run);
    assert_eq!(stored[0].id, calls[0]);
    assert_eq!(stored[0].state, CallState::Waiting);
    assert_eq!(stored[0].preview, Some(preview()));
    assert_eq!(stored[0].binding, Some(binding("")));
    assert_eq!((stored[0].turn, stored[0].position), (1, 0));
    assert_eq!(stored[1].state, CallState::Refused(RefusedBy::Policy));
    assert_eq!(stored[1].result.as_deref(), Some("no"));
    // The claim went with the pause.
    let late = wait(store.record_turn(&claim, turn(vec![], false))).map(drop);
    assert_eq!(
        conflict(late),
        Conflict::WrongState { run: claim.run.clone(), state: RunState::Paused }
    );
}

fn a_run_pauses_only_where_something_waits(store: &dyn Store) {
    let owner = owner(store);
    let claim = create(store, &owner);
    let nothing = Conflict::NothingWaits { run: claim.run.clone() };
    assert_eq!(conflict(wait(store.pause_run(&claim, spent(), at(2)))), nothing);
    let turn = turn(vec![new_call(Admission::Ready)], true);
    assert_eq!(conflict(wait(store.record_turn(&claim, turn)).map(drop)), nothing);
    // Nothing of the refused turn stayed.
    let run = wait(store.load_run(&claim.run)).unwrap();
    assert_eq!((run.messages.len(), run.calls.len()), (1, 0));
    assert_eq!(run.run.spent, Spent::default());

    record(store, &claim, vec![waiting()], false);
    wait(store.pause_run(&claim, spent(), at(2))).unwrap();
    assert_eq!(run_of(store, &claim.run).state, RunState::Paused);
    assert_eq!(run_of(store, &claim.run).spent, spent());
}

fn pausing_loses_track_of_what_was_started(store: &dyn Store) {
    let owner = owner(store);
    for in_the_turn in [false, true] {
        let claim = create(store, &owner);
        let first = record(store, &claim, vec![Admission::Ready], false);
        wait(store.record_call_started(&claim, &first[0], vec![], at(2))).unwrap();
        if in_the_turn {
            record(store, &claim, vec![waiting()], true);
        } else {
            wait(store.pause_run(&claim, spent(), at(3))).unwrap();
        }
        // Nobody is left to write its result down: a person decides about it.
        assert_eq!(run_of(store, &claim.run).state, RunState::Paused);
        assert_eq!(states(store, &claim.run)[0], CallState::Unknown);
        wait(store.decide(deny(&claim.run, &first, &owner))).unwrap();
        assert_eq!(states(store, &claim.run)[0], CallState::Failed);
    }
}

fn results_are_told_once_each(store: &dyn Store) {
    let owner = owner(store);
    let claim = create(store, &owner);
    let calls = record(store, &claim, vec![refused(), Admission::Ready], false);
    let early = vec![result(&calls[0], "no"), result(&calls[1], "?")];
    assert_eq!(
        conflict(wait(store.tell_results(&claim, early, at(2)))),
        Conflict::WrongCallState { call: calls[1].clone(), state: CallState::Ready }
    );
    assert!(calls_of(store, &claim.run).iter().all(|call| !call.told));
    wait(store.tell_results(&claim, vec![result(&calls[0], "no")], at(2))).unwrap();
    assert_eq!(
        conflict(wait(store.tell_results(&claim, vec![result(&calls[0], "no")], at(2)))),
        Conflict::AlreadyTold { call: calls[0].clone() }
    );
    assert_eq!(wait(store.load_run(&claim.run)).unwrap().messages.len(), 3);
}
