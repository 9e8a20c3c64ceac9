//! OpenAI's responses.

use crate::{cut_everywhere, events, quick, shown, stream, two_turns};
use expect_test::{Expect, expect};
use initrunner::domain::role::{ModelSpec, Provider, Sampling};
use initrunner_tests::model_stub::Answer;

pub(crate) const PARTS: [&str; 14] = [
    r#"{"type":"response.created","sequence_number":0,"response":{"id":"resp_1","status":"in_progress","output":[]}}"#,
    r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[]}}"#,
    r#"{"type":"response.output_item.done","output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[ ],"encrypted_content":"gAAAAB+/é==","n":1.0}}"#,
    r#"{"type":"response.output_item.added","output_index":1,"item":{"id":"msg_1","type":"message","content":[]}}"#,
    r#"{"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"On "}"#,
    r#"{"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"it."}"#,
    r#"{"type":"response.output_item.done","output_index":1,"item":{"id":"msg_1","type":"message","role":"assistant","content":[{"type":"output_text","text":"On it.","annotations":[]}]}}"#,
    r#"{"type":"response.output_item.added","output_index":2,"item":{"id":"fc_1","type":"function_call","call_id":"call_a","name":"shell","arguments":""}}"#,
    r#"{"type":"response.function_call_arguments.delta","output_index":2,"delta":"{\"b\" : 1.0,"}"#,
    r#"{"type":"response.output_item.added","output_index":3,"item":{"id":"fc_2","type":"function_call","call_id":"call_b","name":"note","arguments":""}}"#,
    r#"{"type":"response.output_item.done","output_index":3,"item":{"id":"fc_2","type":"function_call","call_id":"call_b","name":"note","arguments":""}}"#,
    r#"{"type":"response.function_call_arguments.done","output_index":2,"arguments":"{\"b\" : 1.0,  \"a\":\"\\u00e9\"}"}"#,
    r#"{"type":"response.output_item.done","output_index":2,"item":{"id":"fc_1" , "type":"function_call","status":"completed","call_id":"call_a","name":"shell","arguments":"{\"b\" : 1.0,  \"a\":\"\\u00e9\"}"}}"#,
    r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[],"usage":{"input_tokens":7,"input_tokens_details":{"cached_tokens":3},"output_tokens":9}}}"#,
];

fn check(parts: &[&str], expected: &Expect) {
    expected.assert_eq(&shown(Provider::OpenAiResponses, vec![stream(&events(parts))], quick()));
}

