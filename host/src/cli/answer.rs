//! How a run that ended or paused is told, in text and as JSON: shared by every command that drives
//! one.

use super::exit::Exit;
use super::output::{Output, Style};
use crate::domain::decision::Resolver;
use crate::domain::preview::{self, Kind, Line};
use crate::domain::tool_call::CallState;
use crate::domain::visible;
use crate::json;
use crate::ops::{Host, question};
use crate::runner::{Driven, Ended};
use crate::store::{CallRecord, StoredRun};
use unicode_width::UnicodeWidthStr;

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
            brief(call, output),
        );
        output.data(line.trim_end());
        for line in preview_lines(call, output) {
            output.data(&line);
        }
        for line in beneath(run, call) {
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

/// What else a person should know of a call that waits, a line each.
pub(super) fn beneath(run: &StoredRun, call: &CallRecord) -> Vec<String> {
    let mut lines: Vec<String> = call
        .policy_reasons()
        .into_iter()
        .map(|reason| format!("asked by policy: {}", visible::one_line(reason)))
        .collect();
    if let Some(at) = call.expires_at {
        lines.push(format!("expires at {at}"));
    }
    if call.isolation() == Some("none") {
        lines.push("this system cannot isolate the programs that it runs".to_owned());
    }
    for change in &call.changed {
        let change = visible::one_line(change);
        lines.push(format!("asked again, because this changed: {change}"));
    }
    lines.extend(story(run, call));
    lines.extend(standing(run, call));
    lines
}

/// How far a call has come that takes more than any one person.
fn standing(run: &StoredRun, call: &CallRecord) -> Option<String> {
    call.standing(&run.run.requester).map(|words| visible::one_line(&words))
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
pub(super) fn brief(call: &CallRecord, output: &Output) -> String {
    match is_beneath(call, output) {
        true => String::new(),
        false => preview::one_line(call.preview.as_ref(), &call.arguments),
    }
}

/// What is read in lines, to be printed beneath its call. Each begins with a mark, on a terminal also
/// where a line goes on because it is too wide: nothing in it must look like one of ours.
pub(super) fn preview_lines(call: &CallRecord, output: &Output) -> Vec<String> {
    if !is_beneath(call, output) {
        return Vec::new();
    }
    let mut lines = preview::read(call.preview.as_ref(), &call.arguments);
    if let Some(columns) = output.columns() {
        lines = preview::wrap(&lines, columns.saturating_sub(INDENT + MARK.len()));
    }
    lines.iter().map(|line| format!("    {}", marked(line, output))).collect()
}

/// How far the lines of a preview are indented.
const INDENT: usize = 4;

/// What a line of a preview begins with, and one that goes on because it is too wide. Both take as many
/// columns as there are characters.
const MARK: [char; 2] = ['│', ' '];
const CONTINUES: [char; 2] = ['┊', ' '];

/// A line of a preview with its mark, and in its colour.
pub(super) fn marked(line: &Line, output: &Output) -> String {
    let [mark, blank] = if line.continues { CONTINUES } else { MARK };
    let style = match line.kind {
        Kind::Added => Some(Style::Green),
        Kind::Removed => Some(Style::Red),
        // It is ours, and nothing of the preview can look like it.
        Kind::Left => return output.styled(Style::Yellow, &line.text),
        _ => None,
    };
    match style {
        Some(style) => format!("{mark}{blank}{}", output.styled(style, &line.text)),
        None => format!("{mark}{blank}{}", line.text).trim_end().to_owned(),
    }
}

/// Whether what will happen is read beneath the call: it has lines, or the terminal is too narrow for all
/// of it, and would go on at its edge as if it were a line of ours.
fn is_beneath(call: &CallRecord, output: &Output) -> bool {
    let preview = call.preview.as_ref();
    if preview::is_in_lines(preview) {
        return true;
    }
    let Some(columns) = output.columns() else { return false };
    let what = preview::one_line(preview, &call.arguments).width();
    // Beside it: the indentation, the call's id, the tool's name, and blanks between them.
    what + call.id.as_str().len() + visible::one_line(&call.model_tool).width() + 6 > columns
}
