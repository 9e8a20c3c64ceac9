//! How runs live, end, and come back as they were written down.

use super::{completed, done, spent};
use crate::fixture::*;
use initrunner::domain::client_id::ClientId;
use initrunner::domain::message::Message;
use initrunner::domain::run::RunState;
use initrunner::domain::tool_call::CallState;
use initrunner::store::{Admission, Conflict, Conversation, NewRun, Store, StoreError, StoredRun};

conformance!(
    a_run_lives_from_its_prompt_to_its_answer,
    an_interrupted_run_keeps_its_reason,
    a_cancelled_run_ends_whoever_drives_it,
    a_run_that_ended_stays_ended,
    everything_of_a_run_comes_back,
    a_new_run_is_known_as_it_would_be_read,
    what_was_said_before_comes_before_the_prompt,
    what_is_not_there_is_named,
    a_components_bytes_outlive_what_needs_them_by_a_day,
);

fn digest_of(text: &str) -> initrunner::domain::digest::Digest {
    initrunner::domain::digest::Digest::of(text.as_bytes())
}

fn a_run_lives_from_its_prompt_to_its_answer(store: &dyn Store) {
    let owner = owner(store);
    let claim = create(store, &owner);
    let run = run_of(store, &claim.run);
    assert_eq!((run.state, run.owner, run.fence), (RunState::Running, Some(owner.id().clone()), 1));

    let calls = record(store, &claim, vec![Admission::Ready], false);
    assert_eq!(wait(store.record_call_started(&claim, &calls[0], vec![], at(2))), Ok(1));
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

fn an_interrupted_run_keeps_its_reason(store: &dyn Store) {
    let owner = owner(store);
    let claim = create(store, &owner);
    let calls = record(store, &claim, vec![Admission::Ready, Admission::Ready], false);
    wait(store.record_call_started(&claim, &calls[0], vec![], at(2))).unwrap();
    wait(store.record_call_finished(&claim, &calls[0], done("1"), at(2))).unwrap();
    wait(store.interrupt_run(&claim, "the model is away".into(), spent(), at(3))).unwrap();
    let run = run_of(store, &claim.run);
    assert_eq!((run.state, run.spent), (RunState::Interrupted, spent()));
    assert_eq!(run.outcome.as_deref(), Some("the model is away"));
    let claim = wait(store.claim_run(&claim.run, owner.id(), &alice(), at(4))).unwrap();
    assert_eq!(run_of(store, &claim.run).outcome, None);
    assert_eq!(states(store, &claim.run), [CallState::Succeeded, CallState::Ready]);

    // A call that may have happened needs a person first.
    wait(store.record_call_started(&claim, &calls[1], vec![], at(5))).unwrap();
    wait(store.interrupt_run(&claim, "told to stop".into(), spent(), at(6))).unwrap();
    let run = run_of(store, &claim.run);
    assert_eq!((run.state, run.outcome.as_deref()), (RunState::Paused, Some("told to stop")));
    assert_eq!(states(store, &claim.run)[1], CallState::Unknown);
}

fn a_cancelled_run_ends_whoever_drives_it(store: &dyn Store) {
    let owner = owner(store);
    let claim = create(store, &owner);
    let calls = record(store, &claim, vec![waiting(), Admission::Ready], false);
    wait(store.record_call_started(&claim, &calls[1], vec![], at(2))).unwrap();
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

fn everything_of_a_run_comes_back(store: &dyn Store) {
    let owner = owner(store);
    let mut given = new_run();
    given.role_path =
        <std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(b"/tmp/\xff".to_vec())
            .into();
    given.prompt = "é\n'\"\0".into();
    wait(store.create_run(given.clone(), owner.id())).unwrap();
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
    let mut twice = new_run();
    twice.id = given.id;
    assert!(matches!(wait(store.create_run(twice, owner.id())), Err(StoreError::Failed { .. })));
}

fn what_was_said_before_comes_before_the_prompt(store: &dyn Store) {
    let owner = owner(store);
    let prompt = Message::User { text: "delete /tmp/scratch".into() };
    for history in [vec![], said_before(), vec![said_before().remove(1)]] {
        let given = NewRun { history: history.clone(), ..new_run() };
        let claim = wait(store.create_run(given, owner.id())).unwrap();
        let mut expected = history.clone();
        expected.push(prompt.clone());
        let read = |run: StoredRun| (run.messages, run.prompt_at);
        let given = (expected.clone(), history.len());
        assert_eq!(read(wait(store.load_run(&claim.run)).unwrap()), given);
        assert_eq!(read(wait(store.load_to_drive(&claim.run)).unwrap()), given);

        let calls = record(store, &claim, vec![waiting()], true);
        let decided = wait(store.decide(approve(&claim.run, &calls, &owner))).unwrap();
        let (messages, prompt_at) = read(*decided.run.unwrap());
        assert_eq!((&messages[..=prompt_at], prompt_at), (&*expected, history.len()));
        assert_eq!(messages.len(), expected.len() + 1);
        holds(store);
        wait(store.cancel_run(&claim.run, alice(), at(61))).unwrap();
        holds(store);
    }
    // They go with the run.
    let pruned = wait(store.prune(prune(at(90)))).unwrap();
    assert_eq!((pruned.runs, pruned.messages), (3, 6));
    holds(store);
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

fn a_components_bytes_outlive_what_needs_them_by_a_day(store: &dyn Store) {
    let owner = owner(store);
    let (digest, bytes) = component();
    let bytes = bytes.read().unwrap();
    let (first, calls) = paused(store, &owner, 1);
    let second = create(store, &owner);
    assert_eq!(wait(store.component(&digest)).unwrap().as_deref(), Some(&*bytes));
    assert_eq!(run_of(store, &first.run).components, [digest]);
    const DAY: i64 = 24 * 60 * 60;
    wait(store.end_run(&second, completed(), spent(), at(0))).unwrap();

    // The paused run still needs them, however long it waits.
    let mut other = new_run();
    other.components = vec![];
    other.at = at(3 * DAY);
    let other = wait(store.create_run(other, owner.id())).unwrap();
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
    let mut forged = new_run();
    forged.components = vec![(digest_of("other"), bytes.into_owned().into())];
    assert!(matches!(wait(store.create_run(forged, owner.id())), Err(StoreError::Failed { .. })));
}

fn a_new_run_is_known_as_it_would_be_read(store: &dyn Store) {
    let owner = owner(store);
    let check = |run: NewRun| {
        let claim = wait(store.create_run(run.clone(), owner.id())).unwrap();
        let read = wait(store.load_to_drive(&claim.run)).unwrap();
        let known = run.written(&claim).unwrap();
        assert_eq!(format!("{known:#?}"), format!("{read:#?}"));
    };
    let plain = new_run;
    check(plain());
    let texts = [
        "",
        "\0 \u{feff}\u{2028}\r\n\"\\ é \u{1f600}",
        // Sealed, and opened again for whoever drives the run.
        "it is ghp_0123456789abcdef0123456789abcdef0123, twice ghp_0123456789abcdef0123456789abcdef0123",
        "[sealed:0123456789abcdef]",
    ];
    for text in texts.map(str::to_owned) {
        let user = Message::User { text: text.clone() };
        let model = Message::Assistant { text: text.clone(), calls: vec![], raw: None };
        check(NewRun { prompt: text.clone(), ..plain() });
        check(NewRun { history: vec![user.clone(), model, user], ..plain() });
        check(NewRun {
            role_name: text.clone(),
            role_text: text.clone(),
            files: [(text.clone(), text.clone()), ("b".into(), "a".into())].into(),
            trigger: text.clone(),
            requester: text.clone(),
            reply_to: vec![text],
            ..plain()
        });
    }
    let odd = std::os::unix::ffi::OsStringExt::from_vec(b"/home/\xff\xfe/role.yaml".to_vec());
    check(NewRun { role_path: std::ffi::OsString::into(odd), components: vec![], ..plain() });
    let other = (digest_of("other"), b"other".to_vec().into());
    check(NewRun { components: vec![other.clone(), component(), other], ..plain() });
    let budgets = initrunner::domain::budget::Budgets {
        max_requests: 1,
        max_tool_calls: u32::MAX,
        max_wall_time: 7,
    };
    check(NewRun { budgets, at: at(-1_000_000), ..plain() });

    // What was said in a conversation before it, only the store knows.
    let id = ClientId::parse("c").unwrap();
    let conversation = Some(Conversation { owner: "os:alice".into(), id });
    let run = NewRun { conversation, ..plain() };
    let claim = wait(store.create_run(run.clone(), owner.id())).unwrap();
    assert!(run.written(&claim).is_none());
}
