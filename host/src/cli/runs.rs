//! `initrunner runs`.

use super::arguments::Runs;
use super::exit::Exit;
use super::output::Output;
use super::table::{Column, draw};
use crate::domain::visible;
use crate::json;
use crate::ops::{Host, list_runs};

pub(super) async fn runs(host: &Host, command: &Runs, output: &Output) -> Exit {
    let runs = match list_runs(host, command.limit).await {
        Ok(runs) => runs,
        Err(error) => return output.failure(&error),
    };
    if command.json {
        let rows: Vec<serde_json::Value> = runs.iter().map(json::summary).collect();
        output.data(&serde_json::Value::Array(rows).to_string());
        return Exit::Done;
    }
    if runs.is_empty() {
        output.data("No runs yet.");
        return Exit::Done;
    }
    let columns = [
        Column { head: "run_id", shrinks_to: None },
        Column { head: "agent", shrinks_to: Some(5) },
        Column { head: "state", shrinks_to: None },
        Column { head: "waiting", shrinks_to: None },
        Column { head: "created_at", shrinks_to: Some(10) },
        Column { head: "prompt", shrinks_to: Some(8) },
    ];
    let rows: Vec<Vec<String>> = runs
        .iter()
        .map(|run| {
            vec![
                run.id.to_string(),
                visible::one_line(&run.role_name),
                run.state.to_string(),
                run.waiting.to_string(),
                run.created_at.to_string().chars().take(19).collect(),
                visible::one_line(&run.prompt),
            ]
        })
        .collect();
    output.write(&draw(&columns, &rows, output.width()));
    Exit::Done
}
