//! What the command line accepts; the commands that have commands of their own say so themselves.

use super::audit::arguments::Audit;
use super::policy::arguments::Policy;
use crate::domain::api_key;
use crate::domain::client_id::ClientId;
use crate::domain::edit::Change;
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum, ValueHint};
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// Runs LLM roles whose tools are sandboxed components, and asks a person before a dangerous call.
#[derive(Debug, Parser)]
#[command(name = "initrunner", version, disable_help_subcommand = true, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed or not permitted, 2 paused or decisions outstanding, 3 already decided or \
    owned elsewhere, 4 unknown run or call, 64 usage, 65 invalid role, 75 interrupted and resumable, 130 SIGINT.\n\
    State lives in $INITRUNNER_HOME (default: the platform's data folder)."
)]
pub(super) struct Arguments {
    /// Use this database instead of the state folder's.
    #[arg(long, global = true, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub(super) audit_db: Option<PathBuf>,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a role until it answers or pauses for approval.
    Run(Run),
    /// List the tool calls that await a person, over all runs.
    Pending(Pending),
    /// Approve or deny a run's waiting calls, and resume it.
    Approve(Approve),
    /// Go on with a run that was interrupted.
    Resume(Resume),
    /// Say what each run needs that stopped before its end, and resume those that need nobody.
    Recover(Recover),
    /// Remind of approvals that are about to expire, ask second groups of reviewers, and expire what nobody
    /// decided in time.
    #[command(
        after_help = "A daemon and a server sweep by themselves. `sweep` is for hosts that have neither: start it every minute \
        from cron. What is due it writes down, as `expires_after`, `remind_before` and `escalate` of `approval:` say; \
        a daemon tells it to whom `notify:` names. Then it goes on with the runs that wait for nobody any more."
    )]
    Sweep(Sweep),
    /// End a run that has not ended.
    Cancel(Cancel),
    /// List runs, newest first.
    Runs(Runs),
    /// Tell the whole story of one run.
    Show(Show),
    /// Check a role and everything it names, without running it.
    Validate(Validate),
    /// Show what a component is and asks for, before trusting it.
    Inspect(Inspect),
    /// Try policies before calls depend on them.
    #[command(subcommand)]
    Policy(Policy),
    /// Read, check and prune what was written down.
    #[command(subcommand)]
    Audit(Audit),
    /// Serve roles over HTTP, as OpenAI's clients ask for them.
    Serve(Serve),
    /// Open pages to run roles and to decide on, in a browser.
    Dashboard(Dashboard),
    /// Run roles when their triggers say so: schedules, webhooks, files, chats.
    Daemon(Box<Daemon>),
    /// Make a key for a server's clients.
    Key(Key),
    /// Print completions for a shell.
    Completions(Completions),
}

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// A role file, or a folder of them.
    #[arg(value_hint = ValueHint::AnyPath)]
    pub(super) role: PathBuf,
    /// The address to listen on. Any other than this machine's own takes `--api-key-file`.
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    pub(super) host: IpAddr,
    /// The port; 0 has the system choose one.
    #[arg(long, default_value_t = 8000, value_name = "N")]
    pub(super) port: u16,
    /// The file of keys that clients must have; `initrunner key` makes them.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) api_key_file: Option<PathBuf>,
    /// Let pages of this origin use the server. May be given several times.
    #[arg(long, value_name = "ORIGIN", value_parser = origin)]
    pub(super) cors_origin: Vec<String>,
    /// The `finish_reason` of a paused completion: `pending` says `tool_calls_pending_approval`; `stop` is for
    /// clients that know no other words than OpenAI's.
    #[arg(long, value_enum, default_value = "pending")]
    pub(super) finish_reason: FinishReasonWord,
    /// Leave the text of a paused completion empty where the model said nothing.
    #[arg(long)]
    pub(super) empty_content: bool,
    /// Seconds after which an answer that is not streamed is no longer waited for; the run goes on.
    #[arg(long, default_value_t = 600, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(super) request_timeout: u64,
    /// Seconds that a call under way may take to end when the server is stopped. After that it is given up,
    /// and a person is asked what to do about it.
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=3_600))]
    pub(super) drain_timeout: u64,
    /// Requests a minute of one key; decisions count apart. 0 allows any number.
    #[arg(long, default_value_t = 60_000, value_name = "N")]
    pub(super) rate_limit: u32,
    /// Serve the dashboard as well: pages to run roles and to decide on, for whoever has a key.
    #[arg(long)]
    pub(super) dashboard: bool,
    /// Keep nothing: runs live in memory, and a pause cannot be resumed.
    #[arg(long)]
    pub(super) no_audit: bool,
    /// How the log on standard error is written.
    #[arg(long, value_enum, default_value = "text")]
    pub(super) log_format: LogFormat,
    /// What the log has: what went wrong, or with `info` each run, call and request as well.
    #[arg(long, value_enum, default_value = "warn")]
    pub(super) log_level: LogLevel,
}

