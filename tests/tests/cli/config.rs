//! `config.toml`: how far the roles of a host may go.

use crate::ASKING;
use expect_test::{Expect, expect};
use initrunner_tests::home::Home;
use initrunner_tests::hostile;

const SHELL: &str = "  - type: shell\n    allowed_commands: [echo, ls]\n    env: [LANG]";

/// What `validate` says of a role with these tools on a host with this configuration.
fn check(tools: &str, config: &str, expected: Expect) {
    let home = Home::with_role(tools, "fallback: hello");
    configure(&home, config);
    home.run(["validate", "role.yaml"]).check(expected);
}

fn configure(home: &Home, config: &str) {
    std::fs::create_dir_all(home.state()).unwrap();
    std::fs::write(home.state().join("config.toml"), config).unwrap();
}

#[test]
fn what_roles_may_grant_is_capped_for_built_ins_too() {
    check(
        SHELL,
        "",
        expect![[r#"
        The role `test` is valid: 1 tool.
          shell  (destructive, open-world, no approval)
        = 0
    "#]],
    );
    check(
        SHELL,
        "[grants]\nprocess = [{program = \"echo\", network = true}]\nenv = []\n",
        expect![[r#"
            ! error: role.yaml:5:11: the entry `shell` is granted the program "ls", which this host does not allow
            !   hint: to allow it, add `{program = "ls"}` to the list `process` under `[grants]` in `FOLDER/state/config.toml`
            ! role.yaml:5:11: the entry `shell` is granted the environment variable "LANG", which this host does not allow
            !   hint: to allow it, add `"LANG"` to the list `env` under `[grants]` in `FOLDER/state/config.toml`
            = 65
        "#]],
    );
    check(
        SHELL,
        "[grants]\nenv = [\"LANG\"]\nprocess = [{program = \"echo\", network = true}, {program = \"ls\", network = true}]\n",
        expect![[r#"
            The role `test` is valid: 1 tool.
              shell  (destructive, open-world, no approval)
            = 0
        "#]],
    );
    check(
        "  - type: shell",
        "[grants]\nprocess = []\n",
        expect![[r#"
            ! error: role.yaml:5:11: the entry `shell` is granted any program, since it names none, which this host does not allow
            !   hint: to allow it, add `{program = "NAME"}` to the list `process` under `[grants]` in `FOLDER/state/config.toml`
            = 65
        "#]],
    );
    let component = format!(
        "  - component: {}\n    name: hostile\n    grants: {{http: [{{host: api.example.com, methods: [POST]}}], files: [{{path: ../data, access: write}}]}}",
        hostile().display()
    );
    check(
        &component,
        "[grants]\nhttp = [{host = \"*.example.com\"}]\nfiles = [{path = \"/srv\"}]\n",
        expect![[r#"
            ! error: role.yaml:5:16: `FOLDER/work/../data`, which the entry grants, is not there
            !   hint: create it, or grant a folder that exists; relative paths start from the role file's folder
            = 65
        "#]],
    );
}

#[test]
fn what_roles_may_ask_for_is_capped() {
    check(
        "  - type: shell\n    limits: {timeout_seconds: 90, memory_mb: 32}\n    tools: {shell: {limits: {max_output_bytes: 5000000}}}",
        "[limits]\ntimeout_seconds = 60\n",
        expect![[r#"
            ! error: role.yaml:6:14: `timeout_seconds` is 90, and this host allows 60 at most
            !   hint: `timeout_seconds = 90` under `[limits]` in `FOLDER/state/config.toml` allows it
            ! role.yaml:7:30: `max_output_bytes` is 5000000, and this host allows 4194304 at most
            !   hint: `max_output_bytes = 5000000` under `[limits]` in `FOLDER/state/config.toml` allows it
            = 65
        "#]],
    );
    // The time of the shell's programs is asked for in its own words.
    check(
        "  - type: shell\n    timeout_seconds: 90",
        "[limits]\ntimeout_seconds = 60\n",
        expect![[r#"
            ! error: role.yaml:6:5: `timeout_seconds` is 90, and this host allows 60 at most
            !   hint: `timeout_seconds = 90` under `[limits]` in `FOLDER/state/config.toml` allows it
            = 65
        "#]],
    );
    check(
        "  - type: shell",
        "[limits]\ntimeout_seconds = 20\n",
        expect![[r#"
        The role `test` is valid: 1 tool.
          shell  (destructive, open-world, no approval)
        = 0
    "#]],
    );
    // A host may allow more than is usual.
    check(
        "  - type: shell\n    limits: {memory_mb: 1024}",
        "[limits]\nmemory_mb = 2048\n",
        expect![[r#"
            The role `test` is valid: 1 tool.
              shell  (destructive, open-world, no approval)
            = 0
        "#]],
    );
}

#[test]
fn a_configuration_that_cannot_be_used_stops_what_would_load_components_and_nothing_else() {
    let home = Home::with_role(
        ASKING,
        "rules:\n  - turn: 0\n    calls: [{tool: shell, arguments: {command: ls}}]\nfallback: done",
    );
    home.run(["run", "role.yaml", "-p", "go"]).check(expect![[r#"
        Run RUN_____________ paused — 1 tool call awaiting approval.
          CALL___________  shell  ls

        Resume with: initrunner approve RUN_____________ --all
        = 2
    "#]]);
    configure(&home, "[limit]\nmemory_mb = 1\n\n[grants]\nfiles = \"/\"\n");
    home.run(["run", "role.yaml", "-p", "go"]).check(expect![[r#"
        ! error: FOLDER/state/config.toml:1:2: unknown key `limit`
        !   hint: did you mean `limits`?
        ! FOLDER/state/config.toml:5:9: `files` must be a list, not `/`
        !   hint: begin each grant on its own line: `- {path: ./data, access: read}`
        = 1
    "#]]);
    home.run(["approve", "RUN", "--all"]).check(expect![[r#"
        ! error: FOLDER/state/config.toml:1:2: unknown key `limit`
        !   hint: did you mean `limits`?
        ! FOLDER/state/config.toml:5:9: `files` must be a list, not `/`
        !   hint: begin each grant on its own line: `- {path: ./data, access: read}`
        = 1
    "#]]);
    let listed = home.run(["pending"]);
    assert_eq!((listed.code, listed.raw.contains("shell")), (Some(0), true), "{listed}");
    assert_eq!(home.run(["audit", "verify"]).code, Some(0));
    std::fs::remove_file(home.state().join("config.toml")).unwrap();
    std::fs::create_dir(home.state().join("config.toml")).unwrap();
    home.run(["validate", "role.yaml"]).check(expect![[r#"
        ! error: the host's configuration `FOLDER/state/config.toml` cannot be read: it is a folder
        !   hint: mend it, or remove it
        = 1
    "#]]);
    std::fs::remove_dir(home.state().join("config.toml")).unwrap();
    assert_eq!(home.run(["approve", "RUN", "--all"]).code, Some(0));
}

/// What was approved is looked at again in the light of the configuration of now.
#[test]
fn a_waiting_call_does_not_outlive_a_tighter_configuration() {
    let home = Home::with_role(
        ASKING,
        "rules:\n  - turn: 0\n    calls: [{tool: shell, arguments: {command: touch made}}]\nfallback: done",
    );
    assert_eq!(home.run(["run", "role.yaml", "-p", "go"]).code, Some(2));
    configure(&home, "grants.process = []\n");
    home.run(["approve", "RUN", "--all"]).check(expect![[r#"
        ! error: FOLDER/work/role.yaml:5:12: the entry `shell` is granted any program, since it names none, which this host does not allow
        !   hint: to allow it, add `{program = "NAME"}` to the list `process` under `[grants]` in `FOLDER/state/config.toml`
        ! FOLDER/work/role.yaml:5:12: the entry `shell` is granted scripts, which this host does not allow
        !   hint: to allow it, add `{script = true}` to the list `process` under `[grants]` in `FOLDER/state/config.toml`
        = 65
    "#]]);
    assert!(!home.work().join("made").exists());
    // It still waits: nothing was spent.
    assert!(home.run(["pending"]).raw.contains("shell"));
    configure(&home, "");
    assert_eq!(home.run(["approve", "RUN", "--all"]).code, Some(0));
    assert!(home.work().join("made").exists());
}
