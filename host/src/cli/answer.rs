//! How a run that ended or paused is told, in text and as JSON: shared by every command that drives
//! one.

use super::exit::Exit;
use super::output::{Output, Style};
use crate::domain::approval::{Preview, PreviewFormat};
use crate::domain::decision::Resolver;
use crate::domain::tool_call::CallState;
use crate::domain::visible;
use crate::domain::vote;
use crate::json;
use crate::ops::{Host, question};
use crate::runner::{Driven, Ended};
use crate::store::{CallRecord, StoredRun};

/// Tells how a drive ended and gives the exit code. `streamed`: the answer was already shown as it
/// arrived.
pub(super) fn tell(
    host: &Host,
    driven: &Driven,
    output: &Output,
    as_json: bool,
    streamed: bool,
) -> Exit {
    if as_json {
        output.data(&json::run(&driven.run, Some(&driven.ended), host.persists()).to_string());
        return Exit::of_ended(&driven.ended);
    }
    let run = &driven.run;
    match &driven.ended {
        Ended::Completed { answer } if !streamed => output.data(visible::lines(answer).trim_end()),
        Ended::Completed { .. } => {}
        Ended::Paused => paused(host, run, output),
        Ended::Failed { error } => {
            output.error(&format!("run {} failed: {}", run.run.id, visible::one_line(error)));
        }
        Ended::Interrupted { reason, .. } => {
            output.error(&format!(
                "run {} was interrupted: {}",
                run.run.id,
                visible::one_line(reason)
            ));
            if unknown(run).next().is_some() {
                // A call was under way: it must be looked at before anything goes on.
                paused(host, run, output);
            } else if host.persists() {
                output.talk(&format!("\nResume with: initrunner resume {}", run.run.id));
            }
        }
    }
    Exit::of_ended(&driven.ended)
}

/// The block of a paused run.
pub(super) fn paused(host: &Host, run: &StoredRun, output: &Output) {
    let waiting: Vec<&CallRecord> =
        run.calls.iter().filter(|call| call.state == CallState::Waiting).collect();
    let (count, why) = if waiting.is_empty() {
        (unknown(run).count(), "of unknown outcome")
    } else {
        (waiting.len(), "awaiting approval")
    };
    let calls = if count == 1 { "call" } else { "calls" };
    output.data(&format!("Run {} paused — {count} tool {calls} {why}.", run.run.id));
    let tools = waiting.iter().map(|call| call.model_tool.chars().count()).max().unwrap_or(0);
    for call in &waiting {
        let tool = visible::one_line(&call.model_tool);
        let line = format!(
            "  {}  {}  {}",
            call.id,
            output.styled(Style::Bold, &format!("{tool:tools$}")),
            brief(call),
        );
        output.data(line.trim_end());
        for line in preview_lines(call, output) {
            output.data(&line);
        }
        for reason in call.policy_reasons() {
            output.data(&format!("    asked by policy: {}", visible::one_line(reason)));
        }
        if let Some(at) = call.expires_at {
            output.data(&format!("    expires at {at}"));
        }
        if call.isolation() == Some("none") {
            output.data("    this system cannot isolate the programs that it runs");
        }
        for change in &call.changed {
            let change = visible::one_line(change);
            output.data(&format!("    asked again, because this changed: {change}"));
        }
        for line in story(run, call).into_iter().chain(standing(run, call)) {
            output.data(&format!("    {line}"));
        }
    }
    for call in unknown(run) {
        output.data(&format!("  {}", question(call)));
        if let Some(line) = standing(run, call) {
            output.data(&format!("  {line}"));
        }
    }
    if !host.persists() {
        output.data("\nThis run is not persisted (--no-audit), so it cannot be resumed.");
    } else if !waiting.is_empty() {
        output.data(&format!("\nResume with: initrunner approve {} --all", run.run.id));
    }
}

/// How far a call has come that takes more than any one person.
fn standing(run: &StoredRun, call: &CallRecord) -> Option<String> {
    let rule = call.rule.as_ref()?;
    vote::standing(rule, &run.run.requester, &call.voters()).map(|words| visible::one_line(&words))
}

/// The same for each call that needs a person, with its id.
pub(super) fn standings(run: &StoredRun) -> Vec<String> {
    let undecided =
        |call: &&CallRecord| matches!(call.state, CallState::Waiting | CallState::Unknown);
    let line = |call: &CallRecord| Some(format!("  {}  {}", call.id, standing(run, call)?));
    run.calls.iter().filter(undecided).filter_map(line).collect()
}

/// What people did to a call before it was decided, oldest first.
pub(super) fn story(run: &StoredRun, call: &CallRecord) -> Vec<String> {
    let mut lines = Vec::new();
    for edit in &call.edits {
        lines.push(format!("edited by {} at {}", who(&edit.resolver), edit.at));
        lines.push(format!("  was {}", visible::one_line(&edit.from)));
        lines.push(format!("  is  {}", visible::one_line(&edit.to)));
    }
    // Of a call that waits its standing names them.
    if !matches!(call.state, CallState::Waiting | CallState::Unknown)
        || standing(run, call).is_none()
    {
        for vote in &call.votes {
            lines.push(format!("approve by {} at {}", who(&vote.resolver), vote.at));
        }
    }
    lines
}

/// A resolver: as shown, and as authenticated.
pub(super) fn who(resolver: &Resolver) -> String {
    format!(
        "{} ({})",
        visible::one_line(resolver.resolved_by()),
        visible::one_line(&resolver.authenticated_as)
    )
}

fn unknown(run: &StoredRun) -> impl Iterator<Item = &CallRecord> {
    run.calls.iter().filter(|call| call.state == CallState::Unknown)
}

/// What will happen, beside the call's name: nothing where the lines beneath it say it.
pub(super) fn brief(call: &CallRecord) -> String {
    match is_long(call.preview.as_ref()) {
        true => String::new(),
        false => what(call.preview.as_ref(), &call.arguments),
    }
}

/// A preview of several lines, to be printed beneath its call. Each begins with a mark: a line of the
/// preview must not look like one of ours.
pub(super) fn preview_lines(call: &CallRecord, output: &Output) -> Vec<String> {
    let Some(preview) = call.preview.as_ref().filter(|preview| is_long(Some(preview))) else {
        return Vec::new();
    };
    let text = visible::lines(&preview.text);
    let is_diff = preview.format == PreviewFormat::Diff;
    let line = |line: &str| {
        let style = match line.chars().next() {
            Some('+') if is_diff => Some(Style::Green),
            Some('-') if is_diff => Some(Style::Red),
            _ => None,
        };
        match style {
            Some(style) => format!("    │ {}", output.styled(style, line)),
            None => format!("    │ {line}").trim_end().to_owned(),
        }
    };
    text.trim_end_matches('\n').split('\n').map(line).collect()
}

/// Whether a preview is read in lines. A command is not: it could push itself out of sight.
fn is_long(preview: Option<&Preview>) -> bool {
    let in_lines = [PreviewFormat::Diff, PreviewFormat::Sql, PreviewFormat::Http];
    preview.is_some_and(|preview| {
        in_lines.contains(&preview.format) && preview.text.trim_end_matches('\n').contains('\n')
    })
}

/// What will happen, on one line: the preview where there is one, else the arguments.
pub(super) fn what(preview: Option<&Preview>, arguments: &str) -> String {
    visible::one_line(preview.map_or(arguments, |preview| &preview.text))
}
