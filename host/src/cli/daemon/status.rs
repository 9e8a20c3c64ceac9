//! `initrunner daemon status`.

use super::systemd;
use crate::cli::arguments::DaemonService;
use crate::cli::exit::Exit;
use crate::cli::output::Output;

pub(super) fn status(command: &DaemonService, output: &Output) -> Exit {
    let unit = format!("{}.service", command.name);
    systemd::pass("systemctl", &["status", "--no-pager", &unit], output)
}
