//! Gemini's generated content.

use crate::{cut_everywhere, events, model, quick, shown, stream, two_turns};
use expect_test::{Expect, expect};
use initrunner::domain::ids::CallId;
use initrunner::domain::message::{Message, ModelCall};
use initrunner::domain::role::{ModelSpec, Provider, Sampling};
use initrunner::llm::Timing;
use initrunner_tests::ask::{ask, user};
use initrunner_tests::model_stub::{Answer, ModelStub};

pub(crate) const PARTS: [&str; 5] = [
    r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"Let me see.","thought":true}]},"index":0}],"usageMetadata":{"promptTokenCount":8,"thoughtsTokenCount":20}}"#,
    r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"On é"}]}}]}"#,
    r#"{"candidates":[{"content":{"parts":[{"text":" it.","thoughtSignature":"CsAB+/=="}]}}]}"#,
    r#"{"candidates":[{"content":{"parts":[{"thoughtSignature" : "EqQB","functionCall":{"name":"shell","args":{"b" : 1.0,  "a":"\u00e9"}}},{"functionCall":{"id":"fc-2","name":"note"}}]}}]}"#,
    r#"{"candidates":[{"content":{"parts":[{"text":""}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":8,"cachedContentTokenCount":2,"candidatesTokenCount":5,"totalTokenCount":33}}"#,
];

fn check(parts: &[&str], expected: &Expect) {
    expected.assert_eq(&shown(Provider::Gemini, vec![stream(&events(parts))], quick()));
}

