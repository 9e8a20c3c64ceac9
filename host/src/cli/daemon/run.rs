//! `initrunner daemon ROLE`.

use crate::cli::arguments::DaemonRun;
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::cli::{log, signals};
use crate::observe::Traces;
use crate::ops::{Host, RolesError};
use crate::trigger::{Daemon, DaemonError, DaemonOptions};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub(super) async fn run(host: Host, command: DaemonRun, output: &Output) -> Exit {
    log::start(command.log_format, command.log_level, output);
    let observer = Arc::clone(host.observer());
    match Traces::from_environment(&|name| std::env::var(name).ok()) {
        Ok(traces) => traces.into_iter().for_each(|traces| observer.export(traces)),
        Err(sentence) => {
            output.error(&sentence);
            return Exit::Usage;
        }
    }
    let Some(roles) = command.role else {
        output.error("name a role file, or a folder of them: `initrunner daemon ROLE`");
        return Exit::Usage;
    };
    let options = DaemonOptions {
        roles,
        listen: SocketAddr::new(command.host, command.port),
        health: command.health,
        environment: Arc::new(|name: &str| std::env::var(name).ok()),
    };
    let daemon = match Daemon::new(host, options, signals::listen()).await {
        Ok(daemon) => daemon,
        Err(DaemonError::Host(error) | DaemonError::Roles(RolesError::Host(error))) => {
            return output.failure(&error);
        }
        Err(error) => {
            output.error(&error.to_string());
            return match error {
                DaemonError::Roles(RolesError::Roles(_)) | DaemonError::Conflicts(_) => {
                    Exit::InvalidRole
                }
                DaemonError::Roles(RolesError::Nothing(_)) | DaemonError::NoTriggers => Exit::Usage,
                DaemonError::Listen { .. }
                | DaemonError::Host(_)
                | DaemonError::Roles(RolesError::Host(_)) => Exit::Failed,
            };
        }
    };
    for line in daemon.triggers() {
        output.data(&line);
    }
    if let Some(address) = daemon.address() {
        output.data(&format!("Listening for webhooks on http://{address}"));
    }
    output.data("Waiting for triggers");
    announce();
    let worked = daemon.run().await;
    observer.finish().await;
    match worked {
        Ok(()) => Exit::Done,
        Err(error) => output.failure(&error),
    }
}

/// Tells the service manager that the daemon is ready and, as often as it wants to hear so, that it lives
/// (sd_notify(3)). Without one nobody is told.
fn announce() {
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    let Some(every) = sd_notify::watchdog_enabled() else { return };
    tokio::spawn(async move {
        // Twice as often as must be, as the manual says.
        let mut ticks = tokio::time::interval((every / 2).max(Duration::from_millis(1)));
        loop {
            ticks.tick().await;
            let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
        }
    });
}
