//! `initrunner policy explain`.

use super::arguments::PolicyExplain;
use super::{answer_json, short};
use crate::cli::exit::Exit;
use crate::cli::output::{Output, Style};
use crate::domain::policy::{Effect, PolicyAnswer, Question};
use crate::domain::visible::one_line;
use crate::gate::reason_text;
use crate::json::visible_text;
use crate::ops::{Asked, Explanation, Host, Step, Unasked, explain_call};
use serde_json::{Value, json};

pub(super) async fn explain(host: &Host, command: &PolicyExplain, output: &Output) -> Exit {
    let found = match explain_call(host, &command.run_id, &command.tool_call_id).await {
        Ok(found) => found,
        Err(error) => return output.failure(&error),
    };
    if command.json {
        output.data(&visible_text(&to_json(&found)));
    } else {
        render(&found, output);
    }
    Exit::Done
}

fn render(found: &Explanation, output: &Output) {
    let Explanation { run, call, tool, steps, unasked } = found;
    let tool = tool.as_ref().map(|tool| format!("  {}", one_line(tool))).unwrap_or_default();
    output.data(&format!("{}{tool}  of {run}", output.styled(Style::Bold, call.as_str())));
    if let Some(why) = unasked {
        output.data(&format!("  {}", sentence(*why)));
    }
    for step in steps {
        let at = step.at();
        match step {
            Step::Asked(asked) => {
                output.data(&format!("  {at}  {}", headline(asked)));
                for line in details(asked) {
                    output.data(&format!("    {line}"));
                }
            }
            Step::Unreadable { sequence, .. } => output.data(&format!(
                "  {at}  event {sequence} says what a policy answered, in a way that this version cannot read"
            )),
            Step::Gated { state, .. } => {
                output.data(&format!("  {at}  the call: {}", one_line(state)));
            }
            Step::Happened { kind, body, .. } => {
                output.data(&format!("  {at}  {}", happened(kind, body)));
            }
        }
    }
}

/// Why no policy was asked.
const fn sentence(why: Unasked) -> &'static str {
    match why {
        Unasked::Arguments => {
            "no policy was asked: there is no such tool, or the arguments do not fit it"
        }
        Unasked::NoPolicies => "no policy was asked: the run had none",
        Unasked::NotThisOne => "no policy was asked about this call",
        Unasked::Pruned => "what policies said of it was pruned with its run",
    }
}

fn headline(asked: &Asked) -> String {
    let what = match (&asked.question, asked.edited) {
        (Question::Invoke, false) => "may it happen?".to_owned(),
        (Question::Invoke, true) => "may it happen as it was to be changed?".to_owned(),
        (Question::Approve(who), false) => format!("may {} approve it?", one_line(who)),
        (Question::Approve(who), true) => {
            format!("may {} approve it as it was to be changed?", one_line(who))
        }
    };
    // To who may approve, there is nobody further to be asked.
    let effect = match (&asked.question, asked.effect) {
        (Question::Approve(_), Effect::Ask) => Effect::Deny,
        (_, effect) => effect,
    };
    format!("{what} {}", effect.as_str())
}

fn details(asked: &Asked) -> Vec<String> {
    let counts = asked.counts;
    let mut lines = vec![format!(
        "the run had made {}, {} ({} of this tool), in {:.1} s",
        counted(counts.requests, "request"),
        counted(counts.tool_calls, "tool call"),
        counts.calls_of_tool,
        counts.running_ms as f64 / 1000.0,
    )];
    if let Some(words) = &asked.isolation {
        let words = if words.is_empty() { "none".to_owned() } else { words.join(" ") };
        lines.push(format!("isolation of its programs: {}", one_line(&words)));
    }
    for (policy, answer) in &asked.answers {
        let PolicyAnswer { effect, reasons, errors, digest, took_us } = answer;
        let (policy, digest) = (one_line(policy), short(digest));
        lines.push(format!("{policy}: {}  ({digest}, {took_us} µs)", effect.as_str()));
        lines.extend(errors.iter().map(|error| format!("  error: {}", one_line(error))));
        lines.extend(reasons.iter().map(|reason| format!("  {}", reason_text(reason))));
        if errors.is_empty() && reasons.is_empty() {
            lines.push(match effect {
                Effect::Allow => "  no policy spoke against it".to_owned(),
                Effect::Ask | Effect::Deny => "  no policy permits it".to_owned(),
            });
        }
    }
    lines
}