#[test]
fn parts_are_sent_back_in_their_order_and_to_the_byte() {
    let thinks = |spec: ModelSpec| {
        let sampling =
            Sampling { thinking_tokens: Some(100), top_k: Some(5), ..Sampling::default() };
        ModelSpec { sampling, ..spec }
    };
    let turns = two_turns(thinks, Provider::Gemini, stream(&events(&PARTS)));
    expect![[r#"
        > "On é"
        > " it."
        + shell
        + note
        call - shell {"b" : 1.0,  "a":"\u00e9"}
        call fc-2 note {}
        = "On é it." 8/25
    "#]]
    .assert_eq(&turns.shown);
    // The key is in a header, never in the address.
    expect![[r#"
        post /v1beta/models/test-model:streamgeneratecontent?alt=sse http/1.1
        content-type: application/json
        accept: text/event-stream, application/json
        x-goog-api-key: sk-very-secret
        user-agent: initrunner/0.1.0
        host: STUB
        content-length: 303"#]]
    .assert_eq(&turns.head);
    expect![[r#"{"systemInstruction":{"parts":[{"text":"Be brief."}]},"contents":[{"role":"user","parts":[{"text":"hi"}]}],"tools":[{"functionDeclarations":[{"name":"shell","description":"Runs a command","parametersJsonSchema":{"type":"object"}}]}],"generationConfig":{"topK":5,"thinkingConfig":{"thinkingBudget":100}}}"#]].assert_eq(&turns.first);
    expect![[r#"{"systemInstruction":{"parts":[{"text":"Be brief."}]},"contents":[{"role":"user","parts":[{"text":"hi"}]},{"role":"model","parts":[{"text":"Let me see.","thought":true},{"text":"On é"},{"text":" it.","thoughtSignature":"CsAB+/=="},{"thoughtSignature" : "EqQB","functionCall":{"name":"shell","args":{"b" : 1.0,  "a":"\u00e9"}}},{"functionCall":{"id":"fc-2","name":"note"}},{"text":""}]},{"role":"user","parts":[{"functionResponse":{"name":"shell","response":{"output":"ok"}}},{"functionResponse":{"id":"fc-2","name":"note","response":{"error":"denied"}}}]}],"tools":[{"functionDeclarations":[{"name":"shell","description":"Runs a command","parametersJsonSchema":{"type":"object"}}]}],"generationConfig":{"topK":5,"thinkingConfig":{"thinkingBudget":100}}}"#]].assert_eq(&turns.same);
    expect![[r#"{"systemInstruction":{"parts":[{"text":"Be brief."}]},"contents":[{"role":"user","parts":[{"text":"hi"}]},{"role":"model","parts":[{"text":"On é it."},{"functionCall":{"name":"shell","args":{"b" : 1.0,  "a":"\u00e9"}}},{"functionCall":{"name":"note","args":{}}}]},{"role":"user","parts":[{"functionResponse":{"name":"shell","response":{"output":"ok"}}},{"functionResponse":{"name":"note","response":{"error":"denied"}}}]}],"tools":[{"functionDeclarations":[{"name":"shell","description":"Runs a command","parametersJsonSchema":{"type":"object"}}]}],"generationConfig":{"topK":5,"thinkingConfig":{"thinkingBudget":100}}}"#]].assert_eq(&turns.other);
}

#[test]
fn calls_of_another_model_are_signed_as_such() {
    let named = |spec: ModelSpec| ModelSpec { name: "gemini-3-pro".into(), ..spec };
    let unsigned = PARTS[3].replace("\"shell\"", "\"Shell\"");
    let turns = two_turns(named, Provider::Gemini, stream(&events(&[&unsigned, PARTS[4]])));
    assert!(turns.same.contains(r#""thoughtSignature" : "EqQB""#), "{}", turns.same);
    assert!(!turns.other.contains("thoughtSignature"), "{}", turns.other);
    // What others called is marked for this model: it takes no call without a signature.
    let spec = ModelSpec::new(Provider::Gemini, "gemini-3-pro");
    let stub = ModelStub::serve(vec![Answer::nothing()]);
    let spec = ModelSpec { base_url: Some(stub.url()), ..spec };
    let id = CallId::from_random([1; 16]);
    let call = |arguments: &str| ModelCall {
        id: id.clone(),
        provider_id: Some("call_a".into()),
        tool: "shell".into(),
        arguments: arguments.into(),
    };
    let calls = vec![call("{\"n\" : 1}"), call("[1]")];
    let said = Message::Assistant { text: String::new(), calls, raw: None };
    let once = Timing { attempts: 1, ..quick() };
    ask(&model(&spec, once), &[user("hi"), said]);
    let body = &stub.bodies()[0];
    let own = r#"{"role":"model","parts":[{"functionCall":{"name":"shell","args":{"n" : 1}},"thoughtSignature":"skip_thought_signature_validator"},{"functionCall":{"name":"shell","args":{"invalid_arguments":"[1]"}}}]}"#;
    assert!(body.contains(own), "{body}");
}

#[test]
fn a_stream_cut_anywhere_is_no_answer() {
    let parts = events(&PARTS);
    cut_everywhere(Provider::Gemini, Answer::stream, &parts, parts.len());
}

#[test]
fn an_answer_that_the_provider_stopped_is_no_answer() {
    let end = |reason: &str| format!(r#"{{"candidates":[{{"finishReason":"{reason}"}}]}}"#);
    check(
        &[PARTS[3], &end("MAX_TOKENS")],
        &expect![[r#"
        + shell
        + note
        ! the model `test-model` reached its token limit within a call of `note`; raise the role's `max_tokens` (permanent)
    "#]],
    );
    check(
        &[PARTS[0], &end("MAX_TOKENS")],
        &expect![[r#"
        ! the model `test-model` reached its token limit before it answered; raise the role's `max_tokens` (permanent)
    "#]],
    );
    check(
        &[PARTS[1], &end("MAX_TOKENS")],
        &expect![[r#"
        > "On é"
        = "On é" 0/0
    "#]],
    );
    check(
        &[PARTS[1], &end("SAFETY")],
        &expect![[r#"
        > "On é"
        ! the provider's content filter stopped the answer of the model `test-model`; ask in other words (permanent)
    "#]],
    );
    check(
        &[r#"{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"}}"#],
        &expect![[r#"
        ! the provider's content filter stopped the answer of the model `test-model`; ask in other words (permanent)
    "#]],
    );
    let malformed = r#"{"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL","finishMessage":"print(shell())"}]}"#;
    check(
        &[malformed],
        &expect![[r#"
        ! the model server at `http://STUB` broke off with an error: it ended with MALFORMED_FUNCTION_CALL: print(shell()); resume to ask again (temporary)
    "#]],
    );
    check(
        &[r#"{"candidates":[{"content":{"parts":[{"functionCall":{}}]}}]}"#],
        &expect![[r#"
        ! the answer of the model server at `http://STUB` cannot be read: it calls a tool without naming it; resume to ask again (temporary)
    "#]],
    );
    check(
        &[r#"{"error":{"code":503,"message":"The model is overloaded"}}"#],
        &expect![[r#"
        ! the model server at `http://STUB` broke off with an error: The model is overloaded; resume to ask again (temporary)
    "#]],
    );
    let foreign = stream(&events(&[r#"{"choices":[]}"#]));
    let once = Timing { attempts: 1, ..quick() };
    expect![[r#"
        ! the answer of the model server at `http://STUB` was cut short; resume to ask again (temporary)
    "#]].assert_eq(&shown(Provider::Gemini, vec![foreign], once));
}

#[test]
fn a_server_that_does_not_stream_is_understood() {
    let whole = |body: &str| Answer::response("200 OK", &["Content-Type: application/json"], body);
    let shown = |body: &str| shown(Provider::Gemini, vec![whole(body)], quick());
    expect![[r#"
        = "" 8/5
    "#]]
    .assert_eq(&shown(PARTS[4]));
    expect![[r#"
        > "On é"
        = "On é" 8/5
    "#]]
    .assert_eq(&shown(&format!("[{},\n{}]", PARTS[1], PARTS[4])));
}

#[test]
fn a_refusal_is_told_as_what_it_is() {
    let shown = |status: &str, body: &str| {
        shown(Provider::Gemini, vec![Answer::response(status, &[], body)], quick())
    };
    let wrong = r#"{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}"#;
    expect![[r#"
        ! the model server at `http://STUB` refused access (status 400): API key not valid.; check the key in `TEST_KEY`, then resume (temporary)
    "#]].assert_eq(&shown("400 Bad Request", wrong));
    let busy = r#"{"error":{"code":429,"message":"Quota","details":[{"retryDelay":"3600s"}]}}"#;
    expect![[r#"
        ! the model server at `http://STUB` asks to wait 3600 s (status 429): Quota; resume after that (temporary)
    "#]].assert_eq(&shown("429 Too Many Requests", busy));
}
