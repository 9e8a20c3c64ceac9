//! What time does to calls that wait, and what is kept about programs and for people outside: one
//! function per behaviour, each run against every backend, with a machine whose clock the test sets.

use super::fixture::*;
use initrunner::domain::clock::{Clock, ManualClock, Uptime};
use initrunner::domain::event::Event;
use initrunner::domain::ids::{CallId, RunId};
use initrunner::domain::outbox::{LEASE, MessageKind};
use initrunner::domain::rule::{ApprovalRule, OnExpiry};
use initrunner::domain::run::RunState;
use initrunner::domain::tool_call::CallState;
use initrunner::ops::Sweeper;
use initrunner::store::sqlite::{OpenOptions, SqliteStore};
use initrunner::store::{
    Admission, CallOutcome, CallRecord, Claim, Conflict, OutboxMessage, Program, RunEnd, Store,
    StoreError, Swept,
};
use std::sync::Arc;
use tokio::sync::watch;

const SECOND: i64 = 1_000_000;

macro_rules! conformance {
    ($($behaviour:ident),* $(,)?) => {
        mod in_memory {
            $(#[test] fn $behaviour() {
                let clock = super::clock();
                let store = super::SqliteStore::in_memory_with(clock.clone()).unwrap();
                super::$behaviour(&store, &clock);
            })*
        }
        mod in_a_file {
            $(#[test] fn $behaviour() {
                let clock = super::clock();
                let files = crate::fixture::Files::new();
                let store = super::open(&files, &clock);
                super::$behaviour(&store, &clock);
            })*
        }
    };
}

conformance!(
    nothing_expires_without_a_limit,
    people_are_warned_and_then_the_call_expires,
    a_run_that_waits_for_nobody_any_more_can_be_resumed,
    a_run_fails_where_its_rule_says_so,
    other_calls_keep_waiting,
    a_living_owner_goes_on_after_an_expiry,
    setting_the_clock_expires_nothing_and_is_told_once,
    after_the_machine_was_off_people_are_warned_first,
    a_decision_that_comes_too_late_expires_the_call,
    an_expired_call_is_not_decided,
    an_unknown_call_never_expires,
    a_question_that_is_asked_again_has_its_whole_time,
    of_deciders_and_sweepers_one_is_first,
    many_calls_expire_in_one_sweep,
    a_program_is_written_down_while_its_call_runs,
    no_call_is_tried_again_while_its_program_runs,
    an_unknown_call_is_tried_three_times_by_nobodys_decision,
    what_nobody_waits_for_is_not_kept,
    what_becomes_of_a_run_is_kept_for_its_address,
    a_message_is_given_to_one_sender_at_a_time,
    a_message_whose_sender_died_is_sent_again_under_the_same_key,
    a_message_that_cannot_be_sent_is_tried_later_and_later,
    runs_that_nobody_drives_are_listed,
);

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(at(1)))
}

fn open(files: &Files, clock: &Arc<ManualClock>) -> SqliteStore {
    let clock: Arc<dyn Clock> = clock.clone();
    SqliteStore::open(OpenOptions { clock, ..files.options() }).unwrap()
}

fn within(seconds: u64, on_expiry: OnExpiry) -> ApprovalRule {
    ApprovalRule { expires_after: Some(seconds), on_expiry, ..ApprovalRule::required() }
}

/// A paused run with so many calls that wait for at most so many seconds.
fn limited(store: &dyn Store, calls: usize, seconds: u64) -> (Claim, Vec<CallId>) {
    let owner = owner(store);
    paused_under(store, &owner, calls, &within(seconds, OnExpiry::Deny))
}

fn sweep(store: &dyn Store, clock: &ManualClock) -> Swept {
    wait(store.sweep(clock.now())).unwrap()
}

fn calls_of(store: &dyn Store, run: &RunId) -> Vec<CallRecord> {
    wait(store.load_run(run)).unwrap().calls
}

