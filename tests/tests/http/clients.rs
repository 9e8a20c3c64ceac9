//! Real clients: the scripts of `tests/clients`, each against a server of its own.

use crate::roles;
use expect_test::{Expect, expect};
use initrunner_tests::home::Start;
use initrunner_tests::serve::Server;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a script may take: some start slowly, and there are other tests beside them.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);

/// The folder of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The Python that has the pinned clients.
///
/// # Panics
/// They are not installed.
pub(crate) fn python() -> PathBuf {
    let python = root().join("target/clients/python/bin/python");
    assert!(python.exists(), "the Python clients are missing: run `./tests/run --install`");
    python
}

fn check(script: &str, expected: Expect) {
    let home = roles::home();
    let server = Server::start(&home, ".");
    let script = root().join("tests/clients").join(script);
    let program = match script.extension().and_then(|ending| ending.to_str()) {
        Some("py") => python(),
        _ => {
            let installed = script.with_file_name("node_modules").exists();
            assert!(installed, "the Node.js clients are missing: run `./tests/run --install`");
            "node".into()
        }
    };
    let ran =
        told(home.start_of(&program, [script.to_str().unwrap()]), &server).run_within(PATIENCE);
    println!("{}:\n{ran}", script.file_name().unwrap().display());
    ran.check(expected);
}

/// Tells a program where the server is. Python writes no compiled files beside its scripts.
pub(crate) fn told(start: Start, server: &Server) -> Start {
    start
        .env("INITRUNNER_URL", &server.url(""))
        .env("INITRUNNER_KEY", server.key())
        .env("PYTHONDONTWRITEBYTECODE", "1")
}

