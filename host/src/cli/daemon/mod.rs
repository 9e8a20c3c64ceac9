//! `initrunner daemon`: working, and having the system see to it that it works.

mod install;
mod logs;
mod run;
mod status;
mod systemd;
mod uninstall;
mod unit;

use super::arguments::{Daemon, DaemonAction};
use super::exit::Exit;
use super::output::Output;
use crate::ops::Host;

pub(super) async fn daemon(host: Host, command: Daemon, output: &Output) -> Exit {
    match command.action {
        None => run::run(host, command.run, output).await,
        Some(action) => {
            let exit = act(&host, action, output);
            host.leave();
            exit
        }
    }
}

fn act(host: &Host, action: DaemonAction, output: &Output) -> Exit {
    match action {
        DaemonAction::Install(command) => install::install(host, &command, output),
        DaemonAction::Uninstall(command) => uninstall::uninstall(&command, output),
        DaemonAction::Status(command) => status::status(&command, output),
        DaemonAction::Logs(command) => logs::logs(&command, output),
    }
}
