//! `initrunner daemon install`.

use super::systemd::{Folders, ask, folders};
use super::unit::{Unit, unit};
use crate::cli::arguments::DaemonInstall;
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::ops::{Host, role_paths};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

pub(super) fn install(host: &Host, command: &DaemonInstall, output: &Output) -> Exit {
    match written(host, command, output) {
        Ok(None) => Exit::Done,
        Ok(Some(name)) => {
            // One that works already is to work as the unit says now.
            for words in [&["daemon-reload"][..], &["enable", &name], &["restart", &name]] {
                match ask("systemctl", words) {
                    Ok(status) if status.success() => {}
                    Ok(_) => {
                        output.error(&refused(words, &name));
                        return Exit::Failed;
                    }
                    Err(sentence) => {
                        output.error(&sentence);
                        return Exit::Failed;
                    }
                }
            }
            let _ = ask("systemctl", &["status", "--no-pager", "--lines=0", &name]);
            Exit::Done
        }
        Err(sentence) => {
            output.error(&sentence);
            Exit::Failed
        }
    }
}

/// What is told where systemd has said that it does not do something: the unit is there for when it does.
fn refused(words: &[&str], name: &str) -> String {
    match words.first() {
        Some(&"restart") => format!(
            "`{name}` does not start; `initrunner daemon logs` says why, and `initrunner daemon install` tries again"
        ),
        _ => format!(
            "systemd does not take `{name}`; log in as the user whose service it is, and run `initrunner daemon install` again"
        ),
    }
}

/// Writes the unit; gives its name, where it was not only printed.
fn written(
    host: &Host,
    command: &DaemonInstall,
    output: &Output,
) -> Result<Option<String>, String> {
    let roles = absolute(&command.role)?;
    role_paths(&roles).map_err(|error| error.to_string())?;
    let program =
        std::env::current_exe().map_err(|error| format!("the program cannot be found: {error}"))?;
    let Folders { units, variables } = folders()?;
    let environment = variables.join(format!("{}.env", command.service.name));
    let text = unit(&Unit {
        program: &program,
        roles: &roles,
        home: host.home(),
        environment: &environment,
        port: command.port,
    });
    if command.print {
        output.data(text.trim_end());
        return Ok(None);
    }
    let name = format!("{}.service", command.service.name);
    let path = units.join(&name);
    let cannot = |path: &Path| {
        let path = path.display().to_string();
        move |error: std::io::Error| format!("`{path}` cannot be written: {error}")
    };
    let mut folder = std::fs::DirBuilder::new();
    folder.recursive(true).mode(0o700);
    folder.create(&units).map_err(cannot(&units))?;
    folder.create(&variables).map_err(cannot(&variables))?;
    // Whole or not at all: systemd may read it at any moment.
    let part = units.join(format!(".{name}.part"));
    std::fs::write(&part, text).map_err(cannot(&part))?;
    std::fs::rename(&part, &path).map_err(cannot(&path))?;
    output.data(&format!("Wrote {}", path.display()));
    if !environment.exists() {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let made = options.open(&environment).and_then(|mut file| file.write_all(VARIABLES));
        made.map_err(cannot(&environment))?;
    }
    output.data(&format!("Variables, such as tokens, go into {}", environment.display()));
    Ok(Some(name))
}

/// What the file of variables begins as.
const VARIABLES: &[u8] = b"# Variables of the daemon, a line each: OPENAI_API_KEY=...\n";

fn absolute(path: &Path) -> Result<PathBuf, String> {
    let cannot = |error: std::io::Error| {
        let why = match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => error.to_string(),
        };
        format!("the role `{}` cannot be read: {why}", path.display())
    };
    std::fs::canonicalize(path).map_err(cannot)
}