#[derive(Debug, Args)]
pub(super) struct Dashboard {
    /// A folder of roles. May be given several times; the present folder where it is not.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(super) roles_dir: Vec<PathBuf>,
    /// The address to listen on. Any other than this machine's own takes `--api-key-file`.
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    pub(super) host: IpAddr,
    /// The port; 0 has the system choose one.
    #[arg(long, default_value_t = 8100, value_name = "N")]
    pub(super) port: u16,
    /// Do not open a browser; print the address alone.
    #[arg(long)]
    pub(super) no_open: bool,
    /// The file of keys that people sign in with; `initrunner key` makes them.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) api_key_file: Option<PathBuf>,
    /// Seconds that a call under way may take to end when the dashboard is stopped.
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=3_600))]
    pub(super) drain_timeout: u64,
    /// How the log on standard error is written.
    #[arg(long, value_enum, default_value = "text")]
    pub(super) log_format: LogFormat,
    /// What the log has: what went wrong, or with `info` each run, call and request as well.
    #[arg(long, value_enum, default_value = "warn")]
    pub(super) log_level: LogLevel,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_value_name = "ACTION")]
pub(super) struct Daemon {
    #[command(subcommand)]
    pub(super) action: Option<DaemonAction>,
    #[command(flatten)]
    pub(super) run: DaemonRun,
}

/// What else can be done about a daemon.
#[derive(Debug, Subcommand)]
pub(super) enum DaemonAction {
    /// Have the system start it with your session, and again when it fails (systemd).
    Install(DaemonInstall),
    /// Stop it, and have the system start it no more.
    Uninstall(DaemonService),
    /// Tell whether it works.
    Status(DaemonService),
    /// Show what it has logged.
    Logs(DaemonLogs),
}

#[derive(Debug, Args)]
pub(super) struct DaemonInstall {
    /// A role file, or a folder of them.
    #[arg(value_hint = ValueHint::AnyPath)]
    pub(super) role: PathBuf,
    #[command(flatten)]
    pub(super) service: DaemonService,
    /// The port of webhooks.
    #[arg(long, default_value_t = 8200, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) port: u16,
    /// Print the unit, and change nothing.
    #[arg(long)]
    pub(super) print: bool,
}

/// Which one.
#[derive(Debug, Args)]
pub(super) struct DaemonService {
    /// The service's name, for those who have several.
    #[arg(long, default_value = "initrunner", value_name = "NAME", value_parser = service_name)]
    pub(super) name: String,
}

#[derive(Debug, Args)]
pub(super) struct DaemonLogs {
    #[command(flatten)]
    pub(super) service: DaemonService,
    /// Go on showing what comes.
    #[arg(long, short)]
    pub(super) follow: bool,
    /// How many lines of the past.
    #[arg(long, short = 'n', default_value_t = 100, value_name = "N")]
    pub(super) lines: u32,
}

/// A name that can be a file's and a unit's.
fn service_name(text: &str) -> Result<String, &'static str> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    match !text.is_empty() && text.len() <= 64 && text.chars().all(fits) {
        true => Ok(text.to_owned()),
        false => Err("use at most 64 letters, digits, `-` and `_`"),
    }
}

