//! Conversations: each run begins with what was said in those before it.

use super::{completed, done, spent};
use crate::fixture::*;
use initrunner::domain::client_id::ClientId;
use initrunner::domain::ids::RunId;
use initrunner::domain::message::{Message, RawMessage};
use initrunner::domain::run::RunState;
use initrunner::store::owner::Owner;
use initrunner::store::{
    Admission, Claim, Conflict, Conversation, ConversationRecord, NewRun, PruneRequest, RunEnd,
    Store, StoredRun, TurnRecord,
};

conformance!(
    a_run_begins_with_all_that_was_said_before,
    one_run_of_a_conversation_goes_on_at_a_time,
    a_conversation_is_its_owners_and_its_roles,
    no_call_of_an_earlier_run_is_left_without_a_result,
    what_was_sealed_in_an_earlier_run_stays_so,
    a_conversation_is_pruned_whole_or_not_at_all,
    a_long_conversation_goes_over_the_limit_of_pruning_alone,
);

fn named(owner: &str, id: &str) -> Conversation {
    Conversation { owner: owner.into(), id: ClientId::parse(id).unwrap() }
}

fn chat() -> Conversation {
    named("key:web", "chat 1")
}

fn next(conversation: &Conversation, prompt: &str) -> NewRun {
    NewRun { conversation: Some(conversation.clone()), prompt: prompt.into(), ..new_run() }
}

fn user(text: &str) -> Message {
    Message::User { text: text.into() }
}

fn answer(text: &str) -> Message {
    Message::Assistant { text: text.into(), calls: vec![], raw: None }
}

/// A run of the conversation that answers at once.
fn asked(
    store: &dyn Store,
    owner: &Owner,
    chat: &Conversation,
    prompt: &str,
    second: i64,
) -> RunId {
    let claim = wait(store.create_run(next(chat, prompt), owner.id())).unwrap();
    let said = TurnRecord { assistant: answer(&format!("re: {prompt}")), ..turn(vec![], false) };
    wait(store.record_turn(&claim, said)).unwrap();
    wait(store.end_run(&claim, completed(), spent(), at(second))).unwrap();
    claim.run
}

fn load(store: &dyn Store, run: &RunId) -> StoredRun {
    wait(store.load_run(run)).unwrap()
}

fn of(store: &dyn Store, chat: &Conversation) -> Option<ConversationRecord> {
    wait(store.conversation("demo", chat)).unwrap()
}

fn a_run_begins_with_all_that_was_said_before(store: &dyn Store) {
    let owner = owner(store);
    assert_eq!(of(store, &chat()), None);
    // A run that called something, and was given messages of its own.
    let first = NewRun { history: said_before(), ..next(&chat(), "first") };
    let claim = wait(store.create_run(first, owner.id())).unwrap();
    let calls = record(store, &claim, vec![Admission::Ready], false);
    wait(store.record_call_started(&claim, &calls[0], vec![], at(2))).unwrap();
    wait(store.record_call_finished(&claim, &calls[0], done("gone"), at(3))).unwrap();
    wait(store.tell_results(&claim, vec![result(&calls[0], "gone")], at(4))).unwrap();
    let said = TurnRecord { assistant: answer("Deleted."), ..turn(vec![], false) };
    wait(store.record_turn(&claim, said)).unwrap();
    wait(store.end_run(&claim, completed(), spent(), at(5))).unwrap();
    let whole = load(store, &claim.run);
    assert_eq!((whole.earlier, whole.prompt_at, whole.messages.len()), (0, 2, 6));
    assert_eq!(whole.run.conversation.as_deref(), Some("chat 1"));
    let latest = ConversationRecord {
        latest: claim.run.clone(),
        state: RunState::Completed,
        runs: 1,
        user_turns: 2,
    };
    assert_eq!(of(store, &chat()), Some(latest));

    // A run of no conversation, and one of another, are no part of it.
    create(store, &owner);
    asked(store, &owner, &named("key:web", "chat 2"), "else", 5);

    let second = NewRun { history: vec![user("by the way")], ..next(&chat(), "second") };
    let claim = wait(store.create_run(second, owner.id())).unwrap();
    let mut expected = whole.messages.clone();
    expected.extend([user("by the way"), user("second")]);
    for read in [load(store, &claim.run), wait(store.load_to_drive(&claim.run)).unwrap()] {
        assert_eq!((read.earlier, read.prompt_at), (6, 7));
        assert_eq!(read.messages, expected);
        assert!(read.calls.is_empty(), "a call of another run");
    }
    let calls = record(store, &claim, vec![waiting()], true);
    let waits = of(store, &chat()).unwrap();
    assert_eq!((waits.latest, waits.state), (claim.run.clone(), RunState::Paused));
    assert_eq!((waits.runs, waits.user_turns), (2, 4));
    assert_eq!(wait(store.load_turn(&claim.run)).unwrap().messages, []);

    // What a decision gives is driven on as it is.
    let decided = wait(store.decide(approve(&claim.run, &calls, &owner))).unwrap();
    let driven = *decided.run.unwrap();
    assert_eq!((&driven.messages[..8], driven.earlier, driven.prompt_at), (&*expected, 6, 7));
    wait(store.end_run(&decided.claim.unwrap(), completed(), spent(), at(70))).unwrap();

    let third = asked(store, &owner, &chat(), "third", 71);
    let third = load(store, &third);
    let second = load(store, &claim.run).messages;
    // The result of its call was not told; the run that follows is told it.
    assert_eq!((&third.messages[..9], third.earlier), (&*second, 10));
    assert_eq!(third.messages[10..], [user("third"), answer("re: third")]);
    assert_eq!(third.run.prompt, "third");
    // Nothing was copied: the second run has its own message, and one that the client gave.
    holds(store);
    let pruned = wait(store.prune(PruneRequest { dry_run: true, ..prune(at(90)) })).unwrap();
    assert_eq!((pruned.runs, pruned.messages), (4, 5 + 1 + 2 + 1));
}

