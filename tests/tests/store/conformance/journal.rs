//! The journal: what it tells, how it is read, and that it checks.

use super::{completed, done, spent};
use crate::fixture::*;
use initrunner::domain::ids::RunId;
use initrunner::store::{EventFilter, RunStart, Store};

conformance!(
    the_journal_of_a_run_tells_its_story,
    the_journal_checks,
    a_resumption_names_the_decisions_that_led_to_it,
    events_are_given_page_by_page,
);

fn prompts(store: &dyn Store) -> Vec<(String, String)> {
    let starts = wait(store.starts(100)).unwrap();
    let of = |start: RunStart| (start.trigger_type, start.prompt.unwrap_or_default());
    starts.into_iter().map(of).collect()
}

fn the_journal_of_a_run_tells_its_story(store: &dyn Store) {
    let owner = owner(store);
    let (first, calls) = paused(store, &owner, 1);
    create(store, &owner);
    let claim = wait(store.decide(approve(&first.run, &calls, &owner))).unwrap().claim.unwrap();
    wait(store.record_call_started(&claim, &calls[0], vec![], at(61))).unwrap();
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

fn the_journal_checks(store: &dyn Store) {
    let check = wait(store.check_journal(Vec::new())).unwrap();
    assert_eq!((check.events, check.broken), (0, None));
    let owner = owner(store);
    paused(store, &owner, 2);
    let check = wait(store.check_journal(Vec::new())).unwrap();
    assert_eq!((check.events, check.broken), (5, None));
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
    wait(store.record_call_started(&claim, a, vec![], at(61))).unwrap();
    wait(store.record_call_finished(&claim, a, done("gone"), at(62))).unwrap();
    wait(store.interrupt_run(&claim, "stopped".into(), spent(), at(63))).unwrap();
    let claim = wait(store.claim_run(&run.run, owner.id(), &alice(), at(64))).unwrap();
    assert_eq!(prompts(store)[0], ("resume".into(), "(resume)".into()));

    // The other one's outcome is unknown, and a person has it tried again.
    wait(store.record_call_started(&claim, b, vec![], at(65))).unwrap();
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
