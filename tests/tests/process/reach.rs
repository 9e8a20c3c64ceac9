//! What programs can reach: folders, links, other processes.

use super::{PLENTY, folder, output, program, says, script};
use initrunner::plugin::process::{Ending, ProcessError, ProcessOutput, run};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

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
    fs::create_dir(&state).expect("a folder");
    fs::create_dir(&work).expect("a folder");
    fs::write(state.join("secret"), "hidden").expect("a file");
    fs::write(work.join("mine"), "").expect("a file");
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
        assert_eq!(fs::read(state.join("secret")).expect("a file"), b"hidden");
        assert_eq!(fs::read_dir(&state).expect("a folder").count(), 1);
        assert!(!work.join("secret").exists() && !work.join("hard").exists());
    }
    output
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

    fs::create_dir(granted.path().join("inner")).expect("a folder");
    std::os::unix::fs::symlink("inner", granted.path().join("within")).expect("a link");
    let mut command = program("touch", &["here"], granted.path());
    command.working_directory = granted.path().join("within");
    run(command, PLENTY).await.expect("it stays inside");
    assert!(granted.path().join("inner/here").exists());
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
    fs::create_dir(&state).expect("a folder");
    fs::create_dir(&beside).expect("a folder");
    fs::write(state.join("secret"), "hidden").expect("a file");
    let text = "cat state/secret; echo x > state/secret; echo new > beside/file
        echo made > file && mkdir -p scratch/a && rm -rf scratch && rm file && echo done";
    let mut command = script(text, base.path());
    command.protected = vec![state.clone()];
    let output = output(command).await;
    assert_eq!(fs::read(beside.join("file")).expect("a file"), b"new\n");
    if output.isolation != "none" {
        assert_eq!(fs::read(state.join("secret")).expect("a file"), b"hidden");
    }
    // Elsewhere the working directory itself is closed: see the module's documentation.
    if output.isolation.contains("mount-namespace") {
        assert_eq!(output.stdout, b"done\n", "{output:?}");
    }
}

#[tokio::test]
async fn a_protected_folder_that_is_not_there_yet_cannot_be_made() {
    let base = folder();
    fs::create_dir(base.path().join("beside")).expect("a folder");
    let mut command = script("mkdir -p later/x; echo x > beside/file", base.path());
    command.protected = vec![base.path().join("later")];
    let output = output(command).await;
    if landlock(&output).is_some() {
        assert!(!base.path().join("later").exists());
    }
    assert_eq!(fs::read(base.path().join("beside/file")).expect("a file"), b"x\n");
}

#[tokio::test]
async fn a_working_directory_inside_a_protected_folder_is_refused() {
    let base = folder();
    let inside = base.path().join("inside");
    fs::create_dir(&inside).expect("a folder");
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
    fs::write(&ordinary, "to be read").expect("a file");
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
        assert_eq!(fs::read(&ordinary).expect("a file"), b"to be read");
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
