//! Variables that a role names and the environment does not have.

use crate::RUNNER;
use expect_test::expect;
use initrunner_tests::home::Home;
use initrunner_tests::model_stub::{Answer, ModelStub};

#[test]
fn a_missing_variable_is_named_at_start_and_at_resume() {
    let tools = "  - {type: shell, shell: true, approval: required, working_dir: \"${DIR}\"}";
    let home = Home::with_role(tools, RUNNER);
    home.run(["run", "role.yaml", "-p", "run touch x"]).check(expect![[r#"
        ! error: role.yaml:5:66: the variable `DIR` is not set
        !   hint: set it in the environment, or write `${DIR:-default}`
        = 65
    "#]]);
    assert!(!home.state().join("audit.db").exists());

    let run = |words: &[&str]| home.command(words.iter().copied()).env("DIR", ".").run();
    assert_eq!(run(&["run", "role.yaml", "-p", "run touch x"]).code, Some(2));
    home.run(["approve", "RUN", "--all"]).check(expect![[r#"
        ! error: FOLDER/work/role.yaml:5:66: the variable `DIR` is not set
        !   hint: set it in the environment, or write `${DIR:-default}`
        ! the run stays paused, and no decision was recorded
        = 2
    "#]]);
    home.run(["approve", "RUN", "--all", "--deny"]).check(expect![[r#"
        ! error: FOLDER/work/role.yaml:5:66: the variable `DIR` is not set
        !   hint: set it in the environment, or write `${DIR:-default}`
        ! the run stays paused, and no decision was recorded
        = 2
    "#]]);
    let call = &home.json(["show", "RUN", "--json"])["calls"][0];
    assert_eq!(call["state"], "waiting", "{call}");
    run(&["approve", "RUN", "--all"]).check(expect![[r#"
        Resumed.
        Result: (no output)
        = 0
    "#]]);
    assert!(home.work().join("x").exists());
}

#[test]
fn a_missing_key_is_named_at_start_and_at_resume() {
    let call = r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"shell","arguments":"{\"command\":\"touch x\"}"}}]},"finish_reason":"tool_calls"}]}"#;
    let stub = ModelStub::serve(vec![
        Answer::stream().event(call).event("[DONE]"),
        Answer::text("Touched."),
    ]);
    let home = Home::new();
    let model = format!(
        "{{provider: openai, name: m, base_url: \"{}\", api_key_env: MY_KEY}}",
        stub.base_url()
    );
    let tools = "tools: [{type: shell, approval: required}]";
    home.file("role.yaml", format!("name: test\nprompt: p\nmodel: {model}\n{tools}\n"));
    home.run(["run", "role.yaml", "-p", "go"]).check(expect![[r#"
        ! error: the model's key is missing: set the environment variable `MY_KEY`
        = 65
    "#]]);
    let run = |words: &[&str]| {
        home.command(words.iter().copied()).env("MY_KEY", "sk-s3cret-s3cret").run()
    };
    assert_eq!(run(&["run", "role.yaml", "-p", "go"]).code, Some(2));
    home.run(["approve", "RUN", "--all"]).check(expect![[r#"
        ! error: the model's key is missing: set the environment variable `MY_KEY`
        ! the run stays paused, and no decision was recorded
        = 2
    "#]]);
    assert!(!home.work().join("x").exists());
    run(&["approve", "RUN", "--all"]).check(expect![[r#"
        Resumed.
        Touched.
        = 0
    "#]]);
    assert!(home.work().join("x").exists());
    assert!(stub.requests().iter().all(|request| request.contains("Bearer sk-s3cret-s3cret")));
    // The key is nowhere in the state folder.
    for file in ["audit.db", "audit.db-wal"] {
        let bytes = std::fs::read(home.state().join(file)).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&bytes).contains("s3cret-s3cret"), "{file}");
    }
}
