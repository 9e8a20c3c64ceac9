//! `initrunner daemon logs`.

use super::systemd;
use crate::cli::arguments::DaemonLogs;
use crate::cli::exit::Exit;
use crate::cli::output::Output;

pub(super) fn logs(command: &DaemonLogs, output: &Output) -> Exit {
    let (unit, lines) = (format!("{}.service", command.service.name), command.lines.to_string());
    let mut words = vec!["--no-pager", "-u", &unit, "-n", &lines];
    if command.follow {
        words.push("-f");
    }
    systemd::pass("journalctl", &words, output)
}
