//! Calls that nobody decides for a while: from when a second group of reviewers counts, and that it counts
//! from then on alone. And reminders.

use super::{SECOND, escalating, events, sweep};
use crate::fixture::*;
use initrunner::domain::clock::{Clock, ManualClock};
use initrunner::domain::ids::{CallId, RunId};
use initrunner::domain::rule::ApprovalRule;
use initrunner::domain::run::RunState;
use initrunner::domain::tool_call::CallState;
use initrunner::store::owner::Owner;
use initrunner::store::{Admission, Conflict, Decided, DecisionRequest, Store, StoreError, Swept};

conformance_in_time!(
    the_second_group_counts_from_its_time_on,
    whoever_decides_need_not_wait_for_a_sweep,
    what_is_settled_in_time_is_not_escalated,
    setting_the_clock_escalates_nothing,
    across_starts_of_the_machine_the_clock_counts,
    an_edit_has_the_first_group_asked_for_the_whole_time,
    an_edit_of_an_escalated_call_stays_escalated,
    an_edit_may_take_the_second_group_away,
    votes_of_both_groups_count_together,
    a_call_is_escalated_before_it_expires_and_never_after,
    an_unknown_call_is_escalated_too,
    only_whoever_is_named_is_added,
    many_calls_are_escalated_in_one_sweep,
    of_any_number_who_notice_one_writes_it_down,
    people_are_reminded_when_the_rule_says_so,
);

/// A paused run with calls under a rule, and somebody who drives on.
fn asked(store: &dyn Store, rule: &ApprovalRule, calls: usize) -> (RunId, Vec<CallId>, Owner) {
    let owner = owner(store);
    let (claim, calls) = paused_under(store, &owner, calls, rule);
    (claim.run, calls, owner)
}

fn by(mut request: DecisionRequest, who: &str, clock: &ManualClock) -> DecisionRequest {
    request.resolver = person(who);
    request.at = clock.now();
    request
}

fn say(
    store: &dyn Store,
    clock: &ManualClock,
    (run, calls, owner): &(RunId, Vec<CallId>, Owner),
    who: &str,
) -> Result<Decided, StoreError> {
    wait(store.decide(by(approve(run, calls, owner), who, clock)))
}

fn edited(
    store: &dyn Store,
    clock: &ManualClock,
    (run, calls, owner): &(RunId, Vec<CallId>, Owner),
    who: &str,
    rule: &ApprovalRule,
) -> Result<Decided, StoreError> {
    let mut request = by(approve(run, calls, owner), who, clock);
    request.decisions[0].edit = Some(edit("ls", rule.clone()));
    wait(store.decide(request))
}

