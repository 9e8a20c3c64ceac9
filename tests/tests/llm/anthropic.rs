//! Anthropic's messages.

use crate::{cut_everywhere, events, quick, shown, stream, two_turns};
use expect_test::{Expect, expect};
use initrunner::domain::role::{ModelSpec, Provider, Sampling};
use initrunner_tests::model_stub::Answer;

pub(crate) const PARTS: [&str; 19] = [
    r#"{"type":"message_start","message":{"id":"msg_1","role":"assistant","content":[],"usage":{"input_tokens":5,"cache_creation_input_tokens":10,"cache_read_input_tokens":100,"output_tokens":1}}}"#,
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm, é\n"}}"#,
    r#"{"type":"ping"}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"EqQBCgIYAhIM+/="}}"#,
    r#"{"type":"content_block_stop","index":0}"#,
    r#"{"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"EmwKAhgBEgy3va3 ==" , "n":1.0}}"#,
    r#"{"type":"content_block_stop","index":1}"#,
    r#"{"type":"content_block_start","index":2,"content_block":{"type":"text","text":""}}"#,
    r#"{"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":"On it."}}"#,
    r#"{"type":"content_block_stop","index":2}"#,
    r#"{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"toolu_1","name":"shell","input":{}}}"#,
    r#"{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"{\"b\" : 1.0,  \"a\""}}"#,
    r#"{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":":\"\\u00e9\"}"}}"#,
    r#"{"type":"content_block_stop","index":3}"#,
    r#"{"type":"content_block_start","index":4,"content_block":{"type":"tool_use","id":"toolu_2","name":"note","input":{}}}"#,
    r#"{"type":"content_block_stop","index":4}"#,
    r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":42}}"#,
    r#"{"type":"message_stop"}"#,
];

fn check(parts: &[&str], expected: &Expect) {
    expected.assert_eq(&shown(Provider::Anthropic, vec![stream(&events(parts))], quick()));
}

