//! What `initrunner audit` accepts.

use crate::cli::arguments::whole;
use crate::domain::moment::Moment;
use clap::{Args, Subcommand, ValueEnum, ValueHint};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Audit {
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
pub(in crate::cli) struct AuditList {
    /// List the approvals that were decided instead, those of pruned runs too.
    #[arg(long)]
    pub(in crate::cli) approvals: bool,
    /// List at most so many.
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = whole::<usize>)]
    pub(in crate::cli) limit: usize,
    /// Print a JSON array instead of a table.
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct AuditShow {
    /// The run: its id, or at least four characters of its beginning.
    pub(in crate::cli) run_id: String,
    /// Print a JSON array instead of text.
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct AuditExport {
    /// One JSON object per line, or comma-separated values.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(in crate::cli) format: ExportFormat,
    /// Leave out what is older: a time, or how long ago (`30d`, `12h`).
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    pub(in crate::cli) since: Option<Moment>,
    /// Leave out what is not older.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    pub(in crate::cli) until: Option<Moment>,
    /// Only this run.
    #[arg(long, value_name = "RUN")]
    pub(in crate::cli) run: Option<String>,
    /// Write to a new file that only this user may read, instead of standard output.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) output: Option<PathBuf>,
}

/// How events are written out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ExportFormat {
    /// One JSON object per line.
    Jsonl,
    /// Comma-separated values (RFC 4180).
    Csv,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct AuditVerify {
    /// A file with a head that was kept elsewhere: a line that this command printed before.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) head: Option<PathBuf>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct AuditPrune {
    /// How long ago a run must have ended (`30d`, `12h`), or before which time.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    pub(in crate::cli) older_than: Moment,
    /// Only say what would be removed.
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
