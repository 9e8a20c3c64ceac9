//! The command line: parses, calls one operation, renders what it gives.

mod answer;
mod approve;
mod arguments;
mod cancel;
mod completions;
mod exit;
mod inspect;
mod json;
mod output;
mod pending;
mod progress;
mod resume;
mod run;
mod runs;
mod show;
mod signals;
mod table;
mod validate;

pub use exit::{EXIT_CODES, Exit};

use crate::ops::{self, Home, Host, HostOptions};
use crate::plugin::process;
use arguments::{Arguments, Command};
use clap::Parser;
use output::Output;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// Runs the program and gives its exit code.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    // Before anything else: this is started for every program that a tool runs.
    if arguments.get(1).is_some_and(|word| word == process::SUPERVISE) {
        return process::supervise();
    }
    let output = Output::new();
    let parsed = match Arguments::try_parse_from(&arguments) {
        Ok(parsed) => parsed,
        Err(error) => return output.usage(&error).into(),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output.error(&format!("the program cannot start: {error}"));
            return Exit::Failed.into();
        }
    };
    let exit = runtime.block_on(dispatch(parsed, &output));
    // A call that was given up may still occupy a blocking thread; the process does not wait for it.
    runtime.shutdown_background();
    exit.into()
}

async fn dispatch(arguments: Arguments, output: &Output) -> Exit {
    let audit_db = arguments.audit_db;
    let host = |persist| host(output, audit_db, persist);
    match arguments.command {
        Command::Run(command) => match host(!command.no_audit) {
            Ok(host) => run::run(&host, command, output).await,
            Err(exit) => exit,
        },
        Command::Pending(command) => match host(true) {
            Ok(host) => pending::pending(&host, &command, output).await,
            Err(exit) => exit,
        },
        Command::Approve(command) => match host(true) {
            Ok(host) => approve::approve(&host, command, output).await,
            Err(exit) => exit,
        },
        Command::Resume(command) => match host(true) {
            Ok(host) => resume::resume(&host, &command, output).await,
            Err(exit) => exit,
        },
        Command::Cancel(command) => match host(true) {
            Ok(host) => cancel::cancel(&host, command, output).await,
            Err(exit) => exit,
        },
        Command::Runs(command) => match host(true) {
            Ok(host) => runs::runs(&host, &command, output).await,
            Err(exit) => exit,
        },
        Command::Show(command) => match host(true) {
            Ok(host) => show::show(&host, &command, output).await,
            Err(exit) => exit,
        },
        Command::Validate(command) => match host(false) {
            Ok(host) => validate::validate(&host, &command, output).await,
            Err(exit) => exit,
        },
        Command::Inspect(command) => match host(false) {
            Ok(host) => inspect::inspect(&host, &command, output).await,
            Err(exit) => exit,
        },
        Command::Completions(command) => completions::completions(&command, output),
    }
}

fn host(output: &Output, audit_db: Option<PathBuf>, persist: bool) -> Result<Host, Exit> {
    let environment = |name: &str| std::env::var(name).ok();
    let home = Home::find(&environment).map_err(|error| output.failure(&error))?;
    let progress = output.clone();
    Ok(Host::new(HostOptions {
        home,
        audit_db,
        persist,
        identity: ops::identity(),
        environment: Arc::new(environment),
        on_compile: Arc::new(move |name| {
            progress.talk(&format!("Compiling the component `{name}` (once on this machine) …"));
        }),
    }))
}
