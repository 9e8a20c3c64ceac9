//! `initrunner policy test`.

use super::arguments::PolicyTest;
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::domain::policy::{PolicyRecord, strictest};
use crate::domain::role::Position;
use crate::domain::visible::{lines, one_line};
use crate::gate::grounds;
use crate::json::visible_text;
use crate::ops::{Host, TestedCase, TestedFile, test_policies};
use serde_json::{Value, json};

pub(super) async fn test(host: &Host, command: &PolicyTest, output: &Output) -> Exit {
    let tested = match test_policies(host, &command.cases).await {
        Ok(tested) => tested,
        Err(error) => return output.failure(&error),
    };
    let count = Count::of(&tested);
    if command.json {
        output.data(&visible_text(&to_json(&tested, &count)));
    } else {
        render(&tested, &count, output);
        if tested.is_empty() {
            let folder = command.cases.display();
            output.error(&format!("there is no file `*.yaml` below `{folder}`"));
        }
    }
    match count {
        Count { unusable: 1.., .. } => Exit::InvalidRole,
        Count { cases: 0, .. } | Count { failed: 1.., .. } => Exit::Failed,
        _ => Exit::Done,
    }
}

struct Count {
    cases: usize,
    failed: usize,
    /// Files whose cases could not be asked about.
    unusable: usize,
}

impl Count {
    fn of(tested: &[TestedFile]) -> Self {
        let cases = || tested.iter().filter_map(|file| file.outcome.as_ref().ok()).flatten();
        Self {
            cases: cases().count(),
            failed: cases().filter(|case| !case.passed()).count(),
            unusable: tested.iter().filter(|file| file.outcome.is_err()).count(),
        }
    }
}

fn render(tested: &[TestedFile], count: &Count, output: &Output) {
    for TestedFile { path, outcome } in tested {
        match outcome {
            Err(rendered) => output.data(&lines(rendered)),
            Ok(cases) => {
                for case in cases.iter().filter(|case| !case.passed()) {
                    output.data(&failure(path, case));
                }
            }
        }
    }
    let Count { cases, failed, unusable } = count;
    let cases = if *cases == 1 { "1 case".to_owned() } else { format!("{cases} cases") };
    let unusable = match unusable {
        0 => String::new(),
        1 => ", 1 file unusable".to_owned(),
        unusable => format!(", {unusable} files unusable"),
    };
    output.data(&format!("{cases}, {failed} failed{unusable}"));
}

fn failure(path: &str, case: &TestedCase) -> String {
    let Position { line, column } = case.position;
    let came = match &case.came {
        Ok(records) => format!("came {}", words(records)),
        Err(why) => format!("it is no call: {why}"),
    };
    let expected = case.expected.words();
    one_line(&format!("{path}:{line}:{column}: {}: expected {expected}; {came}", case.name))
}

/// The answer, and why.
fn words(records: &[PolicyRecord]) -> String {
    let grounds = grounds(records);
    let effect = strictest(records).as_str();
    match grounds.is_empty() {
        true => format!("{effect} by no policy"),
        false => format!("{effect}: {}", grounds.join("; ")),
    }
}

fn to_json(tested: &[TestedFile], count: &Count) -> Value {
    let files: Vec<Value> = tested
        .iter()
        .map(|TestedFile { path, outcome }| {
            let cases = outcome.as_ref().ok();
            json!({
                "file": path,
                "problem": outcome.as_ref().err(),
                "cases": cases.map(|cases| cases.iter().map(case_to_json).collect::<Vec<_>>()),
            })
        })
        .collect();
    let Count { cases, failed, unusable } = count;
    json!({"cases": cases, "failed": failed, "unusable": unusable, "files": files})
}

fn case_to_json(case: &TestedCase) -> Value {
    let answer = |record: &PolicyRecord| {
        json!({
            "policy": record.policy,
            "effect": record.answer.effect,
            "reasons": record.answer.reasons,
            "errors": record.answer.errors,
        })
    };
    let records = case.came.as_ref().ok();
    json!({
        "name": case.name,
        "line": case.position.line,
        "passed": case.passed(),
        "expected": {
            "effect": case.expected.effect,
            "reasons": case.expected.reasons,
            "message": case.expected.message,
        },
        "effect": records.map(|records| strictest(records)),
        "answers": records.map(|records| records.iter().map(answer).collect::<Vec<_>>()),
        "no_call": case.came.as_ref().err(),
    })
}