fn states(store: &dyn Store, run: &RunId) -> Vec<CallState> {
    calls_of(store, run).iter().map(|call| call.state).collect()
}

fn events(store: &dyn Store, run: &RunId, kind: &str) -> Vec<Event> {
    let events = wait(store.events(run)).unwrap();
    events.into_iter().filter(|event| event.kind == kind).collect()
}

fn conflict<T: std::fmt::Debug>(result: Result<T, StoreError>) -> Conflict {
    match result {
        Err(StoreError::Conflict(conflict)) => conflict,
        other => panic!("expected a conflict: {other:?}"),
    }
}

fn holds(store: &dyn Store) {
    assert_eq!(wait(store.check_journal(Vec::new())).unwrap().broken, None);
}

fn nothing_expires_without_a_limit(store: &dyn Store, clock: &ManualClock) {
    let owner = owner(store);
    let (claim, calls) = paused(store, &owner, 1);
    clock.advance(400 * 24 * 3600 * SECOND);
    assert_eq!(sweep(store, clock), Swept::default());
    assert_eq!(states(store, &claim.run), [CallState::Waiting]);
    wait(store.decide(approve(&claim.run, &calls, &owner))).unwrap();
}

fn people_are_warned_and_then_the_call_expires(store: &dyn Store, clock: &ManualClock) {
    let (claim, calls) = limited(store, 1, 600);
    assert_eq!(calls_of(store, &claim.run)[0].expires_at, Some(at(601)));
    assert_eq!(sweep(store, clock).next, Some(540 * SECOND));
    clock.advance(545 * SECOND);
    let swept = sweep(store, clock);
    assert_eq!((swept.warned.len(), swept.expired.len()), (1, 0));
    assert_eq!((&swept.warned[0].call, swept.warned[0].expires_at), (&calls[0], at(601)));
    assert_eq!(swept.next, Some(55 * SECOND));
    // Once is enough.
    assert_eq!(sweep(store, clock).warned, []);
    clock.advance(55 * SECOND);
    let swept = sweep(store, clock);
    assert_eq!((swept.warned.len(), swept.expired.len()), (0, 1));
    assert_eq!((swept.expired[0].limit, swept.expired[0].at), (600, at(601)));
    let call = &calls_of(store, &claim.run)[0];
    assert_eq!((call.state, call.decision.clone()), (CallState::Expired, None));
    assert_eq!(call.resolver.as_ref().unwrap().authenticated_as, "system");
    assert_eq!((call.decided_at, call.expires_at), (Some(at(601)), None));
    assert_eq!(sweep(store, clock), Swept::default());
    let order: Vec<String> = wait(store.events(&claim.run))
        .unwrap()
        .into_iter()
        .map(|event| event.kind)
        .filter(|kind| kind.starts_with("approval_exp"))
        .collect();
    assert_eq!(order, ["approval_expiring", "approval_expired"]);
    holds(store);
}

fn a_run_that_waits_for_nobody_any_more_can_be_resumed(store: &dyn Store, clock: &ManualClock) {
    let (claim, calls) = limited(store, 1, 5400);
    clock.advance(5400 * SECOND);
    let swept = sweep(store, clock);
    // Nobody looked in time: the warning is written down all the same, and before it.
    assert_eq!(events(store, &claim.run, "approval_expiring").len(), 1);
    assert_eq!(swept.freed, std::slice::from_ref(&claim.run));
    let run = wait(store.load_run(&claim.run)).unwrap().run;
    assert_eq!(run.state, RunState::Interrupted);
    assert_eq!(
        run.outcome,
        Some(format!(
            "nobody decided about call {} within 90 min; it was not executed, and the run can go on",
            calls[0]
        ))
    );
    assert_eq!(wait(store.pending(10)).unwrap().1, 0);
    let owner = owner(store);
    let claim = wait(store.claim_run(&claim.run, owner.id(), &alice(), clock.now())).unwrap();
    let start = wait(store.record_call_started(&claim, &calls[0], clock.now()));
    assert!(matches!(conflict(start), Conflict::WrongCallState { .. }));
    wait(store.tell_results(&claim, vec![result(&calls[0], "expired")], clock.now())).unwrap();
    holds(store);
}

