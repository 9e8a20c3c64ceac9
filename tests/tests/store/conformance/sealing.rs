//! Sealing: what looks like a secret is shown as a token, and is gone with its run.

use crate::fixture::*;
use initrunner::domain::approval::{Preview, PreviewFormat};
use initrunner::domain::ids::CallId;
use initrunner::domain::message::{Message, RawMessage};
use initrunner::domain::rule::ApprovalRule;
use initrunner::domain::tool_call::RefusedBy;
use initrunner::store::{Admission, Claim, NewCall, NewRun, Store, TurnRecord};

conformance!(
    what_looks_like_a_secret_is_shown_as_a_token_and_driven_as_it_was,
    a_value_is_sealed_once_and_gone_with_its_run,
    a_text_that_looks_like_a_token_stays_what_it_is,
);

const SECRET: &str = "ghp_0123456789abcdef0123456789abcdef0123";

/// A run that waits, with `text` wherever a text from outside can be.
fn paused_with(store: &dyn Store, text: &str) -> (Claim, NewRun, TurnRecord) {
    let owner = owner(store);
    let said = Message::Assistant { text: text.into(), calls: vec![], raw: None };
    let run = NewRun { prompt: text.into(), history: vec![said], ..new_run() };
    let claim = wait(store.create_run(run.clone(), owner.id())).unwrap();
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
        let prompt = Message::User { text: text.clone() };
        assert_eq!(driven.messages, [run.history[0].clone(), prompt, turn.assistant]);
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
