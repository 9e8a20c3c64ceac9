//! `initrunner sweep`.

use super::arguments::Sweep;
use super::exit::Exit;
use super::go_on::go_on;
use super::output::Output;
use crate::domain::expiry::InWords;
use crate::domain::rule::OnExpiry;
use crate::domain::visible;
use crate::json;
use crate::ops::{Host, SweepReport, sweep_approvals};
use serde_json::json;

pub(super) async fn sweep(host: &Host, command: &Sweep, output: &Output) -> Exit {
    let report = match sweep_approvals(host).await {
        Ok(report) => report,
        Err(error) => return output.failure(&error),
    };
    if !command.json {
        tell(&report, output);
    }
    let runs = if command.no_resume { &[][..] } else { &report.swept.freed };
    let mut gone_on = Vec::new();
    for run in runs {
        if !command.json {
            output.data(&format!("Run {run} goes on."));
        }
        gone_on.extend(go_on(host, run, output, command.json).await.told);
    }
    if command.json {
        let mut told = json::sweep(&report);
        told["runs"] = json!(gone_on);
        output.data(&told.to_string());
    }
    Exit::Done
}

fn tell(report: &SweepReport, output: &Output) {
    let swept = &report.swept;
    for run in &report.adopted {
        output.data(&format!("Run {run} was taken over: its process has ended."));
    }
    if let Some(by) = swept.jumped {
        let seconds = InWords((by / 1_000_000).unsigned_abs());
        let way = if by < 0 { "back" } else { "on" };
        output.data(&format!(
            "The clock was set {way} by {seconds}; waiting is measured by the machine's uptime."
        ));
    }
    for call in &swept.warned {
        output.data(&format!(
            "Call {} ({}) of run {} expires at {}.",
            call.call,
            visible::one_line(&call.tool),
            call.run,
            call.expires_at,
        ));
    }
    for call in &swept.escalated {
        output.data(&format!(
            "Call {} ({}) of run {} is escalated: {} may decide too.",
            call.call,
            visible::one_line(&call.tool),
            call.run,
            visible::one_line(&call.reviewers.join(", ")),
        ));
    }
    for call in &swept.expired {
        let follows = match call.on_expiry {
            OnExpiry::Deny => "it was not executed",
            OnExpiry::Fail => "it was not executed, and the run failed",
        };
        output.data(&format!(
            "Call {} ({}) of run {} expired: nobody decided within {}; {follows}.",
            call.call,
            visible::one_line(&call.tool),
            call.run,
            InWords(call.limit),
        ));
    }
    if swept.warned.is_empty() && swept.escalated.is_empty() && swept.expired.is_empty() {
        output.data("Nothing is due.");
    }
}
