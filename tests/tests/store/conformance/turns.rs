//! Turns: the messages and calls of one answer, the pause that follows, the results that are told.

use super::{done, kinds, spent};
use crate::fixture::*;
use initrunner::domain::budget::Spent;
use initrunner::domain::message::Message;
use initrunner::domain::run::RunState;
use initrunner::domain::tool_call::{CallState, RefusedBy};
use initrunner::store::{Admission, CallOutcome, Conflict, Store};

conformance!(
    messages_come_back_in_order_and_unchanged,
    a_pause_is_part_of_the_turn,
    a_run_pauses_only_where_something_waits,
    pausing_loses_track_of_what_was_started,
    results_are_told_once_each,
    a_result_is_told_with_the_transaction_that_brings_it,
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

fn a_result_is_told_with_the_transaction_that_brings_it(store: &dyn Store) {
    let owner = owner(store);
    let begun = || {
        let claim = create(store, &owner);
        let calls =
            record(store, &claim, vec![refused(), Admission::Ready, Admission::Ready], false);
        for call in &calls[1..] {
            wait(store.record_call_started(&claim, call, vec![], at(2))).unwrap();
        }
        wait(store.record_call_finished(&claim, &calls[1], done("1"), at(3))).unwrap();
        let texts = ["no", "1", "2"];
        let told: Vec<_> = calls.iter().zip(texts).map(|(call, text)| result(call, text)).collect();
        (claim, calls, told)
    };
    let (one, calls, told) = begun();
    let with = |told: &[Message]| CallOutcome { told: told.into(), ..done("2") };
    wait(store.record_call_finished(&one, &calls[2], with(&told), at(4))).unwrap();
    let (two, calls, told) = begun();
    wait(store.record_call_finished(&two, &calls[2], done("2"), at(4))).unwrap();
    wait(store.tell_results(&two, told, at(4))).unwrap();
    // What is stored is the same, but for the ids.
    let shape = |run: &initrunner::domain::ids::RunId| {
        let stored = wait(store.load_run(run)).unwrap();
        let calls = stored.calls.iter().map(|it| (it.state, it.told, it.result.clone()));
        let content = |said: &Message| match said {
            Message::ToolResult { content, is_error, .. } => Some((content.clone(), *is_error)),
            Message::User { .. } | Message::Assistant { .. } => None,
        };
        let told: Vec<_> = stored.messages.iter().map(content).collect();
        (calls.collect::<Vec<_>>(), told, stored.run.updated_at, kinds(store, run))
    };
    assert_eq!(shape(&one.run), shape(&two.run));
    assert!(calls_of(store, &one.run).iter().all(|call| call.told));

    // All of it or nothing: as long as another call is open, neither is written down.
    let claim = create(store, &owner);
    let calls = record(store, &claim, vec![Admission::Ready, Admission::Ready], false);
    wait(store.record_call_started(&claim, &calls[0], vec![], at(2))).unwrap();
    let early = [result(&calls[0], "2"), result(&calls[1], "?")];
    assert_eq!(
        conflict(wait(store.record_call_finished(&claim, &calls[0], with(&early), at(3)))),
        Conflict::WrongCallState { call: calls[1].clone(), state: CallState::Ready }
    );
    assert_eq!(states(store, &claim.run), [CallState::Started, CallState::Ready]);
    assert_eq!(wait(store.load_run(&claim.run)).unwrap().messages.len(), 2);
}
