//! Programs run through the real supervisor: what they get, what they leave behind, and that nothing
//! of them outlives the call.

#![cfg(target_os = "linux")]

mod announce;
mod ends;
mod reach;
mod refuse;
mod run;

use initrunner::plugin::process::{Ending, ProcessCommand, ProcessOutput, Target, run};
use initrunner_tests::binary;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longer than anything here takes on the busiest machine; no test waits for it to pass.
const PLENTY: Duration = Duration::from_secs(60);

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn command(target: Target, directory: &Path) -> ProcessCommand {
    ProcessCommand {
        target,
        within: directory.to_owned(),
        working_directory: directory.to_owned(),
        read: Vec::new(),
        write: Vec::new(),
        network: false,
        environment: Vec::new(),
        secrets: Default::default(),
        timeout: PLENTY,
        max_output_bytes: 64 * 1024,
        protected: Vec::new(),
        supervisor: Some(binary()),
    }
}

fn program(name: &str, arguments: &[&str], directory: &Path) -> ProcessCommand {
    let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
    command(Target::Program { name: name.to_owned(), arguments }, directory)
}

fn script(text: &str, directory: &Path) -> ProcessCommand {
    command(Target::Script(text.to_owned()), directory)
}

async fn output(command: ProcessCommand) -> ProcessOutput {
    run(command, PLENTY).await.expect("an output")
}

/// Runs a script in a folder of its own and gives its trimmed standard output.
async fn says(text: &str) -> String {
    let folder = folder();
    let output = output(script(text, folder.path())).await;
    assert_eq!(output.ending, Ending::Exited(0), "{output:?}");
    String::from_utf8(output.stdout).expect("UTF-8").trim_end().to_owned()
}

/// Whether a process runs: there, and not merely waiting to be reaped.
fn runs(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit_once(')').is_some_and(|(_, rest)| rest.starts_with(" Z")))
}

/// Waits until a condition holds.
fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PLENTY;
    while !condition() {
        assert!(Instant::now() < deadline, "still not so: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn marker(folder: &Path, name: &str) -> Option<String> {
    let text = fs::read_to_string(folder.join(name)).ok()?;
    text.ends_with('\n').then(|| text.trim().to_owned())
}
