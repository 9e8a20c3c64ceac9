//! `initrunner serve`.

use super::arguments::{FinishReasonWord, LogFormat, LogLevel, Serve};
use super::exit::Exit;
use super::log;
use super::output::Output;
use super::signals;
use crate::dashboard;
use crate::http::{ApiKeys, FinishReason, Pages, ServeError, ServeOptions, serve as listen};
use crate::observe::Traces;
use crate::ops::{Host, Roles, RolesError, local_key};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub(super) async fn serve(host: Host, command: Serve, output: &Output) -> Exit {
    let address = SocketAddr::new(command.host, command.port);
    let logged = (command.log_format, command.log_level);
    if let Err(exit) = prepare(&host, address, command.api_key_file.is_some(), logged, output) {
        return exit;
    }
    let roles = match roles(Roles::read(&host, &command.role).await, output) {
        Ok(roles) => roles,
        Err(exit) => return exit,
    };
    let keys = match keys(&host, command.api_key_file, output) {
        Ok(keys) => keys,
        Err(exit) => return exit,
    };
    let names: Vec<String> = roles.all().iter().map(|file| file.role.name.clone()).collect();
    let options = ServeOptions {
        listen: address,
        origins: command.cors_origin,
        finish_reason: match command.finish_reason {
            FinishReasonWord::Pending => FinishReason::Pending,
            FinishReasonWord::Stop => FinishReason::Stop,
        },
        empty_content: command.empty_content,
        rate: NonZeroU32::new(command.rate_limit),
        patience: Duration::from_secs(command.request_timeout),
    };
    let pages = command.dashboard.then(|| dashboard::pages(None));
    let told = |at: SocketAddr| {
        output.data(&format!("Serving {} on http://{at}", names.join(", ")));
    };
    answer(host, roles, keys, options, pages, told, output).await
}

/// What comes before anything is read, made or compiled.
pub(super) fn prepare(
    host: &Host,
    address: SocketAddr,
    has_keys: bool,
    (format, level): (LogFormat, LogLevel),
    output: &Output,
) -> Result<(), Exit> {
    log::start(format, level, output);
    let observer = host.observer();
    match Traces::from_environment(&|name| std::env::var(name).ok()) {
        Ok(traces) => traces.into_iter().for_each(|traces| observer.export(traces)),
        Err(sentence) => {
            output.error(&sentence);
            return Err(Exit::Usage);
        }
    }
    if !has_keys && !address.ip().is_loopback() {
        output.error(&ServeError::Open(address).to_string());
        return Err(Exit::Failed);
    }
    Ok(())
}

/// The roles, or why there are none.
pub(super) fn roles(read: Result<Roles, RolesError>, output: &Output) -> Result<Roles, Exit> {
    read.map_err(|error| match error {
        RolesError::Host(error) => output.failure(&error),
        RolesError::Roles(sentences) => {
            output.error(&sentences);
            Exit::InvalidRole
        }
        RolesError::Nothing(sentence) => {
            output.error(&sentence);
            Exit::Usage
        }
    })
}

/// The keys of a file; where there is none, this machine's own.
pub(super) fn keys(host: &Host, file: Option<PathBuf>, output: &Output) -> Result<ApiKeys, Exit> {
    let keys = match file {
        Some(path) => ApiKeys::of_file(path),
        None => match local_key(host) {
            Ok((secret, path)) => {
                output.talk(&format!("The key of this machine is in {}", path.display()));
                Ok(ApiKeys::of_this_machine(&secret))
            }
            Err(error) => return Err(output.failure(&error)),
        },
    };
    keys.map_err(|why| {
        output.error(&why);
        Exit::Failed
    })
}

/// Answers until the process is asked to stop. `told` is called once it listens.
pub(super) async fn answer(
    host: Host,
    roles: Roles,
    keys: ApiKeys,
    options: ServeOptions,
    pages: Option<Pages>,
    told: impl FnOnce(SocketAddr),
    output: &Output,
) -> Exit {
    let observer = Arc::clone(host.observer());
    let serving = match listen(host, roles, keys, options, pages, signals::listen()).await {
        Ok(serving) => serving,
        Err(error) => {
            output.error(&error.to_string());
            return Exit::Failed;
        }
    };
    told(serving.address());
    let served = serving.run().await;
    observer.finish().await;
    match served {
        Ok(()) => Exit::Done,
        Err(error) => {
            output.error(&error.to_string());
            Exit::Failed
        }
    }
}