fn a_run_fails_where_its_rule_says_so(store: &dyn Store, clock: &ManualClock) {
    let owner = owner(store);
    let rule = within(14_400, OnExpiry::Fail);
    let (claim, calls) = paused_under(store, &owner, 2, &rule);
    clock.advance(14_400 * SECOND);
    let swept = sweep(store, clock);
    assert_eq!((swept.expired.len(), swept.freed.len()), (1, 0));
    let run = wait(store.load_run(&claim.run)).unwrap().run;
    assert_eq!(run.state, RunState::Failed);
    assert_eq!(run.outcome, Some(format!("nobody decided about call {} within 4 h", calls[0])));
    assert_eq!(states(store, &claim.run), [CallState::Expired; 2]);
    assert_eq!(wait(store.pending(10)).unwrap().1, 0);
    holds(store);
}

fn other_calls_keep_waiting(store: &dyn Store, clock: &ManualClock) {
    let owner = owner(store);
    let claim = create(store, &owner);
    let calls = vec![waiting_under(within(10, OnExpiry::Deny)), waiting()];
    let calls = record(store, &claim, calls, true);
    clock.advance(10 * SECOND);
    assert_eq!(sweep(store, clock).freed, []);
    assert_eq!(states(store, &claim.run), [CallState::Expired, CallState::Waiting]);
    let run = wait(store.load_run(&claim.run)).unwrap().run;
    assert_eq!(run.state, RunState::Paused);
    let decided = wait(store.decide(approve(&claim.run, &calls[1..], &owner))).unwrap();
    assert!(decided.claim.is_some());
}

fn a_living_owner_goes_on_after_an_expiry(store: &dyn Store, clock: &ManualClock) {
    let owner = owner(store);
    let claim = create(store, &owner);
    let calls = vec![Admission::Ready, waiting_under(within(10, OnExpiry::Deny))];
    let calls = record(store, &claim, calls, false);
    wait(store.record_call_started(&claim, &calls[0], clock.now())).unwrap();
    clock.advance(10 * SECOND);
    assert_eq!(sweep(store, clock).freed, []);
    let outcome = CallOutcome { succeeded: true, result: "1".into() };
    wait(store.record_call_finished(&claim, &calls[0], outcome, clock.now())).unwrap();
    let pause = wait(store.pause_run(&claim, Default::default(), clock.now()));
    assert_eq!(conflict(pause), Conflict::NothingWaits { run: claim.run.clone() });
    assert_eq!(states(store, &claim.run), [CallState::Succeeded, CallState::Expired]);
}

fn setting_the_clock_expires_nothing_and_is_told_once(store: &dyn Store, clock: &ManualClock) {
    let (claim, _) = limited(store, 1, 3600);
    for jump in [7200, -100_000] {
        clock.set(jump * SECOND);
        let recorded = || wait(store.check_journal(Vec::new())).unwrap().events;
        let before = recorded();
        let swept = sweep(store, clock);
        assert_eq!(recorded(), before + 1);
        assert_eq!((swept.warned.len(), swept.expired.len()), (0, 0));
        assert_eq!(swept.jumped, Some(jump * SECOND));
        assert_eq!(sweep(store, clock).jumped, None);
    }
    clock.set(30 * SECOND);
    assert_eq!(sweep(store, clock).jumped, None);
    assert_eq!(states(store, &claim.run), [CallState::Waiting]);
    clock.advance(3600 * SECOND);
    assert_eq!(sweep(store, clock).expired.len(), 1);
    holds(store);
}

