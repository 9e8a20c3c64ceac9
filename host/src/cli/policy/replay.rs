//! `initrunner policy replay`.

use super::answer_json;
use super::arguments::PolicyReplay;
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::cli::table::{Column, draw};
use crate::domain::policy::Effect;
use crate::domain::role::{PolicyComponent, PolicySpec, Position};
use crate::domain::visible::one_line;
use crate::json::visible_text;
use crate::ops::{Host, ReplayRequest, ReplaySums, ReplayedCall, replay_policies};
use serde_json::{Value, json};

pub(super) async fn replay(host: &Host, command: &PolicyReplay, output: &Output) -> Exit {
    let instead = (!command.sources.is_empty()).then(|| PolicySpec {
        component: PolicyComponent::named(&command.component),
        sources: command.sources.clone(),
        schema: command.schema.clone(),
        entities: command.entities.clone(),
        // It stands in no file.
        position: Position { line: 1, column: 1 },
    });
    let request = ReplayRequest { role: command.role.clone(), since: command.since, instead };
    let mut calls = Vec::new();
    let mut take = |call: ReplayedCall| {
        if command.all || call.differs() {
            calls.push(call);
        }
    };
    let sums = match replay_policies(host, &request, &mut take).await {
        Ok(sums) => sums,
        Err(error) => return output.failure(&error),
    };
    if command.json {
        output.data(&visible_text(&to_json(&calls, &sums)));
    } else {
        render(&calls, &sums, output);
    }
    Exit::Done
}

const COLUMNS: [Column; 7] = [
    Column { head: "time", shrinks_to: Some(10) },
    Column { head: "run_id", shrinks_to: None },
    Column { head: "tool_call_id", shrinks_to: None },
    Column { head: "tool", shrinks_to: Some(5) },
    Column { head: "was", shrinks_to: None },
    Column { head: "would be", shrinks_to: None },
    Column { head: "because", shrinks_to: Some(8) },
];

fn render(calls: &[ReplayedCall], sums: &ReplaySums, output: &Output) {
    let row = |call: &ReplayedCall| {
        vec![
            call.at.to_string().chars().take(19).collect(),
            call.run.to_string(),
            call.call.to_string(),
            one_line(&call.tool),
            call.was.as_str().to_owned(),
            call.would.as_str().to_owned(),
            because(call),
        ]
    };
    if !calls.is_empty() {
        let rows: Vec<Vec<String>> = calls.iter().map(row).collect();
        output.write(&draw(&COLUMNS, &rows, output.width()));
    }
    let role = one_line(&sums.role);
    if !sums.has_policies {
        let sentence = format!("the role `{role}` has no policies, and this host has none");
        output.talk(&format!("note: {sentence}: nothing would be objected to"));
    }
    let differ: u64 = sums.differ.values().sum();
    let kinds: Vec<String> = sums
        .differ
        .iter()
        .map(|((was, would), count)| format!("{count} {} → {}", was.as_str(), would.as_str()))
        .collect();
    let differ = match differ {
        0 => "none would be answered differently".to_owned(),
        1 => format!("1 would be answered differently ({})", kinds.join(", ")),
        several => format!("{several} would be answered differently ({})", kinds.join(", ")),
    };
    let (calls, runs) = (counted(sums.calls, "call"), counted(sums.runs, "run"));
    output.data(&format!("{calls} of {runs} of `{role}`: {differ}."));
    if sums.unknown_tools > 0 {
        let calls = counted(sums.unknown_tools, "call");
        output.data(&format!("Not asked about: {calls} of tools that the role does not have now."));
    }
    if sums.unfit > 0 {
        let calls = counted(sums.unfit, "call");
        output.data(&format!(
            "Not asked about: {calls} whose arguments do not fit their tool as it is now."
        ));
    }
    if sums.unreadable > 0 {
        let calls = counted(sums.unreadable, "call");
        output.talk(&format!(
            "note: of {calls} it cannot be read what policies said then; `initrunner audit verify` tells \
             whether somebody changed it"
        ));
    }
    if sums.with_secrets > 0 {
        let calls = counted(sums.with_secrets, "call");
        output.talk(&format!(
            "note: of {calls}, secrets in the arguments are tokens now: policies that look at their \
             values may have answered differently"
        ));
    }
}

/// The policies that determine the answer, and what went wrong.
fn because(call: &ReplayedCall) -> String {
    let mut words: Vec<String> = Vec::new();
    for record in call.records.iter().filter(|record| record.answer.effect == call.would) {
        let answer = &record.answer;
        words.extend(answer.errors.iter().map(|error| format!("error: {}", one_line(error))));
        words.extend(answer.reasons.iter().map(|reason| one_line(&reason.policy)));
        if answer.errors.is_empty() && answer.reasons.is_empty() && call.would != Effect::Allow {
            words.push(format!("no policy of {} permits it", one_line(&record.policy)));
        }
    }
    words.join(", ")
}

fn counted(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn to_json(calls: &[ReplayedCall], sums: &ReplaySums) -> Value {
    let call = |call: &ReplayedCall| {
        let answers = call.records.iter().map(|it| answer_json(&it.policy, &it.answer));
        json!({
            "at": call.at.to_string(),
            "run_id": call.run.as_str(),
            "tool_call_id": call.call.as_str(),
            "tool": call.tool,
            "was": call.was.as_str(),
            "would_be": call.would,
            "differs": call.differs(),
            "answers": answers.collect::<Vec<_>>(),
        })
    };
    let differ = |((was, would), count): (&(crate::ops::Was, Effect), &u64)| json!({"was": was.as_str(), "would_be": would, "calls": count});
    let ReplaySums { role, runs, calls: asked, differ: differing, .. } = sums;
    json!({
        "agent": role,
        "runs": runs,
        "calls": asked,
        "differ": differing.iter().map(differ).collect::<Vec<_>>(),
        "unknown_tools": sums.unknown_tools,
        "unfit_arguments": sums.unfit,
        "with_secrets": sums.with_secrets,
        "unreadable": sums.unreadable,
        "listed": calls.iter().map(call).collect::<Vec<_>>(),
    })
}
