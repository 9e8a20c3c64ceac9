//! Asking the system's service manager, and where it keeps its units.

use crate::cli::exit::Exit;
use crate::cli::output::Output;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};

/// The folder of a user's own units (systemd.unit(5)), and of the variables of services.
pub(super) struct Folders {
    pub(super) units: PathBuf,
    pub(super) variables: PathBuf,
}

/// Where they are.
///
/// # Errors
/// A sentence, where there is no home.
pub(super) fn folders() -> Result<Folders, String> {
    let set = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|it| it.is_absolute());
    let config = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")));
    let config = config.ok_or("there is no home folder for the unit; set `HOME`")?;
    Ok(Folders { units: config.join("systemd/user"), variables: config.join("initrunner") })
}

/// Has one of systemd's programs do something, on this terminal.
///
/// # Errors
/// A sentence, where it cannot be started.
pub(super) fn ask(program: &str, words: &[&str]) -> Result<ExitStatus, String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a person asks for the system's own program; no tool and no role comes near it"
    )]
    let status = Command::new(program).arg("--user").args(words).status();
    status.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            format!("`{program}` is not there: this machine has no systemd; have what starts its services run `initrunner daemon ROLE`")
        }
        _ => format!("`{program}` cannot be started: {error}"),
    })
}

/// The same, with its outcome as ours.
pub(super) fn pass(program: &str, words: &[&str], output: &Output) -> Exit {
    match ask(program, words) {
        Ok(status) if status.success() => Exit::Done,
        Ok(_) => Exit::Failed,
        Err(sentence) => {
            output.error(&sentence);
            Exit::Failed
        }
    }
}