fn after_the_machine_was_off_people_are_warned_first(store: &dyn Store, clock: &ManualClock) {
    let (claim, calls) = limited(store, 3, 3600);
    clock.reboot();
    clock.set(5 * 3600 * SECOND);
    let swept = sweep(store, clock);
    assert_eq!((swept.warned.len(), swept.expired.len()), (3, 0));
    assert_eq!(swept.next, Some(300 * SECOND));
    clock.advance(299 * SECOND);
    assert_eq!(sweep(store, clock).expired, []);
    // There is time to decide.
    let one = owner(store);
    let mut request = approve(&claim.run, &calls[..1], &one);
    request.at = clock.now();
    wait(store.decide(request)).unwrap();
    clock.advance(SECOND);
    assert_eq!(sweep(store, clock).expired.len(), 2);
    assert_eq!(events(store, &claim.run, "approval_expiring").len(), 3);
    holds(store);
}

fn a_decision_that_comes_too_late_expires_the_call(store: &dyn Store, clock: &ManualClock) {
    let (claim, calls) = limited(store, 2, 60);
    let owner = owner(store);
    // The clock says otherwise; what counts is what passed.
    clock.advance(60 * SECOND);
    clock.set(-1000 * SECOND);
    let mut request = approve(&claim.run, &calls[..1], &owner);
    request.at = clock.now();
    let late = conflict(wait(store.decide(request)));
    assert_eq!(late, Conflict::Expired { call: calls[0].clone(), at: clock.now() });
    assert_eq!(
        late.to_string(),
        format!("call {} expired at {}; it was not executed", calls[0], clock.now())
    );
    assert_eq!(states(store, &claim.run), [CallState::Expired, CallState::Waiting]);
    assert_eq!(events(store, &claim.run, "approval_decided"), []);
    // The other is overdue as well, and nobody has looked yet.
    assert_eq!(sweep(store, clock).freed, std::slice::from_ref(&claim.run));
    holds(store);
}

fn an_expired_call_is_not_decided(store: &dyn Store, clock: &ManualClock) {
    let (claim, calls) = limited(store, 1, 60);
    clock.advance(60 * SECOND);
    let expired = sweep(store, clock).expired[0].at;
    clock.advance(60 * SECOND);
    let owner = owner(store);
    let late = conflict(wait(store.decide(deny(&claim.run, &calls, &owner))));
    assert_eq!(late, Conflict::Expired { call: calls[0].clone(), at: expired });
}

fn an_unknown_call_never_expires(store: &dyn Store, clock: &ManualClock) {
    let one = owner(store);
    let (first, calls) = paused_under(store, &one, 1, &within(60, OnExpiry::Fail));
    let claim = wait(store.decide(approve(&first.run, &calls, &one))).unwrap().claim.unwrap();
    wait(store.record_call_started(&claim, &calls[0], clock.now())).unwrap();
    drop(one);
    wait(store.adopt_orphans(clock.now())).unwrap();
    clock.advance(1000 * SECOND);
    assert_eq!(sweep(store, clock), Swept::default());
    assert_eq!(states(store, &first.run), [CallState::Unknown]);
}

fn a_question_that_is_asked_again_has_its_whole_time(store: &dyn Store, clock: &ManualClock) {
    let owner = owner(store);
    let rule = within(60, OnExpiry::Deny);
    let (first, calls) = paused_under(store, &owner, 1, &rule);
    clock.advance(50 * SECOND);
    let claim = wait(store.decide(approve(&first.run, &calls, &owner))).unwrap().claim.unwrap();
    let again = initrunner::store::Readmission::Waiting {
        preview: Some(preview()),
        binding: binding("other"),
        rule,
        changed: vec!["preview".into()],
    };
    wait(store.readmit_call(&claim, &calls[0], again, clock.now())).unwrap();
    wait(store.pause_run(&claim, Default::default(), clock.now())).unwrap();
    clock.advance(50 * SECOND);
    assert_eq!(sweep(store, clock).expired, []);
    clock.advance(10 * SECOND);
    assert_eq!(sweep(store, clock).expired.len(), 1);
}

