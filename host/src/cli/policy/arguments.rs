//! What `initrunner policy` accepts.

use crate::domain::moment::Moment;
use clap::{Args, Subcommand, ValueHint};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Policy {
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
    pub(in crate::cli) const fn reads_runs(&self) -> bool {
        match self {
            Self::Check(_) | Self::Schema(_) | Self::Test(_) | Self::Bench(_) => false,
            Self::Explain(_) | Self::Replay(_) => true,
        }
    }
}

#[derive(Debug, Args)]
pub(in crate::cli) struct PolicyCheck {
    /// The role file.
    #[arg(value_hint = ValueHint::FilePath)]
    pub(in crate::cli) role: PathBuf,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct PolicySchema {
    /// The role file.
    #[arg(value_hint = ValueHint::FilePath)]
    pub(in crate::cli) role: PathBuf,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct PolicyTest {
    /// A folder with files of cases, `*.yaml`, also in folders inside it; or one such file.
    #[arg(value_name = "DIR", value_hint = ValueHint::AnyPath)]
    pub(in crate::cli) cases: PathBuf,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct PolicyExplain {
    /// The run: its id, or at least four characters of its beginning; a pruned one too, as far as it is kept.
    pub(in crate::cli) run_id: String,
    /// The call: its id, or at least four characters of its beginning.
    pub(in crate::cli) tool_call_id: String,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct PolicyBench {
    /// The role file.
    #[arg(value_hint = ValueHint::FilePath)]
    pub(in crate::cli) role: PathBuf,
    /// How often each thread asks about each tool.
    #[arg(long, default_value_t = 1_000, value_name = "N", value_parser = times)]
    pub(in crate::cli) iterations: usize,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct PolicyReplay {
    /// The role file; calls of all runs of roles of its name are looked at.
    #[arg(value_hint = ValueHint::FilePath)]
    pub(in crate::cli) role: PathBuf,
    /// Leave out older calls: a time, or how long ago (`7d`, `12h`).
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    pub(in crate::cli) since: Option<Moment>,
    /// Ask these files or folders in the place of the role's own policies. May be given several times.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(in crate::cli) sources: Vec<String>,
    /// The component that reads them: a built-in's name, or a file.
    #[arg(
        long,
        value_name = "NAME|FILE.wasm",
        requires = "sources",
        default_value = "cedar",
        value_hint = ValueHint::FilePath,
    )]
    pub(in crate::cli) component: String,
    /// A schema for them.
    #[arg(long, value_name = "PATH", requires = "sources", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) schema: Option<String>,
    /// Entities for them.
    #[arg(long, value_name = "PATH", requires = "sources", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) entities: Option<String>,
    /// List every call, not only those that would be answered differently.
    #[arg(long)]
    pub(in crate::cli) all: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// Reads a number of times. Their durations are kept: ten million are 160 MB, and take minutes.
fn times(text: &str) -> Result<usize, String> {
    let fits = |number: &usize| (1..=10_000_000).contains(number);
    let number = text.parse().ok().filter(fits);
    number.ok_or_else(|| "write a whole number from 1 to 10000000".to_owned())
}
