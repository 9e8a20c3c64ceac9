//! `initrunner recover`.

use super::arguments::Recover;
use super::exit::Exit;
use super::go_on::go_on;
use super::output::{Output, Style};
use crate::domain::visible;
use crate::json;
use crate::ops::{Host, Needs, Recovered, recover_runs};
use serde_json::Value;

pub(super) async fn recover(host: &Host, command: &Recover, output: &Output) -> Exit {
    let runs = match recover_runs(host).await {
        Ok(runs) => runs,
        Err(error) => return output.failure(&error),
    };
    if runs.is_empty() && !command.json {
        output.data("Every run has ended or is being driven.");
    }
    let mut exit = Exit::Done;
    let mut told: Vec<Value> = Vec::new();
    for run in &runs {
        let id = &run.run.run.id;
        if !command.json {
            tell(run, command.resume, output);
        }
        let mut row = json::recovered(run);
        match run.needs {
            Needs::Nobody if command.resume => {
                let gone_on = go_on(host, id, output, command.json).await;
                row["gone_on"] = gone_on.told.unwrap_or_default();
                exit = worse(exit, gone_on.exit);
            }
            Needs::Nobody => {}
            Needs::Decisions(_) | Needs::Choices(..) => exit = Exit::Paused,
        }
        told.push(row);
    }
    if command.json {
        output.data(&Value::Array(told).to_string());
    }
    exit
}

/// That a person is needed says more than how one run ended.
fn worse(so_far: Exit, next: Exit) -> Exit {
    match (so_far, next) {
        (Exit::Paused, _) | (_, Exit::Paused) => Exit::Paused,
        (Exit::Done, next) => next,
        (so_far, _) => so_far,
    }
}

fn tell(run: &Recovered, resume: bool, output: &Output) {
    let record = &run.run.run;
    let why = record.outcome.as_deref().map(|why| format!(": {}", visible::one_line(why)));
    output.data(&format!(
        "{}  {}  {}{}",
        output.styled(Style::Bold, record.id.as_str()),
        visible::one_line(&record.role_name),
        record.state,
        why.unwrap_or_default(),
    ));
    let approve = |waiting: usize| {
        let calls = if waiting == 1 { "call awaits" } else { "calls await" };
        let id = &record.id;
        output.data(&format!("  {waiting} tool {calls} a decision: initrunner approve {id} --all"));
    };
    match &run.needs {
        Needs::Nobody if resume => {}
        Needs::Nobody => output.data(&format!("  needs nobody: initrunner resume {}", record.id)),
        Needs::Decisions(waiting) => approve(*waiting),
        Needs::Choices(questions, waiting) => {
            for question in questions {
                output.data(&format!("  {question}"));
            }
            if *waiting > 0 {
                approve(*waiting);
            }
        }
    }
}
