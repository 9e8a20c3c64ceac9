//! What the command line accepts.

use crate::domain::api_key;
use crate::domain::edit::Change;
use crate::domain::moment::Moment;
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
    /// Warn about approvals that are about to expire, and expire those that nobody gave in time.
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
    /// Keep nothing: runs live in memory, and a pause cannot be resumed.
    #[arg(long)]
    pub(super) no_audit: bool,
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
    /// What to ask.
    #[arg(short, long)]
    pub(super) prompt: String,
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
fn whole<T: FromStr>(text: &str) -> Result<T, String> {
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

#[derive(Debug, Subcommand)]
pub(super) enum Policy {
    /// Check every policy over a role's tools, and say what is wrong where.
    Check(PolicyCheck),
    /// Print the schema that policies over a role's tools are checked against.
    Schema(PolicySchema),
    /// Ask policies about calls that nobody makes, and compare the answers with what is expected.
    Test(PolicyTest),
    /// Measure how long policies over a role's tools take to load and to answer.
    Bench(PolicyBench),
    /// Say why a call was let through, asked about or refused.
    Explain(PolicyExplain),
    /// Say what a role's policies, or others in their place, would have answered to past calls.
    Replay(PolicyReplay),
}

impl Policy {
    /// Whether it reads what is written down of runs. The others make no database where there is none.
    pub(super) const fn reads_runs(&self) -> bool {
        match self {
            Self::Check(_) | Self::Schema(_) | Self::Test(_) | Self::Bench(_) => false,
            Self::Explain(_) | Self::Replay(_) => true,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct PolicyCheck {
    /// The role file.
    #[arg(value_hint = ValueHint::FilePath)]
    pub(super) role: PathBuf,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct PolicySchema {
    /// The role file.
    #[arg(value_hint = ValueHint::FilePath)]
    pub(super) role: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct PolicyTest {
    /// A folder with files of cases, `*.yaml`, also in folders inside it; or one such file.
    #[arg(value_name = "DIR", value_hint = ValueHint::AnyPath)]
    pub(super) cases: PathBuf,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct PolicyExplain {
    /// The run: its id, or at least four characters of its beginning; a pruned one too, as far as it is kept.
    pub(super) run_id: String,
    /// The call: its id, or at least four characters of its beginning.
    pub(super) tool_call_id: String,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct PolicyBench {
    /// The role file.
    #[arg(value_hint = ValueHint::FilePath)]
    pub(super) role: PathBuf,
    /// How often each thread asks about each tool.
    #[arg(long, default_value_t = 1_000, value_name = "N", value_parser = times)]
    pub(super) iterations: usize,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct PolicyReplay {
    /// The role file; calls of all runs of roles of its name are looked at.
    #[arg(value_hint = ValueHint::FilePath)]
    pub(super) role: PathBuf,
    /// Leave out older calls: a time, or how long ago (`7d`, `12h`).
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    pub(super) since: Option<Moment>,
    /// Ask these files or folders in the place of the role's own policies. May be given several times.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(super) sources: Vec<String>,
    /// The component that reads them: a built-in's name, or a file.
    #[arg(
        long,
        value_name = "NAME|FILE.wasm",
        requires = "sources",
        default_value = "cedar",
        value_hint = ValueHint::FilePath,
    )]
    pub(super) component: String,
    /// A schema for them.
    #[arg(long, value_name = "PATH", requires = "sources", value_hint = ValueHint::FilePath)]
    pub(super) schema: Option<String>,
    /// Entities for them.
    #[arg(long, value_name = "PATH", requires = "sources", value_hint = ValueHint::FilePath)]
    pub(super) entities: Option<String>,
    /// List every call, not only those that would be answered differently.
    #[arg(long)]
    pub(super) all: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(super) json: bool,
}

/// Reads a number of times. Their durations are kept: ten million are 160 MB, and take minutes.
fn times(text: &str) -> Result<usize, String> {
    let fits = |number: &usize| (1..=10_000_000).contains(number);
    let number = text.parse().ok().filter(fits);
    number.ok_or_else(|| "write a whole number from 1 to 10000000".to_owned())
}

#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// List the starts and resumptions of runs, newest first.
    List(AuditList),
    /// Show every event of one run, in order.
    Show(AuditShow),
    /// Write every event out: who did what, and when.
    Export(AuditExport),
    /// Check that nobody changed what was written down: the journal, and every table against it.
    Verify(AuditVerify),
    /// Remove runs that ended long ago, and keep their approvals.
    Prune(AuditPrune),
}

#[derive(Debug, Args)]
pub(super) struct AuditList {
    /// List the approvals that were decided instead, those of pruned runs too.
    #[arg(long)]
    pub(super) approvals: bool,
    /// List at most so many.
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = whole::<usize>)]
    pub(super) limit: usize,
    /// Print a JSON array instead of a table.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct AuditShow {
    /// The run: its id, or at least four characters of its beginning.
    pub(super) run_id: String,
    /// Print a JSON array instead of text.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct AuditExport {
    /// One JSON object per line, or comma-separated values.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(super) format: ExportFormat,
    /// Leave out what is older: a time, or how long ago (`30d`, `12h`).
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    pub(super) since: Option<Moment>,
    /// Leave out what is not older.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    pub(super) until: Option<Moment>,
    /// Only this run.
    #[arg(long, value_name = "RUN")]
    pub(super) run: Option<String>,
    /// Write to a new file that only this user may read, instead of standard output.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) output: Option<PathBuf>,
}

/// How events are written out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ExportFormat {
    /// One JSON object per line.
    Jsonl,
    /// Comma-separated values (RFC 4180).
    Csv,
}

#[derive(Debug, Args)]
pub(super) struct AuditVerify {
    /// A file with a head that was kept elsewhere: a line that this command printed before.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) head: Option<PathBuf>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct AuditPrune {
    /// How long ago a run must have ended (`30d`, `12h`), or before which time.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    pub(super) older_than: Moment,
    /// Only say what would be removed.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(super) json: bool,
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
