//! What every backend must do: one function per behaviour, each run against every backend.

use super::fixture::*;
use initrunner::domain::approval::{Preview, PreviewFormat};
use initrunner::domain::budget::Spent;
use initrunner::domain::decision::{Decision, Resolver};
use initrunner::domain::ids::{CallId, RunId};
use initrunner::domain::message::{Message, RawMessage};
use initrunner::domain::rule::ApprovalRule;
use initrunner::domain::run::RunState;
use initrunner::domain::tool_call::{CallState, RefusedBy, UNKNOWN_RESULT};
use initrunner::store::owner::Owner;
use initrunner::store::{
    Admission, CallOutcome, CallRecord, Claim, Conflict, EventFilter, JournalHead, NewCall, NewRun,
    PruneRequest, Pruned, Readmission, RunEnd, RunRecord, RunStart, Store, StoreError, StoredRun,
    TurnRecord,
};

conformance!(
    a_run_lives_from_its_prompt_to_its_answer,
    messages_come_back_in_order_and_unchanged,
    a_pause_is_part_of_the_turn,
    a_run_pauses_only_where_something_waits,
    pausing_loses_track_of_what_was_started,
    an_approval_claims_the_run_and_is_spent_once,
    a_denied_call_never_starts,
    the_last_decision_claims_the_run,
    decisions_are_recorded_all_or_none,
    a_second_decision_names_the_first,
    of_many_deciders_one_wins,
    only_a_call_that_waits_is_decided,
    a_decision_during_the_turn_leaves_the_run_with_its_owner,
    a_voided_approval_is_asked_again,
    the_gate_refuses_at_resume,
    a_started_call_of_a_dead_owner_is_unknown,
    an_unknown_call_is_tried_again_or_reported,
    a_dead_owners_run_is_adopted_by_whoever_comes_first,
    a_living_owners_run_is_left_alone,
    an_owner_that_was_replaced_writes_nothing,
    a_run_is_claimed_by_one_process,
    an_interrupted_run_keeps_its_reason,
    a_cancelled_run_ends_whoever_drives_it,
    nobody_decides_what_a_cancelled_run_left_unknown,
    cancelling_and_deciding_exclude_each_other,
    a_run_that_ended_stays_ended,
    an_ended_run_leaves_nothing_in_the_queue,
    results_are_told_once_each,
    runs_are_found_by_the_beginning_of_their_id,
    the_queue_is_oldest_first,
    the_list_of_runs_is_newest_first,
    the_journal_of_a_run_tells_its_story,
    a_components_bytes_outlive_what_needs_them_by_a_day,
    what_is_not_there_is_named,
    everything_of_a_run_comes_back,
    the_journal_checks,
    a_resumption_names_the_decisions_that_led_to_it,
    events_are_given_page_by_page,
    pruning_removes_what_ended_and_keeps_its_approvals,
    pruning_again_makes_one_hole_of_two,
    a_kept_head_is_compared_where_its_event_was_not_pruned,
    what_looks_like_a_secret_is_shown_as_a_token_and_driven_as_it_was,
    a_value_is_sealed_once_and_gone_with_its_run,
    a_text_that_looks_like_a_token_stays_what_it_is,
);

fn run_of(store: &dyn Store, run: &RunId) -> RunRecord {
    wait(store.load_run(run)).unwrap().run
}

fn calls_of(store: &dyn Store, run: &RunId) -> Vec<CallRecord> {
    let whole = wait(store.load_run(run)).unwrap();
    // What a decision reads is a part of it, and holds every call that is open.
    let turn = wait(store.load_turn(run)).unwrap();
    assert_eq!(format!("{:?}", turn.run), format!("{:?}", whole.run));
    assert!(turn.messages.is_empty());
    let latest = whole.calls.last().map_or(0, |call| call.turn);
    let wanted = |call: &&CallRecord| call.turn == latest || !call.told;
    let wanted: Vec<_> = whole.calls.iter().filter(wanted).map(|call| &call.id).collect();
    for id in &wanted {
        let of = |run: &StoredRun| format!("{:?}", run.calls.iter().find(|call| call.id == **id));
        assert_eq!(of(&turn), of(&whole));
    }
    assert!(turn.calls.iter().all(|call| wanted.contains(&&call.id)));
    whole.calls
}

fn states(store: &dyn Store, run: &RunId) -> Vec<CallState> {
    calls_of(store, run).iter().map(|call| call.state).collect()
}

fn done(text: &str) -> CallOutcome {
    CallOutcome { succeeded: true, result: text.into() }
}

fn spent() -> Spent {
    Spent { requests: 2, tool_calls: 1, wall_ms: 2500 }
}

fn completed() -> RunEnd {
    RunEnd::Completed { answer: "Deleted.".into() }
}

fn conflict<T: std::fmt::Debug>(result: Result<T, StoreError>) -> Conflict {
    match result {
        Err(StoreError::Conflict(conflict)) => conflict,
        other => panic!("expected a conflict: {other:?}"),
    }
}

fn a_run_lives_from_its_prompt_to_its_answer(store: &dyn Store) {
    let owner = owner(store);
    let claim = create(store, &owner);
    let run = run_of(store, &claim.run);
    assert_eq!((run.state, run.owner, run.fence), (RunState::Running, Some(owner.id().clone()), 1));

    let calls = record(store, &claim, vec![Admission::Ready], false);
    assert_eq!(wait(store.record_call_started(&claim, &calls[0], at(2))), Ok(1));
    wait(store.record_call_finished(&claim, &calls[0], done("gone"), at(3))).unwrap();
    wait(store.tell_results(&claim, vec![result(&calls[0], "gone")], at(4))).unwrap();
    record(store, &claim, vec![], false);
    wait(store.end_run(&claim, completed(), spent(), at(5))).unwrap();

    let run = wait(store.load_run(&claim.run)).unwrap();
    assert_eq!(run.run.state, RunState::Completed);
    assert_eq!(run.run.outcome.as_deref(), Some("Deleted."));
    assert_eq!((run.run.owner, run.run.spent, run.run.updated_at), (None, spent(), at(5)));
    assert_eq!((run.run.usage.input_tokens, run.run.usage.output_tokens), (200, 40));
    assert_eq!(run.messages.len(), 4);
    let call = &run.calls[0];
    assert_eq!((call.state, call.attempts, call.told), (CallState::Succeeded, 1, true));
    assert_eq!(call.result.as_deref(), Some("gone"));
}

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
        wait(store.record_call_started(&claim, &first[0], at(2))).unwrap();
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