fn of_deciders_and_sweepers_one_is_first(store: &dyn Store, clock: &ManualClock) {
    for round in 0..6 {
        let (first, calls) = limited(store, 1, 60);
        let owner = owner(store);
        // Exactly the moment: the decisions before it count, and a sweep after it expires.
        clock.advance(59 * SECOND + 999_999);
        let results: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..12)
                .map(|number| {
                    let mut request = approve(&first.run, &calls, &owner);
                    request.at = clock.now();
                    request.resolver.authenticated_as = format!("os:user{number}");
                    scope.spawn(move || {
                        if number == round {
                            clock.advance(1);
                            drop(wait(store.sweep(clock.now())).unwrap());
                            None
                        } else {
                            Some(wait(store.decide(request)))
                        }
                    })
                })
                .collect();
            threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
        });
        let call = &calls_of(store, &first.run)[0];
        let won = results.iter().filter(|result| result.is_ok()).count();
        match call.state {
            CallState::Expired => {
                assert_eq!(won, 0);
                for result in results {
                    assert!(matches!(conflict(result), Conflict::Expired { .. }));
                }
            }
            CallState::Approved => {
                assert_eq!(won, 1);
                for result in results.into_iter().filter(Result::is_err) {
                    assert!(matches!(conflict(result), Conflict::AlreadyDecided { .. }));
                }
            }
            other => panic!("the call is {other}"),
        }
        let expired = events(store, &first.run, "approval_expired").len();
        assert_eq!(expired + won, 1);
    }
    holds(store);
}

fn many_calls_expire_in_one_sweep(store: &dyn Store, clock: &ManualClock) {
    let runs: Vec<RunId> = (0..5).map(|_| limited(store, 60, 60).0.run).collect();
    clock.advance(60 * SECOND);
    let swept = sweep(store, clock);
    assert_eq!((swept.expired.len(), swept.freed), (300, runs));
    assert_eq!(sweep(store, clock), Swept::default());
}

/// A call that was started, and what is written down of its program; this very process is one.
fn started(store: &dyn Store, clock: &ManualClock) -> (Claim, CallId, Program) {
    let owner = owner(store);
    let claim = create(store, &owner);
    let calls = record(store, &claim, vec![Admission::Ready], false);
    wait(store.record_call_started(&claim, &calls[0], clock.now())).unwrap();
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit_once(')').unwrap().1;
    let start_time = fields.split_whitespace().nth(19).unwrap().parse().unwrap();
    let Uptime { boot, .. } = clock.uptime().unwrap();
    // Its owner dies with the end of this function.
    (claim, calls[0].clone(), Program { pid: std::process::id(), start_time, boot })
}

