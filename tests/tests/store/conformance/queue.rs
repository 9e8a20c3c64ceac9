//! Runs that wait for their turn: written down by one process, begun by one.

use super::{completed, kinds, spent};
use crate::fixture::*;
use initrunner::domain::client_id::ClientId;
use initrunner::domain::digest::Digest;
use initrunner::domain::ids::RunId;
use initrunner::domain::run::RunState;
use initrunner::store::{Conflict, Conversation, Idempotency, NewRun, QueueTerms, Store, Used};

conformance!(
    a_queued_run_begins_when_it_is_claimed,
    of_many_that_claim_one_begins,
    no_more_wait_than_may,
    interrupted_runs_are_found_by_their_roles,
    the_same_event_is_one_run,
    a_conversation_keeps_its_order,
    a_queued_run_can_be_cancelled,
    a_mark_never_moves_back,
    what_a_role_used_is_added_up,
);

const TERMS: QueueTerms = QueueTerms { limit: 100, mark: None, most_since: None };

fn queue(store: &dyn Store, run: NewRun) -> RunId {
    wait(store.queue_run(run, TERMS)).unwrap()
}

fn queued(store: &dyn Store) -> Vec<RunId> {
    let found = wait(store.queued_runs(vec!["demo".into()], 10)).unwrap();
    found
        .into_iter()
        .map(|(run, role)| {
            assert_eq!(role, "demo");
            run
        })
        .collect()
}

fn state(store: &dyn Store, run: &RunId) -> RunState {
    wait(store.load_run(run)).unwrap().run.state
}

fn of_chat(prompt: &str) -> NewRun {
    let id = ClientId::parse("thread 1").unwrap();
    let conversation = Some(Conversation { owner: "telegram:chat:1".into(), id });
    NewRun { conversation, prompt: prompt.into(), ..new_run() }
}

fn a_queued_run_begins_when_it_is_claimed(store: &dyn Store) {
    let run = queue(store, new_run());
    let other = queue(store, new_run());
    assert_eq!(queued(store), [run.clone(), other.clone()]);
    assert_eq!(state(store, &run), RunState::Queued);
    // Nobody drives it, and it is none of those that somebody left.
    assert_eq!(wait(store.adopt_orphans(at(1))).unwrap(), []);
    assert_eq!(wait(store.unfinished(10)).unwrap(), []);
    let owner = owner(store);
    let claim = wait(store.claim_run(&run, owner.id(), &alice(), at(1))).unwrap();
    assert_eq!(state(store, &run), RunState::Running);
    assert_eq!(queued(store), [other]);
    // It began, and was not resumed.
    assert_eq!(kinds(store, &run), ["run_created", "run_claimed"]);
    wait(store.end_run(&claim, completed(), spent(), at(2))).unwrap();
    assert_eq!(wait(store.check_journal(Vec::new())).unwrap().broken, None);
    assert_eq!(wait(store.queued_runs(vec!["other".into()], 10)).unwrap(), []);
}

fn of_many_that_claim_one_begins(store: &dyn Store) {
    let run = queue(store, new_run());
    let owners: Vec<_> = (0..8).map(|_| owner(store)).collect();
    let claims: Vec<_> =
        owners.iter().map(|owner| store.claim_run(&run, owner.id(), &alice(), at(1))).collect();
    let won = claims.into_iter().map(wait).filter(Result::is_ok).count();
    assert_eq!(won, 1);
}

fn no_more_wait_than_may(store: &dyn Store) {
    let terms = QueueTerms { limit: 2, mark: Some(at(5)), most_since: None };
    let first = wait(store.queue_run(new_run(), terms)).unwrap();
    wait(store.queue_run(new_run(), terms)).unwrap();
    let refused = NewRun { trigger: "hourly".into(), ..new_run() };
    let full = || Conflict::QueueFull { limit: 2 };
    assert_eq!(conflict(wait(store.queue_run(refused, terms))), full());
    // What was refused has left nothing behind.
    assert_eq!(wait(store.trigger_mark("demo", "hourly")).unwrap(), None);
    // Another role's queue is its own.
    let other = NewRun { role_name: "other".into(), role_text: "name: other".into(), ..new_run() };
    wait(store.queue_run(other, terms)).unwrap();
    let owner = owner(store);
    wait(store.claim_run(&first, owner.id(), &alice(), at(1))).unwrap();
    wait(store.queue_run(new_run(), terms)).unwrap();
    // Nor are more asked for in a day.
    let until = |most| QueueTerms { limit: 10, mark: None, most_since: Some((most, at(0))) };
    assert_eq!(
        conflict(wait(store.queue_run(new_run(), until(3)))),
        Conflict::DayFull { limit: 3 }
    );
    wait(store.queue_run(new_run(), until(4))).unwrap();
    let later = QueueTerms { most_since: Some((1, at(1000))), ..until(1) };
    wait(store.queue_run(new_run(), later)).unwrap();
}

