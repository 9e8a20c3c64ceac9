//! Talking to models, against a server that sends exactly these bytes.

mod anthropic;
mod every_protocol;
mod fallback;
mod gemini;
mod ollama;
mod openai_chat;
mod openai_responses;

use initrunner::domain::message::Message;
use initrunner::domain::role::{ModelSpec, Provider};
use initrunner::llm::{Model, ModelError, Timing, connect_with};
use initrunner_tests::ask::{ask, results, said, spec_of, user};
use initrunner_tests::model_stub::{Answer, ModelStub};
use std::collections::BTreeMap;
use std::time::Duration;

/// Where nobody listens: a port below 1024, which no test's server is ever given.
const NOBODY: &str = "127.0.0.1:1";

/// Waits without chance, and short enough for tests; all other limits are too long to matter.
fn quick() -> Timing {
    Timing {
        first_wait: Duration::from_millis(2),
        longest_wait: Duration::from_millis(5),
        random: || u32::MAX,
        ..Timing::default()
    }
}

fn model(spec: &ModelSpec, timing: Timing) -> Result<Box<dyn Model>, ModelError> {
    let key = |name: &str| (name == "TEST_KEY").then(|| "sk-very-secret\n".to_owned());
    connect_with(spec, &BTreeMap::new(), &key, timing)
}

/// A model of a stub, with a key.
fn spec_at(provider: Provider, stub: &ModelStub) -> ModelSpec {
    ModelSpec { api_key_env: Some("TEST_KEY".into()), ..spec_of(provider, &stub.url()) }
}

/// What a person sees of one question, with the stub's port hidden.
fn shown(provider: Provider, answers: Vec<Answer>, timing: Timing) -> String {
    let stub = ModelStub::serve(answers);
    let (shown, _) = ask(&model(&spec_at(provider, &stub), timing), &[user("hi")]);
    shown.replace(stub.address(), "STUB")
}

/// What came of two turns: an answer, then its calls' results sent back to the same model, and to
/// another one of the same protocol.
struct Turns {
    shown: String,
    /// The first request: its head in lower case, and its body.
    head: String,
    first: String,
    same: String,
    other: String,
}

/// The last of the results is an error, as a denied or expired call's is.
fn two_turns(spec: impl Fn(ModelSpec) -> ModelSpec, provider: Provider, first: Answer) -> Turns {
    let stub = ModelStub::serve(vec![first, Answer::nothing(), Answer::nothing()]);
    let spec = spec(spec_at(provider, &stub));
    let once = Timing { attempts: 1, ..quick() };
    let (shown, reply) = ask(&model(&spec, once.clone()), &[user("hi")]);
    let said = said(&reply.unwrap_or_else(|| panic!("{shown}")));
    let mut results = results(&said, "ok");
    if let Some(Message::ToolResult { content, is_error, .. }) = results.last_mut() {
        (*content, *is_error) = ("denied".to_owned(), true);
    }
    let history = [vec![user("hi"), said], results].concat();
    ask(&model(&spec, once.clone()), &history);
    ask(&model(&ModelSpec { name: "other-model".into(), ..spec }, once), &history);
    let request = stub.requests().remove(0);
    let (head, _) = request.split_once("\r\n\r\n").expect("a head");
    let bodies = stub.bodies();
    Turns {
        shown: shown.replace(stub.address(), "STUB"),
        head: head.to_lowercase().replace("\r\n", "\n").replace(stub.address(), "STUB"),
        first: bodies[0].clone(),
        same: bodies[1].clone(),
        other: bodies[2].clone(),
    }
}

/// Cuts a stream before each of its parts, within each, and after all: less than `needed` parts are no
/// answer, and asking again may help.
fn cut_everywhere(provider: Provider, begin: fn() -> Answer, parts: &[String], needed: usize) {
    let mut answers = Vec::new();
    let mut whole = Vec::new();
    for count in 0..=parts.len() {
        let sent = parts[..count].iter().fold(begin(), |answer, part| answer.then(part));
        if let Some(next) = parts.get(count) {
            let half = next.len() / 2;
            answers.push(sent.clone().then(&next.as_bytes()[..half]));
            whole.push(count >= needed);
        }
        answers.push(sent);
        whole.push(count >= needed);
    }
    let stub = ModelStub::serve(answers);
    let once = Timing { attempts: 1, ..quick() };
    let model = model(&spec_at(provider, &stub), once);
    for (number, is_whole) in whole.into_iter().enumerate() {
        let (shown, reply) = ask(&model, &[user("hi")]);
        assert_eq!(reply.is_some(), is_whole, "{provider:?}, cut {number}: {shown}");
        let told = shown.lines().last().unwrap_or_default();
        let expected = "was cut short; resume to ask again (temporary)";
        assert!(is_whole || told.ends_with(expected), "{provider:?}, cut {number}: {shown}");
    }
}

/// Events with their names, as most servers send them.
fn events(parts: &[&str]) -> Vec<String> {
    parts.iter().map(|data| format!("data: {data}\n\n")).collect()
}

/// A stream of these parts.
fn stream(parts: &[String]) -> Answer {
    parts.iter().fold(Answer::stream(), |answer, part| answer.then(part))
}
