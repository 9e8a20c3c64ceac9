//! The command line: parses, calls one operation, renders what it gives.

mod answer;
mod approve;
mod arguments;
mod audit;
mod cancel;
mod completions;
mod daemon;
mod dashboard;
mod exit;
mod go_on;
mod inspect;
mod key;
mod log;
mod output;
mod page;
mod pending;
mod policy;
mod progress;
mod recover;
mod repl;
mod resume;
mod run;
mod runs;
mod serve;
mod show;
mod signals;
mod sweep;
mod table;
mod validate;

pub use exit::Exit;

use crate::fail_point;
use crate::ops::{self, Home, Host, HostOptions};
use crate::plugin::process;
use arguments::{Arguments, Command};
use clap::Parser;
use output::Output;
use std::env::VarError;
use std::ffi::OsString;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Runs the program and gives its exit code.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    // Whatever is generic is compiled into each program that calls it, and this calls everything.
    start(&arguments.into_iter().collect::<Vec<_>>())
}

fn start(arguments: &[OsString]) -> ExitCode {
    // Before anything else: this is started for every program that a tool runs.
    if arguments.get(1).is_some_and(|word| word == process::SUPERVISE) {
        return process::supervise();
    }
    let output = Output::new();
    let parsed = match Arguments::try_parse_from(arguments) {
        Ok(parsed) => parsed,
        Err(error) => return output.whole(output.usage(&error)).into(),
    };
    let serves =
        matches!(parsed.command, Command::Serve(_) | Command::Dashboard(_) | Command::Daemon(_));
    let mut builder = match serves || fail_point::several_threads() {
        true => tokio::runtime::Builder::new_multi_thread(),
        false => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = match builder.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output.error(&format!("the program cannot start: {error}"));
            return Exit::Failed.into();
        }
    };
    // Behind a pointer: a future is compiled once for each kind of runtime that is handed it.
    let dispatched: Pin<Box<dyn Future<Output = Exit> + '_>> = Box::pin(dispatch(parsed, &output));
    let exit = runtime.block_on(dispatched);
    // A call that was given up may still occupy a blocking thread; the process does not wait for it.
    runtime.shutdown_background();
    output.whole(exit).into()
}

async fn dispatch(arguments: Arguments, output: &Output) -> Exit {
    if let Command::Completions(command) = &arguments.command {
        return completions::completions(command, output);
    }
    if let Command::Key(command) = arguments.command {
        return key::key(command, output);
    }
    let command = arguments.command;
    let host = match host(output, arguments.audit_db, &command) {
        Ok(host) => host,
        Err(exit) => return exit,
    };
    let exit = match command {
        Command::Run(command) if command.interactive => repl::repl(&host, command, output).await,
        Command::Run(command) => run::run(&host, command, output).await,
        Command::Pending(command) => pending::pending(&host, &command, output).await,
        Command::Approve(command) => approve::approve(&host, command, output).await,
        Command::Resume(command) => resume::resume(&host, &command, output).await,
        Command::Recover(command) => recover::recover(&host, &command, output).await,
        Command::Sweep(command) => sweep::sweep(&host, &command, output).await,
        Command::Cancel(command) => cancel::cancel(&host, command, output).await,
        Command::Runs(command) => runs::runs(&host, &command, output).await,
        Command::Show(command) => show::show(&host, &command, output).await,
        Command::Validate(command) => validate::validate(&host, &command, output).await,
        Command::Inspect(command) => inspect::inspect(&host, &command, output).await,
        Command::Policy(command) => policy::policy(&host, &command, output).await,
        Command::Audit(command) => audit::audit(&host, &command, output).await,
        // A server outlives whoever asks it.
        Command::Serve(command) => return serve::serve(host, command, output).await,
        Command::Dashboard(command) => {
            return dashboard::dashboard(host, command, output).await;
        }
        Command::Daemon(command) => return daemon::daemon(host, *command, output).await,
        Command::Key(_) | Command::Completions(_) => Exit::Done,
    };
    host.leave();
    exit
}

fn host(output: &Output, audit_db: Option<PathBuf>, command: &Command) -> Result<Host, Exit> {
    let environment = |name: &str| match std::env::var(name) {
        Ok(value) => Some(value),
        // A folder of policies whose name is no text is one all the same: nobody goes on without it.
        Err(VarError::NotUnicode(value)) if name == ops::POLICY_DIR => {
            Some(value.to_string_lossy().into_owned())
        }
        Err(_) => None,
    };
    let home = Home::find(&environment).map_err(|error| output.failure(&error))?;
    // They touch no run, and must not make a database where there is none.
    let needs_none = match command {
        Command::Validate(_) | Command::Inspect(_) => true,
        Command::Policy(policy) => !policy.reads_runs(),
        _ => false,
    };
    let makes_one = matches!(
        command,
        Command::Run(_) | Command::Serve(_) | Command::Dashboard(_) | Command::Daemon(_)
    );
    if let Some(path) = audit_db.as_deref().filter(|_| !makes_one && !needs_none) {
        ops::check_named_database(path).map_err(|error| output.failure(&error))?;
    }
    let (progress, warnings) = (output.clone(), output.clone());
    let persist = match command {
        Command::Run(run) => !run.no_audit,
        Command::Serve(serve) => !serve.no_audit,
        Command::Daemon(daemon) => !daemon.run.no_audit && daemon.action.is_none(),
        _ => !needs_none,
    };
    let (serves, drain) = match command {
        Command::Serve(serve) => (true, Duration::from_secs(serve.drain_timeout)),
        Command::Dashboard(board) => (true, Duration::from_secs(board.drain_timeout)),
        Command::Daemon(daemon) => (true, Duration::from_secs(daemon.run.drain_timeout)),
        _ => (false, Duration::ZERO),
    };
    // A conversation is many runs, one after the other.
    let talks = matches!(command, Command::Run(run) if run.interactive);
    let reads_only = matches!(
        command,
        Command::Pending(_)
            | Command::Runs(_)
            | Command::Show(_)
            | Command::Policy(_)
            | Command::Audit(_)
    );
    Ok(Host::new(HostOptions {
        audit_db,
        persist,
        one_run: !reads_only && !serves && !talks && !fail_point::several_threads(),
        drain,
        alone: !serves && !fail_point::several_threads(),
        on_compile: Arc::new(move |name| {
            progress.talk(&format!("Compiling the component `{name}` (once on this machine) …"));
        }),
        on_warning: Arc::new(move |sentence| warnings.talk(&format!("note: {sentence}"))),
        ..HostOptions::new(home, ops::identity(), environment)
    }))
}