#[test]
fn thinking_text_and_calls_are_sent_back_in_their_order_and_to_the_byte() {
    let thinks = |spec: ModelSpec| {
        let sampling = Sampling {
            thinking_tokens: Some(2048),
            stop: vec!["END".into()],
            ..Sampling::default()
        };
        ModelSpec { sampling, ..spec }
    };
    let turns = two_turns(thinks, Provider::Anthropic, stream(&events(&PARTS)));
    expect![[r#"
        > "On it."
        + shell
        + note
        call toolu_1 shell {"b" : 1.0,  "a":"\u00e9"}
        call toolu_2 note {}
        = "On it." 115/42
    "#]]
    .assert_eq(&turns.shown);
    expect![[r#"
        post /v1/messages http/1.1
        content-type: application/json
        accept: text/event-stream, application/json
        anthropic-version: 2023-06-01
        x-api-key: sk-very-secret
        user-agent: initrunner/0.1.0
        host: STUB
        content-length: 411"#]]
    .assert_eq(&turns.head);
    expect![[r#"{"model":"test-model","max_tokens":10240,"system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}],"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"tools":[{"name":"shell","description":"Runs a command","input_schema":{"type":"object"},"cache_control":{"type":"ephemeral"}}],"thinking":{"type":"enabled","budget_tokens":2048},"stop_sequences":["END"],"stream":true}"#]].assert_eq(&turns.first);
    // With its thinking and its signature, and told of both calls in one turn.
    expect![[r#"{"model":"test-model","max_tokens":10240,"system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}],"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]},{"role":"assistant","content":[{"type":"thinking","thinking":"Hm, é\n","signature":"EqQBCgIYAhIM+/="},{"type":"redacted_thinking","data":"EmwKAhgBEgy3va3 ==" , "n":1.0},{"type":"text","text":"On it."},{"type":"tool_use","id":"toolu_1","name":"shell","input":{"b" : 1.0,  "a":"\u00e9"}},{"type":"tool_use","id":"toolu_2","name":"note","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"ok"},{"type":"tool_result","tool_use_id":"toolu_2","content":"denied","is_error":true}]}],"tools":[{"name":"shell","description":"Runs a command","input_schema":{"type":"object"},"cache_control":{"type":"ephemeral"}}],"thinking":{"type":"enabled","budget_tokens":2048},"stop_sequences":["END"],"stream":true}"#]].assert_eq(&turns.same);
    // Another model gets neither, and may then not think within this turn.
    expect![[r#"{"model":"other-model","max_tokens":10240,"system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}],"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]},{"role":"assistant","content":[{"type":"text","text":"On it."},{"type":"tool_use","id":"toolu_1","name":"shell","input":{"b" : 1.0,  "a":"\u00e9"}},{"type":"tool_use","id":"toolu_2","name":"note","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"ok"},{"type":"tool_result","tool_use_id":"toolu_2","content":"denied","is_error":true}]}],"tools":[{"name":"shell","description":"Runs a command","input_schema":{"type":"object"},"cache_control":{"type":"ephemeral"}}],"stop_sequences":["END"],"stream":true}"#]].assert_eq(&turns.other);
}

#[test]
fn a_stream_cut_anywhere_is_no_answer() {
    let parts = events(&PARTS);
    cut_everywhere(Provider::Anthropic, Answer::stream, &parts, parts.len());
}

#[test]
fn an_answer_that_the_provider_stopped_is_no_answer() {
    let end = |reason: &str| {
        format!(r#"{{"type":"message_delta","delta":{{"stop_reason":"{reason}"}},"usage":{{}}}}"#)
    };
    let call = [PARTS[0], PARTS[15], PARTS[16]];
    let text = [PARTS[0], PARTS[8], PARTS[9], PARTS[10]];
    check(
        &[&call[..], &[&end("max_tokens"), PARTS[18]]].concat(),
        &expect![[r#"
        + note
        ! the model `test-model` reached its token limit within a call of `note`; raise the role's `max_tokens` (permanent)
    "#]],
    );
    check(
        &[PARTS[0], &end("max_tokens"), PARTS[18]],
        &expect![[r#"
        ! the model `test-model` reached its token limit before it answered; raise the role's `max_tokens` (permanent)
    "#]],
    );
    check(
        &[&text[..], &[&end("max_tokens"), PARTS[18]]].concat(),
        &expect![[r#"
        > "On it."
        = "On it." 115/1
    "#]],
    );
    check(
        &[&text[..], &[&end("refusal"), PARTS[18]]].concat(),
        &expect![[r#"
        > "On it."
        ! the provider's content filter stopped the answer of the model `test-model`; ask in other words (permanent)
    "#]],
    );
    // An end without the ends of its blocks.
    check(
        &[PARTS[0], PARTS[15], &end("tool_use"), PARTS[18]],
        &expect![[r#"
        + note
        ! the answer of the model server at `http://STUB` cannot be read: it ended within a block; resume to ask again (temporary)
    "#]],
    );
    check(
        &[PARTS[0], PARTS[9]],
        &expect![[r#"
        ! the answer of the model server at `http://STUB` cannot be read: it goes on with a block that is not open; resume to ask again (temporary)
    "#]],
    );
    let overloaded =
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    check(
        &[&text[..], &[overloaded]].concat(),
        &expect![[r#"
        > "On it."
        ! the model server at `http://STUB` broke off with an error: Overloaded; resume to ask again (temporary)
    "#]],
    );
    check(
        &[r#"{"type":"content_block_start","content_block":{"type":"tool_use","id":"a"}}"#],
        &expect![[r#"
            ! the answer of the model server at `http://STUB` cannot be read: it calls a tool without naming it; resume to ask again (temporary)
        "#]],
    );
    check(
        &[r#"{"choices":[]}"#],
        &expect![[r#"
        ! the answer of the model server at `http://STUB` cannot be read: `{"choices":[]}` is not as the protocol has it; resume to ask again (temporary)
    "#]],
    );
    check(
        &[PARTS[18]],
        &expect![[r#"
        ! the model server at `http://STUB` sent what is no message of Anthropic's: it has no `message_start`; check the role's `base_url` (temporary)
    "#]],
    );
}

#[test]
fn a_server_that_does_not_stream_is_understood() {
    let body = r#"{"type":"message","content":[{"type":"text","text":"Hi"},{"type":"tool_use","id":"a","name":"shell","input":{"b" : 1.0}}],"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":2}}"#;
    let whole = |body: &str| Answer::response("200 OK", &["Content-Type: application/json"], body);
    let shown = |body| shown(Provider::Anthropic, vec![whole(body)], quick());
    expect![[r#"
        > "Hi"
        + shell
        call a shell {"b" : 1.0}
        = "Hi" 1/2
    "#]]
    .assert_eq(&shown(body));
    expect![[r#"
        ! the model server at `http://STUB` broke off with an error: no; resume to ask again (temporary)
    "#]].assert_eq(&shown(r#"{"type":"error","error":{"message":"no"}}"#));
    expect![[r#"
        ! the model server at `http://STUB` sent what is no message of Anthropic's: it has no `message_start`; check the role's `base_url` (temporary)
    "#]].assert_eq(&shown(r#"{"models":[]}"#));
}