fn counted(number: u32, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// What an event of another kind says. A kind or a body that this version does not know is named.
fn happened(kind: &str, body: &Value) -> String {
    let text = |key: &str| body[key].as_str().map(one_line);
    let by = || match (text("by"), text("authenticated_as")) {
        (Some(note), Some(who)) if note != who => format!(" by {note} ({who})"),
        (_, Some(who)) | (Some(who), None) => format!(" by {who}"),
        (None, None) => String::new(),
    };
    match kind {
        "approval_requested" => "a person is asked".to_owned(),
        "approval_voted" => {
            format!("approved{}: {} of {} approvals", by(), body["have"], body["need"])
        }
        "approval_decided" => {
            let word = match text("decision").as_deref() {
                Some("approve") => "approved".to_owned(),
                Some("deny") => "denied".to_owned(),
                other => format!("decided `{}`", other.unwrap_or_default()),
            };
            let reason = text("reason").map(|it| format!(": {it}")).unwrap_or_default();
            format!("{word}{}{reason}", by())
        }
        "approval_edited" => format!("changed{}", by()),
        "approval_remembered" => format!("approved as an equal call was{}", by()),
        "approval_voided" => {
            let changed = body["changed"].as_array().map(Vec::as_slice).unwrap_or_default();
            let changed: Vec<String> =
                changed.iter().filter_map(Value::as_str).map(one_line).collect();
            format!("the approval no longer fits: {}", changed.join("; "))
        }
        "approval_expiring" => "about to expire".to_owned(),
        "approval_escalated" => {
            let names = body["reviewers"].as_array().map(Vec::as_slice).unwrap_or_default();
            let names: Vec<String> = names.iter().filter_map(Value::as_str).map(one_line).collect();
            format!("escalated: {} may decide too", names.join(", "))
        }
        "approval_expired" => "expired: nobody decided in time".to_owned(),
        "call_refused" | "call_finished" => text("state").unwrap_or_else(|| one_line(kind)),
        "call_started" => format!("started, attempt {}", one_line(&body["attempt"].to_string())),
        "program_started" => "a program of it is started".to_owned(),
        "call_unknown" => "its outcome is not known".to_owned(),
        "unknown_retried" => format!("tried again{}", by()),
        "run_ended" => format!("the run ended: {}", text("state").unwrap_or_default()),
        kind => one_line(kind),
    }
}

fn to_json(found: &Explanation) -> Value {
    let step = |step: &Step| {
        let at = step.at().to_string();
        match step {
            Step::Asked(asked) => asked_json(&at, asked),
            Step::Unreadable { sequence, .. } => {
                json!({"at": at, "what": "unreadable", "sequence": sequence})
            }
            Step::Gated { state, .. } => json!({"at": at, "what": "gated", "state": state}),
            Step::Happened { kind, body, .. } => json!({"at": at, "what": kind, "body": body}),
        }
    };
    json!({
        "run_id": found.run.as_str(),
        "tool_call_id": found.call.as_str(),
        "tool": found.tool,
        "unasked": found.unasked.map(sentence),
        "steps": found.steps.iter().map(step).collect::<Vec<_>>(),
    })
}

fn asked_json(at: &str, asked: &Asked) -> Value {
    let counts = asked.counts;
    let (question, reviewer) = match &asked.question {
        Question::Invoke => ("invoke", None),
        Question::Approve(reviewer) => ("approve", Some(reviewer)),
    };
    let answers = asked.answers.iter().map(|(policy, answer)| answer_json(policy, answer));
    json!({
        "at": at,
        "what": "asked",
        "question": question,
        "reviewer": reviewer,
        "edited": asked.edited,
        "counts": {
            "requests": counts.requests,
            "tool_calls": counts.tool_calls,
            "calls_of_tool": counts.calls_of_tool,
            "running_ms": counts.running_ms,
        },
        "isolation": asked.isolation,
        "effect": asked.effect,
        "answers": answers.collect::<Vec<_>>(),
    })
}
