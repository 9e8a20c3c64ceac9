//! `remember: run`: an equal call of the same run is not asked about again, and no other one is spared.

use expect_test::expect;
use initrunner_tests::home::Home;

/// A model that makes the same call three times, then another one.
const REPEATING: &str = r#"
rules:
  - {turn: 0, calls: [{tool: shell, arguments: {command: "echo x >> count"}}]}
  - {from: tool, when: "(?s).*", turn: 1, calls: [{tool: shell, arguments: {command: "echo x >> count"}}]}
  - {from: tool, when: "(?s).*", turn: 2, calls: [{tool: shell, arguments: {command: "echo x  >> count"}}]}
  - {from: tool, when: "(?s).*", reply: "Done."}
"#;

fn home(rule: &str) -> Home {
    Home::with_role(&format!("  - {{type: shell, shell: true, approval: {rule}}}"), REPEATING)
}

fn count(home: &Home) -> usize {
    std::fs::read_to_string(home.work().join("count")).unwrap_or_default().lines().count()
}

#[test]
fn an_equal_call_happens_without_asking_and_says_whose_word_it_rests_on() {
    let home = home("{remember: run}");
    home.run(["run", "role.yaml", "-p", "go"]);
    // The second call is equal; the third differs by one blank.
    home.run(["approve", "RUN", "--all", "--resolved-by", "Alice"]).check(expect![[r#"
        Resumed.
        Run RUN_____________ paused — 1 tool call awaiting approval.
          CALL2__________  shell  echo x  >> count

        Resume with: initrunner approve RUN_____________ --all
        = 2
    "#]]);
    assert_eq!(count(&home), 2);
    let shown = home.run(["show", "RUN"]);
    let calls = shown.stdout.split("\n\n").find(|part| part.starts_with("Tool calls")).unwrap();
    expect![[r#"
        Tool calls
          CALL___________  succeeded  shell  echo x >> count
            approve by Alice (os:USER) at TIME_______________________
          CALL3__________  succeeded  shell  echo x >> count
            approve by Alice (os:USER) (remembered from CALL___________) at TIME_______________________
          CALL2__________  waiting  shell  echo x  >> count
            isolation of its programs: ISOLATION"#]].assert_eq(calls);
    let story = home.json(["show", "RUN", "--json"]);
    assert_eq!(story["calls"][1]["remembered_from"], story["calls"][0]["tool_call_id"]);
    let asked = home.json(["pending", "--json"]);
    assert_eq!(asked.as_array().map(Vec::len), Some(1), "{asked}");
    home.run(["approve", "RUN", "--all"]).check(expect![[r#"
        Resumed.
        Done.
        = 0
    "#]]);
    assert_eq!(count(&home), 3);
}

#[test]
fn without_it_each_call_is_asked_about() {
    let home = home("required");
    home.run(["run", "role.yaml", "-p", "go"]);
    for happened in [1, 2] {
        let ran = home.run(["approve", "RUN", "--all"]);
        assert_eq!((ran.code, count(&home)), (Some(2), happened), "{ran}");
    }
}

#[test]
fn a_denied_call_is_asked_about_again() {
    let home = home("{remember: run}");
    home.run(["run", "role.yaml", "-p", "go"]);
    let ran = home.run(["approve", "RUN", "--all", "--deny"]);
    assert_eq!((ran.code, count(&home)), (Some(2), 0), "{ran}");
}

#[test]
fn an_edited_call_is_remembered_as_what_it_became() {
    let home = home("{remember: run}");
    home.run(["run", "role.yaml", "-p", "go"]);
    // The model repeats what it asked for first, which nobody approved.
    let edit = ["approve", "RUN", "--tool-call-id", "CALL", "--set", "command=echo y >> count"];
    let ran = home.run(edit);
    assert_eq!((ran.code, count(&home)), (Some(2), 1), "{ran}");
}

#[test]
fn a_remembered_approval_is_bound_like_any_other() {
    let tools = "  - {type: shell, shell: true, env: [TARGET], approval: {remember: run}}";
    let home = Home::with_role(tools, REPEATING);
    let run = |words: &[&str], target: &str| {
        home.command(words.iter().copied()).env("TARGET", target).run()
    };
    run(&["run", "role.yaml", "-p", "go"], "testing");
    // The first call is asked about again, for another target; the second equals what was approved then.
    assert_eq!(run(&["approve", "RUN", "--all"], "production").code, Some(2));
    assert_eq!(count(&home), 0);
    assert_eq!(run(&["approve", "RUN", "--all"], "production").code, Some(2));
    assert_eq!(count(&home), 2);
}
