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
    let digest = |c: char| c.is_ascii_hexdigit();
    let granted = ran.stdout.split_once("grants: was ").map(|(_, rest)| rest).unwrap_or_default();
    let (was, rest) = granted.split_once(", is ").unwrap_or_default();
    let is = &rest[..rest.find(|c| !digest(c)).unwrap_or_default()];
    expect![[r#"
        Resumed.
        Run RUN_____________ paused — 1 tool call awaiting approval.
          CALL___________  shell  echo x >> count
            asked again, because this changed: configuration: a key of the entry, or a variable it passes on, has another value
            asked again, because this changed: grants: was OLD, is NEW

        Resume with: initrunner approve RUN_____________ --all
        = 2
    "#]].assert_eq(&ran.to_string().replace(was, "OLD").replace(is, "NEW"));
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
            asked again, because this changed: configuration: a key of the entry, or a variable it passes on, has another value

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