fn one_run_of_a_conversation_goes_on_at_a_time(store: &dyn Store) {
    let owner = owner(store);
    let busy = |run: &RunId, state| Conflict::ConversationBusy { run: run.clone(), state };
    let refused =
        |prompt: &str| conflict(wait(store.create_run(next(&chat(), prompt), owner.id())));
    let claim = wait(store.create_run(next(&chat(), "first"), owner.id())).unwrap();
    assert_eq!(refused("second"), busy(&claim.run, RunState::Running));
    let calls = record(store, &claim, vec![waiting()], true);
    assert_eq!(refused("second"), busy(&claim.run, RunState::Paused));
    let said = refused("second").to_string();
    assert!(said.ends_with("is paused; send the next message when it has ended"), "{said}");
    let decided = wait(store.decide(deny(&claim.run, &calls, &owner))).unwrap();
    let claim = decided.claim.unwrap();
    wait(store.interrupt_run(&claim, "stopped".into(), spent(), at(61))).unwrap();
    assert_eq!(refused("second"), busy(&claim.run, RunState::Interrupted));
    // What was refused is not a part of it.
    let known = of(store, &chat()).unwrap();
    assert_eq!((known.latest, known.runs, known.user_turns), (claim.run.clone(), 1, 1));
    assert_eq!(wait(store.runs(10)).unwrap().len(), 1);
    wait(store.cancel_run(&claim.run, alice(), at(62))).unwrap();

    let all: Vec<_> =
        (0..10).map(|_| store.create_run(next(&chat(), "second"), owner.id())).collect();
    let answers: Vec<_> = all.into_iter().map(wait).collect();
    let claims: Vec<&Claim> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
    assert_eq!(claims.len(), 1);
    let run = claims[0].run.clone();
    let others = answers.into_iter().filter_map(Result::err);
    assert!(others.into_iter().all(|error| error == busy(&run, RunState::Running).into()));
    holds(store);
}

fn a_conversation_is_its_owners_and_its_roles(store: &dyn Store) {
    let owner = owner(store);
    asked(store, &owner, &chat(), "mine", 5);
    for other in [named("key:ci", "chat 1"), named("key:web", "chat 2")] {
        assert_eq!(of(store, &other), None);
        let run = asked(store, &owner, &other, "other", 6);
        assert_eq!(load(store, &run).messages[0], user("other"));
    }
    let mut role = next(&chat(), "another role");
    role.role_name = "deploy".into();
    let claim = wait(store.create_run(role, owner.id())).unwrap();
    assert_eq!(load(store, &claim.run).messages, [user("another role")]);
    assert_eq!(of(store, &chat()).unwrap().runs, 1);
    let deploy = wait(store.conversation("deploy", &chat())).unwrap().unwrap();
    assert_eq!((deploy.latest, deploy.state), (claim.run, RunState::Running));
    // The role's text may change from one run to the next.
    let mut changed = next(&chat(), "after a change");
    changed.role_text.push_str("description: another\n");
    let claim = wait(store.create_run(changed, owner.id())).unwrap();
    assert_eq!(load(store, &claim.run).messages[0], user("mine"));
    holds(store);
}

fn no_call_of_an_earlier_run_is_left_without_a_result(store: &dyn Store) {
    let owner = owner(store);
    // One that waits, one that is done, one that has begun.
    let begin = |conversation: &Conversation| {
        let claim = wait(store.create_run(next(conversation, "first"), owner.id())).unwrap();
        let admissions = vec![waiting(), Admission::Ready, Admission::Ready];
        let calls = record(store, &claim, admissions, false);
        for call in &calls[1..] {
            wait(store.record_call_started(&claim, call, vec![], at(2))).unwrap();
        }
        wait(store.record_call_finished(&claim, &calls[1], done("gone"), at(3))).unwrap();
        (claim, calls)
    };
    let (failed, cancelled) = (named("key:web", "failed"), named("key:web", "cancelled"));
    let (claim, mut calls) = begin(&failed);
    wait(store.end_run(&claim, RunEnd::Failed { error: "no".into() }, spent(), at(4))).unwrap();
    let (claim, more) = begin(&cancelled);
    wait(store.cancel_run(&claim.run, alice(), at(4))).unwrap();
    calls.extend(more);
    for (conversation, calls) in [(failed, &calls[..3]), (cancelled, &calls[3..])] {
        let claim = wait(store.create_run(next(&conversation, "second"), owner.id())).unwrap();
        let read = load(store, &claim.run);
        assert_eq!((read.earlier, read.messages.len()), (5, 6));
        let told = &read.messages[2..5];
        for ((message, call), (said, failed)) in told.iter().zip(calls).zip([
            ("was not executed: the run that asked for it ended first", true),
            ("gone", false),
            ("the outcome of this call is not known", true),
        ]) {
            let Message::ToolResult { call: id, tool, content, is_error, provider_id } = message
            else {
                panic!("{message:?}")
            };
            assert_eq!((id, tool.as_str(), *is_error), (call, "shell", failed));
            assert_eq!(provider_id.as_deref(), Some("call_abc"));
            assert!(content.contains(said), "{content}");
        }
    }
    holds(store);
}