fn an_approval_claims_the_run_and_is_spent_once(store: &dyn Store) {
    let owner_a = owner(store);
    let (first, calls) = paused(store, &owner_a, 1);
    let owner_b = owner(store);
    let decided = wait(store.decide(approve(&first.run, &calls, &owner_b))).unwrap();
    let read = format!("{:?}", wait(store.load_to_drive(&first.run)).unwrap());
    assert_eq!(decided.run.as_ref().map(|run| format!("{run:?}")), Some(read));
    assert_eq!(decided.waiting, 0);
    let claim = decided.claim.unwrap();
    assert_eq!((&claim.owner, claim.fence), (owner_b.id(), 2));
    assert_eq!(run_of(store, &claim.run).state, RunState::Running);
    let call = &calls_of(store, &claim.run)[0];
    assert_eq!(call.state, CallState::Approved);
    assert_eq!(call.decision, Some(Decision::Approve));
    assert_eq!(call.resolver, Some(alice()));
    assert_eq!(call.decided_at, Some(at(60)));

    assert_eq!(wait(store.record_call_started(&claim, &calls[0], at(61))), Ok(1));
    let again = wait(store.record_call_started(&claim, &calls[0], at(61)));
    assert_eq!(
        conflict(again),
        Conflict::WrongCallState { call: calls[0].clone(), state: CallState::Started }
    );
    wait(store.record_call_finished(&claim, &calls[0], done("gone"), at(62))).unwrap();
    for state in [
        wait(store.record_call_started(&claim, &calls[0], at(63))).map(|_| ()),
        wait(store.record_call_finished(&claim, &calls[0], done("twice"), at(63))),
    ] {
        assert_eq!(
            conflict(state),
            Conflict::WrongCallState { call: calls[0].clone(), state: CallState::Succeeded }
        );
    }
    assert_eq!(calls_of(store, &claim.run)[0].result.as_deref(), Some("gone"));
}

fn a_denied_call_never_starts(store: &dyn Store) {
    let owner = owner(store);
    let (first, calls) = paused(store, &owner, 1);
    let claim = wait(store.decide(deny(&first.run, &calls, &owner))).unwrap().claim.unwrap();
    let call = &calls_of(store, &claim.run)[0];
    assert_eq!(call.decision, Some(Decision::Deny { reason: Some("too wide".into()) }));
    let start = wait(store.record_call_started(&claim, &calls[0], at(61)));
    assert_eq!(
        conflict(start),
        Conflict::WrongCallState { call: calls[0].clone(), state: CallState::Denied }
    );
    wait(store.tell_results(&claim, vec![result(&calls[0], "denied")], at(62))).unwrap();
}

fn the_last_decision_claims_the_run(store: &dyn Store) {
    let owner = owner(store);
    let (first, calls) = paused(store, &owner, 3);
    let one = wait(store.decide(approve(&first.run, &calls[1..2], &owner))).unwrap();
    assert_eq!((one.claim, one.waiting), (None, 2));
    assert_eq!(run_of(store, &first.run).state, RunState::Paused);
    let two = wait(store.decide(deny(&first.run, &calls[..1], &owner))).unwrap();
    assert_eq!((two.claim, two.waiting), (None, 1));
    let three = wait(store.decide(approve(&first.run, &calls[2..], &owner))).unwrap();
    assert_eq!(three.claim.map(|claim| claim.fence), Some(2));
    assert_eq!(
        states(store, &first.run),
        [CallState::Denied, CallState::Approved, CallState::Approved]
    );
}

fn decisions_are_recorded_all_or_none(store: &dyn Store) {
    let owner = owner(store);
    let (first, calls) = paused(store, &owner, 2);
    wait(store.decide(approve(&first.run, &calls[1..], &owner))).unwrap();
    let events = wait(store.events(&first.run)).unwrap();
    conflict(wait(store.decide(deny(&first.run, &calls, &owner))));
    assert_eq!(states(store, &first.run), [CallState::Waiting, CallState::Approved]);
    assert_eq!(wait(store.events(&first.run)).unwrap(), events);
}

fn a_second_decision_names_the_first(store: &dyn Store) {
    let owner = owner(store);
    let (first, calls) = paused(store, &owner, 1);
    let mut request = deny(&first.run, &calls, &owner);
    request.resolver.note = Some("Alice on call".into());
    wait(store.decide(request)).unwrap();
    let again = conflict(wait(store.decide(approve(&first.run, &calls, &owner))));
    assert_eq!(
        again,
        Conflict::AlreadyDecided {
            call: calls[0].clone(),
            decision: "deny".into(),
            by: "Alice on call".into(),
            at: at(60),
        }
    );
    assert_eq!(
        again.to_string(),
        format!(
            "call {} was already decided: deny by Alice on call at 2026-04-24T14:22:08.000000Z",
            calls[0]
        )
    );
}

