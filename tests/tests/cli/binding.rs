//! An approval is for what the person saw: anything else is asked about again.

use crate::RUNNER;
use expect_test::expect;
use initrunner_tests::home::Home;

#[test]
fn a_call_whose_configuration_changed_is_asked_about_again_and_happens_once() {
    let tools = "  - {type: shell, shell: true, approval: required, working_dir: \"${DIR}\"}";
    let home = Home::with_role(tools, RUNNER);
    for folder in ["one", "two"] {
        std::fs::create_dir(home.work().join(folder)).unwrap();
    }
    let run =
        |words: &[&str], folder: &str| home.command(words.iter().copied()).env("DIR", folder).run();
    let ran = run(&["run", "role.yaml", "-p", "run echo x >> count"], "one");
    assert_eq!(ran.code, Some(2), "{ran}");
    let ran = run(&["approve", "RUN", "--all"], "two");
    // Which folder a program may write below is part of what is granted.
    ran.check(expect![[r#"
        Resumed.
        Run RUN_____________ paused — 1 tool call awaiting approval.
          CALL___________  shell  echo x >> count
            asked again, because this changed: configuration: `working_dir` has another value
            asked again, because this changed: grants: `process.working_directory` was `FOLDER/work/one`, is `FOLDER/work/two`

        Resume with: initrunner approve RUN_____________ --all
        = 2
    "#]]);
    assert!(!home.work().join("one/count").exists());
    assert!(!home.work().join("two/count").exists());
    let waiting = home.json(["pending", "--json"]);
    assert_eq!(waiting[0]["changed"].as_array().map(Vec::len), Some(2), "{waiting}");
    run(&["approve", "RUN", "--all"], "two").check(expect![[r#"
        Resumed.
        Result: (no output)
        = 0
    "#]]);
    assert!(!home.work().join("one/count").exists());
    assert_eq!(std::fs::read_to_string(home.work().join("two/count")).unwrap(), "x\n");
}

#[test]
fn a_variable_that_the_entry_passes_on_is_part_of_what_was_approved() {
    let tools = "  - {type: shell, shell: true, approval: required, env: [TARGET]}";
    let home = Home::with_role(tools, RUNNER);
    let run = |words: &[&str], target: &str| {
        home.command(words.iter().copied()).env("TARGET", target).run()
    };
    run(&["run", "role.yaml", "-p", "run echo $TARGET"], "testing");
    run(&["approve", "RUN", "--all"], "production").check(expect![[r#"
        Resumed.
        Run RUN_____________ paused — 1 tool call awaiting approval.
          CALL___________  shell  echo $TARGET
            asked again, because this changed: configuration: the environment variable `TARGET` has another value

        Resume with: initrunner approve RUN_____________ --all
        = 2
    "#]]);
    run(&["approve", "RUN", "--all"], "production").check(expect![[r#"
        Resumed.
        Result: production
        = 0
    "#]]);
}

#[test]
fn the_role_file_may_change_without_changing_the_run() {
    let home = Home::with_role(crate::ASKING, RUNNER);
    home.run(["run", "role.yaml", "-p", "run echo x >> count"]);
    home.role("role.yaml", "  - {type: shell, working_dir: /, approval: required}", RUNNER);
    home.run(["approve", "RUN", "--all"]).check(expect![[r#"
        Resumed.
        Result: (no output)
        = 0
    "#]]);
    assert!(home.work().join("count").exists());
}

#[test]
fn an_approval_under_one_rule_is_none_under_another() {
    let tools = "  - type: shell\n    shell: true\n    approval:\n      quorum: ${QUORUM}\n      mode: required";
    let home = Home::with_role(tools, RUNNER);
    let run = |words: &[&str], quorum: &str| {
        home.command(words.iter().copied()).env("QUORUM", quorum).run()
    };
    run(&["run", "role.yaml", "-p", "run echo x >> count"], "1");
    run(&["approve", "RUN", "--all"], "2").check(expect![[r#"
        Resumed.
        Run RUN_____________ paused — 1 tool call awaiting approval.
          CALL___________  shell  echo x >> count
            asked again, because this changed: who must approve: was 1 of anybody, is 2 of anybody
            0 of 2 approvals; anybody may approve

        Resume with: initrunner approve RUN_____________ --all
        = 2
    "#]]);
    assert!(!home.work().join("count").exists());
}

#[test]
fn with_another_key_nothing_can_be_compared_and_the_call_is_asked_about_again() {
    let home = Home::with_role(crate::ASKING, RUNNER);
    home.run(["run", "role.yaml", "-p", "run echo x >> count"]);
    std::fs::write(home.state().join("keys/host.key"), [7; 32]).unwrap();
    // Another key means other compiled code as well: not in the cache of all tests.
    std::fs::remove_file(home.state().join("cache")).unwrap();
    home.run(["approve", "RUN", "--all"]).check(expect![[r#"
        Resumed.
        Run RUN_____________ paused — 1 tool call awaiting approval.
          CALL___________  shell  echo x >> count
            asked again, because this changed: configuration: what it was cannot be compared with what it is, because this host's key is another one or an older program asked

        Resume with: initrunner approve RUN_____________ --all
        = 2
    "#]]);
    assert!(!home.work().join("count").exists());
}
