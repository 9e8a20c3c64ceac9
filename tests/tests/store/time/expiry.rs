//! Calls that nobody decides in time: when people are warned, when the calls expire, and what follows.

use super::{SECOND, events, limited, sweep, within};
use crate::fixture::*;
use initrunner::domain::clock::{Clock, ManualClock};
use initrunner::domain::ids::RunId;
use initrunner::domain::rule::OnExpiry;
use initrunner::domain::run::RunState;
use initrunner::domain::tool_call::CallState;
use initrunner::store::{Admission, CallOutcome, Conflict, Store, Swept};

conformance_in_time!(
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
);

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
    let start = wait(store.record_call_started(&claim, &calls[0], vec![], clock.now()));
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
    wait(store.record_call_started(&claim, &calls[0], vec![], clock.now())).unwrap();
    clock.advance(10 * SECOND);
    assert_eq!(sweep(store, clock).freed, []);
    let outcome = CallOutcome { succeeded: true, result: "1".into(), told: vec![] };
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
    wait(store.record_call_started(&claim, &calls[0], vec![], clock.now())).unwrap();
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
    wait(store.readmit_call(&claim, &calls[0], again, vec![], clock.now())).unwrap();
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
