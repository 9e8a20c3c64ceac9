//! Ollama's own chat.

use crate::{cut_everywhere, quick, shown, two_turns};
use expect_test::{Expect, expect};
use initrunner::domain::role::{ModelSpec, Provider, Sampling};
use initrunner_tests::model_stub::Answer;

pub(crate) const PARTS: [&str; 5] = [
    r#"{"model":"m","message":{"role":"assistant","content":"","thinking":"Hm, é"},"done":false}"#,
    r#"{"model":"m","message":{"role":"assistant","content":"On "},"done":false}"#,
    r#"{"model":"m","message":{"role":"assistant","content":"it."},"done":false}"#,
    r#"{"model":"m","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"shell","arguments":{"b" : 1.0,  "a":"\u00e9"}}},{"id":"call_b","function":{"index":1,"name":"note"}}]},"done":false}"#,
    r#"{"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":7,"eval_count":9}"#,
];

fn lines(parts: &[&str]) -> Vec<String> {
    parts.iter().map(|line| format!("{line}\n")).collect()
}

fn stream(parts: &[&str]) -> Answer {
    lines(parts).iter().fold(Answer::lines(), |answer, line| answer.then(line))
}

fn check(parts: &[&str], expected: &Expect) {
    expected.assert_eq(&shown(Provider::Ollama, vec![stream(parts)], quick()));
}

#[test]
fn thinking_and_calls_are_sent_back_to_the_byte() {
    let seeded = |spec: ModelSpec| {
        let sampling = Sampling { seed: Some(0), max_tokens: Some(9), ..Sampling::default() };
        ModelSpec { sampling, ..spec }
    };
    let turns = two_turns(seeded, Provider::Ollama, stream(&PARTS));
    expect![[r#"
        > "On "
        > "it."
        + shell
        + note
        call - shell {"b" : 1.0,  "a":"\u00e9"}
        call call_b note 
        = "On it." 7/9
    "#]]
    .assert_eq(&turns.shown);
    expect![[r#"
        post /api/chat http/1.1
        content-type: application/json
        accept: text/event-stream, application/json
        authorization: bearer sk-very-secret
        user-agent: initrunner/0.1.0
        host: STUB
        content-length: 277"#]]
    .assert_eq(&turns.head);
    expect![[r#"{"model":"test-model","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"hi"}],"tools":[{"type":"function","function":{"name":"shell","description":"Runs a command","parameters":{"type":"object"}}}],"stream":true,"options":{"seed":0,"num_predict":9}}"#]].assert_eq(&turns.first);
    expect![[r#"{"model":"test-model","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"hi"},{"role":"assistant","content":"On it.","thinking":"Hm, é","tool_calls":[{"function":{"name":"shell","arguments":{"b" : 1.0,  "a":"\u00e9"}}},{"id":"call_b","function":{"index":1,"name":"note"}}]},{"role":"tool","content":"ok","tool_name":"shell"},{"role":"tool","content":"denied","tool_name":"note","tool_call_id":"call_b"}],"tools":[{"type":"function","function":{"name":"shell","description":"Runs a command","parameters":{"type":"object"}}}],"stream":true,"options":{"seed":0,"num_predict":9}}"#]].assert_eq(&turns.same);
    expect![[r#"{"model":"other-model","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"hi"},{"role":"assistant","content":"On it.","tool_calls":[{"function":{"name":"shell","arguments":{"b" : 1.0,  "a":"\u00e9"}}},{"id":"call_b","function":{"name":"note","arguments":{}}}]},{"role":"tool","content":"ok","tool_name":"shell"},{"role":"tool","content":"denied","tool_name":"note","tool_call_id":"call_b"}],"tools":[{"type":"function","function":{"name":"shell","description":"Runs a command","parameters":{"type":"object"}}}],"stream":true,"options":{"seed":0,"num_predict":9}}"#]].assert_eq(&turns.other);
}

#[test]
fn a_stream_cut_anywhere_is_no_answer() {
    cut_everywhere(Provider::Ollama, Answer::lines, &lines(&PARTS), PARTS.len());
}

#[test]
fn a_last_line_needs_no_end() {
    let whole = stream(&PARTS[1..3]).then(PARTS[4]);
    expect![[r#"
        > "On "
        > "it."
        = "On it." 7/9
    "#]]
    .assert_eq(&shown(Provider::Ollama, vec![whole], quick()));
}

#[test]
fn an_answer_that_was_stopped_is_no_answer() {
    let cut = PARTS[4].replace("\"stop\"", "\"length\"");
    check(
        &[PARTS[3], &cut],
        &expect![[r#"
        + shell
        + note
        ! the model `test-model` reached its token limit within a call of `note`; raise the role's `max_tokens` (permanent)
    "#]],
    );
    check(
        &[PARTS[0], &cut],
        &expect![[r#"
        ! the model `test-model` reached its token limit before it answered; raise the role's `max_tokens` (permanent)
    "#]],
    );
    check(
        &[PARTS[1], &cut],
        &expect![[r#"
        > "On "
        = "On " 7/9
    "#]],
    );
    check(
        &[PARTS[1], r#"{"error":"an error was encountered while running the model"}"#],
        &expect![[r#"
            > "On "
            ! the model server at `http://STUB` broke off with an error: an error was encountered while running the model; resume to ask again (temporary)
        "#]],
    );
    check(
        &[r#"{"message":{"tool_calls":[{"function":{}}]}}"#],
        &expect![[r#"
        ! the answer of the model server at `http://STUB` cannot be read: it calls a tool without naming it; resume to ask again (temporary)
    "#]],
    );
    check(
        &[r#"{"models":[],"done":true}"#],
        &expect![[r#"
        ! the model server at `http://STUB` sent what is no chat of Ollama's: it has no `message`; check the role's `base_url` (temporary)
    "#]],
    );
    let page = Answer::response("200 OK", &["Content-Type: text/html"], "<!doctype html>");
    expect![[r#"
        ! the model server at `http://STUB` sent what is no chat of Ollama's: it begins with `<!doctype html>`; check the role's `base_url` (temporary)
    "#]].assert_eq(&shown(Provider::Ollama, vec![page], quick()));
    let unknown = r#"{"error":"model 'm' not found"}"#;
    let unknown = Answer::response("404 Not Found", &[], unknown);
    expect![[r#"
        ! the model server at `http://STUB` rejected the request (status 404): model 'm' not found; check the role's `model` (permanent)
    "#]].assert_eq(&shown(Provider::Ollama, vec![unknown], quick()));
}
