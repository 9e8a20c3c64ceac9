//! What programs are given, and what they give.

use super::{PLENTY, folder, output, program, says, script};
use initrunner::plugin::process::{Ending, ProcessError, run};

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