fn interrupted_runs_are_found_by_their_roles(store: &dyn Store) {
    let owner = owner(store);
    let run = queue(store, new_run());
    let found = |roles: &[&str], limit| {
        let roles = roles.iter().map(|role| (*role).to_owned()).collect();
        wait(store.interrupted_runs(roles, limit)).unwrap()
    };
    assert_eq!(found(&["demo"], 10), []);
    let claim = wait(store.claim_run(&run, owner.id(), &alice(), at(1))).unwrap();
    assert_eq!(found(&["demo"], 10), []);
    wait(store.interrupt_run(&claim, "stopped".into(), spent(), at(2))).unwrap();
    assert_eq!(found(&["demo", "other"], 10), [(run, "demo".to_owned(), new_run().trigger)]);
    assert_eq!(found(&["other"], 10), []);
    assert_eq!(found(&["demo"], 0), []);
}

fn the_same_event_is_one_run(store: &dyn Store) {
    let sent = Idempotency {
        owner: "trigger:demo/hook".into(),
        key: ClientId::parse("delivery 1").unwrap(),
        request: Digest::of(b"delivery 1"),
    };
    let event = || NewRun { idempotency: Some(sent.clone()), ..new_run() };
    let terms = QueueTerms { limit: 1, mark: None, most_since: None };
    let run = wait(store.queue_run(event(), terms)).unwrap();
    // Also where the queue is full: it is in there.
    let repeated = || Conflict::Repeated { run: run.clone() };
    assert_eq!(conflict(wait(store.queue_run(event(), terms))), repeated());
    let owner = owner(store);
    let claim = wait(store.claim_run(&run, owner.id(), &alice(), at(1))).unwrap();
    wait(store.end_run(&claim, completed(), spent(), at(2))).unwrap();
    assert_eq!(conflict(wait(store.queue_run(event(), terms))), repeated());
    assert_eq!(queued(store), []);
}

fn a_conversation_keeps_its_order(store: &dyn Store) {
    let [first, second, third] = ["one", "two", "three"].map(|text| queue(store, of_chat(text)));
    let alone = queue(store, new_run());
    assert_eq!(queued(store), [first.clone(), alone]);
    let owner = owner(store);
    let claim = |run: &RunId| wait(store.claim_run(run, owner.id(), &alice(), at(1)));
    let busy = |state| Conflict::ConversationBusy { run: first.clone(), state };
    assert_eq!(conflict(claim(&second)), busy(RunState::Queued));
    let held = claim(&first).unwrap();
    assert_eq!(conflict(claim(&second)), busy(RunState::Running));
    assert!(!queued(store).contains(&second));
    // Nor may somebody who does not queue overtake them.
    let overtaking = wait(store.create_run(of_chat("now"), owner.id()));
    assert!(matches!(conflict(overtaking), Conflict::ConversationBusy { .. }));
    let said = turn(vec![], false);
    wait(store.record_turn(&held, said)).unwrap();
    wait(store.end_run(&held, completed(), spent(), at(2))).unwrap();
    assert!(queued(store).contains(&second) && !queued(store).contains(&third));
    claim(&second).unwrap();
    // It begins with what was said in the run before it.
    let begun = wait(store.load_run(&second)).unwrap();
    assert_eq!((begun.earlier, begun.messages.len()), (2, 3));
    assert_eq!(wait(store.check_journal(Vec::new())).unwrap().broken, None);
}

fn a_queued_run_can_be_cancelled(store: &dyn Store) {
    let run = queue(store, new_run());
    wait(store.cancel_run(&run, alice(), at(1))).unwrap();
    assert_eq!(queued(store), []);
    let owner = owner(store);
    let claim = wait(store.claim_run(&run, owner.id(), &alice(), at(2)));
    assert!(matches!(conflict(claim), Conflict::Cancelled { .. }));
    assert_eq!(wait(store.check_journal(Vec::new())).unwrap().broken, None);
}

fn a_mark_never_moves_back(store: &dyn Store) {
    let read = || wait(store.trigger_mark("demo", "cli")).unwrap();
    assert_eq!(read(), None);
    let terms = QueueTerms { limit: 10, mark: Some(at(60)), most_since: None };
    wait(store.queue_run(new_run(), terms)).unwrap();
    assert_eq!(read(), Some(at(60)));
    wait(store.mark_trigger("demo", "cli", at(30))).unwrap();
    assert_eq!(read(), Some(at(60)));
    wait(store.mark_trigger("demo", "cli", at(90))).unwrap();
    assert_eq!(read(), Some(at(90)));
    assert_eq!(wait(store.trigger_mark("other", "cli")).unwrap(), None);
}

fn what_a_role_used_is_added_up(store: &dyn Store) {
    let owner = owner(store);
    let used = |since| wait(store.used_since("demo", at(since))).unwrap();
    assert_eq!(used(0), Used::default());
    for second in [10, 20, 30] {
        let run = NewRun { at: at(second), ..new_run() };
        let claim = wait(store.create_run(run, owner.id())).unwrap();
        wait(store.record_turn(&claim, turn(vec![], false))).unwrap();
    }
    let each = used(30).usage;
    assert!(each.input_tokens > 0 && each.output_tokens > 0, "{each:?}");
    assert_eq!((used(0).runs, used(20).runs, used(31).runs), (3, 2, 0));
    assert_eq!(used(20).usage.input_tokens, 2 * each.input_tokens);
    assert_eq!(wait(store.used_since("other", at(0))).unwrap(), Used::default());
}
