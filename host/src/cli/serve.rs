//! `initrunner serve`.

use super::arguments::{FinishReasonWord, Serve};
use super::exit::Exit;
use super::log;
use super::output::Output;
use super::signals;
use crate::http::{ApiKeys, FinishReason, ServeError, ServeOptions, serve as listen};
use crate::observe::Traces;
use crate::ops::{Host, Roles, RolesError, local_key};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

pub(super) async fn serve(host: Host, command: Serve, output: &Output) -> Exit {
    log::start(command.log_format, command.log_level, output);
    let observer = Arc::clone(host.observer());
    match Traces::from_environment(&|name| std::env::var(name).ok()) {
        Ok(traces) => traces.into_iter().for_each(|traces| observer.export(traces)),
        Err(sentence) => {
            output.error(&sentence);
            return Exit::Usage;
        }
    }
    let address = SocketAddr::new(command.host, command.port);
    if command.api_key_file.is_none() && !address.ip().is_loopback() {
        // Before anything is made or compiled for it.
        output.error(&ServeError::Open(address).to_string());
        return Exit::Failed;
    }
    let roles = match Roles::read(&host, &command.role).await {
        Ok(roles) => roles,
        Err(RolesError::Host(error)) => return output.failure(&error),
        Err(RolesError::Roles(sentences)) => {
            output.error(&sentences);
            return Exit::InvalidRole;
        }
        Err(RolesError::Nothing(sentence)) => {
            output.error(&sentence);
            return Exit::Usage;
        }
    };
    let keys = match &command.api_key_file {
        Some(path) => ApiKeys::of_file(path.clone()),
        None => match local_key(&host) {
            Ok((secret, path)) => {
                output.talk(&format!("The key of this machine is in {}", path.display()));
                Ok(ApiKeys::of_this_machine(&secret))
            }
            Err(error) => return output.failure(&error),
        },
    };
    let keys = match keys {
        Ok(keys) => keys,
        Err(why) => {
            output.error(&why);
            return Exit::Failed;
        }
    };
    let names: Vec<String> = roles.iter().map(|file| file.role.name.clone()).collect();
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
    let serving = match listen(host, roles, keys, options, signals::listen()).await {
        Ok(serving) => serving,
        Err(error) => {
            output.error(&error.to_string());
            return Exit::Failed;
        }
    };
    output.data(&format!("Serving {} on http://{}", names.join(", "), serving.address()));
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
