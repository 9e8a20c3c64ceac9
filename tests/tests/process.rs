//! Programs run through the real supervisor: what they get, what they leave behind, and that nothing
//! of them outlives the call.

#![cfg(target_os = "linux")]

use initrunner::plugin::process::{
    Ending, ProcessCommand, ProcessError, ProcessOutput, Target, run, run_announced,
};
use initrunner_tests::binary;
use std::fs;
use std::path::{Path, PathBuf};
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
        environment: Vec::new(),
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
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
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
    let text = std::fs::read_to_string(folder.join(name)).ok()?;
    text.ends_with('\n').then(|| text.trim().to_owned())
}

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
async fn the_output_of_a_program_is_returned() {
    let folder = folder();
    let output = output(program("echo", &["a", "b  c", "$HOME", ""], folder.path())).await;
    assert_eq!(output.ending, Ending::Exited(0));
    assert_eq!(output.stdout, b"a b  c $HOME \n");
    assert_eq!(output.stderr, b"");
    assert!(!output.stdout_truncated && !output.stderr_truncated);
    assert!(output.pid > 0 && output.start_time > 0);
    assert!(output.isolation == "none" || output.isolation.starts_with("landlock-"));
}

#[tokio::test]
async fn an_exit_status_is_reported() {
    let folder = folder();
    let output = output(script("exit 37", folder.path())).await;
    assert_eq!(output.ending, Ending::Exited(37));
}

#[tokio::test]
async fn a_signal_is_reported() {
    let folder = folder();
    let output = output(script("kill -TERM $$", folder.path())).await;
    assert_eq!(output.ending, Ending::Signalled(15));
}

#[tokio::test]
async fn standard_error_is_apart_from_standard_output() {
    let folder = folder();
    let output = output(script("echo out; echo err >&2", folder.path())).await;
    assert_eq!((output.stdout, output.stderr), (b"out\n".to_vec(), b"err\n".to_vec()));
}

#[tokio::test]
async fn a_script_is_read_by_a_shell() {
    assert_eq!(says("for i in 1 2 3; do echo $i; done | tr -d '\\n'").await, "123");
}

