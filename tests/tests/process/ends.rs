//! How programs end, and that nothing of them outlives the call.

use super::{PLENTY, eventually, folder, marker, output, program, runs, script};
use initrunner::plugin::process::{Ending, ProcessError, run};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// A script that leaves a child in another session and a daemon, each with its process id in a file.
const FAMILY: &str = "
    setsid sh -c 'echo $$ > grandchild; exec sleep 1000' &
    (setsid sh -c '(echo $$ > /dev/null; sh -c \"echo \\$\\$ > daemon; exec sleep 1000\" &) ; exit' &)
    while [ ! -s grandchild ] || [ ! -s daemon ]; do sleep 0.01; done
";

fn assert_family_is_gone(folder: &Path) {
    for name in ["grandchild", "daemon"] {
        let pid = marker(folder, name).expect("the marker of a process");
        assert!(!runs(&pid), "{name} {pid} survived");
    }
}

#[tokio::test]
async fn a_timeout_kills_sessions_and_daemons() {
    // Twice the time whenever the machine was too busy to start the family before the deadline.
    let mut timeout = Duration::from_millis(500);
    loop {
        let folder = folder();
        let mut command = script(&format!("{FAMILY} echo ready; sleep 1000"), folder.path());
        command.timeout = timeout;
        let output = output(command).await;
        assert_eq!(output.ending, Ending::TimedOut);
        if output.stdout == b"ready\n" {
            return assert_family_is_gone(folder.path());
        }
        timeout *= 2;
        assert!(timeout < PLENTY, "the family never started");
    }
}

#[tokio::test]
async fn what_a_program_leaves_behind_is_killed_when_it_ends() {
    let folder = folder();
    let output = output(script(FAMILY, folder.path())).await;
    assert_eq!(output.ending, Ending::Exited(0));
    assert_family_is_gone(folder.path());
}

#[tokio::test]
async fn a_background_child_holding_the_output_does_not_hold_up_the_call() {
    let folder = folder();
    let output = output(script("sleep 1000 & echo done", folder.path())).await;
    assert_eq!((output.ending, output.stdout), (Ending::Exited(0), b"done\n".to_vec()));
    assert!(output.elapsed < PLENTY);
}

#[tokio::test]
async fn a_burst_of_forks_is_killed_to_the_last() {
    let folder = folder();
    let text = "
        spread() { [ $1 -gt 0 ] && { spread $(($1 - 1)) & spread $(($1 - 1)) & }; exec sleep 1234; }
        spread 6 & sleep 0.1; exit 3";
    let output = output(script(text, folder.path())).await;
    assert_eq!(output.ending, Ending::Exited(3));
    let left = fs::read_dir("/proc").expect("/proc").flatten().filter(|entry| {
        fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == folder.path())
    });
    assert_eq!(left.count(), 0);
}

#[tokio::test]
async fn dropping_the_call_kills_everything() {
    let folder = folder();
    let path = folder.path().to_owned();
    let call = run(script(&format!("{FAMILY} echo $$ > ready; sleep 1000"), &path), PLENTY);
    let ready = async {
        while marker(&path, "ready").is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        ended = call => panic!("ended by itself: {ended:?}"),
        () = ready => {}
    }
    for name in ["ready", "grandchild", "daemon"] {
        let pid = marker(&path, name).expect("the marker of a process");
        eventually("the process is gone", || !runs(&pid));
    }
}

#[test]
fn killing_the_host_kills_everything() {
    let folder = folder();
    let text = format!("echo $PPID > supervisor; {FAMILY} echo $$ > ready; sleep 1000");
    let mut host = std::process::Command::new(env!("CARGO_BIN_EXE_dying_host"))
        .arg(text)
        .arg(folder.path())
        .spawn()
        .expect("a host");
    eventually("the script is ready", || marker(folder.path(), "ready").is_some());
    host.kill().expect("SIGKILL");
    host.wait().expect("the host's end");
    for name in ["ready", "grandchild", "daemon", "supervisor"] {
        let pid = marker(folder.path(), name).expect("the marker of a process");
        eventually("the process is gone", || !runs(&pid));
    }
}

#[tokio::test]
async fn a_lost_supervisor_is_an_error_and_its_program_is_killed() {
    let folder = folder();
    let path = folder.path().to_owned();
    let call = run(script("echo $PPID > supervisor; echo $$ > ready; sleep 1000", &path), PLENTY);
    let kill = async {
        while marker(&path, "ready").is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let pid = marker(&path, "supervisor").expect("a process id").parse().expect("a number");
        let pid = rustix::process::Pid::from_raw(pid).expect("a process id");
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("SIGKILL");
    };
    let (error, ()) = tokio::join!(call, kill);
    assert!(
        matches!(&error, Err(ProcessError::Failed(text)) if text.contains("supervisor of `sh`")),
        "{error:?}"
    );
    let pid = marker(&path, "ready").expect("a process id");
    eventually("the program is gone", || !runs(&pid));
}

#[tokio::test]
async fn the_shorter_of_timeout_and_remaining_time_counts() {
    let folder = folder();
    let command = program("sleep", &["1000"], folder.path());
    let output = run(command, Duration::from_millis(100)).await.expect("an output");
    assert_eq!(output.ending, Ending::TimedOut);
    assert!(!runs(&output.pid.to_string()));
}

#[tokio::test]
async fn endless_output_ends_with_the_deadline() {
    let folder = folder();
    let mut command = program("yes", &[], folder.path());
    command.max_output_bytes = 1001;
    command.timeout = Duration::from_millis(300);
    let output = output(command).await;
    assert_eq!(output.ending, Ending::TimedOut);
    assert_eq!((output.stdout.len(), output.stdout_truncated), (1001, true));
    assert!(output.elapsed >= Duration::from_millis(300));
}
