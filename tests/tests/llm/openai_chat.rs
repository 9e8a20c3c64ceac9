//! Chat completions, and what holds for every protocol over HTTP.

use crate::{NOBODY, model, quick};
use expect_test::{Expect, expect};
use initrunner::domain::message::Message;
use initrunner::domain::role::{ModelSpec, Provider};
use initrunner::llm::{Timing, connect};
use initrunner_tests::ask::{ask, results, said, spec, user};
use initrunner_tests::model_stub::{Answer, ModelStub};
use std::collections::BTreeMap;
use std::time::Duration;

/// What a person sees of one question, with the stub's port hidden.
fn check_with(answers: Vec<Answer>, timing: Timing, expected: &Expect) -> ModelStub {
    let stub = ModelStub::serve(answers);
    let spec = ModelSpec { api_key_env: Some("TEST_KEY".into()), ..spec(&stub.base_url()) };
    let (shown, _) = ask(&model(&spec, timing), &[user("hi")]);
    expected.assert_eq(&shown.replace(stub.address(), "STUB"));
    stub
}

fn check(answers: Vec<Answer>, expected: &Expect) -> ModelStub {
    check_with(answers, quick(), expected)
}

fn text(text: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"{text}"}},"finish_reason":null}}]}}"#)
}

fn calls(calls: &str) -> String {
    format!(
        r#"{{"choices":[{{"index":0,"delta":{{"tool_calls":[{calls}]}},"finish_reason":null}}]}}"#
    )
}

fn finish(reason: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,"delta":{{}},"finish_reason":"{reason}"}}]}}"#)
}

const USAGE: &str = r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}"#;