fn of_many_deciders_one_wins(store: &dyn Store) {
    let owner = owner(store);
    for _ in 0..4 {
        let (first, calls) = paused(store, &owner, 1);
        let results: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16)
                .map(|number| {
                    let mut request = if number % 2 == 0 {
                        approve(&first.run, &calls, &owner)
                    } else {
                        deny(&first.run, &calls, &owner)
                    };
                    request.resolver.authenticated_as = format!("os:user{number}");
                    scope.spawn(move || (number, wait(store.decide(request))))
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let winners: Vec<_> =
            results.iter().filter_map(|(n, r)| r.as_ref().ok().map(|d| (n, d))).collect();
        let [(winner, decided)] = &winners[..] else { panic!("{} winners", winners.len()) };
        assert!(decided.claim.is_some());
        let by = format!("os:user{winner}");
        for (_, result) in &results {
            if let Err(error) = result {
                let StoreError::Conflict(Conflict::AlreadyDecided { by: named, .. }) = error else {
                    panic!("{error}")
                };
                assert_eq!(*named, by);
            }
        }
    }
}

fn only_a_call_that_waits_is_decided(store: &dyn Store) {
    let owner = owner(store);
    let claim = create(store, &owner);
    let calls = record(store, &claim, vec![Admission::Ready, waiting()], false);
    let not = conflict(wait(store.decide(approve(&claim.run, &calls[..1], &owner))));
    assert_eq!(not, Conflict::NotWaiting { call: calls[0].clone(), state: CallState::Ready });
    let stranger = call_id();
    let unknown = wait(store.decide(approve(&claim.run, std::slice::from_ref(&stranger), &owner)));
    assert_eq!(
        unknown.unwrap_err(),
        StoreError::UnknownCall { run: claim.run.clone(), call: stranger.to_string() }
    );
    // A call that waits cannot be started, whoever asks.
    let start = wait(store.record_call_started(&claim, &calls[1], at(2)));
    assert_eq!(
        conflict(start),
        Conflict::WrongCallState { call: calls[1].clone(), state: CallState::Waiting }
    );
}

fn a_decision_during_the_turn_leaves_the_run_with_its_owner(store: &dyn Store) {
    let driver = owner(store);
    let claim = create(store, &driver);
    let calls = record(store, &claim, vec![Admission::Ready, waiting()], false);
    wait(store.record_call_started(&claim, &calls[0], at(2))).unwrap();
    let other = owner(store);
    let decided = wait(store.decide(approve(&claim.run, &calls[1..], &other))).unwrap();
    assert_eq!((decided.claim, decided.waiting), (None, 0));
    // The driver goes on, and cannot leave the run lying.
    wait(store.record_call_finished(&claim, &calls[0], done("1"), at(61))).unwrap();
    let pause = wait(store.pause_run(&claim, spent(), at(62)));
    assert_eq!(conflict(pause), Conflict::NothingWaits { run: claim.run.clone() });
    assert_eq!(wait(store.record_call_started(&claim, &calls[1], at(63))), Ok(1));
}

fn a_voided_approval_is_asked_again(store: &dyn Store) {
    let owner = owner(store);
    let (first, calls) = paused(store, &owner, 1);
    let claim = wait(store.decide(approve(&first.run, &calls, &owner))).unwrap().claim.unwrap();
    let again = Readmission::Waiting {
        preview: None,
        binding: binding("new"),
        rule: ApprovalRule::required(),
        changed: vec!["grants: none, now `rm`".into()],
    };
    wait(store.readmit_call(&claim, &calls[0], again, at(61))).unwrap();
    wait(store.pause_run(&claim, spent(), at(61))).unwrap();
    let call = &calls_of(store, &claim.run)[0];
    assert_eq!((call.state, &call.decision, &call.resolver), (CallState::Waiting, &None, &None));
    assert_eq!((&call.preview, &call.binding), (&None, &Some(binding("new"))));
    assert_eq!(call.changed, ["grants: none, now `rm`"]);
    let (queue, total) = wait(store.pending(10)).unwrap();
    assert_eq!((queue.len(), total), (1, 1));
    assert_eq!(queue[0].changed, call.changed);

    let claim = wait(store.decide(deny(&first.run, &calls, &owner))).unwrap().claim.unwrap();
    assert_eq!(claim.fence, 3);
    assert_eq!(states(store, &claim.run), [CallState::Denied]);
}

fn the_gate_refuses_at_resume(store: &dyn Store) {
    let owner = owner(store);
    let (first, calls) = paused(store, &owner, 1);
    let claim = wait(store.decide(approve(&first.run, &calls, &owner))).unwrap().claim.unwrap();
    let no = Readmission::Refused { by: RefusedBy::Permission, result: "not any more".into() };
    wait(store.readmit_call(&claim, &calls[0], no.clone(), at(61))).unwrap();
    let call = &calls_of(store, &claim.run)[0];
    assert_eq!(call.state, CallState::Refused(RefusedBy::Permission));
    assert_eq!(call.result.as_deref(), Some("not any more"));
    conflict(wait(store.readmit_call(&claim, &calls[0], no, at(61))));
}

fn a_started_call_of_a_dead_owner_is_unknown(store: &dyn Store) {
    let dying = owner(store);
    let claim = create(store, &dying);
    let calls =
        record(store, &claim, vec![Admission::Ready, Admission::Ready, Admission::Ready], false);
    wait(store.record_call_started(&claim, &calls[0], at(2))).unwrap();
    wait(store.record_call_finished(&claim, &calls[0], done("1"), at(3))).unwrap();
    wait(store.record_call_started(&claim, &calls[1], at(4))).unwrap();
    assert_eq!(wait(store.adopt_orphans(at(5))).unwrap(), []);
    drop(dying);
    assert_eq!(wait(store.adopt_orphans(at(6))).unwrap(), std::slice::from_ref(&claim.run));
    assert_eq!(wait(store.adopt_orphans(at(7))).unwrap(), []);
    assert_eq!(
        states(store, &claim.run),
        [CallState::Succeeded, CallState::Unknown, CallState::Ready]
    );
    assert_eq!(run_of(store, &claim.run).state, RunState::Paused);
    let (queue, _) = wait(store.pending(10)).unwrap();
    assert_eq!((&queue[0].call, queue[0].state), (&calls[1], CallState::Unknown));
    assert_eq!(wait(store.runs(1)).unwrap()[0].waiting, 1);
}

fn an_unknown_call_is_tried_again_or_reported(store: &dyn Store) {
    let dying = owner(store);
    let (first, calls) = paused(store, &dying, 2);
    let claim = wait(store.decide(approve(&first.run, &calls, &dying))).unwrap().claim.unwrap();
    for call in &calls {
        wait(store.record_call_started(&claim, call, at(61))).unwrap();
    }
    drop(dying);
    let owner = owner(store);
    // Deciding adopts the run by itself. What was approved before has to be approved again.
    let one = wait(store.decide(approve(&first.run, &calls[..1], &owner))).unwrap();
    assert_eq!((one.claim, one.waiting), (None, 1));
    let unknown = &calls_of(store, &first.run)[1];
    assert_eq!((unknown.state, &unknown.decision), (CallState::Unknown, &None));
    // The person sees what was approved.
    assert_eq!((&unknown.preview, &unknown.binding), (&Some(preview()), &Some(binding(""))));
    let two = wait(store.decide(deny(&first.run, &calls[1..], &owner))).unwrap();
    let claim = two.claim.unwrap();
    let stored = calls_of(store, &first.run);
    assert_eq!((stored[0].state, stored[0].attempts), (CallState::Approved, 1));
    assert_eq!(stored[1].state, CallState::Failed);
    assert_eq!(stored[1].result.as_deref(), Some(UNKNOWN_RESULT));
    assert_eq!(wait(store.record_call_started(&claim, &calls[0], at(62))), Ok(2));
}

fn a_dead_owners_run_is_adopted_by_whoever_comes_first(store: &dyn Store) {
    let dying = owner(store);
    let claim = create(store, &dying);
    drop(dying);
    let owner = owner(store);
    let claimed = wait(store.claim_run(&claim.run, owner.id(), &alice(), at(9))).unwrap();
    assert_eq!(claimed.owner, *owner.id());
    let kinds: Vec<_> =
        wait(store.events(&claim.run)).unwrap().into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, ["run_created", "run_interrupted", "run_claimed", "run_resumed"]);
}

