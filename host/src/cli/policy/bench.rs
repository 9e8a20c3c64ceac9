//! `initrunner policy bench`.

use super::arguments::PolicyBench;
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::cli::table::{Column, draw};
use crate::domain::visible::one_line;
use crate::json::visible_text;
use crate::ops::{BenchedPolicy, BenchedQuestion, BenchedTool, Host, bench_policies};
use serde_json::{Value, json};
use std::time::Duration;

pub(super) async fn bench(host: &Host, command: &PolicyBench, output: &Output) -> Exit {
    let benched = match bench_policies(host, &command.role, command.iterations).await {
        Ok(benched) => benched,
        Err(error) => return output.failure(&error),
    };
    if command.json {
        output.data(&visible_text(&to_json(command.iterations, &benched)));
    } else if benched.is_empty() {
        output.data("Neither the role nor this host has policies.");
    } else {
        for policy in &benched {
            render(policy, output);
        }
    }
    Exit::Done
}

const COLUMNS: [Column; 7] = [
    Column { head: "tool", shrinks_to: Some(8) },
    Column { head: "answer", shrinks_to: None },
    Column { head: "median µs", shrinks_to: None },
    Column { head: "p99 µs", shrinks_to: None },
    Column { head: "per s", shrinks_to: None },
    Column { head: "of two threads", shrinks_to: None },
    Column { head: "arguments", shrinks_to: Some(9) },
];

fn render(policy: &BenchedPolicy, output: &Output) {
    let BenchedPolicy { label, policies, first_load, load, memory, tools } = policy;
    let memory = memory.map(|bytes| format!(", {:.1} MiB an instance", mib(bytes)));
    output.data(&format!(
        "{}: {policies} {}, first load {:.1} ms, later {:.1} ms{}",
        one_line(label),
        if *policies == 1 { "policy" } else { "policies" },
        ms(*first_load),
        ms(*load),
        memory.unwrap_or_default()
    ));
    let rows: Vec<Vec<String>> = tools.iter().map(row).collect();
    output.write(&draw(&COLUMNS, &rows, output.width()));
}

fn row(tool: &BenchedTool) -> Vec<String> {
    let name = one_line(&tool.tool);
    let Some(asked) = &tool.asked else {
        let none = "none fit that could be made from its schema".to_owned();
        return vec![
            name,
            String::new(),
            String::new(),
            String::new(),
            String::new(),
            String::new(),
            none,
        ];
    };
    let BenchedQuestion { arguments, effect, median, p99, per_second, per_second_of_two } = asked;
    vec![
        name,
        effect.as_str().to_owned(),
        format!("{:.1}", us(*median)),
        format!("{:.1}", us(*p99)),
        format!("{per_second:.0}"),
        format!("{per_second_of_two:.0} ({:.2}×)", per_second_of_two / per_second),
        one_line(arguments),
    ]
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn us(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn mib(bytes: usize) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// With three digits: more of them are chance.
fn short(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}

fn to_json(iterations: usize, benched: &[BenchedPolicy]) -> Value {
    let tool = |it: &BenchedTool| {
        let asked = it.asked.as_ref();
        json!({
            "tool": it.tool,
            "arguments": asked.map(|it| &it.arguments),
            "effect": asked.map(|it| it.effect),
            "median_us": asked.map(|it| short(us(it.median))),
            "p99_us": asked.map(|it| short(us(it.p99))),
            "per_second": asked.map(|it| it.per_second.round()),
            "per_second_of_two_threads": asked.map(|it| it.per_second_of_two.round()),
        })
    };
    let policy = |it: &BenchedPolicy| {
        json!({
            "name": it.label,
            "policies": it.policies,
            "first_load_ms": short(ms(it.first_load)),
            "load_ms": short(ms(it.load)),
            "memory_bytes": it.memory,
            "tools": it.tools.iter().map(tool).collect::<Vec<_>>(),
        })
    };
    let policies: Vec<Value> = benched.iter().map(policy).collect();
    json!({"iterations": iterations, "policies": policies})
}