fn what_was_sealed_in_an_earlier_run_stays_so(store: &dyn Store) {
    const SECRET: &str = "ghp_0123456789abcdef0123456789abcdef0123";
    let owner = owner(store);
    let claim = wait(store.create_run(next(&chat(), SECRET), owner.id())).unwrap();
    let raw =
        |text: &str| Some(RawMessage { api: "a".into(), model: "m".into(), json: text.into() });
    for said in [SECRET, "no secret"] {
        let assistant = Message::Assistant { text: said.into(), calls: vec![], raw: raw(said) };
        wait(store.record_turn(&claim, TurnRecord { assistant, ..turn(vec![], false) })).unwrap();
    }
    wait(store.end_run(&claim, completed(), spent(), at(5))).unwrap();
    let token = load(store, &claim.run).run.prompt;
    assert!(token.starts_with("[sealed:"), "{token}");

    let claim = wait(store.create_run(next(&chat(), SECRET), owner.id())).unwrap();
    let read = wait(store.load_to_drive(&claim.run)).unwrap();
    let plain =
        Message::Assistant { text: "no secret".into(), calls: vec![], raw: raw("no secret") };
    // A message of the provider's own that it did not write is not sent back to it.
    let expected = [user(&token), answer(&token), plain, user(SECRET)];
    assert_eq!(read.messages, expected);
    let shown = load(store, &claim.run).messages;
    assert_eq!(shown[..3], expected[..3]);
    assert_ne!(shown[3], expected[3]);
    // Whoever repeats the token says no more than it.
    let repeats = TurnRecord { assistant: answer(&token), ..turn(vec![], false) };
    wait(store.record_turn(&claim, repeats)).unwrap();
    assert_eq!(wait(store.load_to_drive(&claim.run)).unwrap().messages[4], answer(&token));
    holds(store);
}

fn a_conversation_is_pruned_whole_or_not_at_all(store: &dyn Store) {
    let owner = owner(store);
    let (long, short) = (chat(), named("key:web", "short"));
    let first = asked(store, &owner, &long, "one", 1);
    asked(store, &owner, &short, "one", 2);
    asked(store, &owner, &long, "two", 20);
    let waits =
        wait(store.create_run(next(&named("key:web", "waits"), "one"), owner.id())).unwrap();
    record(store, &waits, vec![waiting()], true);

    // The later run of the long one is not old enough, so that the earlier one stays, too.
    let pruned = wait(store.prune(prune(at(10)))).unwrap();
    assert_eq!((pruned.runs, pruned.messages), (1, 1));
    assert_eq!((of(store, &short), of(store, &long).map(|it| it.runs)), (None, Some(2)));
    holds(store);
    let third = asked(store, &owner, &long, "three", 30);
    assert_eq!(load(store, &third).messages.len(), 6);
    // It begins anew.
    let again = asked(store, &owner, &short, "again", 31);
    assert_eq!(load(store, &again).messages, [user("again"), answer("re: again")]);

    assert_eq!(wait(store.prune(prune(at(31)))).unwrap().runs, 3);
    assert_eq!(of(store, &long), None);
    assert_eq!(wait(store.find_runs(first.as_str())).unwrap(), []);
    assert!(of(store, &short).is_some());
    assert_eq!(of(store, &named("key:web", "waits")).map(|it| it.state), Some(RunState::Paused));
    holds(store);
}

fn a_long_conversation_goes_over_the_limit_of_pruning_alone(store: &dyn Store) {
    let owner = owner(store);
    for run in 0..5 {
        asked(store, &owner, &chat(), "long", run);
    }
    asked(store, &owner, &named("key:web", "other"), "other", 6);
    for _ in 0..3 {
        let claim = create(store, &owner);
        wait(store.end_run(&claim, completed(), spent(), at(7))).unwrap();
    }
    let limited = |limit| PruneRequest { limit, ..prune(at(90)) };
    for (limit, expected) in [(2, 2), (2, 6), (2, 1), (2, 0)] {
        assert_eq!(wait(store.prune(limited(limit))).unwrap().runs, expected);
        holds(store);
    }
}
