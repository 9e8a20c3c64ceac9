//! `initrunner audit prune`.

use super::arguments::AuditPrune;
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::json;
use crate::ops::{Host, prune_journal};
use crate::store::Pruned;

pub(super) async fn prune(host: &Host, command: &AuditPrune, output: &Output) -> Exit {
    let report = match prune_journal(host, command.older_than, command.dry_run).await {
        Ok(report) => report,
        Err(error) => return output.failure(&error),
    };
    if command.json {
        output.data(&json::pruned(&report, command.dry_run).to_string());
    } else if report.pruned.runs == 0 {
        output.data("Nothing to prune: no run ended before that.");
    } else {
        let Pruned { runs, messages, calls, events } = report.pruned;
        let verb = if command.dry_run { "Would prune" } else { "Pruned" };
        output.data(&format!(
            "{verb} {}, {}, {}, {}. Their approvals are kept.",
            counted(runs, "run"),
            counted(messages, "message"),
            counted(calls, "tool call"),
            counted(events, "event")
        ));
    }
    match report.size {
        Some(Err(error)) => {
            output.error(&format!("they are pruned, but the file was not made smaller: {error}"));
            Exit::Failed
        }
        _ => Exit::Done,
    }
}

fn counted(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
