//! Models behind a server.

use expect_test::expect;
use initrunner_tests::aimock::Aimock;
use initrunner_tests::home::Home;
use initrunner_tests::model_stub::{Answer, Closed, ModelStub};

fn role(home: &Home, base_url: &str) {
    home.file(
        "role.yaml",
        format!(
            "name: test
prompt: You keep this folder tidy.
model: {{provider: openai, base_url: \"{base_url}\", name: test-model}}
tools: [{{type: shell, approval: required}}]
"
        ),
    );
}

#[test]
fn a_run_with_a_real_server_pauses_and_completes() {
    let aimock = Aimock::start("delete-scratch.json");
    let home = Home::new();
    role(&home, aimock.base_url());
    let scratch = home.work().join("scratch");
    std::fs::create_dir(&scratch).unwrap();
    home.run(["run", "role.yaml", "-p", "delete scratch"]).check(expect![[r#"
        Run RUN_____________ paused — 1 tool call awaiting approval.
          CALL___________  shell  rm -rf ./scratch

        Resume with: initrunner approve RUN_____________ --all
        = 2
    "#]]);
    assert!(scratch.exists());
    home.run(["approve", "RUN", "--all"]).check(expect![[r#"
        Resumed.
        Deleted ./scratch.
        = 0
    "#]]);
    assert!(!scratch.exists());
}

#[test]
fn a_server_that_is_down_interrupts_the_run_until_it_is_up_again() {
    let closed = Closed::reserve();
    let home = Home::new();
    role(&home, &closed.base_url());
    let hide = |ran: initrunner_tests::home::Ran| {
        ran.to_string().replace(closed.base_url().as_str(), "SERVER")
    };
    expect![[r#"
        ! error: run RUN_____________ was interrupted: the model server at `SERVER` cannot be reached: connection refused (os error 111); check that it runs and that the role's `base_url` is right
        !
        ! Resume with: initrunner resume RUN_____________
        = 75
    "#]].assert_eq(&hide(home.run(["run", "role.yaml", "-p", "hello"])));
    let runs = home.json(["runs", "--json"]);
    assert_eq!(runs[0]["state"], "interrupted");
    let _stub = closed.open(vec![Answer::text("Hello.")]);
    home.run(["resume", "RUN"]).check(expect![[r#"
        Resumed.
        Hello.
        = 0
    "#]]);
}

#[test]
fn a_server_that_goes_down_after_an_approved_call_costs_neither_decision_nor_result() {
    let call = r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"shell","arguments":"{\"command\":\"mkdir made\"}"}}]},"finish_reason":null}]}"#;
    let finish = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#;
    let calling = Answer::stream().event(call).event(finish).event("[DONE]");
    let down = || Answer::response("400 Bad Request", &["Content-Type: application/json"], "{}");
    let busy = Answer::response(
        "503 Service Unavailable",
        &["Content-Type: application/json", "Retry-After: 1000"],
        r#"{"error":{"message":"busy"}}"#,
    );
    let stub = ModelStub::serve(vec![calling, busy, Answer::text("Made it."), down()]);
    let home = Home::new();
    role(&home, &stub.base_url());
    assert_eq!(home.run(["run", "role.yaml", "-p", "make it"]).code, Some(2));
    let ran = home.run(["approve", "RUN", "--all"]);
    expect![[r#"
        Resumed.
        ! error: run RUN_____________ was interrupted: the model server at `http://SERVER/v1` asks to wait 1000 s (status 503): busy; resume after that
        !
        ! Resume with: initrunner resume RUN_____________
        = 75
    "#]].assert_eq(&ran.to_string().replace(stub.address(), "SERVER"));
    assert!(home.work().join("made").exists());
    home.run(["resume", "RUN"]).check(expect![[r#"
        Resumed.
        Made it.
        = 0
    "#]]);
    assert_eq!(stub.requests().len(), 3);

    // An error that trying again does not cure ends the run.
    let ran = home.run(["run", "role.yaml", "-p", "again"]);
    expect![[r#"
        ! error: run RUN2____________ failed: the model server at `http://SERVER/v1` rejected the request (status 400): {}; check the role's `model`
        = 1
    "#]].assert_eq(&ran.to_string().replace(stub.address(), "SERVER"));
}

#[test]
fn a_run_pauses_with_one_protocol_and_goes_on_with_another_while_that_is_busy() {
    let call = r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"toolu_1","name":"shell","input":{"command":"mkdir made"}}}"#;
    let calling = Answer::stream()
        .event(r#"{"type":"message_start","message":{}}"#)
        .event(call)
        .event(r#"{"type":"content_block_stop","index":0}"#)
        .event(r#"{"type":"message_stop"}"#);
    let busy = Answer::response("429 Too Many Requests", &["Retry-After: 1000"], "busy");
    let first = ModelStub::serve(vec![calling, busy]);
    let second = ModelStub::serve(vec![Answer::text("Made it.")]);
    let home = Home::new();
    home.file(
        "role.yaml",
        format!(
            "name: test
prompt: You keep this folder tidy.
model:
  provider: anthropic
  name: test-model
  base_url: {}
  concurrency: 1
  fallback: [{{provider: openai, name: other-model, base_url: \"{}\"}}]
tools: [{{type: shell, approval: required}}]
",
            first.url(),
            second.base_url()
        ),
    );
    assert_eq!(home.run(["run", "role.yaml", "-p", "make it"]).code, Some(2));
    home.run(["approve", "RUN", "--all"]).check(expect![[r#"
        Resumed.
        Made it.
        = 0
    "#]]);
    let told = &second.bodies()[0];
    assert!(told.contains(r#""tool_call_id":"toolu_1""#), "{told}");
}

#[test]
fn a_run_ends_where_its_tokens_have_cost_what_the_role_allows() {
    let call = r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"shell","arguments":"{\"command\":\"true\"}"}}]},"finish_reason":"tool_calls"}]}"#;
    let used = r#"{"choices":[],"usage":{"prompt_tokens":1000,"completion_tokens":200}}"#;
    let calling = Answer::stream().event(call).event(used).event("[DONE]");
    let stub = ModelStub::serve(vec![calling.clone(), calling]);
    let home = Home::new();
    home.file(
        "role.yaml",
        format!(
            "name: test
prompt: You keep this folder tidy.
model: {{provider: openai, base_url: \"{}\", name: m, price: {{input: 2.5, output: 10}}}}
budgets: {{max_cost_usd: 0.005}}
tools: [{{type: shell}}]
",
            stub.base_url()
        ),
    );
    // Each answer costs 0.0045 USD.
    home.run(["run", "role.yaml", "-p", "go"]).check(expect![[r#"
        ! error: run RUN_____________ failed: the run reached its budget `max_cost_usd` of 0.005 US dollars; raise `budgets.max_cost_usd` in the role to allow more
        = 1
    "#]]);
    assert_eq!(stub.requests().len(), 2);
}