fn error(message: &str) -> String {
    format!(r#"{{"error":{{"message":"{message}","type":"t","code":null}}}}"#)
}

#[test]
fn a_stream_is_shown_as_it_comes_and_ends_with_its_usage() {
    let answer = Answer::stream()
        .then(": keep-alive\r\n\r\n")
        .event(r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#)
        .event(&text("Hel"))
        .event(&text("lo"))
        .event(&finish("stop"))
        .event(USAGE)
        .event("[DONE]");
    let stub = check(
        vec![answer],
        &expect![[r#"
        > "Hel"
        > "lo"
        = "Hello" 7/3
    "#]],
    );
    let request = &stub.requests()[0];
    assert!(request.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("\r\nauthorization: Bearer sk-very-secret\r\n"), "{request}");
    assert!(request.contains("\r\ncontent-type: application/json\r\n"), "{request}");
    expect![[r#"{"model":"test-model","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"hi"}],"tools":[{"type":"function","function":{"name":"shell","description":"Runs a command","parameters":{"type":"object"}}}],"stream":true,"stream_options":{"include_usage":true}}"#]].assert_eq(&stub.bodies()[0]);
}

#[test]
fn without_a_key_in_the_role_none_is_sent() {
    let stub = ModelStub::serve(vec![Answer::stream().event(&text("a")).event("[DONE]")]);
    let key = |_: &str| Some("sk-of-somebody-else".to_owned());
    let model = connect(&spec(&stub.base_url()), &BTreeMap::new(), &key);
    expect![[r#"
        > "a"
        = "a" 0/0
    "#]]
    .assert_eq(&ask(&model, &[user("hi")]).0);
    assert!(!stub.requests()[0].to_lowercase().contains("authorization"));
    assert!(!stub.requests()[0].contains("sk-of-somebody-else"));
}

#[test]
fn characters_split_between_packets_are_whole() {
    let bytes = format!("data: {}\n\n", text("é😀")).into_bytes();
    let mut answer = Answer::stream();
    for byte in bytes {
        answer = answer.then([byte]);
    }
    check(
        vec![answer.event(&finish("stop"))],
        &expect![[r#"
        > "é😀"
        = "é😀" 0/0
    "#]],
    );
}

#[test]
fn parallel_calls_keep_the_exact_text_of_their_arguments_also_when_replayed() {
    let answer = Answer::stream()
        .event(&calls(r#"{"index":0,"id":"call_a","type":"function","function":{"name":"shell","arguments":""}}"#))
        .event(&calls(r#"{"index":0,"function":{"arguments":"{\"b\" : 1.0,  \"a\""}}"#))
        .event(&calls(r#"{"index":1,"id":"call_b","type":"function","function":{"name":"note","arguments":""}}"#))
        .event(&calls(r#"{"index":1,"function":{"arguments":"{}"}},{"index":0,"function":{"arguments":":\"\\u00e9\"}"}}"#))
        .event(r#"{"choices":[{"index":0,"delta":{"reasoning_content":"Hm."}}]}"#)
        .event(&finish("tool_calls"))
        .event("[DONE]");
    let done = Answer::stream().event(&text("Done.")).event(&finish("stop"));
    let stub = ModelStub::serve(vec![answer, done.clone(), done]);
    let same = spec(&stub.base_url());
    let (shown, reply) = ask(&model(&same, quick()), &[user("hi")]);
    expect![[r#"
        + shell
        + note
        call call_a shell {"b" : 1.0,  "a":"\u00e9"}
        call call_b note {}
        = "" 0/0
    "#]]
    .assert_eq(&shown);

    let reply = reply.expect("a reply");
    assert_eq!(reply.calls[0].arguments, r#"{"b" : 1.0,  "a":"\u00e9"}"#);
    let said = said(&reply);
    let mut history = vec![user("hi"), said.clone()];
    history.extend(results(&said, "ok"));
    ask(&model(&same, quick()), &history);
    expect![[r#"
        {"role":"assistant","content":null,"reasoning_content":"Hm.","tool_calls":[{"id":"call_a","type":"function","function":{"name":"shell","arguments":"{\"b\" : 1.0,  \"a\":\"\\u00e9\"}"}},{"id":"call_b","type":"function","function":{"name":"note","arguments":"{}"}}]}
        {"role":"tool","tool_call_id":"call_a","content":"ok"}
        {"role":"tool","tool_call_id":"call_b","content":"ok"}
    "#]].assert_eq(&messages(&stub.bodies()[1]));

    let other = ModelSpec { name: "other-model".into(), ..same };
    ask(&model(&other, quick()), &history);
    expect![[r#"
        {"role":"assistant","content":null,"tool_calls":[{"id":"call_a","type":"function","function":{"name":"shell","arguments":"{\"b\" : 1.0,  \"a\":\"\\u00e9\"}"}},{"id":"call_b","type":"function","function":{"name":"note","arguments":"{}"}}]}
        {"role":"tool","tool_call_id":"call_a","content":"ok"}
        {"role":"tool","tool_call_id":"call_b","content":"ok"}
    "#]].assert_eq(&messages(&stub.bodies()[2]));
}

/// The messages of a request after the prompt and the question, one a line.
fn messages(body: &str) -> String {
    let body: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(body).expect("a body");
    let lines = body["messages"].as_array().expect("messages").iter().skip(2);
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn calls_without_ids_go_by_ours_in_the_next_request() {
    let answer = Answer::stream()
        .event(&calls(r#"{"function":{"name":"shell","arguments":"{\"n\":1}"}},{"id":"","function":{"name":"shell","arguments":{"n" : 2.0}}}"#))
        .event(&calls(r#"{"id":"same","function":{"name":"shell"}}"#))
        .event(&finish("stop"));
    let stub = ModelStub::serve(vec![answer, Answer::nothing()]);
    let timing = Timing { attempts: 1, ..quick() };
    let model = model(&spec(&stub.base_url()), timing);
    let (shown, reply) = ask(&model, &[user("hi")]);
    expect![[r#"
        + shell
        + shell
        + shell
        call - shell {"n":1}
        call - shell {"n" : 2.0}
        call same shell 
        = "" 0/0
    "#]]
    .assert_eq(&shown);
    let first = said(&reply.expect("a reply"));
    let mut history = vec![user("hi"), first.clone()];
    history.extend(results(&first, "ok"));
    // The next answer's call came with an id that was used before.
    let Message::Assistant { calls, .. } = &first else { panic!("an answer") };
    let mut repeated = calls[2].clone();
    repeated.id = initrunner::domain::ids::CallId::from_random([9; 16]);
    let second = Message::Assistant { text: String::new(), calls: vec![repeated], raw: None };
    history.push(second.clone());
    history.extend(results(&second, "ok"));
    ask(&model, &history);
    expect![[r#"
        {"role":"assistant","content":null,"tool_calls":[{"id":"call_aaaaaaaaaa","type":"function","function":{"name":"shell","arguments":"{\"n\":1}"}},{"id":"call_ibaeaqcaib","type":"function","function":{"name":"shell","arguments":"{\"n\" : 2.0}"}},{"id":"same","type":"function","function":{"name":"shell","arguments":"{}"}}]}
        {"role":"tool","tool_call_id":"call_aaaaaaaaaa","content":"ok"}
        {"role":"tool","tool_call_id":"call_ibaeaqcaib","content":"ok"}
        {"role":"tool","tool_call_id":"same","content":"ok"}
        {"role":"assistant","content":null,"tool_calls":[{"id":"call_ijbeeqscij","type":"function","function":{"name":"shell","arguments":"{}"}}]}
        {"role":"tool","tool_call_id":"call_ijbeeqscij","content":"ok"}
    "#]].assert_eq(&messages(&stub.bodies()[1]));
}

#[test]
fn a_stream_cut_in_the_middle_is_no_answer() {
    check(
        vec![Answer::stream().event(&text("Hel"))],
        &expect![[r#"
        > "Hel"
        ! the answer of the model server at `http://STUB/v1` was cut short; resume to ask again (temporary)
    "#]],
    );
    // Also in the middle of an event, of a chunk, and of a call.
    check(
        vec![Answer::stream().event(&text("Hel")).then(r#"data: {"cho"#)],
        &expect![[r#"
        > "Hel"
        ! the answer of the model server at `http://STUB/v1` was cut short; resume to ask again (temporary)
    "#]],
    );
    let head = ["Content-Type: text/event-stream", "Transfer-Encoding: chunked"];
    let chunk = format!("data: {}\n\n", text("Hel"));
    let chunk = format!("{:x}\r\n{chunk}\r\n5\r\nda", chunk.len());
    check(
        vec![Answer::response("200 OK", &head, chunk)],
        &expect![[r#"
        > "Hel"
        ! the answer of the model server at `http://STUB/v1` was cut short; resume to ask again (temporary)
    "#]],
    );
    let half =
        r#"{"index":0,"id":"a","function":{"name":"shell","arguments":"{\"command\":\"rm -rf /"}}"#;
    check(
        vec![Answer::stream().event(&calls(half))],
        &expect![[r#"
        + shell
        ! the answer of the model server at `http://STUB/v1` was cut short; resume to ask again (temporary)
    "#]],
    );
}

#[test]
fn a_stream_cut_before_anything_was_shown_is_asked_for_again() {
    let good = Answer::stream().event(&text("ok")).event(&finish("stop"));
    check(
        vec![Answer::stream(), good],
        &expect![[r#"
        ~ 2ms: the answer was cut short
        > "ok"
        = "ok" 0/0
    "#]],
    );
}

#[test]
fn a_connection_that_ends_before_an_answer_is_tried_four_times() {
    let stub = check(
        vec![Answer::nothing(); 4],
        &expect![[r#"
            ~ 2ms: connection closed before message completed
            ~ 4ms: connection closed before message completed
            ~ 5ms: connection closed before message completed
            ! the model server at `http://STUB/v1` gave no answer: connection closed before message completed; resume to ask again (temporary)
        "#]],
    );
    assert_eq!(stub.requests().len(), 4);
    let (shown, _) = ask(&model(&spec(&format!("http://{NOBODY}/v1")), quick()), &[user("hi")]);
    expect![[r#"
        ~ 2ms: connection refused (os error 111)
        ~ 4ms: connection refused (os error 111)
        ~ 5ms: connection refused (os error 111)
        ! the model server at `http://STUB/v1` cannot be reached: connection refused (os error 111); check that it runs and that the role's `base_url` is right (temporary)
    "#]].assert_eq(&shown.replace(NOBODY, "STUB"));
}

#[test]
fn https_needs_nothing_installed_by_the_caller() {
    let base_url = format!("https://{NOBODY}/v1");
    let timing = Timing { attempts: 1, ..quick() };
    let (shown, _) = ask(&model(&spec(&base_url), timing), &[user("hi")]);
    expect![[r#"
        ! the model server at `https://STUB/v1` cannot be reached: connection refused (os error 111); check that it runs and that the role's `base_url` is right (temporary)
    "#]].assert_eq(&shown.replace(NOBODY, "STUB"));
}

#[test]
fn too_many_requests_waits_as_long_as_the_server_asks() {
    let busy = |after| {
        let header = format!("Retry-After: {after}");
        Answer::response("429 Too Many Requests", &[&header], error("Slow down"))
    };
    let good = Answer::stream().event(&text("ok")).event(&finish("stop"));
    check(
        vec![busy("0"), busy("1"), good],
        &expect![[r#"
        ~ 2ms: status 429: Slow down
        ~ 1s: status 429: Slow down
        > "ok"
        = "ok" 0/0
    "#]],
    );
    check(
        vec![busy("3600")],
        &expect![[r#"
        ! the model server at `http://STUB/v1` asks to wait 3600 s (status 429): Slow down; resume after that (temporary)
    "#]],
    );
}

#[test]
fn an_empty_account_is_not_waited_for() {
    let body = r#"{"error":{"message":"You exceeded your quota","code":"insufficient_quota"}}"#;
    check(
        vec![Answer::response("429 Too Many Requests", &[], body)],
        &expect![[r#"
        ! the model server at `http://STUB/v1` refused access (status 429): You exceeded your quota; add credit to the account, then resume (temporary)
    "#]],
    );
}

#[test]
fn a_broken_server_is_tried_four_times() {
    let page = "<html>\n<h1>\u{1b}[31mBad gateway</h1>";
    let broken = Answer::response("502 Bad Gateway", &["Content-Type: text/html"], page);
    let stub = check(
        vec![broken; 4],
        &expect![[r#"
        ~ 2ms: status 502: <html>\n<h1>\u{1b}[31mBad gateway</h1>
        ~ 4ms: status 502: <html>\n<h1>\u{1b}[31mBad gateway</h1>
        ~ 5ms: status 502: <html>\n<h1>\u{1b}[31mBad gateway</h1>
        ! the model server at `http://STUB/v1` failed 4 times, lastly with status 502: <html>\n<h1>\u{1b}[31mBad gateway</h1>; resume to try again (temporary)
    "#]],
    );
    assert_eq!(stub.requests().len(), 4);
}

#[test]
fn what_trying_again_cannot_cure_is_not_tried_again() {
    let denied = error("Incorrect API key provided: sk-very-secret");
    check(
        vec![Answer::response("401 Unauthorized", &[], denied)],
        &expect![[r#"
        ! the model server at `http://STUB/v1` refused access (status 401): Incorrect API key provided: [key]; check the key in `TEST_KEY`, then resume (temporary)
    "#]],
    );
    let stub = ModelStub::serve(vec![Answer::response("403 Forbidden", &[], "")]);
    let (shown, _) = ask(&model(&spec(&stub.base_url()), quick()), &[user("hi")]);
    expect![[r#"
        ! the model server at `http://STUB/v1` refused access (status 403): Forbidden; no key was sent: name the variable that holds one in the role's `api_key_env` (temporary)
    "#]].assert_eq(&shown.replace(stub.address(), "STUB"));
    let bad = r#"{"detail":[{"loc":["body"],"msg":"tools: unknown field"}]}"#;
    check(
        vec![Answer::response("422 Unprocessable Entity", &[], bad)],
        &expect![[r#"
        ! the model server at `http://STUB/v1` rejected the request (status 422): tools: unknown field; check the role's `model` (permanent)
    "#]],
    );
    check(
        vec![Answer::response("404 Not Found", &[], error("no model `x`"))],
        &expect![[r#"
        ! the model server at `http://STUB/v1` rejected the request (status 404): no model `x`; check the role's `model` (permanent)
    "#]],
    );
    let elsewhere = ["Location: https://elsewhere.example/v1"];
    check(
        vec![Answer::response("307 Temporary Redirect", &elsewhere, "")],
        &expect![[r#"
        ! the model server at `http://STUB/v1` rejected the request (status 307): it redirects to `https://elsewhere.example/v1`, which is not followed; check the role's `model` (permanent)
    "#]],
    );
}

#[test]
fn an_error_within_the_stream_is_reported() {
    let begun = || Answer::stream().event(&text("Hel"));
    check(
        vec![begun().event(&error("overloaded")).event("[DONE]")],
        &expect![[r#"
        > "Hel"
        ! the model server at `http://STUB/v1` broke off with an error: overloaded; resume to ask again (temporary)
    "#]],
    );
    check(
        vec![begun().then("event: error\ndata: {\"message\":\"gone\"}\n\n")],
        &expect![[r#"
        > "Hel"
        ! the model server at `http://STUB/v1` broke off with an error: gone; resume to ask again (temporary)
    "#]],
    );
    let body = error("no key sk-very-secret");
    check(
        vec![Answer::response("200 OK", &[], body)],
        &expect![[r#"
        ! the model server at `http://STUB/v1` broke off with an error: no key [key]; resume to ask again (temporary)
    "#]],
    );
}

#[test]
fn a_silent_server_is_given_up() {
    let timing = || Timing { idle: Duration::from_millis(200), ..quick() };
    check_with(
        vec![Answer::stream().event(&text("Hel")).stall()],
        timing(),
        &expect![[r#"
        > "Hel"
        ! the model server at `http://STUB/v1` sent nothing for 0.2 s; resume to ask again (temporary)
    "#]],
    );
    let timing = || Timing { first: Duration::from_millis(300), ..quick() };
    check_with(
        vec![Answer::default().stall()],
        timing(),
        &expect![[r#"
        ! the model server at `http://STUB/v1` sent nothing for 0.3 s; resume to ask again (temporary)
    "#]],
    );
    check_with(
        vec![Answer::stream().stall()],
        timing(),
        &expect![[r#"
        ! the model server at `http://STUB/v1` sent nothing for 0.3 s; resume to ask again (temporary)
    "#]],
    );
    let timing = Timing { total: Duration::from_secs(3), ..quick() };
    check_with(
        vec![Answer::stream().event(&text("Hel")).stall()],
        timing,
        &expect![[r#"
        > "Hel"
        ! the model server at `http://STUB/v1` did not finish its answer within 3 s; resume to ask again (temporary)
    "#]],
    );
}

#[test]
fn a_finished_answer_needs_no_more_than_its_reason_to_end() {
    let timing = Timing { after_finish: Duration::from_millis(50), ..quick() };
    let finished = || Answer::stream().event(&text("ok")).event(&finish("stop"));
    check_with(
        vec![finished().stall()],
        timing,
        &expect![[r#"
        > "ok"
        = "ok" 0/0
    "#]],
    );
    check(
        vec![finished().then("data: {\"half")],
        &expect![[r#"
            > "ok"
            = "ok" 0/0
        "#]],
    );
    // After [DONE] the connection may stay open for ever.
    let done = Answer::stream().event(&text("ok")).event("[DONE]").stall();
    check(
        vec![done],
        &expect![[r#"
        > "ok"
        = "ok" 0/0
    "#]],
    );
    // A last event without its blank line.
    let unended = Answer::stream().event(&text("ok")).then("data: [DONE]");
    check(
        vec![unended],
        &expect![[r#"
        > "ok"
        = "ok" 0/0
    "#]],
    );
}

#[test]
fn an_answer_has_a_largest_size() {
    let line = "x".repeat((4 << 20) + 1);
    check(
        vec![Answer::stream().then("data: ").then(line)],
        &expect![[r#"
            ! the answer of the model server at `http://STUB/v1` cannot be read: a line is longer than 4 MiB; resume to ask again (temporary)
        "#]],
    );
    let comment = format!(": {}\n", "x".repeat(1 << 20));
    let mut endless = Answer::stream();
    for _ in 0..17 {
        endless = endless.then(&comment);
    }
    check(
        vec![endless],
        &expect![[r#"
        ! the answer of the model server at `http://STUB/v1` is larger than 16 MiB; lower the role's `max_tokens` (permanent)
    "#]],
    );
}

#[test]
fn a_server_that_does_not_stream_is_understood() {
    let body = r#" {"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"Hi","tool_calls":[{"id":"a","type":"function","function":{"name":"shell","arguments":"{\"b\" : 1.0}"}}]}}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;
    let whole = |body: &str| Answer::response("200 OK", &["Content-Type: application/json"], body);
    check(
        vec![whole(body)],
        &expect![[r#"
        > "Hi"
        + shell
        call a shell {"b" : 1.0}
        = "Hi" 1/2
    "#]],
    );
    check(
        vec![whole(&body[..100]), whole(body)],
        &expect![[r#"
        ~ 2ms: the answer was cut short
        > "Hi"
        + shell
        call a shell {"b" : 1.0}
        = "Hi" 1/2
    "#]],
    );
}

#[test]
fn what_is_no_chat_completion_is_shown() {
    let page = "<!doctype html>\n<title>Welcome</title>";
    check(
        vec![Answer::response("200 OK", &["Content-Type: text/html"], page)],
        &expect![[r#"
            ! the model server at `http://STUB/v1` sent what is no chat completion: it begins with `<!doctype html>\n<title>Welcome</title>`; check the role's `base_url` (temporary)
        "#]],
    );
    check(
        vec![Answer::response("200 OK", &[], r#"{"models":[]}"#)],
        &expect![[r#"
            ! the model server at `http://STUB/v1` sent what is no chat completion: it has no `choices`; check the role's `base_url` (temporary)
        "#]],
    );
    check(
        vec![Answer::stream().event(r#"{"type":"message_start"}"#).event("[DONE]")],
        &expect![[r#"
            ! the model server at `http://STUB/v1` sent what is no chat completion: it has no `choices`; check the role's `base_url` (temporary)
        "#]],
    );
    check(
        vec![Answer::stream().event(&text("a")).event(r#"{"choices":[{]}"#)],
        &expect![[r#"
            > "a"
            ! the answer of the model server at `http://STUB/v1` cannot be read: `{"choices":[{]}` is not JSON; resume to ask again (temporary)
        "#]],
    );
    check(
        vec![Answer::stream().event(r#"{"choices":{}}"#)],
        &expect![[r#"
            ! the answer of the model server at `http://STUB/v1` cannot be read: `{"choices":{}}` is not as the protocol has it; resume to ask again (temporary)
        "#]],
    );
    check(
        vec![Answer::stream().then(b"data: {\"choices\":[\"\xff\"]}\n\n")],
        &expect![[r#"
            ! the answer of the model server at `http://STUB/v1` cannot be read: it is not UTF-8; resume to ask again (temporary)
        "#]],
    );
    let nameless = calls(r#"{"index":0,"function":{"arguments":"{}"}}"#);
    check(
        vec![Answer::stream().event(&nameless).event(&finish("stop"))],
        &expect![[r#"
            ! the answer of the model server at `http://STUB/v1` cannot be read: it calls a tool without naming it; resume to ask again (temporary)
        "#]],
    );
}

#[test]
fn an_answer_that_the_provider_stopped_is_no_answer() {
    let call =
        r#"{"index":0,"id":"a","function":{"name":"shell","arguments":"{\"command\":\"rm -rf /"}}"#;
    check(
        vec![Answer::stream().event(&calls(call)).event(&finish("length"))],
        &expect![[r#"
        + shell
        ! the model `test-model` reached its token limit within a call of `shell`; raise the role's `max_tokens` (permanent)
    "#]],
    );
    let filtered = Answer::stream().event(&text("a")).event(&finish("content_filter"));
    check(
        vec![filtered],
        &expect![[r#"
        > "a"
        ! the provider's content filter stopped the answer of the model `test-model`; ask in other words (permanent)
    "#]],
    );
    // Text that is only cut can still be read.
    check(
        vec![Answer::stream().event(&text("a")).event(&finish("length"))],
        &expect![[r#"
        > "a"
        = "a" 0/0
    "#]],
    );
}

#[test]
fn a_missing_key_names_its_variable() {
    let check = |spec: &ModelSpec, env: &dyn Fn(&str) -> Option<String>, expected: &Expect| {
        expected.assert_eq(&ask(&connect(spec, &BTreeMap::new(), env), &[]).0);
    };
    let openai = ModelSpec { base_url: None, ..spec("") };
    check(
        &openai,
        &|_| None,
        &expect![[r#"
        ! the model's key is missing: set the environment variable `OPENAI_API_KEY` (temporary)
    "#]],
    );
    let named = ModelSpec { api_key_env: Some("MY_KEY".into()), ..spec("http://127.0.0.1") };
    check(
        &named,
        &|_| Some(" \n".into()),
        &expect![[r#"
        ! the model's key is missing: set the environment variable `MY_KEY` (temporary)
    "#]],
    );
    check(
        &named,
        &|_| Some("sk-a\u{7f}b".into()),
        &expect![[r#"
        ! the environment variable `MY_KEY` does not hold a usable key: it has characters that no HTTP header can carry (temporary)
    "#]],
    );
}

#[test]
fn a_scripted_model_is_asked_like_any_other() {
    let script = "rules:\n  - when: 'delete (\\S+)'\n    reply: 'On it.'\n    calls:\n      - tool: shell\n        arguments: {command: 'rm -rf ./$1'}\n  - from: tool\n    reply: 'Deleted.'\n";
    let files = BTreeMap::from([("demo.yaml".to_owned(), script.to_owned())]);
    let spec = ModelSpec {
        provider: Provider::Scripted,
        script: Some("demo.yaml".into()),
        base_url: None,
        ..spec("")
    };
    let model = connect(&spec, &files, &|_| None);
    let (shown, reply) = ask(&model, &[user("delete scratch")]);
    expect![[r#"
        > "On "
        > "it."
        + shell
        call - shell {"command":"rm -rf ./scratch"}
        = "On it." 4/5
    "#]]
    .assert_eq(&shown);
    let said = said(&reply.expect("a reply"));
    let history = [vec![user("delete scratch"), said.clone()], results(&said, "")].concat();
    expect![[r#"
        > "Deleted."
        = "Deleted." 9/1
    "#]]
    .assert_eq(&ask(&model, &history).0);
}

proptest::proptest! {
    /// Whatever a file holds, reading it as a script gives an answer and never a panic.
    #[test]
    fn no_script_breaks_the_host(
        script in "([a-z]{0,3}|rules|when|calls|tool|from|[\\[\\]{}:,\\-?&*!|>'\"%@`#$()\n \t]|\\$[0-9]|\u{feff}|é){0,40}",
    ) {
        let spec = ModelSpec {
            provider: Provider::Scripted,
            script: Some("s".into()),
            ..spec("")
        };
        let files = BTreeMap::from([("s".to_owned(), script)]);
        let model = connect(&spec, &files, &|_| None);
        ask(&model, &[user("hi")]);
    }
}
