//! Components that cannot be used, and components that misbehave.

use expect_test::{Expect, expect};
use initrunner::plugin::carried;
use initrunner_tests::home::Home;
use std::fmt::Write as _;

/// A role with one component, with these bytes if there are any.
fn check(bytes: Option<&[u8]>, rest: &str, expected: Expect) {
    let home = Home::with_role(&format!("  - component: tool.wasm{rest}"), "fallback: hello");
    if let Some(bytes) = bytes {
        home.file("tool.wasm", bytes);
    }
    let ran = home.run(["run", "role.yaml", "-p", "hello"]);
    assert!(!home.state().join("audit.db").exists(), "{ran}");
    ran.check(expected);
}

#[test]
fn files_that_are_no_tool_are_refused_when_the_role_is_loaded() {
    check(
        None,
        "",
        expect![[r#"
        ! error: role.yaml:5:16: the component `FOLDER/work/tool.wasm` cannot be read: there is no such file
        !   hint: relative paths start from the role file's folder
        = 65
    "#]],
    );
    check(
        Some(b""),
        "",
        expect![[r#"
        ! error: role.yaml:5:16: `FOLDER/work/tool.wasm` is not WebAssembly
        !   hint: give the path of a `.wasm` component
        = 65
    "#]],
    );
    check(
        Some(b"#!/bin/sh\necho hello\n"),
        "",
        expect![[r#"
        ! error: role.yaml:5:16: `FOLDER/work/tool.wasm` is not WebAssembly
        !   hint: give the path of a `.wasm` component
        = 65
    "#]],
    );
    // A core module, and a component that exports nothing.
    check(
        Some(b"\0asm\x01\0\0\0"),
        "",
        expect![[r#"
        ! error: role.yaml:5:16: `FOLDER/work/tool.wasm` is a core WebAssembly module, not a component
        !   hint: build it for wasm32-wasip2, or wrap it with `wasm-tools component new`
        = 65
    "#]],
    );
    check(
        Some(b"\0asm\x0d\0\x01\0"),
        "",
        expect![[r#"
        ! error: role.yaml:5:16: `FOLDER/work/tool.wasm` offers no tools: it exports nothing
        !   hint: a tool component exports `initrunner:plugin/tools@0.1.0`; see wit/plugin.wit
        = 65
    "#]],
    );
    let shell = carried::find("shell").unwrap().1.read().unwrap().into_owned();
    check(
        Some(&shell[..8]),
        "",
        expect![[r#"
        ! error: role.yaml:5:16: `FOLDER/work/tool.wasm` offers no tools: it exports nothing
        !   hint: a tool component exports `initrunner:plugin/tools@0.1.0`; see wit/plugin.wit
        = 65
    "#]],
    );
}

#[test]
fn what_a_component_imports_must_be_granted() {
    let shell = carried::find("shell").unwrap().1.read().unwrap().into_owned();
    check(
        Some(&shell),
        "",
        expect![[r#"
        ! error: role.yaml:5:16: the component imports `initrunner:host/process`, which this entry does not grant
        !   hint: to let it run a program, add `grants: {process: [{program: NAME}]}` to the entry
        = 65
    "#]],
    );
    let home = Home::new();
    home.file("tool.wasm", &shell);
    let size = shell.len().to_string();
    let shown = home.run(["inspect", "tool.wasm"]).to_string().replace(&size, "SIZE");
    expect![[r#"
        shell 0.1.0
          Runs commands in a working directory.
          digest        sha256:DIGEST
          size          SIZE bytes
          capabilities  initrunner:host/process@0.1.0
          WASI (inert)  wasi:io/poll@0.2.12, wasi:io/error@0.2.12, wasi:io/streams@0.2.12, wasi:cli/stdout@0.2.12, wasi:cli/stderr@0.2.12, wasi:cli/stdin@0.2.12, wasi:cli/environment@0.2.12, wasi:cli/exit@0.2.12, wasi:cli/terminal-input@0.2.12, wasi:cli/terminal-output@0.2.12, wasi:cli/terminal-stdin@0.2.12, wasi:cli/terminal-stdout@0.2.12, wasi:cli/terminal-stderr@0.2.12
          needs         grants: {process: [{program: NAME}]}
          could use     grants: {env: [NAME]}
          configuration working_dir, timeout_seconds, max_output_bytes, allowed_commands, blocked_commands, shell, env, network, read, write

        shell  (destructive, open-world)
          Runs one program with its arguments in the working directory and returns its output. There is no shell: no pipes, redirections, variables or patterns; quote arguments with spaces.
          arguments     {"type":"object","properties":{"command":{"type":"string","description":"The command, as one would type it."}},"required":["command"],"additionalProperties":false}
        = 0
    "#]].assert_eq(&shown);
    home.file("tool.wasm", "no component");
    home.run(["inspect", "tool.wasm"]).check(expect![[r#"
        ! error: `tool.wasm` is not WebAssembly
        !   hint: give the path of a `.wasm` component
        = 1
    "#]]);
    home.run(["inspect", "sehll"]).check(expect![[r#"
        ! error: there is no tool type `sehll`
        !   hint: did you mean `shell`?
        = 1
    "#]]);
    home.run(["inspect", "shell", "--config", "{]"]).check(expect![[r#"
        ! error: the configuration is not JSON: the JSON cannot be used: key must be a string at line 1 column 2; write the keys of an entry as JSON, such as `{"working_dir": "."}`
        = 1
    "#]]);
    home.run(["inspect", "shell", "--config", "[]"]).check(expect![[r#"
        ! error: the configuration is not a JSON object; write the keys of an entry as JSON, such as `{"working_dir": "."}`
        = 1
    "#]]);
    home.run(["inspect", "shell", "--config", "{\"shell\": 1}"]).check(expect![[r#"
        ! error: the configuration does not fit `shell`: at `/shell`: the value is not of type "boolean"
        = 1
    "#]]);
    let page = home.run(["inspect", "shell", "--page"]).stdout;
    assert!(page.starts_with("# shell\n\nRuns commands"), "{page}");
    let scripts = home.run(["inspect", "shell", "--config", "{\"shell\": true}"]).stdout;
    assert!(scripts.contains("Runs a command with `sh`"), "{scripts}");
    home.run(["inspect", "missing.wasm"]).check(expect![[r#"
        ! error: the component `missing.wasm` cannot be read: there is no such file
        !   hint: relative paths start from the role file's folder
        = 1
    "#]]);
}

/// Without the places in the probe's source, which move.
fn without_places(text: &str) -> String {
    let mut parts = text.split(".rs:");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |shown, part| {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':');
        shown + ".rs:LINE: " + rest.trim_start()
    })
}

/// A role with the probe as its tool, and a model that has it do all of these at once.
fn probing(entry: &str, actions: &[&str], argument: &str) -> Home {
    let calls = actions.iter().fold(String::new(), |mut calls, action| {
        let _ = writeln!(calls, "      - {{tool: probe, arguments: {{{argument}: {action}}}}}");
        calls
    });
    let script = format!(
        "rules:\n  - turn: 0\n    calls:\n{calls}  - {{from: tool, when: \"(?s).*\", reply: \"$0\"}}\n"
    );
    let path = initrunner_tests::probe().display();
    let grants = "grants: {process: [{program: id}]}";
    Home::with_role(&format!("  - {{component: {path}, name: probe, {grants}, {entry}}}"), &script)
}

#[test]
fn a_component_that_misbehaves_is_an_error_for_the_model_and_nothing_else() {
    let actions = [
        "allocate",
        "panic",
        "trap",
        "overflow",
        "invalid-json",
        "handles",
        "fail",
        "retry",
        "invalid",
        "nothing",
    ];
    let home = probing("limits: {memory_mb: 16}", &actions, "do");
    let ran = home.run(["run", "role.yaml", "-p", "misbehave"]).to_string();
    expect![[r#"
        The tool could not be used: the tool was stopped: it asked for more than its 16 MiB of memory; `limits: {memory_mb: N}` in the role allows more, up to 256
        The tool could not be used: the tool crashed: it gave up; it printed `thread '<unnamed>' (1) panicked at tests/guests/probe/src/misbehave.rs:LINE: it went wrong on purpose`
        The tool could not be used: the tool crashed: it gave up
        The tool could not be used: the tool crashed: it used memory that it does not have, as when its call stack overflows
        The tool could not be used: the tool's result is not usable JSON: the JSON cannot be used: a key occurs twice in one object at line 1 column 16
        The tool could not be used: the tool was stopped: it held more than 1000 handles at once; `limits: {max_handles: N}` in the role allows more, up to 10000
        The tool failed: it did not work
        Nothing was done: try something else
        Invalid arguments: that cannot be right
        nothing
        = 0
    "#]].assert_eq(&without_places(&ran));
    let story = home.json(["show", &home.last(), "--json"]);
    for (action, call) in actions.iter().zip(story["calls"].as_array().unwrap()) {
        let state = if *action == "nothing" { "succeeded" } else { "failed" };
        assert_eq!(call["state"], state, "{action}: {call}");
    }
}

#[test]
fn a_component_that_never_returns_is_stopped() {
    let home = probing("limits: {timeout_seconds: 1}", &["loop", "sleep"], "do");
    home.run(["run", "role.yaml", "-p", "misbehave"]).check(expect![[r#"
        The tool could not be used: the tool took longer than its 1 s and was stopped; `limits: {timeout_seconds: N}` in the role allows more, up to 86400
        The tool could not be used: the tool took longer than its 1 s and was stopped; `limits: {timeout_seconds: N}` in the role allows more, up to 86400
        = 0
    "#]]);
}

#[test]
fn a_result_without_end_is_cut_and_marked() {
    let home = probing("limits: {max_output_bytes: 20}", &["huge"], "do");
    home.run(["run", "role.yaml", "-p", "misbehave"]).check(expect![[r#"
        éééééééééé
        [output truncated at 20 bytes]
        = 0
    "#]]);
}

#[test]
fn a_component_that_prints_without_end_fills_nothing() {
    let home = probing("limits: {timeout_seconds: 60}", &["print", "print-some"], "do");
    home.run(["run", "role.yaml", "-p", "misbehave"]).check(expect![[r#"
        The tool could not be used: the tool was stopped: it called the host more than 100000 times in one call; `limits: {max_host_calls: N}` in the role allows more, up to 10000000
        printed
        = 0
    "#]]);
    let size = std::fs::metadata(home.state().join("audit.db")).unwrap().len();
    assert!(size < 4 << 20, "the database has {size} bytes");
}

#[test]
fn a_component_that_cannot_say_what_it_would_do_is_never_approved() {
    let entry = "approval: required, limits: {timeout_seconds: 1}";
    let home = probing(entry, &["loop", "panic", "refuse", "what"], "prepare");
    let ran = home.run(["run", "role.yaml", "-p", "misbehave"]).to_string();
    expect![[r#"
        The tool could not say what it would do: the tool took longer than its 1 s and was stopped; `limits: {timeout_seconds: N}` in the role allows more, up to 86400
        The tool could not say what it would do: the tool crashed: it gave up; it printed `thread '<unnamed>' (1) panicked at tests/guests/probe/src/lib.rs:LINE: preparing went wrong`
        Nothing was done: it would rather not
        Invalid arguments: unknown: what
        = 0
    "#]].assert_eq(&without_places(&ran));
    home.run(["pending"]).check(expect![[r#"
        Pending approvals (0)
        = 0
    "#]]);
}

#[test]
fn a_short_address_space_is_enough() {
    let home = Home::with_role(crate::FREE, crate::RUNNER);
    // A pool reserves a terabyte; without one, an instance reserves what it may use.
    let ran = home.command(["run", "role.yaml", "-p", "run echo here"]).address_space(2000).run();
    assert_eq!(ran.stdout, "Result: here\n", "{ran}");
    assert_eq!(ran.code, Some(0), "{ran}");
}
