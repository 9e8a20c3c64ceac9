//! Calls of unknown outcome that the role has the host try again.

use expect_test::expect;
use initrunner_tests::home::{Home, until};

/// A run of the probe whose process died while its script ran. The script leaves a line each time, and
/// waits for ever as long as `stay` is there.
fn killed(entry: &str, describe: &str) -> Home {
    let script = r#"
rules:
  - turn: 0
    calls:
      - tool: probe
        arguments: {do: script, text: "echo x >> count; test -e stay && sleep 1000; echo done"}
  - {from: tool, is_error: true, when: "(?s).*", reply: "Error: $0"}
  - {from: tool, when: "(?s).*", reply: "Result: $0"}
"#;
    let path = initrunner_tests::probe().display();
    let grants = "grants: {process: [{script: true}]}";
    let entry = format!("  - {{component: {path}, name: probe, {describe} {grants}, {entry}}}");
    let home = Home::with_role(&entry, script);
    home.file("stay", "");
    let first = home.run(["run", "role.yaml", "-p", "go"]);
    if first.code == Some(2) {
        interrupted(&home, &["approve", "RUN", "--all"], 1);
    } else {
        panic!("{first}");
    }
    home
}

/// Starts a command, and kills it once its call has happened so many times in all.
fn interrupted(home: &Home, words: &[&str], times: usize) {
    let running = home.command(words.iter().copied()).start();
    until("the call is under way", || count(home) == times);
    running.kill();
    until("its programs have ended", || {
        let pending = home.json(["pending", "--json"]);
        pending[0]["state"] == "unknown" && pending[0]["program_pid"].is_null()
    });
}

fn count(home: &Home) -> usize {
    std::fs::read_to_string(home.work().join("count")).unwrap_or_default().lines().count()
}

const AUTO: &str = "approval: required, retry_unknown: auto";
const IDEMPOTENT: &str = "describe: idempotent,";

#[test]
fn an_idempotent_tools_call_is_tried_again_by_whoever_goes_on() {
    let home = killed(AUTO, IDEMPOTENT);
    std::fs::remove_file(home.work().join("stay")).unwrap();
    home.run(["resume", "RUN"]).check(expect![[r#"
        Resumed.
        Result: done
        = 0
    "#]]);
    assert_eq!(count(&home), 2);
    let story = home.json(["show", "RUN", "--json"]);
    assert_eq!(story["calls"][0]["attempts"], 2);
    let kinds: Vec<&str> =
        story["events"].as_array().unwrap().iter().filter_map(|e| e["kind"].as_str()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "unknown_retried").count(), 1);
}

#[test]
fn recovering_tries_again_too_and_after_three_times_a_person_is_asked() {
    let home = killed(AUTO, IDEMPOTENT);
    interrupted(&home, &["recover", "--resume"], 2);
    interrupted(&home, &["resume", "RUN"], 3);
    std::fs::remove_file(home.work().join("stay")).unwrap();
    home.run(["recover", "--resume"]).check(expect![[r#"
        RUN_____________  test  paused: the process driving the run ended
          call CALL___________ (probe: probe script) was started, and its process ended before a result was written, so whether it happened is not known; look first, then choose:
          initrunner approve RUN_____________ --tool-call-id CALL___________ --retry
          initrunner approve RUN_____________ --tool-call-id CALL___________ --report-unknown
        = 2
    "#]]);
    assert_eq!(count(&home), 3);
    home.run(["approve", "RUN", "--tool-call-id", "CALL", "--retry"]).check(expect![[r#"
        Resumed.
        Result: done
        = 0
    "#]]);
    assert_eq!(count(&home), 4);
}

#[test]
fn without_the_roles_word_or_the_components_a_person_is_asked() {
    for (entry, describe) in [("approval: required", IDEMPOTENT), (AUTO, "")] {
        let home = killed(entry, describe);
        std::fs::remove_file(home.work().join("stay")).unwrap();
        let resumed = home.run(["resume", "RUN"]);
        assert_eq!(resumed.code, Some(3), "{resumed}");
        assert!(resumed.stderr.contains("--report-unknown"), "{resumed}");
        let recovered = home.run(["recover", "--resume"]);
        assert_eq!(recovered.code, Some(2), "{recovered}");
        assert_eq!(count(&home), 1);
    }
}

#[test]
fn a_retry_that_has_no_effect_is_said_when_the_role_is_checked() {
    let home = Home::with_role("  - {type: shell, retry_unknown: auto}", "fallback: hello");
    home.run(["validate", "role.yaml"]).check(expect![[r#"
        The role `test` is valid: 1 tool.
          shell  (destructive, open-world, no approval)
        ! note: `retry_unknown: auto` has no effect on `shell`: its component does not say that the tool is idempotent, so a person is asked
        = 0
    "#]]);
}