fn the_second_group_counts_from_its_time_on(store: &dyn Store, clock: &ManualClock) {
    let asked = asked(store, &escalating(60), 1);
    let (run, calls, _) = &asked;
    let call = || calls_of(store, run)[0].clone();
    assert_eq!((call().escalates_at, call().escalated_at), (Some(at(61)), None));
    assert_eq!(
        call().standing("os:alice").unwrap(),
        format!("0 of 1 approval; os:alice may approve, and from {} os:carol too", at(61))
    );
    assert_eq!(sweep(store, clock), Swept { next: Some(60 * SECOND), ..Swept::default() });
    clock.advance(60 * SECOND - 1);
    let early = conflict(say(store, clock, &asked, "os:carol"));
    assert_eq!(
        early.to_string(),
        format!(
            "os:carol may not decide about call {}: os:alice may, and from {} os:carol too",
            calls[0],
            at(61)
        )
    );
    assert_eq!(sweep(store, clock), Swept { next: Some(1), ..Swept::default() });
    clock.advance(1);
    let swept = sweep(store, clock);
    assert_eq!((swept.escalated.len(), swept.next), (1, None));
    assert_eq!(swept.escalated[0].reviewers, ["os:carol"]);
    assert_eq!((&swept.escalated[0].call, swept.escalated[0].at), (&calls[0], at(61)));
    // Once is enough.
    assert_eq!(sweep(store, clock), Swept::default());
    let request = call().request.unwrap();
    let written = events(store, run, "approval_escalated");
    assert_eq!(written.len(), 1);
    assert_eq!(written[0].body, format!(r#"{{"request":{request},"reviewers":["os:carol"]}}"#));
    assert_eq!(call().escalated_at, Some(at(61)));
    let waits = &wait(store.pending(10)).unwrap().0[0];
    assert_eq!((waits.escalates_at, waits.escalated_at), (Some(at(61)), Some(at(61))));
    assert_eq!(
        waits.standing().unwrap(),
        format!("0 of 1 approval; os:alice or os:carol may approve (escalated at {})", at(61))
    );
    assert!(say(store, clock, &asked, "os:carol").unwrap().claim.is_some());
    assert_eq!(call().resolver.unwrap().authenticated_as, "os:carol");
    assert_eq!((call().escalates_at, call().escalated_at), (None, Some(at(61))));
    holds(store);
}

fn whoever_decides_need_not_wait_for_a_sweep(store: &dyn Store, clock: &ManualClock) {
    let asked = asked(store, &escalating(60), 1);
    clock.advance(60 * SECOND);
    // Nothing is written down for a stranger.
    let before = wait(store.events(&asked.0)).unwrap();
    let stranger = conflict(say(store, clock, &asked, "os:mallory"));
    assert!(matches!(stranger, Conflict::NotAReviewer { .. }), "{stranger}");
    assert!(stranger.to_string().ends_with(": os:alice or os:carol may"), "{stranger}");
    assert_eq!(wait(store.events(&asked.0)).unwrap(), before);
    say(store, clock, &asked, "os:carol").unwrap();
    let order: Vec<String> = wait(store.events(&asked.0))
        .unwrap()
        .into_iter()
        .map(|event| event.kind)
        .filter(|kind| kind.starts_with("approval_"))
        .collect();
    assert_eq!(order, ["approval_requested", "approval_escalated", "approval_decided"]);
    assert_eq!(sweep(store, clock), Swept::default());
    holds(store);
}

fn what_is_settled_in_time_is_not_escalated(store: &dyn Store, clock: &ManualClock) {
    let asked = asked(store, &escalating(60), 1);
    clock.advance(59 * SECOND);
    say(store, clock, &asked, "os:alice").unwrap();
    clock.advance(1000 * SECOND);
    assert_eq!(sweep(store, clock), Swept::default());
    assert_eq!(events(store, &asked.0, "approval_escalated"), []);
    assert_eq!(calls_of(store, &asked.0)[0].escalates_at, None);
    // Nor is what nobody will decide any more.
    let over = self::asked(store, &escalating(60), 1);
    wait(store.cancel_run(&over.0, alice(), clock.now())).unwrap();
    clock.advance(1000 * SECOND);
    assert_eq!(sweep(store, clock), Swept::default());
    holds(store);
}

fn setting_the_clock_escalates_nothing(store: &dyn Store, clock: &ManualClock) {
    let asked = asked(store, &escalating(3600), 1);
    for jump in [7200, -100_000] {
        clock.set(jump * SECOND);
        assert_eq!(sweep(store, clock).escalated, []);
        assert!(say(store, clock, &asked, "os:carol").is_err());
    }
    clock.advance(3600 * SECOND);
    assert_eq!(sweep(store, clock).escalated.len(), 1);
    say(store, clock, &asked, "os:carol").unwrap();
    holds(store);
}

fn across_starts_of_the_machine_the_clock_counts(store: &dyn Store, clock: &ManualClock) {
    let asked = asked(store, &escalating(3600), 2);
    clock.reboot();
    clock.set(1800 * SECOND);
    assert_eq!(sweep(store, clock).next, Some(1800 * SECOND));
    assert!(say(store, clock, &asked, "os:carol").is_err());
    clock.advance(1800 * SECOND);
    assert_eq!(sweep(store, clock).escalated.len(), 2);
    say(store, clock, &asked, "os:carol").unwrap();
    holds(store);
}

fn an_edit_has_the_first_group_asked_for_the_whole_time(store: &dyn Store, clock: &ManualClock) {
    let rule =
        ApprovalRule { quorum: 2, reviewers: people(&["os:alice", "os:bob"]), ..escalating(60) };
    let asked = asked(store, &rule, 1);
    clock.advance(50 * SECOND);
    edited(store, clock, &asked, "os:alice", &rule).unwrap();
    clock.advance(50 * SECOND);
    assert_eq!(sweep(store, clock).next, Some(10 * SECOND));
    assert!(say(store, clock, &asked, "os:carol").is_err());
    clock.advance(10 * SECOND);
    assert!(say(store, clock, &asked, "os:carol").unwrap().claim.is_some());
    holds(store);
}

fn an_edit_of_an_escalated_call_stays_escalated(store: &dyn Store, clock: &ManualClock) {
    let rule = ApprovalRule { quorum: 2, ..escalating(60) };
    let asked = asked(store, &rule, 1);
    clock.advance(50 * SECOND);
    assert!(edited(store, clock, &asked, "os:carol", &rule).is_err());
    clock.advance(10 * SECOND);
    // The second group may edit; its approval of what it made counts once.
    edited(store, clock, &asked, "os:carol", &rule).unwrap();
    let call = calls_of(store, &asked.0)[0].clone();
    assert_eq!((call.voters(), call.escalated_at), (vec!["os:carol"], Some(clock.now())));
    assert!(matches!(
        conflict(say(store, clock, &asked, "os:carol")),
        Conflict::VotedBefore { .. }
    ));
    assert_eq!(events(store, &asked.0, "approval_escalated").len(), 2);
    assert_eq!(sweep(store, clock), Swept::default());
    assert!(say(store, clock, &asked, "os:alice").unwrap().claim.is_some());
    holds(store);
}

fn an_edit_may_take_the_second_group_away(store: &dyn Store, clock: &ManualClock) {
    let asked = asked(store, &escalating(60), 1);
    clock.advance(60 * SECOND);
    sweep(store, clock);
    let narrower = ApprovalRule { escalate: None, quorum: 2, ..two_of_three() };
    let narrower = ApprovalRule { reviewers: people(&["os:alice", "os:bob"]), ..narrower };
    let refused = conflict(edited(store, clock, &asked, "os:carol", &narrower));
    assert!(refused.to_string().ends_with(": os:alice or os:bob may"), "{refused}");
    edited(store, clock, &asked, "os:alice", &narrower).unwrap();
    assert!(say(store, clock, &asked, "os:carol").is_err());
    assert_eq!(calls_of(store, &asked.0)[0].escalated_at, None);
    assert!(say(store, clock, &asked, "os:bob").unwrap().claim.is_some());
    holds(store);
}

fn votes_of_both_groups_count_together(store: &dyn Store, clock: &ManualClock) {
    let rule =
        ApprovalRule { quorum: 2, reviewers: people(&["os:alice", "os:bob"]), ..escalating(60) };
    let asked = asked(store, &rule, 1);
    say(store, clock, &asked, "os:alice").unwrap();
    // A vote does not settle it.
    clock.advance(60 * SECOND);
    assert_eq!(sweep(store, clock).escalated.len(), 1);
    assert_eq!(calls_of(store, &asked.0)[0].voters(), ["os:alice"]);
    assert!(say(store, clock, &asked, "os:alice").is_err());
    assert!(say(store, clock, &asked, "os:carol").unwrap().claim.is_some());
    holds(store);
}

fn a_call_is_escalated_before_it_expires_and_never_after(store: &dyn Store, clock: &ManualClock) {
    let rule = ApprovalRule { expires_after: Some(600), ..escalating(300) };
    let (run, ..) = asked(store, &rule, 1);
    assert_eq!(sweep(store, clock).next, Some(300 * SECOND));
    clock.advance(300 * SECOND);
    let swept = sweep(store, clock);
    assert_eq!((swept.escalated.len(), swept.next), (1, Some(240 * SECOND)));
    clock.advance(240 * SECOND);
    assert_eq!(sweep(store, clock).warned.len(), 1);
    clock.advance(60 * SECOND);
    let swept = sweep(store, clock);
    assert_eq!((swept.expired.len(), swept.freed), (1, vec![run.clone()]));
    assert_eq!(run_of(store, &run).state, RunState::Interrupted);
    // Where nobody looks, the call expires and nobody is asked.
    let late = asked(store, &rule, 1);
    clock.advance(600 * SECOND);
    assert!(matches!(conflict(say(store, clock, &late, "os:carol")), Conflict::Expired { .. }));
    assert_eq!(events(store, &late.0, "approval_escalated"), []);
    // Where the machine was off, both are due: there is time left, for the second group too.
    let off = asked(store, &rule, 1);
    clock.reboot();
    clock.set(1000 * SECOND);
    let swept = sweep(store, clock);
    assert_eq!((swept.warned.len(), swept.escalated.len(), swept.expired.len()), (1, 1, 0));
    say(store, clock, &off, "os:carol").unwrap();
    holds(store);
}

fn an_unknown_call_is_escalated_too(store: &dyn Store, clock: &ManualClock) {
    let (run, calls, owner) = asked(store, &escalating(60), 1);
    clock.advance(30 * SECOND);
    let first = (run, calls, owner);
    let claim = say(store, clock, &first, "os:alice").unwrap().claim.unwrap();
    let (run, calls, owner) = first;
    wait(store.record_call_started(&claim, &calls[0], vec![], clock.now())).unwrap();
    drop(owner);
    wait(store.adopt_orphans(clock.now())).unwrap();
    assert_eq!(states(store, &run), [CallState::Unknown]);
    clock.advance(59 * SECOND);
    assert_eq!(sweep(store, clock).next, Some(SECOND));
    clock.advance(SECOND);
    assert_eq!(sweep(store, clock).escalated.len(), 1);
    let asked = (run, calls, self::owner(store));
    assert!(say(store, clock, &asked, "os:carol").unwrap().claim.is_some());
    holds(store);
}

fn only_whoever_is_named_is_added(store: &dyn Store, clock: &ManualClock) {
    let rule = ApprovalRule { not_requester: true, ..escalating(60) };
    let mut rule = ApprovalRule { reviewers: people(&["os:bob"]), ..rule };
    rule.escalate.as_mut().unwrap().reviewers = people(&["os:carol", "os:alice"]);
    let asked = asked(store, &rule, 1);
    clock.advance(60 * SECOND);
    assert_eq!(sweep(store, clock).escalated.len(), 1);
    // Whoever started the run stays excluded, in whichever group they are.
    let refused = conflict(say(store, clock, &asked, "os:alice"));
    assert!(matches!(refused, Conflict::IsRequester { .. }), "{refused}");
    assert!(refused.to_string().ends_with(": os:bob or os:carol may"), "{refused}");
    assert!(say(store, clock, &asked, "os:mallory").is_err());
    say(store, clock, &asked, "os:carol").unwrap();
}

fn many_calls_are_escalated_in_one_sweep(store: &dyn Store, clock: &ManualClock) {
    for _ in 0..3 {
        asked(store, &escalating(60), 60);
    }
    clock.advance(60 * SECOND);
    assert_eq!(sweep(store, clock).escalated.len(), 180);
    assert_eq!(sweep(store, clock), Swept::default());
    holds(store);
}

fn of_any_number_who_notice_one_writes_it_down(store: &dyn Store, clock: &ManualClock) {
    for _ in 0..4 {
        let asked = asked(store, &escalating(60), 1);
        clock.advance(60 * SECOND);
        let won: usize = std::thread::scope(|scope| {
            let asked = &asked;
            let threads: Vec<_> = (0..8)
                .map(|number| {
                    scope.spawn(move || match number % 2 {
                        0 => {
                            wait(store.sweep(clock.now())).unwrap();
                            0
                        }
                        _ => usize::from(say(store, clock, asked, "os:carol").is_ok()),
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(won, 1);
        assert_eq!(events(store, &asked.0, "approval_escalated").len(), 1);
        assert_eq!(states(store, &asked.0), [CallState::Approved]);
    }
    holds(store);
}

fn people_are_reminded_when_the_rule_says_so(store: &dyn Store, clock: &ManualClock) {
    let rule = ApprovalRule {
        expires_after: Some(600),
        remind_before: Some(400),
        ..ApprovalRule::required()
    };
    let owner = owner(store);
    let claim = create(store, &owner);
    record(store, &claim, vec![waiting_under(rule), Admission::Ready], false);
    assert_eq!(sweep(store, clock).next, Some(200 * SECOND));
    clock.advance(200 * SECOND);
    let swept = sweep(store, clock);
    assert_eq!((swept.warned.len(), swept.next), (1, Some(400 * SECOND)));
    assert_eq!(swept.warned[0].expires_at, at(601));
    assert_eq!(sweep(store, clock).warned, []);
    clock.advance(400 * SECOND);
    assert_eq!(sweep(store, clock).expired.len(), 1);
    holds(store);
}

fn people(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
