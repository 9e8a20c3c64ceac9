//! Programs that calls started, and calls that are tried again by nobody's decision.

use super::events;
use crate::fixture::*;
use initrunner::domain::clock::{Clock, ManualClock, Uptime};
use initrunner::domain::ids::CallId;
use initrunner::domain::tool_call::CallState;
use initrunner::store::{Admission, CallOutcome, Claim, Conflict, Program, Store};

conformance_in_time!(
    a_program_is_written_down_while_its_call_runs,
    no_call_is_tried_again_while_its_program_runs,
    an_unknown_call_is_tried_three_times_by_nobodys_decision,
    runs_that_nobody_drives_are_listed,
);

/// A call that was started, and what is written down of its program; this very process is one.
fn started(store: &dyn Store, clock: &ManualClock) -> (Claim, CallId, Program) {
    let owner = owner(store);
    let claim = create(store, &owner);
    let calls = record(store, &claim, vec![Admission::Ready], false);
    wait(store.record_call_started(&claim, &calls[0], vec![], clock.now())).unwrap();
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit_once(')').unwrap().1;
    let start_time = fields.split_whitespace().nth(19).unwrap().parse().unwrap();
    let Uptime { boot, .. } = clock.uptime().unwrap();
    // Its owner dies with the end of this function.
    (
        claim,
        calls[0].clone(),
        Program { pid: std::process::id(), start_time, boot, isolation: "none".into() },
    )
}

fn a_program_is_written_down_while_its_call_runs(store: &dyn Store, clock: &ManualClock) {
    let one = owner(store);
    let claim = create(store, &one);
    let calls = record(store, &claim, vec![Admission::Ready], false);
    let program = Program { pid: 4711, start_time: 7, boot: "b".into(), isolation: "none".into() };
    let record = |attempt| {
        let program = program.clone();
        wait(store.record_program_started(&claim, &calls[0], attempt, program, clock.now()))
    };
    let early = conflict(record(1));
    let wrong = |state| Conflict::WrongCallState { call: calls[0].clone(), state };
    assert_eq!(early, wrong(CallState::Ready));
    wait(store.record_call_started(&claim, &calls[0], vec![], clock.now())).unwrap();
    record(1).unwrap();
    record(1).unwrap();
    let outcome = CallOutcome { succeeded: true, result: "1".into(), told: vec![] };
    wait(store.record_call_finished(&claim, &calls[0], outcome, clock.now())).unwrap();
    assert_eq!(conflict(record(1)), wrong(CallState::Succeeded));
    let events = events(store, &claim.run, "program_started");
    assert_eq!(events.len(), 2);
    assert_eq!(
        events[0].body,
        r#"{"attempt":1,"boot":"b","isolation":"none","pid":4711,"start_time":7}"#
    );
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
        let number =
            wait(store.record_call_started(&claim, &calls[0], vec![], clock.now())).unwrap();
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
