//! What is not run, and what is said of it.

use super::{PLENTY, folder, program, script};
use initrunner::plugin::process::{ProcessError, run};
use std::path::Path;
use std::time::Duration;

#[tokio::test]
async fn without_time_nothing_is_started() {
    let folder = folder();
    let error = run(program("touch", &["x"], folder.path()), Duration::ZERO).await;
    assert!(matches!(error, Err(ProcessError::Failed(_))), "{error:?}");
    assert!(!folder.path().join("x").exists());
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
