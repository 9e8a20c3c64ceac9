//! `initrunner show`.

use super::answer::{self, who};
use super::arguments::Show;
use super::exit::Exit;
use super::output::{Output, Style};
use crate::domain::message::Message;
use crate::domain::tool_call::CallState;
use crate::domain::visible;
use crate::json;
use crate::ops::{Host, Story, show_run};

pub(super) async fn show(host: &Host, command: &Show, output: &Output) -> Exit {
    let story = match show_run(host, &command.run_id).await {
        Ok(story) => story,
        Err(error) => return output.failure(&error),
    };
    if command.json {
        output.data(&json::story(&story).to_string());
    } else {
        tell(&story, output);
    }
    Exit::Done
}

fn tell(story: &Story, output: &Output) {
    let run = &story.run.run;
    let head = |word: &str| output.styled(Style::Bold, word);
    output.data(&format!("{}  {}  {}", head(run.id.as_str()), run.state, run.role_name));
    let path = run.role_path.display().to_string();
    output.data(&format!("  role       {}", visible::one_line(&path)));
    output.data(&format!("  started    {} by {} ({})", run.created_at, run.requester, run.trigger));
    output.data(&format!("  changed    {}", run.updated_at));
    output.data(&format!(
        "  used       {} {}, {} tool {}, {:.1} s, {} + {} tokens",
        run.spent.requests,
        plural(run.spent.requests, "request", "requests"),
        run.spent.tool_calls,
        plural(run.spent.tool_calls, "call", "calls"),
        run.spent.wall_ms as f64 / 1000.0,
        run.usage.input_tokens,
        run.usage.output_tokens,
    ));
    if let Some(outcome) = &run.outcome {
        output.data(&format!("  outcome    {}", visible::one_line(outcome)));
    }

    output.data(&format!("\n{}", head("Messages")));
    for message in &story.run.messages {
        let (who, text) = match message {
            Message::User { text } => ("user", text.clone()),
            Message::Assistant { text, calls, .. } => {
                let names: Vec<String> =
                    calls.iter().map(|call| format!("[calls {} {}]", call.tool, call.id)).collect();
                let parts: Vec<&str> = std::iter::once(text.as_str())
                    .filter(|text| !text.is_empty())
                    .chain(names.iter().map(String::as_str))
                    .collect();
                ("model", parts.join("\n"))
            }
            Message::ToolResult { tool, content, .. } => ("tool", format!("[{tool}] {content}")),
        };
        let text = visible::lines(&text).trim_end().replace('\n', "\n         ");
        output.data(&format!("  {who:5}  {text}"));
    }

    if !story.run.calls.is_empty() {
        output.data(&format!("\n{}", head("Tool calls")));
    }
    for call in &story.run.calls {
        let doing = answer::brief(call, output);
        let tool = visible::one_line(&call.model_tool);
        output.data(format!("  {}  {}  {tool}  {doing}", call.id, call.state).trim_end());
        for line in answer::preview_lines(call, output) {
            output.data(&line);
        }
        for reason in call.policy_reasons() {
            output.data(&format!("    asked by policy: {}", visible::one_line(reason)));
        }
        if let Some(isolation) = call.isolation() {
            output
                .data(&format!("    isolation of its programs: {}", visible::one_line(isolation)));
        }
        if let Some(at) = call.expires_at {
            output.data(&format!("    expires at {at}"));
        }
        if let (Some(at), Some(rule)) = (call.escalated_at, &call.rule) {
            let names = visible::one_line(&rule.second_group().join(", "));
            output.data(&format!("    escalated to {names} at {at}"));
        }
        if let (CallState::Expired, Some(at)) = (call.state, call.decided_at) {
            output.data(&format!("    expired at {at}: nobody decided in time"));
        }
        for line in answer::story(&story.run, call) {
            output.data(&format!("    {line}"));
        }
        if let (Some(decision), Some(resolver), Some(at)) =
            (&call.decision, &call.resolver, call.decided_at)
        {
            let (word, who) = (decision.as_str(), who(resolver));
            output.data(&match &call.remembered_from {
                Some(from) => format!("    {word} by {who} (remembered from {from}) at {at}"),
                None => format!("    {word} by {who} at {at}"),
            });
        }
    }
    let waiting = answer::standings(&story.run);
    if !waiting.is_empty() {
        output.data(&format!("\n{}", head("Waiting")));
    }
    for line in waiting {
        output.data(&line);
    }

    output.data(&format!("\n{}", head("Journal")));
    for event in &story.events {
        let call = event.call.as_ref().map(|call| format!("  {call}")).unwrap_or_default();
        output.data(&format!("  {:6}  {}  {}{call}", event.sequence, event.at, event.kind));
    }
}

fn plural(count: u32, one: &'static str, several: &'static str) -> &'static str {
    if count == 1 { one } else { several }
}
