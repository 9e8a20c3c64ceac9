//! Another program's answer to compare with ours: Python's for globs, Node's for JSON.

use serde_json::Value;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// Runs `program` once; it reads all of `question` as JSON and writes its answer as JSON.
///
/// # Panics
/// It is not installed, fails, or answers something else.
pub fn answer(program: &str, arguments: &[&str], question: &Value) -> Value {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("`{program}` cannot be started ({error}): run ./tests/run"));
    let mut stdin = child.stdin.take().expect("its standard input is ours");
    // It reads to the end before it writes, so neither waits for the other.
    stdin.write_all(question.to_string().as_bytes()).expect("it reads the question");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "`{program}` failed: {}", output.status);
    serde_json::from_slice(&output.stdout).expect("it answers in JSON")
}
