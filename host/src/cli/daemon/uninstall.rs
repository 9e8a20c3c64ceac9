//! `initrunner daemon uninstall`.

use super::systemd::{self, ask, folders};
use crate::cli::arguments::DaemonService;
use crate::cli::exit::Exit;
use crate::cli::output::Output;

pub(super) fn uninstall(command: &DaemonService, output: &Output) -> Exit {
    let name = format!("{}.service", command.name);
    let unit = match folders() {
        Ok(folders) => folders.units.join(&name),
        Err(sentence) => {
            output.error(&sentence);
            return Exit::Failed;
        }
    };
    if !unit.exists() {
        output.error(&format!(
            "no service `{}` is installed: there is no `{}`",
            command.name,
            unit.display()
        ));
        return Exit::Failed;
    }
    // It goes on working where it cannot be stopped, and then its unit stays.
    match ask("systemctl", &["disable", "--now", &name]) {
        Ok(status) if status.success() => {}
        Ok(_) => {
            output.error(&format!(
                "systemd does not stop `{name}`, so its unit stays; log in as the user whose service it is, \
                 and try again"
            ));
            return Exit::Failed;
        }
        Err(sentence) => {
            let hint = format!("where nothing runs by it any more, remove `{}`", unit.display());
            output.error(&format!("{sentence}\n  hint: {hint}"));
            return Exit::Failed;
        }
    }
    if let Err(error) = std::fs::remove_file(&unit) {
        output.error(&format!("`{}` cannot be removed: {error}", unit.display()));
        return Exit::Failed;
    }
    output.data(&format!("Removed {}", unit.display()));
    systemd::pass("systemctl", &["daemon-reload"], output)
}