/// Wait for what a role's triggers name, and run it.
#[derive(Debug, Args)]
pub(super) struct DaemonRun {
    /// A role file, or a folder of them.
    #[arg(value_hint = ValueHint::AnyPath)]
    pub(super) role: Option<PathBuf>,
    /// The address that webhooks listen on.
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    pub(super) host: IpAddr,
    /// The port of webhooks; 0 has the system choose one.
    #[arg(long, default_value_t = 8200, value_name = "N")]
    pub(super) port: u16,
    /// Listen for `GET /health` also where no role has a webhook.
    #[arg(long)]
    pub(super) health: bool,
    /// Seconds that a call under way may take to end when the daemon is stopped. After that it is given up,
    /// and a person is asked what to do about it.
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=3_600))]
    pub(super) drain_timeout: u64,
    /// Keep nothing: runs live in memory, and a pause cannot be resumed.
    #[arg(long)]
    pub(super) no_audit: bool,
    /// How the log on standard error is written.
    #[arg(long, value_enum, default_value = "text")]
    pub(super) log_format: LogFormat,
    /// What the log has: what went wrong, or with `info` each run and call as well.
    #[arg(long, value_enum, default_value = "warn")]
    pub(super) log_level: LogLevel,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// Lines for people.
    Text,
    /// A JSON object a line.
    Json,
}

/// What the log has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
}

/// The words for [`FinishReason`](crate::http::FinishReason).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FinishReasonWord {
    Pending,
    Stop,
}

/// An origin, as browsers send it.
fn origin(text: &str) -> Result<String, String> {
    let url =
        url::Url::parse(text).map_err(|_| "write an origin, such as `https://example.com`")?;
    match url.origin().ascii_serialization() {
        origin if origin == text => Ok(origin),
        origin if origin == "null" => Err("write an origin, such as `https://example.com`".into()),
        origin => Err(format!("write the origin alone: `{origin}`")),
    }
}

#[derive(Debug, Args)]
pub(super) struct Key {
    /// What its holder is called: `key:NAME` to approval rules and policies.
    #[arg(value_parser = key_name)]
    pub(super) name: String,
    /// What its holder may do. May be given several times.
    #[arg(long = "role", value_enum, default_value = "caller", value_name = "ROLE")]
    pub(super) roles: Vec<KeyRoleWord>,
}

/// The words for [`KeyRole`](crate::domain::api_key::KeyRole).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum KeyRoleWord {
    /// Run roles, and see and cancel the runs that it started.
    Caller,
    /// See what waits, and decide.
    Reviewer,
    /// See and cancel everybody's runs.
    Admin,
}

fn conversation(text: &str) -> Result<ClientId, String> {
    ClientId::parse(text).map_err(|error| error.to_string())
}

fn key_name(text: &str) -> Result<String, String> {
    match api_key::is_key_name(text) {
        true => Ok(text.to_owned()),
        false => Err(format!("use {}", api_key::NAME_RULE)),
    }
}

#[derive(Debug, Args)]
pub(super) struct Run {
    /// The role file.
    #[arg(value_hint = ValueHint::FilePath)]
    pub(super) role: PathBuf,
    /// What to ask; with `-i` the first message.
    #[arg(short, long, required_unless_present = "interactive")]
    pub(super) prompt: Option<String>,
    /// Talk: messages are typed, or read from standard input, and calls that wait are asked about at once.
    #[arg(short, long, conflicts_with = "json")]
    pub(super) interactive: bool,
    /// Go on with this conversation, or begin one of this name.
    #[arg(long, value_name = "NAME", requires = "interactive", value_parser = conversation)]
    pub(super) conversation: Option<ClientId>,
    /// Keep nothing: the run lives in memory, and a pause cannot be resumed.
    #[arg(long)]
    pub(super) no_audit: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Pending {
    /// Print a JSON array instead of a table.
    #[arg(long)]
    pub(super) json: bool,
    /// List at most so many calls, the oldest first.
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = whole::<usize>)]
    pub(super) limit: usize,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("selection").required(true))]