fn a_program_is_written_down_while_its_call_runs(store: &dyn Store, clock: &ManualClock) {
    let one = owner(store);
    let claim = create(store, &one);
    let calls = record(store, &claim, vec![Admission::Ready], false);
    let program = Program { pid: 4711, start_time: 7, boot: "b".into() };
    let record = |attempt| {
        let program = program.clone();
        wait(store.record_program_started(&claim, &calls[0], attempt, program, clock.now()))
    };
    let early = conflict(record(1));
    let wrong = |state| Conflict::WrongCallState { call: calls[0].clone(), state };
    assert_eq!(early, wrong(CallState::Ready));
    wait(store.record_call_started(&claim, &calls[0], clock.now())).unwrap();
    record(1).unwrap();
    record(1).unwrap();
    let outcome = CallOutcome { succeeded: true, result: "1".into() };
    wait(store.record_call_finished(&claim, &calls[0], outcome, clock.now())).unwrap();
    assert_eq!(conflict(record(1)), wrong(CallState::Succeeded));
    let events = events(store, &claim.run, "program_started");
    assert_eq!(events.len(), 2);
    assert_eq!(events[0].body, r#"{"attempt":1,"boot":"b","pid":4711,"start_time":7}"#);
    holds(store);
}

fn no_call_is_tried_again_while_its_program_runs(store: &dyn Store, clock: &ManualClock) {
    let one = owner(store);
    let (claim, call, program) = started(store, clock);
    // `started` dropped its owner; the claim is that of a dead one, which nobody has noticed yet.
    wait(store.record_program_started(&claim, &call, 1, program.clone(), clock.now())).unwrap();
    wait(store.adopt_orphans(clock.now())).unwrap();
    let pid = Some(program.pid);
    assert_eq!(calls_of(store, &claim.run)[0].running, pid);
    assert_eq!(wait(store.pending(1)).unwrap().0[0].running, pid);
    let calls = std::slice::from_ref(&call);
    let refused = conflict(wait(store.decide(approve(&claim.run, calls, &one))));
    assert_eq!(refused, Conflict::ProgramRuns { call: call.clone(), pid: program.pid });
    let claim = wait(store.claim_run(&claim.run, one.id(), &alice(), clock.now())).unwrap();
    let refused = conflict(wait(store.retry_unknown(&claim, &call, clock.now())));
    assert_eq!(refused, Conflict::ProgramRuns { call: call.clone(), pid: program.pid });
    // After the machine was off nothing of it is left, whatever has its number now.
    clock.reboot();
    assert_eq!(calls_of(store, &claim.run)[0].running, None);
    wait(store.retry_unknown(&claim, &call, clock.now())).unwrap();
}

fn an_unknown_call_is_tried_three_times_by_nobodys_decision(
    store: &dyn Store,
    clock: &ManualClock,
) {
    let mut one = owner(store);
    let (first, calls) = paused(store, &one, 1);
    let decided = wait(store.decide(approve(&first.run, &calls, &one))).unwrap();
    let mut claim = decided.claim.unwrap();
    for attempt in 1..=3 {
        let number = wait(store.record_call_started(&claim, &calls[0], clock.now())).unwrap();
        assert_eq!(number, attempt);
        one = owner(store);
        wait(store.adopt_orphans(clock.now())).unwrap();
        claim = wait(store.claim_run(&first.run, one.id(), &alice(), clock.now())).unwrap();
        let retried = wait(store.retry_unknown(&claim, &calls[0], clock.now()));
        if attempt == 3 {
            let often = Conflict::TriedOften { call: calls[0].clone(), attempts: 3 };
            assert_eq!(conflict(retried), often);
            continue;
        }
        retried.unwrap();
        let call = &calls_of(store, &first.run)[0];
        assert_eq!(call.state, CallState::Approved);
        // What was approved is still what an approval is for.
        assert_eq!(call.binding, Some(binding("")));
        assert_eq!(call.resolver.as_ref().unwrap().authenticated_as, "system");
        assert_eq!(wait(store.pending(10)).unwrap().1, 0);
        let again = wait(store.retry_unknown(&claim, &calls[0], clock.now()));
        assert!(matches!(conflict(again), Conflict::WrongCallState { .. }));
    }
    assert_eq!(events(store, &first.run, "unknown_retried").len(), 2);
    assert_eq!(states(store, &first.run), [CallState::Unknown]);
    // A person may still have it tried.
    wait(store.pause_run(&claim, Default::default(), clock.now())).unwrap();
    let decided = wait(store.decide(approve(&first.run, &calls, &one))).unwrap();
    let claim = decided.claim.unwrap();
    // However often it was tried: what has not been lost is not tried again.
    let again = conflict(wait(store.retry_unknown(&claim, &calls[0], clock.now())));
    let approved = CallState::Approved;
    assert_eq!(again, Conflict::WrongCallState { call: calls[0].clone(), state: approved });
    holds(store);
}

/// A paused run of somebody who waits for an answer elsewhere.
fn addressed(store: &dyn Store, calls: Vec<Admission>) -> (Claim, Vec<CallId>) {
    let owner = owner(store);
    let mut run = new_run(owner.id());
    run.reply_to = Some("slack:C123/456".into());
    let claim = wait(store.create_run(run)).unwrap();
    let calls = record(store, &claim, calls, true);
    (claim, calls)
}

fn due(store: &dyn Store, clock: &ManualClock) -> Vec<OutboxMessage> {
    wait(store.due_messages(10, clock.now())).unwrap()
}

fn what_nobody_waits_for_is_not_kept(store: &dyn Store, clock: &ManualClock) {
    let owner = owner(store);
    let (first, calls) = paused(store, &owner, 1);
    let claim = wait(store.decide(deny(&first.run, &calls, &owner))).unwrap().claim.unwrap();
    let end = RunEnd::Completed { answer: "done".into() };
    wait(store.end_run(&claim, end, Default::default(), clock.now())).unwrap();
    clock.advance(3600 * SECOND);
    assert_eq!(due(store, clock), []);
}

fn what_becomes_of_a_run_is_kept_for_its_address(store: &dyn Store, clock: &ManualClock) {
    let limit = within(600, OnExpiry::Deny);
    let (first, calls) = addressed(store, vec![waiting(), waiting_under(limit)]);
    let owner = owner(store);
    wait(store.decide(approve(&first.run, &calls[..1], &owner))).unwrap();
    clock.advance(550 * SECOND);
    sweep(store, clock);
    clock.advance(50 * SECOND);
    sweep(store, clock);
    let claim = wait(store.claim_run(&first.run, owner.id(), &alice(), clock.now())).unwrap();
    let end = RunEnd::Completed { answer: "s3cret".into() };
    wait(store.end_run(&claim, end, Default::default(), clock.now())).unwrap();
    let messages = due(store, clock);
    let kinds: Vec<MessageKind> = messages.iter().map(|message| message.kind).collect();
    use MessageKind::{Decided, Ended, Expiring, Paused};
    assert_eq!(kinds, [Paused, Decided, Expiring, Decided, Ended]);
    let [one, two] = [&calls[0], &calls[1]];
    let bodies: Vec<&str> = messages.iter().map(|message| &*message.body).collect();
    assert_eq!(
        bodies,
        [
            format!(r#"{{"calls":["{one}","{two}"]}}"#),
            format!(r#"{{"by":"os:alice","call":"{one}","decision":"approve"}}"#),
            format!(r#"{{"call":"{two}","expires_at":{}}}"#, at(601).0),
            format!(r#"{{"by":"system","call":"{two}","decision":"expired"}}"#),
            r#"{"state":"completed"}"#.to_owned(),
        ]
    );
    assert!(messages.iter().all(|message| message.address == "slack:C123/456"));
    assert!(messages.iter().all(|message| message.run == first.run));
    assert!(messages.iter().all(|message| !message.body.contains("s3cret")));
    let keys: std::collections::BTreeSet<&str> =
        messages.iter().map(|message| &*message.key).collect();
    assert_eq!(keys.len(), messages.len());
    // A refused verb leaves no message.
    assert!(wait(store.decide(approve(&first.run, &calls[..1], &owner))).is_err());
    clock.advance(3600 * SECOND);
    assert_eq!(due(store, clock).len(), messages.len());
}

fn a_message_is_given_to_one_sender_at_a_time(store: &dyn Store, clock: &ManualClock) {
    addressed(store, vec![waiting()]);
    let message = &due(store, clock)[0];
    assert_eq!(due(store, clock), []);
    wait(store.mark_delivered(message.n, clock.now())).unwrap();
    clock.advance(1000 * 3600 * SECOND);
    assert_eq!(due(store, clock), []);
    // Twice is once, and what is delivered does not fail any more.
    wait(store.mark_delivered(message.n, clock.now())).unwrap();
    wait(store.mark_failed(message.n, "late", clock.now())).unwrap();
    clock.advance(1000 * 3600 * SECOND);
    assert_eq!(due(store, clock), []);
    let none = wait(store.mark_delivered(99, clock.now()));
    assert_eq!(none, Err(StoreError::UnknownMessage(99)));
}

fn a_message_whose_sender_died_is_sent_again_under_the_same_key(
    store: &dyn Store,
    clock: &ManualClock,
) {
    addressed(store, vec![waiting()]);
    // Sent, and the process died before it could say so.
    let first = due(store, clock);
    clock.advance(i64::try_from(LEASE).unwrap() * SECOND - 1);
    assert_eq!(due(store, clock), []);
    clock.advance(1);
    let second = due(store, clock);
    assert_eq!(first, second);
}

fn a_message_that_cannot_be_sent_is_tried_later_and_later(store: &dyn Store, clock: &ManualClock) {
    addressed(store, vec![waiting()]);
    let mut waits = Vec::new();
    for failures in 0..12 {
        let messages = due(store, clock);
        assert_eq!(messages[0].failures, failures);
        let next = wait(store.mark_failed(messages[0].n, "no route", clock.now())).unwrap();
        let left = next.0 - clock.now().0;
        waits.push(left / SECOND);
        clock.advance(left - 1);
        assert_eq!(due(store, clock), []);
        clock.advance(1);
    }
    assert_eq!(waits[..4], [5, 10, 20, 40]);
    assert_eq!(waits[10..], [3600, 3600]);
}

fn runs_that_nobody_drives_are_listed(store: &dyn Store, clock: &ManualClock) {
    let owner = owner(store);
    let (waiting, _) = paused(store, &owner, 1);
    create(store, &owner);
    let stopped = create(store, &owner);
    let reason = "stopped".to_owned();
    wait(store.interrupt_run(&stopped, reason, Default::default(), clock.now())).unwrap();
    let ended = create(store, &owner);
    wait(store.cancel_run(&ended.run, alice(), clock.now())).unwrap();
    let found = wait(store.unfinished(10)).unwrap();
    assert_eq!(found, [waiting.run.clone(), stopped.run]);
    assert_eq!(wait(store.unfinished(1)).unwrap(), [waiting.run]);
}

#[test]
fn a_sweeper_sweeps_until_it_is_stopped() {
    let clock = clock();
    let store: Arc<dyn Store> = Arc::new(SqliteStore::in_memory_with(clock.clone()).unwrap());
    let (claim, _) = limited(&*store, 1, 600);
    let sweeper = Sweeper::new(Arc::clone(&store), clock.clone());
    let (stop, stopped) = watch::channel(None);
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let running = sweeper.clone();
        let thread = scope.spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(running.run(stopped, &mut |report| {
                tell.send(report.unwrap()).unwrap();
            }));
        });
        assert_eq!(told.recv().unwrap().swept.next, Some(540 * SECOND));
        clock.advance(550 * SECOND);
        sweeper.look_now();
        assert_eq!(told.recv().unwrap().swept.warned.len(), 1);
        clock.advance(50 * SECOND);
        sweeper.look_now();
        assert_eq!(told.recv().unwrap().swept.freed, std::slice::from_ref(&claim.run));
        stop.send_replace(Some("stopped".into()));
        thread.join().unwrap();
    });
    assert!(told.recv().is_err());
}

#[test]
fn a_sweeper_wakes_by_itself_when_something_is_due() {
    let clock = clock();
    let store: Arc<dyn Store> = Arc::new(SqliteStore::in_memory_with(clock.clone()).unwrap());
    limited(&*store, 1, 1);
    // So little is left that the machine's own time has passed it by the next look.
    clock.advance(SECOND - 20_000);
    let sweeper = Sweeper::new(Arc::clone(&store), clock.clone());
    let (_stop, stopped) = watch::channel(None);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut reports = 0;
    runtime.block_on(async {
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let mut forward = |report| drop(tell.send(report));
        let mut running = std::pin::pin!(sweeper.run(stopped, &mut forward));
        loop {
            tokio::select! {
                () = &mut running => panic!("it ended"),
                Some(report) = told.recv() => {
                    let report: initrunner::ops::SweepReport = Result::unwrap(report);
                    reports += 1;
                    clock.advance(20_000);
                    if !report.swept.expired.is_empty() {
                        break;
                    }
                }
            }
        }
    });
    assert_eq!(reports, 2);
}