#[test]
fn openai_for_python_runs_pauses_and_resumes() {
    check(
        "python/openai_client.py",
        expect![[r#"
        models: ["asking", "free"]
        model: initrunner
        text: stop | 'You said: hello' | []
        tool: stop | 'Result: done' | []
        pause: tool_calls_pending_approval | 'Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN_____________ --all' | [["shell", {"command": "echo done"}]]
        approve: stop | 'Result: done' | []
        pause: tool_calls_pending_approval | 'Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN2____________ --all' | [["shell", {"command": "echo done"}]]
        deny: stop | 'I did not: A person denied this call; it was not executed. The reason given: "not today"' | []
        pause: tool_calls_pending_approval | 'Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN3____________ --all' | [["shell", {"command": "echo done"}]]
        edit: stop | 'Result: A person changed this call\'s arguments before approving it: from {"command":"echo done"} to {"command":"echo other"}. Result: other' | []
        pause: tool_calls_pending_approval | 'Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN4____________ --all' | [["shell", {"command": "echo done"}]]
        pause again: tool_calls_pending_approval | 'Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN4____________ --all' | [["shell", {"command": "echo done again"}]]
        approve: stop | 'Result: done again' | []
        as a stop: stop | 'Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN5____________ --all' | [["shell", {"command": "echo done"}]]
        two calls: tool_calls_pending_approval | 'I will do two things.' | [["shell", {"command": "echo done one"}], ["shell", {"command": "echo done two"}]]
        one of them: stop | 'I did not: done one\nA person denied this call; it was not executed.' | []
        stream text: stop | 'You said: hello'
        stream tool: stop | 'Result: done' | true
        stream pause: approval_required | tool_calls_pending_approval | 'Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN6____________ --all' | [["shell", {"command": "echo done"}]] | true
        pause again: tool_calls_pending_approval | 'Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN6____________ --all' | [["shell", {"command": "echo done again"}]]
        deny: stop | 'I did not: A person denied this call; it was not executed.' | []
        twice: ConflictError | 409 | already_decided | deny
        unknown model: NotFoundError | 404 | model_not_found
        two answers: BadRequestError | 400 | n
        wrong key: NotFoundError | 404
        = 0
    "#]],
    );
}

#[test]
fn openai_for_python_collects_streams() {
    check(
        "python/openai_stream.py",
        expect![[r#"
        hello: stop | 'You said: hello' | [] | true
        run echo done: stop | 'Result: done' | [] | true
        run echo done: tool_calls_pending_approval | 'Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN_____________ --all' | [["shell", {"command": "echo done"}]] | true
        decided: stop | 'Result: done' | []
        run echo done: tool_calls_pending_approval | 'Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN2____________ --all' | [["shell", {"command": "echo done"}]] | true
        decided: stop | 'I did not: A person denied this call; it was not executed.' | []
        twice echo done: tool_calls_pending_approval | 'Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN3____________ --all' | [["shell", {"command": "echo done"}]] | true
        decided: tool_calls_pending_approval | 'Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN3____________ --all' | [["shell", {"command": "echo done again"}]]
        decided: stop | 'Result: done again' | []
        both echo done: tool_calls_pending_approval | 'I will do two things.' | [["shell", {"command": "echo done one"}], ["shell", {"command": "echo done two"}]] | true
        = 0
    "#]],
    );
}

#[test]
fn an_agent_of_pydantic_ai_starts_no_second_run_where_one_waits() {
    check(
        "python/pydantic_ai_agent.py",
        expect![[r#"
        hello: stop | 'You said: hello' | [] | 1 | 1
        run echo done: stop | 'Result: done' | [] | 1 | 1
        run echo done: tool_calls_pending_approval | 'Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN_____________ --all' | [["shell", {"command": "echo done"}]] | 1 | 1
        hello again: stop | 'You said: hello again' | [] | 1 | 1
        decided: stop | 'Result: done' | []
        run echo done: tool_calls_pending_approval | 'Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN2____________ --all' | [["shell", {"command": "echo done"}]] | 1 | 1
        decided: stop | 'I did not: A person denied this call; it was not executed.' | []
        twice echo done: tool_calls_pending_approval | 'Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN3____________ --all' | [["shell", {"command": "echo done"}]] | 1 | 1
        decided: tool_calls_pending_approval | 'Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN3____________ --all' | [["shell", {"command": "echo done again"}]]
        decided: stop | 'Result: done again' | []
        stream hello: stop | 'You said: hello' | [] | 1 | 1
        stream run echo done: stop | 'Result: done' | [] | 1 | 1
        stream run echo done: tool_calls_pending_approval | 'Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN4____________ --all' | [["shell", {"command": "echo done"}]] | 1 | 1
        decided: stop | 'Result: done' | []
        stream run echo done: tool_calls_pending_approval | 'Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN5____________ --all' | [["shell", {"command": "echo done"}]] | 1 | 1
        decided: stop | 'I did not: A person denied this call; it was not executed.' | []
        stream twice echo done: tool_calls_pending_approval | 'Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN6____________ --all' | [["shell", {"command": "echo done"}]] | 1 | 1
        decided: tool_calls_pending_approval | 'Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN6____________ --all' | [["shell", {"command": "echo done again"}]]
        decided: stop | 'Result: done again' | []
        = 0
    "#]],
    );
}

#[test]
fn langchain_reads_a_pause_as_an_answer() {
    check(
        "python/langchain_chat.py",
        expect![[r#"
        hello: stop | 'You said: hello' | [] | []
        run echo done: stop | 'Result: done' | [] | []
        run echo done: tool_calls_pending_approval | 'Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN_____________ --all' | [["shell", {"command": "echo done"}]] | []
        decided: stop | 'Result: done' | []
        run echo done: tool_calls_pending_approval | 'Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN2____________ --all' | [["shell", {"command": "echo done"}]] | []
        decided: stop | 'I did not: A person denied this call; it was not executed.' | []
        twice echo done: tool_calls_pending_approval | 'Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN3____________ --all' | [["shell", {"command": "echo done"}]] | []
        decided: tool_calls_pending_approval | 'Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN3____________ --all' | [["shell", {"command": "echo done again"}]]
        decided: stop | 'Result: done again' | []
        stream hello: stop | 'You said: hello' | [] | []
        stream run echo done: stop | 'Result: done' | [] | []
        stream run echo done: tool_calls_pending_approval | 'Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN4____________ --all' | [["shell", {"command": "echo done"}]] | []
        decided: stop | 'Result: done' | []
        stream run echo done: tool_calls_pending_approval | 'Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN5____________ --all' | [["shell", {"command": "echo done"}]] | []
        decided: stop | 'I did not: A person denied this call; it was not executed.' | []
        stream twice echo done: tool_calls_pending_approval | 'Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN6____________ --all' | [["shell", {"command": "echo done"}]] | []
        decided: tool_calls_pending_approval | 'Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN6____________ --all' | [["shell", {"command": "echo done again"}]]
        decided: stop | 'Result: done again' | []
        history: stop | 'You said: and now?' | [] | []
        = 0
    "#]],
    );
}

#[test]
fn openai_for_node_runs_pauses_and_resumes() {
    check(
        "node/openai_client.mjs",
        expect![[r#"
        models: ["asking","free"]
        text: stop | You said: hello | []
        tool: stop | Result: done | []
        pause: tool_calls_pending_approval | Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN_____________ --all | [["shell",{"command":"echo done"}]]
        approve: stop | Result: done | []
        pause: tool_calls_pending_approval | Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN2____________ --all | [["shell",{"command":"echo done"}]]
        deny: stop | I did not: A person denied this call; it was not executed. | []
        pause: tool_calls_pending_approval | Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN3____________ --all | [["shell",{"command":"echo done"}]]
        pause again: tool_calls_pending_approval | Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN3____________ --all | [["shell",{"command":"echo done again"}]]
        approve: stop | Result: done again | []
        two calls: tool_calls_pending_approval | I will do two things. | [["shell",{"command":"echo done one"}],["shell",{"command":"echo done two"}]]
        stream hello: - | stop | You said: hello | [] | true
        stream run echo done: - | stop | Result: done | [] | true
        stream run echo done: approval_required | tool_calls_pending_approval | Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN4____________ --all | [["shell",{"command":"echo done"}]] | true
        approve: stop | Result: done | []
        stream run echo done: approval_required | tool_calls_pending_approval | Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN5____________ --all | [["shell",{"command":"echo done"}]] | true
        deny: stop | I did not: A person denied this call; it was not executed. | []
        stream twice echo done: approval_required | tool_calls_pending_approval | Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN6____________ --all | [["shell",{"command":"echo done"}]] | true
        pause again: tool_calls_pending_approval | Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN6____________ --all | [["shell",{"command":"echo done again"}]]
        approve: stop | Result: done again | []
        twice: ConflictError | 409 | already_decided | approve
        unknown model: NotFoundError | 404 | model_not_found
        two answers: BadRequestError | 400 | n
        = 0
    "#]],
    );
}

#[test]
fn openai_for_node_collects_streams() {
    check(
        "node/openai_stream.mjs",
        expect![[r#"
        hello: stop | You said: hello | [] | true
        run echo done: stop | Result: done | [] | true
        run echo done: tool_calls_pending_approval | Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN_____________ --all | [["shell",{"command":"echo done"}]] | true
        decided: stop | Result: done | []
        run echo done: tool_calls_pending_approval | Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN2____________ --all | [["shell",{"command":"echo done"}]] | true
        decided: stop | I did not: A person denied this call; it was not executed. | []
        twice echo done: tool_calls_pending_approval | Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN3____________ --all | [["shell",{"command":"echo done"}]] | true
        decided: tool_calls_pending_approval | Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN3____________ --all | [["shell",{"command":"echo done again"}]]
        decided: stop | Result: done again | []
        both echo done: tool_calls_pending_approval | I will do two things. | [["shell",{"command":"echo done one"}],["shell",{"command":"echo done two"}]] | true
        = 0
    "#]],
    );
}

#[test]
fn the_ai_sdk_generates_and_streams() {
    check(
        "node/ai_sdk.mjs",
        expect![[r#"
        hello: stop | stop | You said: hello | [] | 1 | true
        run echo done: stop | stop | Result: done | [] | 1 | true
        run echo done: other | tool_calls_pending_approval | Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN_____________ --all | [["shell",{"command":"echo done"}]] | 1 | true
        decided: 200 | stop | Result: done | []
        run echo done: other | tool_calls_pending_approval | Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN2____________ --all | [["shell",{"command":"echo done"}]] | 1 | true
        decided: 200 | stop | I did not: A person denied this call; it was not executed. | []
        twice echo done: other | tool_calls_pending_approval | Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN3____________ --all | [["shell",{"command":"echo done"}]] | 1 | true
        decided: 200 | tool_calls_pending_approval | Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN3____________ --all | [["shell",{"command":"echo done again"}]]
        decided: 200 | stop | Result: done again | []
        stream hello: stop | stop | You said: hello | [] | 1 | true
        stream run echo done: stop | stop | Result: done | [] | 1 | true
        stream run echo done: other | tool_calls_pending_approval | Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN4____________ --all | [["shell",{"command":"echo done"}]] | 1 | true
        decided: 200 | stop | Result: done | []
        stream run echo done: other | tool_calls_pending_approval | Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN5____________ --all | [["shell",{"command":"echo done"}]] | 1 | true
        decided: 200 | stop | I did not: A person denied this call; it was not executed. | []
        stream twice echo done: other | tool_calls_pending_approval | Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN6____________ --all | [["shell",{"command":"echo done"}]] | 1 | true
        decided: 200 | tool_calls_pending_approval | Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN6____________ --all | [["shell",{"command":"echo done again"}]]
        decided: 200 | stop | Result: done again | []
        run echo done: stop | stop | Awaiting approval for 1 tool call(s). Resume: initrunner approve RUN7____________ --all | [["shell",{"command":"echo done"}]] | 1 | true
        = 0
    "#]],
    );
}