fn a_living_owners_run_is_left_alone(store: &dyn Store) {
    let driver = owner(store);
    let claim = create(store, &driver);
    let other = owner(store);
    assert_eq!(wait(store.adopt_orphans(at(5))).unwrap(), []);
    let taken = conflict(wait(store.claim_run(&claim.run, other.id(), &alice(), at(5))));
    let pid = std::process::id();
    assert_eq!(taken, Conflict::OwnedElsewhere { run: claim.run.clone(), pid });
    record(store, &claim, vec![], false);
}

fn an_owner_that_was_replaced_writes_nothing(store: &dyn Store) {
    let dying = owner(store);
    let claim = create(store, &dying);
    let calls = record(store, &claim, vec![Admission::Ready, Admission::Ready], false);
    drop(dying);
    // As soon as the run was adopted, and also after it was claimed again.
    wait(store.adopt_orphans(at(5))).unwrap();
    let owner = owner(store);
    for round in 0..2 {
        let before = wait(store.events(&claim.run)).unwrap();
        let results = [
            wait(store.record_turn(&claim, turn(vec![], false))).map(drop),
            wait(store.record_call_started(&claim, &calls[0], at(6))).map(|_| ()),
            wait(store.record_call_finished(&claim, &calls[0], done(""), at(6))),
            wait(store.tell_results(&claim, vec![], at(6))),
            wait(store.pause_run(&claim, spent(), at(6))),
            wait(store.interrupt_run(&claim, "stop".into(), spent(), at(6))),
            wait(store.end_run(&claim, completed(), spent(), at(6))),
            wait(store.readmit_call(
                &claim,
                &calls[0],
                Readmission::Refused { by: RefusedBy::Policy, result: String::new() },
                at(6),
            )),
        ];
        for result in results {
            assert_eq!(result, Err(StoreError::Fenced(claim.run.clone())), "round {round}");
        }
        assert_eq!(wait(store.events(&claim.run)).unwrap(), before);
        if round == 0 {
            wait(store.claim_run(&claim.run, owner.id(), &alice(), at(7))).unwrap();
        }
    }
}

