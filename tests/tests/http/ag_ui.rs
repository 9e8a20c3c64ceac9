//! AG-UI: its own client, and requests that none of its clients sends.

use crate::pages::{self, Keyed, asked_ag_ui, event, refusal};
use expect_test::expect;
use initrunner_tests::home::until;
use initrunner_tests::http_client::{Answer, Wire};
use initrunner_tests::serve::Server;
use serde_json::{Value, json};

#[test]
fn its_client_asks_approves_denies_edits_and_is_asked_again() {
    pages::check(
        "ag-ui/agent.js",
        expect![[r#"
        text: RUN_STARTED TEXT_MESSAGE_START TEXT_MESSAGE_CONTENT TEXT_MESSAGE_END RUN_FINISHED
          user: "hello"
          assistant: "You said: hello"
        tool: RUN_STARTED TOOL_CALL_START TOOL_CALL_ARGS TOOL_CALL_END TOOL_CALL_RESULT TEXT_MESSAGE_START TEXT_MESSAGE_CONTENT TEXT_MESSAGE_END RUN_FINISHED
          user: "hello"
          assistant: "You said: hello"
          user: "run echo done"
          assistant calls: shell {"command":"echo done"}
          tool: "done"
          assistant: "Result: done"
        pause: RUN_STARTED TOOL_CALL_START TOOL_CALL_ARGS TOOL_CALL_END RUN_FINISHED
          user: "run echo done"
          assistant calls: shell {"command":"echo done"}
          ? tool_call: Approve shell: echo done {"command":"echo done"}
        approve: RUN_STARTED TOOL_CALL_RESULT TEXT_MESSAGE_START TEXT_MESSAGE_CONTENT TEXT_MESSAGE_END RUN_FINISHED
          user: "run echo done"
          assistant calls: shell {"command":"echo done"}
          tool: "done"
          assistant: "Result: done"
        and on: RUN_STARTED TEXT_MESSAGE_START TEXT_MESSAGE_CONTENT TEXT_MESSAGE_END RUN_FINISHED
          user: "run echo done"
          assistant calls: shell {"command":"echo done"}
          tool: "done"
          assistant: "Result: done"
          user: "hello again"
          assistant: "You said: hello again"
        deny: RUN_STARTED TOOL_CALL_RESULT TEXT_MESSAGE_START TEXT_MESSAGE_CONTENT TEXT_MESSAGE_END RUN_FINISHED
          user: "run echo done"
          assistant calls: shell {"command":"echo done"}
          tool: "A person denied this call; it was not executed. The reason given: \"not today\""
          assistant: "I did not: A person denied this call; it was not executed. The reason given: \"not today\""
        edit: RUN_STARTED TOOL_CALL_RESULT TEXT_MESSAGE_START TEXT_MESSAGE_CONTENT TEXT_MESSAGE_END RUN_FINISHED
          user: "run echo done"
          assistant calls: shell {"command":"echo done"}
          tool: "other"
          assistant: "Result: A person changed this call's arguments before approving it: from {\"command\":\"echo done\"} to {\"command\":\"echo other\"}. Result: other"
        pause again: RUN_STARTED TOOL_CALL_RESULT TOOL_CALL_START TOOL_CALL_ARGS TOOL_CALL_END RUN_FINISHED
          user: "twice echo done"
          assistant calls: shell {"command":"echo done"}
          tool: "done"
          assistant calls: shell {"command":"echo done again"}
          ? tool_call: Approve shell: echo done again {"command":"echo done again"}
        approve again: RUN_STARTED TOOL_CALL_RESULT TEXT_MESSAGE_START TEXT_MESSAGE_CONTENT TEXT_MESSAGE_END RUN_FINISHED
          user: "twice echo done"
          assistant calls: shell {"command":"echo done"}
          tool: "done"
          assistant calls: shell {"command":"echo done again"}
          tool: "done again"
          assistant: "Result: done again"
        one of two: RUN_STARTED TOOL_CALL_RESULT TEXT_MESSAGE_START TEXT_MESSAGE_CONTENT TEXT_MESSAGE_END RUN_FINISHED
          user: "both echo done"
          assistant: "I will do two things."
          assistant calls: shell {"command":"echo done one"}
          assistant calls: shell {"command":"echo done two"}
          tool: "done one"
          tool: "A person denied this call; it was not executed."
          assistant: "I did not: done one\nA person denied this call; it was not executed."
        beside a free call: RUN_STARTED TOOL_CALL_START TOOL_CALL_ARGS TOOL_CALL_END TOOL_CALL_START TOOL_CALL_ARGS TOOL_CALL_END TOOL_CALL_RESULT RUN_FINISHED
          user: "mixed echo done"
          assistant calls: shell {"command":"echo done one"}
          assistant calls: free {"command":"echo done two"}
          tool: "done two"
          ? tool_call: Approve shell: echo done one {"command":"echo done one"}
        both done: RUN_STARTED TOOL_CALL_RESULT TEXT_MESSAGE_START TEXT_MESSAGE_CONTENT TEXT_MESSAGE_END RUN_FINISHED
          user: "mixed echo done"
          assistant calls: shell {"command":"echo done one"}
          assistant calls: free {"command":"echo done two"}
          tool: "done two"
          tool: "done one"
          assistant: "Result: done one\ndone two"
        left: RUN_STARTED TOOL_CALL_RESULT TEXT_MESSAGE_START TEXT_MESSAGE_CONTENT TEXT_MESSAGE_END RUN_FINISHED
          user: "run echo done"
          assistant calls: shell {"command":"echo done"}
          tool: "A person denied this call; it was not executed. The reason given: \"the question was left without an answer\""
          assistant: "I did not: A person denied this call; it was not executed. The reason given: \"the question was left without an answer\""
    "#]],
    );
}

#[test]
fn what_a_page_says_of_calls_is_not_believed() {
    pages::check(
        "ag-ui/hostile.js",
        expect![[r#"
        other arguments: RUN_STARTED TOOL_CALL_RESULT TEXT_MESSAGE_START TEXT_MESSAGE_CONTENT TEXT_MESSAGE_END RUN_FINISHED
          user: "run echo done"
          assistant calls: shell {"command":"echo done"}
          tool: "done"
          assistant: "Result: done"
        a result: 422 unprocessable
          user: "run echo done"
          assistant calls: shell {"command":"echo done"}
          ? tool_call: Approve shell: echo done {"command":"echo done"}
        decided before: 409 already_decided
          user: "run echo done"
          assistant calls: shell {"command":"echo done"}
          tool: "done"
          assistant: "Result: done"
          ? tool_call: Approve shell: echo done {"command":"echo done"}
        left behind: RUN_STARTED RUN_FINISHED
          user: "run echo done"
          assistant calls: shell {"command":"echo done"}
          tool: "done"
          assistant: "Result: done"
        and on: RUN_STARTED TEXT_MESSAGE_START TEXT_MESSAGE_CONTENT TEXT_MESSAGE_END RUN_FINISHED
          user: "run echo done"
          assistant calls: shell {"command":"echo done"}
          tool: "done"
          assistant: "Result: done"
          user: "hello"
          assistant: "You said: hello"
        more at once: 422 unprocessable
          user: "run echo done"
          assistant calls: shell {"command":"echo done"}
          user: "and something else"
          ? tool_call: Approve shell: echo done {"command":"echo done"}
        tools of the page: 400 invalid_request
          user: "hello"
    "#]],
    );
}

/// A run of `asking` that waits, and its interrupt.
fn paused(keyed: &Keyed, text: &str) -> Value {
    let answer = keyed.post("caller", "/ag-ui/asking", &asked_ag_ui(text));
    let finished = event(&answer, "RUN_FINISHED");
    assert_eq!(finished["outcome"]["type"], "interrupt", "{finished}");
    finished["outcome"]["interrupts"][0].clone()
}

fn resume(id: &str, payload: Value) -> Value {
    json!({
        "threadId": "t", "runId": "r2", "messages": [],
        "resume": [{"interruptId": id, "status": "resolved", "payload": payload}],
    })
}

fn id(interrupt: &Value) -> &str {
    interrupt["id"].as_str().expect("an id")
}

#[test]
fn the_stored_run_is_named_wherever_there_is_a_place_for_it() {
    let keyed = Keyed::start();
    let answer = keyed.post("caller", "/ag-ui/asking", &asked_ag_ui("run echo done"));
    let run = answer.header("x-run-id").expect("a run").to_owned();
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    let (started, finished) = (event(&answer, "RUN_STARTED"), event(&answer, "RUN_FINISHED"));
    assert_eq!((&started["threadId"], &started["runId"]), (&json!("t"), &json!("r")));
    assert_eq!((&finished["threadId"], &finished["runId"]), (&json!("t"), &json!("r")));
    assert_eq!(started["metadata"]["initrunner"]["run_id"], *run);
    let interrupt = &finished["outcome"]["interrupts"][0];
    assert_eq!(interrupt["metadata"]["initrunner"]["run_id"], *run);
    // The same ids as everywhere else.
    let waiting = keyed.home.json(["pending", "--json"]);
    assert_eq!(waiting[0]["run_id"], *run);
    assert_eq!(waiting[0]["tool_call_id"], interrupt["toolCallId"]);
}

#[test]
fn a_decision_takes_a_reviewer_and_a_question_a_caller() {
    let keyed = Keyed::start();
    let interrupt = paused(&keyed, "run echo done");
    let yes = resume(id(&interrupt), json!({"approved": true}));
    let mut said = String::new();
    for key in ["caller", "another"] {
        said.push_str(&refusal(&keyed.post(key, "/ag-ui/asking", &yes)));
    }
    said.push_str(&refusal(&keyed.post("reviewer", "/ag-ui/asking", &asked_ag_ui("hello"))));
    expect![[r#"
        403 not_permitted: key:caller has not the role `reviewer`
        403 not_permitted: key:another has not the role `reviewer`
        403 not_permitted: key:reviewer has not the role `caller`
    "#]]
    .assert_eq(&said);
    let answer = keyed.post("reviewer", "/ag-ui/asking", &yes);
    assert_eq!(event(&answer, "TOOL_CALL_RESULT")["content"], "done");
    assert_eq!(event(&answer, "RUN_FINISHED")["outcome"]["type"], "success");
    let approvals = keyed.home.json(["audit", "list", "--approvals", "--json"]);
    assert_eq!(approvals[0]["authenticated_as"], "key:reviewer");
}

#[test]
fn a_name_that_we_did_not_give_decides_nothing() {
    let keyed = Keyed::start();
    let interrupt = paused(&keyed, "run echo done");
    let given = id(&interrupt);
    let (run, call) = (&given[..16], &given[17..32]);
    let mut said = String::new();
    for (path, name) in [
        ("/ag-ui/asking", "x".to_owned()),
        ("/ag-ui/asking", run.to_owned()),
        ("/ag-ui/asking", format!("{run}.{call}.999")),
        ("/ag-ui/asking", format!("{run}.call_aaaaaaaaaa.1")),
        ("/ag-ui/asking", format!("run_aaaaaaaaaaaa.{call}.1")),
        // The run of another role.
        ("/ag-ui/free", given.to_owned()),
        ("/ag-ui/nobody", given.to_owned()),
    ] {
        let answer = keyed.post("reviewer", path, &resume(&name, json!({"approved": true})));
        said.push_str(&refusal(&answer).replace(run, "RUN").replace(call, "CALL"));
    }
    expect![[r#"
        422 unprocessable: there is no interrupt `x`
        422 unprocessable: there is no interrupt `RUN`
        409 changed: call CALL was asked about anew
        422 decisions_do_not_fit: a decision is missing for CALL, and run RUN has no call call_aaaaaaaaaa; decide each call that waits, and no other
        404 unknown_run: there is no run `run_aaaaaaaaaaaa`; `initrunner runs` lists them
        404 unknown_run: there is no run `RUN`; `initrunner runs` lists them
        404 unknown_role: there is no role `nobody`; this server has `asking`, `free`, `mixed`, `two`
    "#]].assert_eq(&said);
    assert_eq!(keyed.home.json(["pending", "--json"])[0]["state"], "waiting");
}

#[test]
fn all_questions_are_answered_at_once_or_none() {
    let keyed = Keyed::start();
    let interrupt = paused(&keyed, "both echo done");
    let answer =
        keyed.post("reviewer", "/ag-ui/asking", &resume(id(&interrupt), json!({"approved": true})));
    assert_eq!(answer.status, 422, "{}", answer.text());
    assert_eq!(answer.json()["error"]["missing"].as_array().map(Vec::len), Some(1));
    assert_eq!(keyed.home.json(["pending", "--json"]).as_array().map(Vec::len), Some(2));
}

#[test]
fn a_call_that_takes_two_people_waits_for_the_second() {
    let keyed = Keyed::start();
    let answer = keyed.post("caller", "/ag-ui/two", &asked_ag_ui("run echo done"));
    let finished = event(&answer, "RUN_FINISHED");
    let first = &finished["outcome"]["interrupts"][0];
    let yes = resume(id(first), json!({"approved": true}));
    let answer = keyed.post("reviewer", "/ag-ui/two", &yes);
    let finished = event(&answer, "RUN_FINISHED");
    let again = &finished["outcome"]["interrupts"][0];
    assert_eq!(again["id"], first["id"]);
    assert_eq!(again["metadata"]["initrunner"]["votes"][0]["authenticated_as"], "key:reviewer");
    let twice = keyed.post("reviewer", "/ag-ui/two", &yes);
    assert_eq!((twice.status, &twice.json()["error"]["code"]), (409, &json!("voted_before")));
    let answer = keyed.post("second", "/ag-ui/two", &yes);
    assert_eq!(event(&answer, "TOOL_CALL_RESULT")["content"], "done");
}

#[test]
fn a_question_outlives_the_server_that_asked_it() {
    let keyed = Keyed::start();
    let interrupt = paused(&keyed, "run echo done");
    let keyed = keyed.killed();
    let yes = resume(id(&interrupt), json!({"approved": true}));
    let answer = keyed.post("reviewer", "/ag-ui/asking", &yes);
    assert_eq!(event(&answer, "TOOL_CALL_RESULT")["content"], "done");
}

#[test]
fn a_call_of_unknown_outcome_is_tried_again_by_that_word_alone() {
    let keyed = Keyed::start();
    let once = "run test -e began && echo done || { touch began; sleep 1000; }";
    let interrupt = paused(&keyed, once);
    let yes = resume(id(&interrupt), json!({"approved": true}));
    let mut wire = Wire::open(keyed.server.address());
    wire.write(&keyed.request("reviewer", "/ag-ui/asking", &yes).bytes()).expect("a request");
    assert_eq!(wire.answer_head().expect("an answer").0, 200);
    until("the call began", || keyed.home.work().join("began").exists());
    let keyed = keyed.killed();
    until("nobody drives the run", || {
        keyed.home.json(["pending", "--json"])[0]["state"] == "unknown"
    });
    // What was said to the former question is not said to this one.
    let finished = event(&keyed.post("reviewer", "/ag-ui/asking", &yes), "RUN_FINISHED");
    let question = &finished["outcome"]["interrupts"][0];
    assert_eq!(question["reason"], "initrunner:unknown_outcome", "{finished}");
    let yes = resume(id(question), json!({"approved": true}));
    let answer = keyed.post("reviewer", "/ag-ui/asking", &yes);
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (409, &json!("unknown_outcome")));
    let retry = resume(id(question), json!({"decision": "retry"}));
    let answer = keyed.post("reviewer", "/ag-ui/asking", &retry);
    assert_eq!(event(&answer, "TOOL_CALL_RESULT")["content"], "done");
    assert_eq!(event(&answer, "RUN_FINISHED")["outcome"]["type"], "success");
}

#[test]
fn a_run_goes_on_when_its_page_is_closed() {
    let keyed = Keyed::start();
    let slow = "run while [ ! -e go ]; do sleep 0.01; done; echo done";
    let mut wire = Wire::open(keyed.server.address());
    let request = keyed.request("caller", "/ag-ui/free", &asked_ag_ui(slow));
    wire.write(&request.bytes()).expect("a request");
    assert_eq!(wire.answer_head().expect("an answer").0, 200);
    drop(wire);
    keyed.home.file("go", "");
    until("the run has ended", || keyed.home.json(["runs", "--json"])[0]["state"] == "completed");
    let run = keyed.home.last();
    assert_eq!(keyed.home.json(["show", &run, "--json"])["outcome"], "Result: done");
}

#[test]
fn a_server_that_keeps_nothing_asks_nothing_that_it_could_not_take() {
    let home = pages::home();
    let server = Server::with(&home, ".", &["--no-audit"]);
    let answer = server.post("/ag-ui/asking", asked_ag_ui("run echo done").to_string());
    let error = event(&answer, "RUN_ERROR");
    assert_eq!(
        (&error["code"], &error["metadata"]["initrunner"]["resumable"]),
        (&json!("not_persisted"), &json!(false))
    );
    let name = "run_aaaaaaaaaaaa.call_aaaaaaaaaa.1";
    let body = resume(name, json!({"approved": true})).to_string();
    assert_eq!(server.post("/ag-ui/asking", body).status, 501);
}

#[test]
fn an_edit_is_judged_as_any_other() {
    let keyed = Keyed::start();
    let interrupt = paused(&keyed, "run echo done");
    let edited = resume(id(&interrupt), json!({"approved": true, "editedArgs": {"command": 7}}));
    let answer = keyed.post("reviewer", "/ag-ui/asking", &edited);
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (422, &json!("edit_refused")));
    assert_eq!(keyed.home.json(["pending", "--json"])[0]["state"], "waiting");
}

#[test]
fn what_is_wrong_with_a_request_is_said_and_is_never_the_servers_fault() {
    let keyed = Keyed::start();
    let tool =
        json!({"id": "r", "role": "tool", "toolCallId": "call_aaaaaaaaaa", "content": "done"});
    let mut with_result = asked_ag_ui("hello");
    with_result["messages"].as_array_mut().expect("messages").push(tool);
    let mut said = String::new();
    for body in [json!({}), json!([]), json!(7), with_result] {
        said.push_str(&refusal(&keyed.post("caller", "/ag-ui/asking", &body)));
    }
    said.push_str(&refusal(&keyed.post("caller", "/ag-ui/nobody", &asked_ag_ui("hello"))));
    let hello = keyed.request("caller", "/ag-ui/asking", &asked_ag_ui("hello"));
    let foreign = hello.clone().header("Origin", "http://pages.example");
    said.push_str(&refusal(&foreign.send()));
    let form = hello.without("Content-Type").header("Content-Type", "text/plain");
    said.push_str(&refusal(&form.send()));
    let none = keyed.server.request("POST", "/ag-ui/asking").json(asked_ag_ui("hello").to_string());
    said.push_str(&refusal(&none.send()));
    expect![[r#"
        400 invalid_request: `threadId` is a name of 1 to 256 bytes, chosen by the client
        400 invalid_request: the body: the arguments are not a JSON object
        400 invalid_request: the body: the arguments are not a JSON object
        422 unprocessable: the last message is the user's, or `resume` answers a question, and neither is so
        404 unknown_role: there is no role `nobody`; this server has `asking`, `free`, `mixed`, `two`
        403 foreign_origin: pages of this origin may not use this server; `--cors-origin` allows one
        415 not_json: send `Content-Type: application/json`
        401 no_key: a key is needed; send it as `Authorization: Bearer …`
    "#]].assert_eq(&said);
    // Every key of a request with a value of every kind.
    for key in
        ["threadId", "runId", "messages", "tools", "context", "state", "forwardedProps", "resume"]
    {
        for value in
            [json!(null), json!(true), json!(1.5), json!("x"), json!([]), json!([[]]), json!({})]
        {
            let mut body = asked_ag_ui("hello");
            body[key] = value;
            let Answer { status, .. } = keyed.post("caller", "/ag-ui/free", &body);
            assert!(status == 200 || (400..500).contains(&status), "{status} for {body}");
        }
    }
}