#[tokio::test]
async fn long_output_is_cut_and_the_program_is_not_held_up() {
    let folder = folder();
    let mut command = script("head -c 3000000 /dev/zero; head -c 5 /dev/zero >&2", folder.path());
    command.max_output_bytes = 1000;
    let output = output(command).await;
    assert_eq!(output.ending, Ending::Exited(0));
    assert_eq!((output.stdout.len(), output.stdout_truncated), (1000, true));
    assert_eq!((output.stderr.len(), output.stderr_truncated), (5, false));
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

#[tokio::test]
async fn the_shorter_of_timeout_and_remaining_time_counts() {
    let folder = folder();
    let command = program("sleep", &["1000"], folder.path());
    let output = run(command, Duration::from_millis(100)).await.expect("an output");
    assert_eq!(output.ending, Ending::TimedOut);
    assert!(!runs(&output.pid.to_string()));
}

#[tokio::test]
async fn without_time_nothing_is_started() {
    let folder = folder();
    let error = run(program("touch", &["x"], folder.path()), Duration::ZERO).await;
    assert!(matches!(error, Err(ProcessError::Failed(_))), "{error:?}");
    assert!(!folder.path().join("x").exists());
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
    let left = std::fs::read_dir("/proc").expect("/proc").flatten().filter(|entry| {
        std::fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == folder.path())
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

#[tokio::test]
async fn the_environment_is_fixed_but_for_what_is_granted() {
    let folder = folder();
    let mut command = program("env", &[], folder.path());
    command.environment = vec![("GRANTED".to_owned(), "a=b c".to_owned())];
    let output = output(command).await;
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "GRANTED=a=b c",
            "LANG=C.UTF-8",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        ]
    );
}

#[tokio::test]
async fn standard_input_is_empty() {
    assert_eq!(says("cat; readlink /proc/self/fd/0").await, "/dev/null");
}

#[tokio::test]
async fn a_program_has_no_descriptor_but_the_standard_ones() {
    // As a shell's `3>file` would leave one open in the host.
    let leaked = tempfile::tempfile().expect("a file");
    rustix::io::fcntl_setfd(&leaked, rustix::io::FdFlags::empty()).expect("a descriptor flag");
    // The shell looks one by one: a listing would show its own descriptor.
    let text =
        "n=0; while [ $n -lt 300 ]; do [ -e /proc/$$/fd/$n ] && echo $n; n=$((n + 1)); done; :";
    assert_eq!(says(text).await, "0\n1\n2");
}

#[tokio::test]
async fn a_program_runs_in_the_working_directory() {
    let folder = folder();
    let output = output(program("pwd", &[], folder.path())).await;
    let canonical = folder.path().canonicalize().expect("a path");
    assert_eq!(output.stdout, format!("{}\n", canonical.display()).into_bytes());
}

#[tokio::test]
async fn a_program_has_no_terminal_and_a_group_of_its_own() {
    let fields = says("cut -d')' -f2 /proc/$$/stat | cut -d' ' -f4-6; echo $$").await;
    let words: Vec<&str> = fields.split_whitespace().collect();
    let [group, session, terminal, pid] = words[..] else { panic!("{fields}") };
    assert_eq!((group, terminal), (pid, "0"));
    assert_ne!(session, pid);
}

#[tokio::test]
async fn a_closed_pipe_ends_a_writer_silently() {
    // SIGPIPE is ignored in the host and must not be in the program.
    let folder = folder();
    let output = output(script("yes | head -n 1", folder.path())).await;
    assert_eq!((output.stdout, output.stderr), (b"y\n".to_vec(), Vec::new()));
}

#[tokio::test]
async fn an_unknown_program_is_named() {
    let folder = folder();
    let error = run(program("no-such-program", &[], folder.path()), PLENTY).await;
    assert_eq!(
        error,
        Err(ProcessError::NotFound(
            "there is no program `no-such-program` in \
             `/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`; install it there or name \
             it by its path"
                .to_owned()
        ))
    );
    let error = run(program("./none", &[], folder.path()), PLENTY).await;
    let expected = "there is no program at `./none`".to_owned();
    assert_eq!(error, Err(ProcessError::NotFound(expected)));
    let error = run(program("", &[], folder.path()), PLENTY).await;
    assert!(matches!(error, Err(ProcessError::NotFound(_))), "{error:?}");
}

#[tokio::test]
async fn a_path_is_a_program_too() {
    let folder = folder();
    // Written by another process: a test forking at the same moment would hold the file open for
    // writing, and the kernel refuses to execute such a file.
    let text = "printf '#!/bin/sh\\necho $0 $1\\n' > tool; printf '#!/no/interpreter\\n' > broken
        chmod 755 tool broken";
    output(script(text, folder.path())).await;
    let result = output(program("./tool", &["x"], folder.path())).await;
    let tool = folder.path().join("tool").canonicalize().expect("a path");
    assert_eq!(result.stdout, format!("{} x\n", tool.display()).into_bytes());

    let error = run(program("./broken", &[], folder.path()), PLENTY).await;
    assert!(
        matches!(&error, Err(ProcessError::NotFound(text)) if text.contains("interpreter")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_link_does_not_lead_out_of_the_granted_directory() {
    let (granted, outside) = (folder(), folder());
    std::os::unix::fs::symlink(outside.path(), granted.path().join("link")).expect("a link");
    let mut command = program("touch", &["here"], granted.path());
    command.working_directory = granted.path().join("link");
    let refused = run(command, PLENTY).await.expect_err("it leads out");
    let expected =
        format!("`{}` leads out of the granted directory", granted.path().join("link").display());
    assert_eq!(refused, ProcessError::Failed(expected));
    assert!(!outside.path().join("here").exists());

    std::fs::create_dir(granted.path().join("inner")).expect("a folder");
    std::os::unix::fs::symlink("inner", granted.path().join("within")).expect("a link");
    let mut command = program("touch", &["here"], granted.path());
    command.working_directory = granted.path().join("within");
    run(command, PLENTY).await.expect("it stays inside");
    assert!(granted.path().join("inner/here").exists());
}

#[tokio::test]
async fn an_unknown_directory_is_named() {
    let error = run(program("true", &[], Path::new("/no/such")), PLENTY).await;
    let expected = "there is no directory `/no/such` to run in".to_owned();
    assert_eq!(error, Err(ProcessError::NotFound(expected)));
}

#[tokio::test]
async fn what_no_program_can_be_given_is_refused() {
    let folder = folder();
    let invalid = |command| async {
        match run(command, PLENTY).await {
            Err(ProcessError::Invalid(text)) => text,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        invalid(program("echo", &["a\0b"], folder.path())).await,
        "an argument of `echo` holds a NUL character, which no program can be given"
    );
    assert!(invalid(program("a\0b", &[], folder.path())).await.contains("NUL"));
    assert!(invalid(script("echo a\0b", folder.path())).await.contains("NUL"));
    assert!(invalid(program("true", &[], Path::new("."))).await.contains("absolute"));
    let long = "x".repeat(1 << 20);
    assert!(invalid(program("echo", &[&long], folder.path())).await.contains("longer"));
    for (name, value) in [("PATH", "/x"), ("A=B", "x"), ("", "x"), ("A", "\0")] {
        let mut command = program("true", &[], folder.path());
        command.environment = vec![(name.to_owned(), value.to_owned())];
        invalid(command).await;
    }
}

/// The Landlock ABI in force, or none.
fn landlock(output: &ProcessOutput) -> Option<u32> {
    output.isolation.split(' ').find_map(|word| word.strip_prefix("landlock-")?.parse().ok())
}

/// A folder that is not below one of the temporary folders, where every program may write: in the
/// target folder, or, for a checkout that is itself in a temporary folder, at home.
fn folder_outside_tmp() -> TempDir {
    let target = Some(Path::new(env!("CARGO_TARGET_TMPDIR")).to_owned());
    let places = [target, std::env::home_dir(), Some("/var/lib".into())];
    let outside = |place: &PathBuf| {
        let temporary = ["/tmp", "/var/tmp", "/dev/shm"];
        place.canonicalize().is_ok_and(|place| !temporary.iter().any(|tmp| place.starts_with(tmp)))
    };
    let made = places.into_iter().flatten().filter(outside).find_map(|place| {
        tempfile::Builder::new().prefix(".initrunner-test-").tempdir_in(place).ok()
    });
    made.expect("a place outside the temporary folders: set HOME to a folder that can be written")
}

/// Runs a script that tries everything on a protected folder `state` beside its working directory.
async fn attack(base: &Path) -> ProcessOutput {
    let (state, work) = (base.join("state"), base.join("work"));
    std::fs::create_dir(&state).expect("a folder");
    std::fs::create_dir(&work).expect("a folder");
    std::fs::write(state.join("secret"), "hidden").expect("a file");
    std::fs::write(work.join("mine"), "").expect("a file");
    std::os::unix::fs::symlink("../state", work.join("link")).expect("a link");
    let text = "
        cat ../state/secret link/secret
        echo x > ../state/secret; echo x > link/new; mkdir ../state/folder
        mv mine ../state/mine; mv ../state/secret .; ln ../state/secret hard
        umount ../state; rm -rf ../state; mv ../state moved; cat moved/secret";
    let mut command = script(text, &work);
    command.protected = vec![state.clone()];
    let output = output(command).await;
    if output.isolation != "none" {
        assert_eq!(output.stdout, b"", "{output:?}");
        assert_eq!(std::fs::read(state.join("secret")).expect("a file"), b"hidden");
        assert_eq!(std::fs::read_dir(&state).expect("a folder").count(), 1);
        assert!(!work.join("secret").exists() && !work.join("hard").exists());
    }
    output
}

#[tokio::test]
async fn a_protected_folder_can_be_neither_read_nor_written() {
    let base = folder_outside_tmp();
    let output = attack(base.path()).await;
    assert!(!output.isolation.contains("mount-namespace"), "{output:?}");
}

#[tokio::test]
async fn a_protected_folder_in_a_writable_one_can_be_neither_read_nor_written() {
    let base = folder();
    attack(base.path()).await;
}

#[tokio::test]
async fn a_working_directory_around_a_protected_folder_is_as_good_as_any() {
    let base = folder_outside_tmp();
    let (state, beside) = (base.path().join("state"), base.path().join("beside"));
    std::fs::create_dir(&state).expect("a folder");
    std::fs::create_dir(&beside).expect("a folder");
    std::fs::write(state.join("secret"), "hidden").expect("a file");
    let text = "cat state/secret; echo x > state/secret; echo new > beside/file
        echo made > file && mkdir -p scratch/a && rm -rf scratch && rm file && echo done";
    let mut command = script(text, base.path());
    command.protected = vec![state.clone()];
    let output = output(command).await;
    assert_eq!(std::fs::read(beside.join("file")).expect("a file"), b"new\n");
    if output.isolation != "none" {
        assert_eq!(std::fs::read(state.join("secret")).expect("a file"), b"hidden");
    }
    // Elsewhere the working directory itself is closed: see the module's documentation.
    if output.isolation.contains("mount-namespace") {
        assert_eq!(output.stdout, b"done\n", "{output:?}");
    }
}

#[tokio::test]
async fn a_protected_folder_that_is_not_there_yet_cannot_be_made() {
    let base = folder();
    std::fs::create_dir(base.path().join("beside")).expect("a folder");
    let mut command = script("mkdir -p later/x; echo x > beside/file", base.path());
    command.protected = vec![base.path().join("later")];
    let output = output(command).await;
    if landlock(&output).is_some() {
        assert!(!base.path().join("later").exists());
    }
    assert_eq!(std::fs::read(base.path().join("beside/file")).expect("a file"), b"x\n");
}

#[tokio::test]
async fn a_working_directory_inside_a_protected_folder_is_refused() {
    let base = folder();
    let inside = base.path().join("inside");
    std::fs::create_dir(&inside).expect("a folder");
    for directory in [base.path(), &inside] {
        let mut command = program("true", &[], directory);
        command.protected = vec![base.path().to_owned()];
        let error = run(command, PLENTY).await;
        assert!(
            matches!(&error, Err(ProcessError::Failed(text)) if text.contains("choose another")),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn programs_write_in_the_working_directory_and_read_elsewhere() {
    let elsewhere = folder_outside_tmp();
    let ordinary = elsewhere.path().join("ordinary");
    std::fs::write(&ordinary, "to be read").expect("a file");
    let work = folder();
    let text = format!(
        "mkdir -p a/b && echo x > a/b/c && mv a/b/c d && rm -rf a && mkfifo p &&
         echo out > /dev/stdout && echo err > /dev/stderr && : > /dev/null &&
         t=$(mktemp) && rm $t && ls / > /dev/null && cat {0} && ! echo changed > {0}",
        ordinary.display()
    );
    let output = output(script(&text, work.path())).await;
    assert!(output.stdout.starts_with(b"out\nto be read"), "{output:?}");
    assert!(output.stderr.starts_with(b"err\n"), "{output:?}");
    if landlock(&output).is_some() {
        assert_eq!(output.ending, Ending::Exited(0), "{output:?}");
        assert_eq!(std::fs::read(&ordinary).expect("a file"), b"to be read");
    }
}

#[tokio::test]
async fn a_program_cannot_reach_its_supervisor_or_the_host() {
    let host = std::process::id();
    let work = folder();
    let text = format!(
        "kill -0 $PPID && echo signalled supervisor
         kill -0 {host} && echo signalled host
         cat /proc/{host}/environ > /dev/null && echo read environment of host
         ls /proc/$PPID/fd/0 > /dev/null && echo opened supervisor
         kill -0 $$ && (sleep 100 & kill $!) && echo signalled own"
    );
    let output = output(script(&text, work.path())).await;
    if landlock(&output).is_some_and(|abi| abi >= 6) {
        assert_eq!(output.stdout, b"signalled own\n", "{output:?}");
    }
}

#[tokio::test]
async fn a_program_gains_no_privileges() {
    assert_eq!(says("grep NoNewPrivs /proc/self/status").await, "NoNewPrivs:\t1");
}

#[tokio::test]
async fn programs_run_beside_each_other() {
    let folder = folder();
    let calls: Vec<_> = (0..8)
        .map(|i| {
            let command = script(&format!("echo {i}; sleep 1000 & exit {i}"), folder.path());
            tokio::spawn(output(command))
        })
        .collect();
    for (i, call) in calls.into_iter().enumerate() {
        let output = call.await.expect("a task");
        assert_eq!(output.ending, Ending::Exited(i as u8));
        assert_eq!(output.stdout, format!("{i}\n").into_bytes());
    }
}