fn a_run_is_claimed_by_one_process(store: &dyn Store) {
    let driver = owner(store);
    let claim = create(store, &driver);
    wait(store.interrupt_run(&claim, "stopped".into(), spent(), at(2))).unwrap();
    let owners: Vec<_> = (0..8).map(|_| owner(store)).collect();
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = owners
            .iter()
            .map(|owner| {
                scope.spawn(|| wait(store.claim_run(&claim.run, owner.id(), &alice(), at(3))))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for result in results.into_iter().filter(Result::is_err) {
        assert!(matches!(conflict(result), Conflict::OwnedElsewhere { .. }));
    }
}

fn an_interrupted_run_keeps_its_reason(store: &dyn Store) {
    let owner = owner(store);
    let claim = create(store, &owner);
    let calls = record(store, &claim, vec![Admission::Ready, Admission::Ready], false);
    wait(store.record_call_started(&claim, &calls[0], at(2))).unwrap();
    wait(store.record_call_finished(&claim, &calls[0], done("1"), at(2))).unwrap();
    wait(store.interrupt_run(&claim, "the model is away".into(), spent(), at(3))).unwrap();
    let run = run_of(store, &claim.run);
    assert_eq!((run.state, run.spent), (RunState::Interrupted, spent()));
    assert_eq!(run.outcome.as_deref(), Some("the model is away"));
    let claim = wait(store.claim_run(&claim.run, owner.id(), &alice(), at(4))).unwrap();
    assert_eq!(run_of(store, &claim.run).outcome, None);
    assert_eq!(states(store, &claim.run), [CallState::Succeeded, CallState::Ready]);

    // A call that may have happened needs a person first.
    wait(store.record_call_started(&claim, &calls[1], at(5))).unwrap();
    wait(store.interrupt_run(&claim, "told to stop".into(), spent(), at(6))).unwrap();
    let run = run_of(store, &claim.run);
    assert_eq!((run.state, run.outcome.as_deref()), (RunState::Paused, Some("told to stop")));
    assert_eq!(states(store, &claim.run)[1], CallState::Unknown);
}

fn a_cancelled_run_ends_whoever_drives_it(store: &dyn Store) {
    let owner = owner(store);
    let claim = create(store, &owner);
    let calls = record(store, &claim, vec![waiting(), Admission::Ready], false);
    wait(store.record_call_started(&claim, &calls[1], at(2))).unwrap();
    wait(store.cancel_run(&claim.run, alice(), at(3))).unwrap();
    let run = run_of(store, &claim.run);
    assert_eq!((run.state, run.owner), (RunState::Cancelled, None));
    assert_eq!(run.outcome.as_deref(), Some("cancelled by os:alice"));
    assert_eq!(states(store, &claim.run), [CallState::Denied, CallState::Unknown]);
    assert_eq!(calls_of(store, &claim.run)[0].resolver, Some(alice()));
    assert_eq!(wait(store.pending(10)).unwrap().1, 0);
    let late = wait(store.record_call_finished(&claim, &calls[1], done("late"), at(4)));
    assert_eq!(late, Err(StoreError::Fenced(claim.run.clone())));
}

fn nobody_decides_what_a_cancelled_run_left_unknown(store: &dyn Store) {
    let owner = owner(store);
    let (first, calls) = paused(store, &owner, 1);
    let claim = wait(store.decide(approve(&first.run, &calls, &owner))).unwrap().claim.unwrap();
    let ready = record(store, &claim, vec![Admission::Ready], false);
    for call in [&calls[0], &ready[0]] {
        wait(store.record_call_started(&claim, call, at(61))).unwrap();
    }
    wait(store.cancel_run(&claim.run, alice(), at(62))).unwrap();
    assert_eq!(states(store, &claim.run), [CallState::Unknown; 2]);
    let events = wait(store.events(&claim.run)).unwrap();
    let ended = Conflict::WrongState { run: claim.run.clone(), state: RunState::Cancelled };
    for call in [&calls, &ready] {
        for decision in [approve, deny] {
            assert_eq!(conflict(wait(store.decide(decision(&claim.run, call, &owner)))), ended);
        }
    }
    assert_eq!(wait(store.events(&claim.run)).unwrap(), events);
}

fn cancelling_and_deciding_exclude_each_other(store: &dyn Store) {
    let owner = owner(store);
    let (first, calls) = paused(store, &owner, 1);
    let bob = Resolver { authenticated_as: "key:bob".into(), note: None };
    wait(store.cancel_run(&first.run, bob, at(50))).unwrap();
    let late = conflict(wait(store.decide(approve(&first.run, &calls, &owner))));
    assert_eq!(
        late,
        Conflict::AlreadyDecided {
            call: calls[0].clone(),
            decision: "deny".into(),
            by: "key:bob".into(),
            at: at(50)
        }
    );
    // After a decision the run can still be cancelled, and the approval is never spent.
    let (second, calls) = paused(store, &owner, 1);
    let claim = wait(store.decide(approve(&second.run, &calls, &owner))).unwrap().claim.unwrap();
    wait(store.cancel_run(&second.run, alice(), at(61))).unwrap();
    let start = wait(store.record_call_started(&claim, &calls[0], at(62)));
    assert_eq!(start, Err(StoreError::Fenced(second.run.clone())));
}

fn a_run_that_ended_stays_ended(store: &dyn Store) {
    let owner = owner(store);
    let claim = create(store, &owner);
    wait(store.end_run(&claim, completed(), spent(), at(2))).unwrap();
    let ended = Conflict::WrongState { run: claim.run.clone(), state: RunState::Completed };
    assert_eq!(conflict(wait(store.claim_run(&claim.run, owner.id(), &alice(), at(3)))), ended);
    assert_eq!(conflict(wait(store.cancel_run(&claim.run, alice(), at(3)))), ended);
    assert_eq!(conflict(wait(store.end_run(&claim, completed(), spent(), at(3)))), ended);
    assert_eq!(ended.to_string(), format!("run {} is completed", claim.run));
}

fn an_ended_run_leaves_nothing_in_the_queue(store: &dyn Store) {
    let dying = owner(store);
    let claim = create(store, &dying);
    let calls = record(store, &claim, vec![waiting(), Admission::Ready], false);
    wait(store.record_call_started(&claim, &calls[1], at(2))).unwrap();
    drop(dying);
    let owner = owner(store);
    let claim = wait(store.claim_run(&claim.run, owner.id(), &alice(), at(3))).unwrap();
    assert_eq!(wait(store.pending(10)).unwrap().1, 2);
    let failed = RunEnd::Failed { error: "the role is gone".into() };
    wait(store.end_run(&claim, failed, spent(), at(4))).unwrap();
    assert_eq!(wait(store.pending(10)).unwrap().1, 0);
    assert_eq!(states(store, &claim.run), [CallState::Expired, CallState::Failed]);
    let late = conflict(wait(store.decide(approve(&claim.run, &calls[..1], &owner))));
    assert_eq!(late, Conflict::NotWaiting { call: calls[0].clone(), state: CallState::Expired });
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

fn runs_are_found_by_the_beginning_of_their_id(store: &dyn Store) {
    let owner = owner(store);
    let ids: Vec<_> = (0..20).map(|_| create(store, &owner).run).collect();
    for id in &ids {
        assert_eq!(wait(store.find_runs(id.as_str())).unwrap(), std::slice::from_ref(id));
        let found = wait(store.find_runs(&id.as_str()[..8])).unwrap();
        assert!(found.contains(id));
        assert!(found.iter().all(|found| found.as_str().starts_with(&id.as_str()[..8])));
    }
    assert_eq!(wait(store.find_runs("run_")).unwrap().len(), 10);
    assert_eq!(wait(store.find_runs("run_%%%%")).unwrap(), []);
    assert_eq!(wait(store.find_runs("run_zzzzzzzzzzzzzz")).unwrap(), []);
}

fn the_queue_is_oldest_first(store: &dyn Store) {
    let owner = owner(store);
    let mut expected = Vec::new();
    for second in 0..5 {
        let claim = create(store, &owner);
        let mut turn = turn(vec![new_call(waiting()), new_call(waiting())], true);
        turn.at = at(100 - second);
        let calls: Vec<_> = turn.calls.iter().map(|call| call.id.clone()).collect();
        wait(store.record_turn(&claim, turn)).unwrap();
        expected.splice(0..0, calls);
    }
    let (queue, total) = wait(store.pending(7)).unwrap();
    assert_eq!(total, 10);
    let listed: Vec<_> = queue.iter().map(|call| call.call.clone()).collect();
    assert_eq!(listed, expected[..7]);
    let row = &queue[0];
    assert_eq!((row.tool.as_str(), row.agent.as_str()), ("shell", "demo"));
    assert_eq!((row.created_at, row.state), (at(96), CallState::Waiting));
    assert_eq!(row.arguments, r#"{"command":"rm -rf /tmp/scratch"}"#);
    assert_eq!(row.preview, Some(preview()));
}

fn the_list_of_runs_is_newest_first(store: &dyn Store) {
    let owner = owner(store);
    let first = create(store, &owner).run;
    let (second, _) = paused(store, &owner, 2);
    let third = create(store, &owner).run;
    let runs = wait(store.runs(2)).unwrap();
    assert_eq!(runs.iter().map(|run| &run.id).collect::<Vec<_>>(), [&third, &second.run]);
    assert_eq!((runs[1].state, runs[1].waiting), (RunState::Paused, 2));
    assert_eq!(
        (runs[1].role_name.as_str(), runs[1].prompt.as_str()),
        ("demo", "delete /tmp/scratch")
    );
    assert_eq!(wait(store.runs(100)).unwrap()[2].id, first);
}

fn the_journal_of_a_run_tells_its_story(store: &dyn Store) {
    let owner = owner(store);
    let (first, calls) = paused(store, &owner, 1);
    create(store, &owner);
    let claim = wait(store.decide(approve(&first.run, &calls, &owner))).unwrap().claim.unwrap();
    wait(store.record_call_started(&claim, &calls[0], at(61))).unwrap();
    wait(store.record_call_finished(&claim, &calls[0], done("gone"), at(62))).unwrap();
    wait(store.tell_results(&claim, vec![result(&calls[0], "gone")], at(63))).unwrap();
    wait(store.end_run(&claim, completed(), spent(), at(64))).unwrap();
    let events = wait(store.events(&first.run)).unwrap();
    let kinds: Vec<_> =
        events.iter().map(|event| (event.kind.as_str(), event.call.is_some())).collect();
    assert_eq!(
        kinds,
        [
            ("run_created", false),
            ("turn_recorded", false),
            ("approval_requested", true),
            ("run_paused", false),
            ("approval_decided", true),
            ("run_claimed", false),
            ("run_resumed", false),
            ("call_started", true),
            ("call_finished", true),
            ("results_told", false),
            ("run_ended", false),
        ]
    );
    assert!(events.windows(2).all(|pair| pair[0].sequence < pair[1].sequence));
    assert_eq!(events[4].at, at(60));
    assert!(
        events[4]
            .body
            .contains(r#""authenticated_as":"os:alice","by":"os:alice","decision":"approve""#)
    );
    // What was asked for is in the other tables; the journal proves it and does not repeat it.
    assert!(events.iter().all(|event| !event.body.contains("/tmp/scratch")));
}

fn a_components_bytes_outlive_what_needs_them_by_a_day(store: &dyn Store) {
    let owner = owner(store);
    let (digest, bytes) = component();
    let (first, calls) = paused(store, &owner, 1);
    let second = create(store, &owner);
    assert_eq!(wait(store.component(&digest)).unwrap().as_deref(), Some(&*bytes));
    assert_eq!(run_of(store, &first.run).components, [digest]);
    const DAY: i64 = 24 * 60 * 60;
    wait(store.end_run(&second, completed(), spent(), at(0))).unwrap();

    // The paused run still needs them, however long it waits.
    let mut other = new_run(owner.id());
    other.components = vec![];
    other.at = at(3 * DAY);
    let other = wait(store.create_run(other)).unwrap();
    assert!(wait(store.component(&digest)).unwrap().is_some());
    let mut request = approve(&first.run, &calls, &owner);
    request.at = at(3 * DAY);
    wait(store.decide(request)).unwrap();
    wait(store.cancel_run(&first.run, alice(), at(3 * DAY))).unwrap();
    // A run of the same role that follows soon finds them there.
    assert!(wait(store.component(&digest)).unwrap().is_some());
    wait(store.end_run(&other, completed(), spent(), at(4 * DAY + 1))).unwrap();
    assert_eq!(wait(store.component(&digest)).unwrap(), None);
    // What it was stays known.
    assert_eq!(run_of(store, &first.run).components, [digest]);

    create(store, &owner);
    assert!(wait(store.component(&digest)).unwrap().is_some());
    let mut forged = new_run(owner.id());
    forged.components = vec![(digest_of("other"), bytes)];
    assert!(matches!(wait(store.create_run(forged)), Err(StoreError::Failed { .. })));
}

fn digest_of(text: &str) -> initrunner::domain::digest::Digest {
    initrunner::domain::digest::Digest::of(text.as_bytes())
}

fn what_is_not_there_is_named(store: &dyn Store) {
    let owner = owner(store);
    let run = run_id();
    let unknown = StoreError::UnknownRun(run.to_string());
    assert_eq!(wait(store.load_run(&run)).unwrap_err(), unknown);
    assert_eq!(wait(store.events(&run)).unwrap_err(), unknown);
    assert_eq!(wait(store.cancel_run(&run, alice(), at(0))).unwrap_err(), unknown);
    assert_eq!(wait(store.claim_run(&run, owner.id(), &alice(), at(0))).unwrap_err(), unknown);
    assert_eq!(wait(store.decide(approve(&run, &[], &owner))).unwrap_err(), unknown);
    assert_eq!(wait(store.component(&digest_of("none"))).unwrap(), None);
    assert_eq!(wait(store.find_runs(run.as_str())).unwrap(), []);
}

fn everything_of_a_run_comes_back(store: &dyn Store) {
    let owner = owner(store);
    let mut given = new_run(owner.id());
    given.role_path =
        <std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(b"/tmp/\xff".to_vec())
            .into();
    given.prompt = "é\n'\"\0".into();
    wait(store.create_run(given.clone())).unwrap();
    let run = run_of(store, &given.id);
    assert_eq!(run.role_name, given.role_name);
    assert_eq!(run.role_text, given.role_text);
    assert_eq!(run.role_path, given.role_path);
    assert_eq!(run.files, given.files);
    assert_eq!(run.prompt, given.prompt);
    assert_eq!((run.trigger, run.requester), (given.trigger, given.requester));
    assert_eq!(run.budgets, given.budgets);
    assert_eq!((run.created_at, run.updated_at), (given.at, given.at));
    // An id is given once.
    let mut twice = new_run(owner.id());
    twice.id = given.id;
    assert!(matches!(wait(store.create_run(twice)), Err(StoreError::Failed { .. })));
}

fn the_journal_checks(store: &dyn Store) {
    let check = wait(store.check_journal(Vec::new())).unwrap();
    assert_eq!((check.events, check.broken), (0, None));
    let owner = owner(store);
    paused(store, &owner, 2);
    let check = wait(store.check_journal(Vec::new())).unwrap();
    assert_eq!((check.events, check.broken), (5, None));
}

fn prompts(store: &dyn Store) -> Vec<(String, String)> {
    let starts = wait(store.starts(100)).unwrap();
    let of = |start: RunStart| (start.trigger_type, start.prompt.unwrap_or_default());
    starts.into_iter().map(of).collect()
}

fn a_resumption_names_the_decisions_that_led_to_it(store: &dyn Store) {
    let owner = owner(store);
    let (run, calls) = paused(store, &owner, 3);
    // In emitted order, whoever decided what first.
    wait(store.decide(deny(&run.run, &calls[2..], &owner))).unwrap();
    wait(store.decide(approve(&run.run, &calls[1..2], &owner))).unwrap();
    let decided = wait(store.decide(approve(&run.run, &calls[..1], &owner))).unwrap();
    let claim = decided.claim.unwrap();
    let [a, b, c] = &calls[..] else { panic!("three calls") };
    let all = format!("(resume: {a}:approve, {b}:approve, {c}:deny)");
    let start = ("cli".to_owned(), "delete /tmp/scratch".to_owned());
    assert_eq!(prompts(store), [("resume".into(), all.clone()), start.clone()]);
    let newest = &wait(store.starts(1)).unwrap()[0];
    assert_eq!((newest.who.as_str(), newest.role.as_deref()), ("os:alice", Some("demo")));

    // One call happened; then the process went away. Nothing was decided since.
    wait(store.record_call_started(&claim, a, at(61))).unwrap();
    wait(store.record_call_finished(&claim, a, done("gone"), at(62))).unwrap();
    wait(store.interrupt_run(&claim, "stopped".into(), spent(), at(63))).unwrap();
    let claim = wait(store.claim_run(&run.run, owner.id(), &alice(), at(64))).unwrap();
    assert_eq!(prompts(store)[0], ("resume".into(), "(resume)".into()));

    // The other one's outcome is unknown, and a person has it tried again.
    wait(store.record_call_started(&claim, b, at(65))).unwrap();
    wait(store.interrupt_run(&claim, "stopped".into(), spent(), at(66))).unwrap();
    wait(store.decide(approve(&run.run, &calls[1..2], &owner))).unwrap();
    assert_eq!(prompts(store)[0], ("resume".into(), format!("(resume: {b}:approve)")));
    assert_eq!(wait(store.check_journal(Vec::new())).unwrap().broken, None);
}

fn events_are_given_page_by_page(store: &dyn Store) {
    let owner = owner(store);
    let (first, _) = paused(store, &owner, 1);
    let second = create(store, &owner);
    let page = |filter: &EventFilter, after, limit| -> Vec<i64> {
        let events = wait(store.events_after(filter.clone(), after, limit)).unwrap();
        events.iter().map(|event| event.sequence).collect()
    };
    let all = EventFilter::default();
    assert_eq!(page(&all, 0, 3), [1, 2, 3]);
    assert_eq!(page(&all, 3, 3), [4, 5]);
    assert!(page(&all, 5, 3).is_empty());
    let run = |run: &RunId| EventFilter { run: Some(run.clone()), ..EventFilter::default() };
    assert_eq!(page(&run(&first.run), 1, 10), [2, 3, 4]);
    assert_eq!(page(&run(&second.run), 0, 10), [5]);
    let since = EventFilter { since: Some(at(1)), ..EventFilter::default() };
    assert_eq!(page(&since, 0, 10), [2, 3, 4]);
    let until = EventFilter { until: Some(at(1)), ..EventFilter::default() };
    assert_eq!(page(&until, 0, 10), [1, 5]);
}

/// A run of two calls, one approved and one denied, that is over.
fn ended(store: &dyn Store, owner: &Owner) -> RunId {
    let (run, calls) = paused(store, owner, 2);
    wait(store.decide(deny(&run.run, &calls[1..], owner))).unwrap();
    let decided = wait(store.decide(approve(&run.run, &calls[..1], owner))).unwrap();
    wait(store.end_run(&decided.claim.unwrap(), completed(), spent(), at(70))).unwrap();
    run.run
}

fn holds(store: &dyn Store) {
    let check = wait(store.check_journal(Vec::new())).unwrap();
    assert_eq!((check.broken, check.also), (None, vec![]));
}

fn pruning_removes_what_ended_and_keeps_its_approvals(store: &dyn Store) {
    let owner = owner(store);
    let old = ended(store, &owner);
    let (waits, _) = paused(store, &owner, 1);
    // Ended with a call that waited.
    let claim = create(store, &owner);
    record(store, &claim, vec![waiting()], false);
    wait(store.end_run(&claim, RunEnd::Failed { error: "no".into() }, spent(), at(71))).unwrap();
    let history = wait(store.approvals(100)).unwrap();
    assert_eq!(history.len(), 3);

    assert_eq!(wait(store.prune(prune(at(70)))).unwrap(), Pruned::default());
    let counted = wait(store.prune(PruneRequest { dry_run: true, ..prune(at(90)) })).unwrap();
    assert_eq!(wait(store.runs(10)).unwrap().len(), 3);
    let pruned = wait(store.prune(prune(at(90)))).unwrap();
    assert_eq!(pruned, counted);
    assert_eq!((pruned.runs, pruned.calls, pruned.messages), (2, 3, 2));

    assert_eq!(wait(store.runs(10)).unwrap().len(), 1);
    assert!(matches!(wait(store.load_run(&old)), Err(StoreError::UnknownRun(_))));
    assert_eq!(wait(store.find_runs(old.as_str())).unwrap(), []);
    let recorded = wait(store.find_recorded(old.as_str())).unwrap();
    assert_eq!(recorded, std::slice::from_ref(&old));
    assert_eq!(wait(store.approvals(100)).unwrap(), history);
    let kinds = |run: &RunId| -> Vec<String> {
        wait(store.events(run)).unwrap().into_iter().map(|event| event.kind).collect()
    };
    assert_eq!(
        kinds(&old),
        [
            "approval_requested",
            "approval_requested",
            "approval_decided",
            "approval_decided",
            "run_resumed"
        ]
    );
    assert_eq!(kinds(&claim.run), ["approval_requested", "run_ended"]);
    assert_eq!(kinds(&waits.run).len(), 4);
    holds(store);
    // What is left goes on as before.
    wait(store.cancel_run(&waits.run, alice(), at(91))).unwrap();
    ended(store, &owner);
    holds(store);
}

fn pruning_again_makes_one_hole_of_two(store: &dyn Store) {
    let owner = owner(store);
    // Runs without approvals that take turns, so that pruning one leaves holes around the other's.
    let claims = [create(store, &owner), create(store, &owner)];
    for claim in &claims {
        record(store, claim, vec![refused()], false);
    }
    for (claim, second) in claims.iter().zip([70, 80]) {
        wait(store.end_run(claim, completed(), spent(), at(second))).unwrap();
    }
    for (second, runs) in [(75, 1), (85, 1), (95, 0)] {
        assert_eq!(wait(store.prune(prune(at(second)))).unwrap().runs, runs);
        holds(store);
    }
    // Only the two prunings are left.
    let events = wait(store.events_after(EventFilter::default(), 0, 10)).unwrap();
    let left: Vec<_> = events.iter().map(|event| (event.sequence, event.run.is_some())).collect();
    assert_eq!(left, [(7, false), (8, false)]);
}

fn a_kept_head_is_compared_where_its_event_was_not_pruned(store: &dyn Store) {
    let owner = owner(store);
    ended(store, &owner);
    holds(store);
    let events = wait(store.events_after(EventFilter::default(), 0, 100)).unwrap();
    let head = wait(store.check_journal(Vec::new())).unwrap().head;
    assert_eq!(head.sequence, events[events.len() - 1].sequence);
    // A head that was kept is compared, as long as its event is there.
    assert_eq!(wait(store.check_journal(vec![head])).unwrap().broken, None);
    let wrong = JournalHead { code: [0; 32], ..head };
    assert!(wait(store.check_journal(vec![wrong])).unwrap().broken.is_some());
    wait(store.prune(prune(at(90)))).unwrap();
    let broken = wait(store.check_journal(vec![head])).unwrap().broken;
    assert_eq!(broken, None, "the last event of a hole is known by its code");
    let inside = JournalHead { sequence: head.sequence - 1, ..head };
    let broken = wait(store.check_journal(vec![inside])).unwrap().broken;
    assert!(broken.is_some_and(
        |said| said.contains("was removed by pruning") || said.contains("not the one")
    ));
}

const SECRET: &str = "ghp_0123456789abcdef0123456789abcdef0123";

/// A run that waits, with `text` wherever a text from outside can be.
fn paused_with(store: &dyn Store, text: &str) -> (Claim, NewRun, TurnRecord) {
    let owner = owner(store);
    let run = NewRun { prompt: text.into(), ..new_run(owner.id()) };
    let claim = wait(store.create_run(run.clone())).unwrap();
    let preview = Preview { format: PreviewFormat::Plain, text: text.into() };
    let call = NewCall {
        arguments: serde_json::json!({"command": text}).to_string(),
        model_tool: text.into(),
        ..new_call(Admission::Waiting {
            preview: Some(preview),
            binding: binding(""),
            rule: ApprovalRule::required(),
        })
    };
    let refused = new_call(Admission::Refused { by: RefusedBy::Policy, result: text.into() });
    let turn = TurnRecord {
        assistant: Message::Assistant {
            text: text.into(),
            calls: vec![],
            raw: Some(RawMessage { api: "a".into(), model: "m".into(), json: format!("{text:?}") }),
        },
        ..turn(vec![call, refused], true)
    };
    let given = wait(store.record_turn(&claim, turn.clone())).unwrap();
    assert_as_read(store, &claim, &given);
    (claim, run, turn)
}

fn what_looks_like_a_secret_is_shown_as_a_token_and_driven_as_it_was(store: &dyn Store) {
    for text in [
        SECRET.to_owned(),
        format!("two of {SECRET} and postgres://u:{SECRET}@h"),
        "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n\
         -----END PRIVATE KEY-----"
            .to_owned(),
        "no secret, \"quoted\" ü".to_owned(),
    ] {
        let (claim, run, turn) = paused_with(store, &text);
        let shown = wait(store.load_run(&claim.run)).unwrap();
        let told = format!("{shown:?} {:?}", wait(store.pending(100)).unwrap())
            + &format!("{:?} {:?}", wait(store.runs(100)), wait(store.events(&claim.run)));
        assert!(!told.contains("0123456789abcdef0123456789abcdef"), "{told}");
        assert!(!told.contains("MIIEv"), "{told}");

        let driven = wait(store.load_to_drive(&claim.run)).unwrap();
        assert_eq!(driven.run.prompt, run.prompt);
        assert_eq!(driven.messages, [Message::User { text: text.clone() }, turn.assistant]);
        let preview = driven.calls[0].preview.as_ref().map(|preview| &*preview.text);
        assert_eq!(preview, Some(text.as_str()));
        assert_eq!(driven.calls[0].arguments, turn.calls[0].arguments);
        assert_eq!(driven.calls[0].model_tool, text);
        assert_eq!(driven.calls[1].result.as_ref(), Some(&text));
        assert!(matches!(wait(store.check_journal(Vec::new())), Ok(check) if check.broken.is_none()));
    }
}

fn a_value_is_sealed_once_and_gone_with_its_run(store: &dyn Store) {
    let (claim, ..) = paused_with(store, SECRET);
    let shown = wait(store.load_run(&claim.run)).unwrap();
    let token = shown.run.prompt.clone();
    assert!(token.starts_with("[sealed:") && token.len() == 25, "{token}");
    assert_eq!(shown.calls[0].arguments, format!(r#"{{"command":"{token}"}}"#));
    // Another run has other tokens.
    let (other, ..) = paused_with(store, SECRET);
    assert_ne!(wait(store.load_run(&other.run)).unwrap().run.prompt, token);
    wait(store.cancel_run(&claim.run, alice(), at(9))).unwrap();
    let ended = wait(store.load_to_drive(&claim.run)).unwrap();
    assert_eq!(ended.run.prompt, token);
    assert_eq!(wait(store.load_to_drive(&other.run)).unwrap().run.prompt, SECRET);
}

fn a_text_that_looks_like_a_token_stays_what_it_is(store: &dyn Store) {
    let (claim, ..) = paused_with(store, SECRET);
    let token = wait(store.load_run(&claim.run)).unwrap().run.prompt;
    let owner = owner(store);
    let waiting: Vec<CallId> =
        calls_of(store, &claim.run).into_iter().map(|call| call.id).collect();
    let decided = wait(store.decide(deny(&claim.run, &waiting[..1], &owner))).unwrap();
    let claim = decided.claim.unwrap();
    // Whoever saw the token writes it: it is a text like any other, and no value takes its place.
    let answer = Message::User { text: format!("{token} {SECRET}") };
    wait(
        store.record_turn(&claim, TurnRecord { assistant: answer.clone(), ..turn(vec![], false) }),
    )
    .unwrap();
    let driven = wait(store.load_to_drive(&claim.run)).unwrap();
    assert_eq!(driven.messages.last(), Some(&answer));
    let shown = wait(store.load_run(&claim.run)).unwrap();
    let Some(Message::User { text }) = shown.messages.last() else { panic!("no text") };
    assert!(text.ends_with(&token) && !text.starts_with(&token), "{text}");
}
