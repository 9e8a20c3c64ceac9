//! Messages to people outside: which are kept, and when each is sent again.

use super::{SECOND, escalating, sweep, within};
use crate::fixture::*;
use initrunner::domain::clock::{Clock, ManualClock};
use initrunner::domain::ids::CallId;
use initrunner::domain::outbox::{LEASE, MessageKind};
use initrunner::domain::rule::{ApprovalRule, OnExpiry};
use initrunner::store::{Admission, Claim, OutboxMessage, RunEnd, Store, StoreError};

conformance_in_time!(
    what_nobody_waits_for_is_not_kept,
    what_becomes_of_a_run_is_kept_for_its_address,
    a_message_is_given_to_one_sender_at_a_time,
    a_message_whose_sender_died_is_sent_again_under_the_same_key,
    a_message_that_cannot_be_sent_is_tried_later_and_later,
    each_address_is_told_and_knows_what_it_was_told_before,
    that_a_second_group_is_asked_is_told_once,
);

/// A paused run of somebody who waits for an answer elsewhere.
fn addressed(store: &dyn Store, calls: Vec<Admission>) -> (Claim, Vec<CallId>) {
    let owner = owner(store);
    let mut run = new_run();
    run.reply_to = vec!["demo/slack/C123/456".into()];
    let claim = wait(store.create_run(run, owner.id())).unwrap();
    let calls = record(store, &claim, calls, true);
    (claim, calls)
}

fn due(store: &dyn Store, clock: &ManualClock) -> Vec<OutboxMessage> {
    wait(store.due_messages(vec!["demo".into()], 10, clock.now())).unwrap()
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
    assert!(messages.iter().all(|message| message.address == "demo/slack/C123/456"));
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
    wait(store.mark_delivered(message.n, None, clock.now())).unwrap();
    clock.advance(1000 * 3600 * SECOND);
    assert_eq!(due(store, clock), []);
    // Twice is once, and what is delivered does not fail any more.
    wait(store.mark_delivered(message.n, None, clock.now())).unwrap();
    wait(store.mark_failed(message.n, "late", clock.now())).unwrap();
    clock.advance(1000 * 3600 * SECOND);
    assert_eq!(due(store, clock), []);
    let none = wait(store.mark_delivered(99, None, clock.now()));
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

fn each_address_is_told_and_knows_what_it_was_told_before(store: &dyn Store, clock: &ManualClock) {
    let owner = owner(store);
    let mut run = new_run();
    run.reply_to = ["demo/slack/C123/456", "demo/mail/", "other/slack/C9"].map(Into::into).into();
    let claim = wait(store.create_run(run, owner.id())).unwrap();
    let calls = record(store, &claim, vec![waiting()], true);
    let asked = due(store, clock);
    let told = |messages: &[OutboxMessage]| -> Vec<(String, usize)> {
        messages.iter().map(|it| (it.address.clone(), it.posted.len())).collect()
    };
    // Those of another role are another sender's.
    assert_eq!(told(&asked), [("demo/slack/C123/456".into(), 0), ("demo/mail/".into(), 0)]);
    assert_ne!(asked[0].key, asked[1].key);
    let receipt = Some("C123:789".to_owned());
    wait(store.mark_delivered(asked[0].n, receipt, clock.now())).unwrap();
    wait(store.mark_delivered(asked[1].n, None, clock.now())).unwrap();
    wait(store.decide(approve(&claim.run, &calls, &owner))).unwrap();
    clock.advance(60 * SECOND);
    let decided = due(store, clock);
    assert_eq!(told(&decided), [("demo/slack/C123/456".into(), 1), ("demo/mail/".into(), 0)]);
    assert_eq!(decided[0].posted[0].kind, MessageKind::Paused);
    assert_eq!(decided[0].posted[0].receipt, "C123:789");
}

fn that_a_second_group_is_asked_is_told_once(store: &dyn Store, clock: &ManualClock) {
    let rule = escalating(60);
    let (first, calls) = addressed(store, vec![waiting_under(rule.clone())]);
    clock.advance(60 * SECOND);
    sweep(store, clock);
    let mut request = approve(&first.run, &calls, &owner(store));
    // The editor is one of the second group, and another one is needed: who is asked knows it already.
    request.resolver = person("os:carol");
    request.at = clock.now();
    request.decisions[0].edit = Some(edit("ls", ApprovalRule { quorum: 2, ..rule }));
    wait(store.decide(request)).unwrap();
    let messages = due(store, clock);
    let told: Vec<(MessageKind, &str)> = messages.iter().map(|it| (it.kind, &*it.body)).collect();
    let call = &calls[0];
    assert_eq!(
        told,
        [
            (MessageKind::Paused, &*format!(r#"{{"calls":["{call}"]}}"#)),
            (MessageKind::Escalated, &*format!(r#"{{"call":"{call}"}}"#)),
            (MessageKind::Decided, &*format!(r#"{{"by":"os:carol","call":"{call}","have":1}}"#)),
        ]
    );
}