#[test]
fn reasoning_text_and_calls_are_sent_back_in_their_order_and_to_the_byte() {
    let tries = |spec: ModelSpec| {
        let sampling = Sampling {
            reasoning_effort: Some("low".into()),
            max_tokens: Some(100),
            ..Sampling::default()
        };
        ModelSpec { sampling, ..spec }
    };
    let turns = two_turns(tries, Provider::OpenAiResponses, stream(&events(&PARTS)));
    expect![[r#"
        > "On "
        > "it."
        + shell
        + note
        call call_a shell {"b" : 1.0,  "a":"\u00e9"}
        call call_b note 
        = "On it." 7/9
    "#]]
    .assert_eq(&turns.shown);
    expect![[r#"
        post /responses http/1.1
        content-type: application/json
        accept: text/event-stream, application/json
        authorization: bearer sk-very-secret
        user-agent: initrunner/0.1.0
        host: STUB
        content-length: 335"#]]
    .assert_eq(&turns.head);
    expect![[r#"{"model":"test-model","instructions":"Be brief.","input":[{"role":"user","content":"hi"}],"tools":[{"type":"function","name":"shell","description":"Runs a command","parameters":{"type":"object"},"strict":false}],"reasoning":{"effort":"low"},"max_output_tokens":100,"store":false,"include":["reasoning.encrypted_content"],"stream":true}"#]].assert_eq(&turns.first);
    expect![[r#"{"model":"test-model","instructions":"Be brief.","input":[{"role":"user","content":"hi"},{"id":"rs_1","type":"reasoning","summary":[ ],"encrypted_content":"gAAAAB+/é==","n":1.0},{"id":"msg_1","type":"message","role":"assistant","content":[{"type":"output_text","text":"On it.","annotations":[]}]},{"id":"fc_1" , "type":"function_call","status":"completed","call_id":"call_a","name":"shell","arguments":"{\"b\" : 1.0,  \"a\":\"\\u00e9\"}"},{"id":"fc_2","type":"function_call","call_id":"call_b","name":"note","arguments":"{}"},{"type":"function_call_output","call_id":"call_a","output":"ok"},{"type":"function_call_output","call_id":"call_b","output":"denied"}],"tools":[{"type":"function","name":"shell","description":"Runs a command","parameters":{"type":"object"},"strict":false}],"reasoning":{"effort":"low"},"max_output_tokens":100,"store":false,"include":["reasoning.encrypted_content"],"stream":true}"#]].assert_eq(&turns.same);
    expect![[r#"{"model":"other-model","instructions":"Be brief.","input":[{"role":"user","content":"hi"},{"role":"assistant","content":"On it."},{"type":"function_call","call_id":"call_a","name":"shell","arguments":"{\"b\" : 1.0,  \"a\":\"\\u00e9\"}"},{"type":"function_call","call_id":"call_b","name":"note","arguments":"{}"},{"type":"function_call_output","call_id":"call_a","output":"ok"},{"type":"function_call_output","call_id":"call_b","output":"denied"}],"tools":[{"type":"function","name":"shell","description":"Runs a command","parameters":{"type":"object"},"strict":false}],"reasoning":{"effort":"low"},"max_output_tokens":100,"store":false,"include":["reasoning.encrypted_content"],"stream":true}"#]].assert_eq(&turns.other);
}

#[test]
fn reasoning_that_came_without_its_content_is_not_sent_back() {
    let bare = PARTS[2].replace(r#","encrypted_content":"gAAAAB+/é==""#, "");
    let parts = [&[PARTS[0], &bare], &PARTS[3..]].concat();
    let turns = two_turns(|spec| spec, Provider::OpenAiResponses, stream(&events(&parts)));
    assert!(!turns.same.contains("rs_1"), "{}", turns.same);
    assert_eq!(turns.same.replace("test-model", "other-model"), turns.other);
}

#[test]
fn a_stream_cut_anywhere_is_no_answer() {
    let parts = events(&PARTS);
    cut_everywhere(Provider::OpenAiResponses, Answer::stream, &parts, parts.len());
}

#[test]
fn an_answer_that_the_provider_stopped_is_no_answer() {
    let end = |reason: &str| {
        format!(
            r#"{{"type":"response.incomplete","response":{{"incomplete_details":{{"reason":"{reason}"}}}}}}"#
        )
    };
    let text = &PARTS[3..7];
    check(
        &[PARTS[7], &end("max_output_tokens")],
        &expect![[r#"
        + shell
        ! the model `test-model` reached its token limit within a call of `shell`; raise the role's `max_tokens` (permanent)
    "#]],
    );
    check(
        &[PARTS[0], &end("max_output_tokens")],
        &expect![[r#"
        ! the model `test-model` reached its token limit before it answered; raise the role's `max_tokens` (permanent)
    "#]],
    );
    check(
        &[text, &[&end("max_output_tokens")]].concat(),
        &expect![[r#"
        > "On "
        > "it."
        = "On it." 0/0
    "#]],
    );
    check(
        &[text, &[&end("content_filter")]].concat(),
        &expect![[r#"
        > "On "
        > "it."
        ! the provider's content filter stopped the answer of the model `test-model`; ask in other words (permanent)
    "#]],
    );
    check(
        &[PARTS[7], PARTS[13]],
        &expect![[r#"
        + shell
        ! the answer of the model server at `http://STUB` cannot be read: it ended within an item; resume to ask again (temporary)
    "#]],
    );
    let failed = r#"{"type":"response.failed","response":{"error":{"code":"server_error","message":"The server had an error"}}}"#;
    check(
        &[PARTS[0], failed],
        &expect![[r#"
        ! the model server at `http://STUB` broke off with an error: The server had an error; resume to ask again (temporary)
    "#]],
    );
    check(
        &[r#"{"type":"error","code":"x","message":"Too much","param":null}"#],
        &expect![[r#"
        ! the model server at `http://STUB` broke off with an error: Too much; resume to ask again (temporary)
    "#]],
    );
    check(
        &[r#"{"choices":[]}"#],
        &expect![[r#"
        ! the answer of the model server at `http://STUB` cannot be read: `{"choices":[]}` is not as the protocol has it; resume to ask again (temporary)
    "#]],
    );
}

#[test]
fn a_server_that_does_not_stream_is_understood() {
    let body = r#"{"id":"r","status":"completed","error":null,"output":[{"type":"message","content":[{"type":"output_text","text":"Hi"},{"type":"refusal","refusal":"!"}]},{"type":"function_call","call_id":"a","name":"shell","arguments":"{\"b\" : 1.0}"}],"usage":{"input_tokens":1,"output_tokens":2}}"#;
    let whole = |body: &str| Answer::response("200 OK", &["Content-Type: application/json"], body);
    let shown = |body| shown(Provider::OpenAiResponses, vec![whole(body)], quick());
    expect![[r#"
        > "Hi!"
        + shell
        call a shell {"b" : 1.0}
        = "Hi!" 1/2
    "#]]
    .assert_eq(&shown(body));
    expect![[r#"
        ! the model server at `http://STUB` broke off with an error: no; resume to ask again (temporary)
    "#]].assert_eq(&shown(r#"{"error":{"message":"no"}}"#));
    expect![[r#"
        ! the model server at `http://STUB` sent what is no response of OpenAI's: it has no `response`; check the role's `base_url` (temporary)
    "#]].assert_eq(&shown(r#"{"models":[]}"#));
}