pub(super) struct Approve {
    /// The run: its id, or at least four characters of its beginning.
    pub(super) run_id: String,
    /// Decide every waiting call of the run.
    #[arg(long, group = "selection")]
    pub(super) all: bool,
    /// Decide only this call; the run's other waiting calls are denied.
    #[arg(long, group = "selection", value_name = "ID")]
    pub(super) tool_call_id: Option<String>,
    /// Leave the run's other waiting calls waiting, instead of denying them.
    #[arg(long, requires = "tool_call_id", conflicts_with = "all")]
    pub(super) keep_others: bool,
    /// Approve the call with another argument: its value, read as the tool's schema says; `a.b=VALUE`
    /// reaches into an object. May be given several times.
    #[arg(
        long = "set",
        value_name = "KEY=VALUE",
        value_parser = change,
        requires = "tool_call_id",
        conflicts_with_all = ["all", "deny", "retry", "report_unknown", "arguments"],
    )]
    pub(super) set: Vec<Change>,
    /// Approve the call with these arguments instead of the model's: a JSON object, or `@FILE`.
    #[arg(
        long,
        value_name = "JSON|@FILE",
        requires = "tool_call_id",
        conflicts_with_all = ["all", "deny", "retry", "report_unknown"],
    )]
    pub(super) arguments: Option<String>,
    /// The version of the call that you were shown, as `pending --json` gives it: refused where the call
    /// has changed since.
    #[arg(
        long,
        value_name = "N",
        value_parser = whole::<i64>,
        requires = "tool_call_id",
        conflicts_with = "all",
    )]
    pub(super) version_shown: Option<i64>,
    /// Deny instead of approve.
    #[arg(long)]
    pub(super) deny: bool,
    /// Why the call is denied; the model reads it, quoted.
    #[arg(long, value_name = "TEXT", requires = "deny")]
    pub(super) reason: Option<String>,
    /// Try a call again that was started and whose outcome is unknown.
    #[arg(long, requires = "tool_call_id", conflicts_with_all = ["all", "deny", "report_unknown"])]
    pub(super) retry: bool,
    /// Tell the model that the outcome of a started call is unknown.
    #[arg(long, requires = "tool_call_id", conflicts_with_all = ["all", "deny"])]
    pub(super) report_unknown: bool,
    /// A note on who decided, recorded beside the authenticated user.
    #[arg(long, value_name = "NAME")]
    pub(super) resolved_by: Option<String>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(super) json: bool,
}

/// Reads `KEY=VALUE`; the value may hold further `=`.
pub(super) fn whole<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "write a whole number, such as `20`".to_owned())
}

fn change(text: &str) -> Result<Change, String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => {
            Ok(Change { key: key.to_owned(), value: value.to_owned() })
        }
        _ => Err("write it as `KEY=VALUE`".to_owned()),
    }
}

#[derive(Debug, Args)]
pub(super) struct Resume {
    /// The run: its id, or at least four characters of its beginning.
    pub(super) run_id: String,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Recover {
    /// Resume the runs that need nobody.
    #[arg(long)]
    pub(super) resume: bool,
    /// Print a JSON array instead of text.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Sweep {
    /// Leave the runs that can go on now to `resume`.
    #[arg(long)]
    pub(super) no_resume: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Cancel {
    /// The run: its id, or at least four characters of its beginning.
    pub(super) run_id: String,
    /// A note on who cancelled, recorded beside the authenticated user.
    #[arg(long, value_name = "NAME")]
    pub(super) resolved_by: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Runs {
    /// Print a JSON array instead of a table.
    #[arg(long)]
    pub(super) json: bool,
    /// List at most so many runs.
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = whole::<usize>)]
    pub(super) limit: usize,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    /// The run: its id, or at least four characters of its beginning.
    pub(super) run_id: String,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Validate {
    /// The role file.
    #[arg(value_hint = ValueHint::FilePath)]
    pub(super) role: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// A component file, or the type of a built-in tool.
    #[arg(value_name = "FILE.wasm|TYPE", value_hint = ValueHint::FilePath)]
    pub(super) component: PathBuf,
    /// The configuration to describe the tools under, a JSON object.
    #[arg(long, value_name = "JSON")]
    pub(super) config: Option<String>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(super) json: bool,
    /// Print a page for people who configure it, in Markdown.
    #[arg(long, conflicts_with = "json")]
    pub(super) page: bool,
}

#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell.
    pub(super) shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }
}
