//! Programs that wait until somebody lets them run.

use super::{PLENTY, eventually, folder, runs, script};
use initrunner::plugin::process::{ProcessError, run_announced};
use std::fs;

#[tokio::test]
async fn a_program_waits_until_it_may_run() {
    let folder = folder();
    let (announce, mut announced) = tokio::sync::mpsc::channel(1);
    let call = run_announced(script("touch here; echo $$", folder.path()), PLENTY, Some(&announce));
    let let_run = async {
        let started = announced.recv().await.expect("a program");
        // It is there, with its number and its start, and does nothing.
        let stat = fs::read_to_string(format!("/proc/{}/stat", started.pid)).expect("a process");
        let fields = stat.rsplit_once(')').expect("a name").1;
        let start: u64 = fields.split_whitespace().nth(19).expect("22").parse().expect("a number");
        assert_eq!(start, started.start_time);
        assert!(!folder.path().join("here").exists());
        started.go.send(()).expect("a waiting call");
        started.pid
    };
    let (output, pid) = tokio::join!(call, let_run);
    let output = output.expect("an output");
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{pid}\n"));
    assert_eq!(output.pid, pid);
    assert!(folder.path().join("here").exists());
}

#[tokio::test]
async fn a_program_that_nobody_lets_run_does_not() {
    let folder = folder();
    let (announce, mut announced) = tokio::sync::mpsc::channel(1);
    let call = run_announced(script("touch here", folder.path()), PLENTY, Some(&announce));
    let refuse = async {
        let started = announced.recv().await.expect("a program");
        drop(started.go);
        started.pid
    };
    let (error, pid) = tokio::join!(call, refuse);
    assert!(
        matches!(&error, Err(ProcessError::Failed(text)) if text.contains("`sh` was not run")),
        "{error:?}"
    );
    eventually("its process is gone", || !runs(&pid.to_string()));
    assert!(!folder.path().join("here").exists());
}

#[tokio::test]
async fn a_program_whose_supervisor_dies_before_it_may_run_never_runs() {
    let folder = folder();
    let (announce, mut announced) = tokio::sync::mpsc::channel(1);
    let call = run_announced(script("touch here", folder.path()), PLENTY, Some(&announce));
    let kill = async {
        let started = announced.recv().await.expect("a program");
        let stat = fs::read_to_string(format!("/proc/{}/stat", started.pid)).expect("a process");
        let fields = stat.rsplit_once(')').expect("a name").1;
        let parent = fields.split_whitespace().nth(1).expect("a parent").parse().expect("a number");
        let parent = rustix::process::Pid::from_raw(parent).expect("a process id");
        rustix::process::kill_process(parent, rustix::process::Signal::KILL).expect("SIGKILL");
        let pid = started.pid.to_string();
        eventually("its process is gone", || !runs(&pid));
        // Too late.
        let _ = started.go.send(());
    };
    let (result, ()) = tokio::join!(call, kill);
    assert!(result.is_err(), "{result:?}");
    assert!(!folder.path().join("here").exists());
}
