//! How long deciding and loading take, natively: the component's logic beside the bare `cedar-policy` crate
//! asking the same two questions.
//!
//! ```console
//! $ cargo run -p initrunner-cedar --example speed
//! ```
//!
//! With a number of policies behind it, it prints how many nanoseconds the bare crate takes for both questions.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement for people to read")]

use cedar_policy::{
    Authorizer, Context, Entities, EntityUid, PolicySet, Request as Question, RestrictedExpression,
    Schema, ValidationMode, Validator,
};
use initrunner_cedar::Cedar;
use initrunner_sdk::policy::{
    Agent, Counts, Effects, Question as Kind, Request, Source, SourceKind, Subject,
};
use std::str::FromStr;
use std::time::{Duration, Instant};

const TOOLS: &str = r#"[{"name": "transfer", "entry": "transfer", "plugin": "bank", "tool": "transfer",
    "effects": {}, "parameters": {"type": "object", "additionalProperties": false,
    "properties": {"amount": {"type": "integer"}, "to": {"type": "string"}}, "required": ["amount", "to"]}}]"#;

/// Policies that all speak of the one tool: one permits, one in ten asks, the rest forbid something.
fn policies(count: usize) -> String {
    let mut text = "permit (principal, action == Action::\"transfer\", resource);\n".to_owned();
    for n in 1..count {
        let attended = if n % 10 == 0 { "context.unattended && " } else { "" };
        text.push_str(&format!(
            "@id(\"rule-{n}\") @message(\"rule {n} speaks\")\nforbid (principal, action == Action::\"transfer\", resource)\n\
             when {{ {attended}context.arguments.to == \"account-{n}\" && context.arguments.amount > {n} }};\n"
        ));
    }
    text
}

fn source(kind: SourceKind, name: &str, text: &str) -> Source {
    Source { name: name.to_owned(), kind, text: text.to_owned() }
}

fn request() -> Request {
    Request {
        question: Kind::Invoke,
        agent: Agent {
            name: "teller".to_owned(),
            team: None,
            author: None,
            version: None,
            tags: Vec::new(),
        },
        subject: Subject {
            name: "transfer".to_owned(),
            entry: "transfer".to_owned(),
            plugin: "bank".to_owned(),
            tool: "transfer".to_owned(),
            effects: Effects {
                read_only: None,
                destructive: None,
                idempotent: None,
                open_world: None,
            },
        },
        arguments: r#"{"amount":12,"to":"somebody"}"#.to_owned(),
        requester: "os:alice".to_owned(),
        trigger: "cli".to_owned(),
        time_ms: 1_795_437_296_001,
        isolation: None,
        counts: Counts { requests: 1, tool_calls: 1, calls_of_tool: 1, running_ms: 1 },
    }
}

/// The median of so many times.
fn median(times: usize, mut run: impl FnMut()) -> Duration {
    let mut taken: Vec<Duration> = (0..times)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .collect();
    taken.sort();
    taken[times / 2]
}

/// The bare crate, its policies and entities parsed before, asking both questions.
fn bare(text: &str, schema: &str) -> Duration {
    let (schema, _) = Schema::from_cedarschema_str(schema).unwrap();
    let set = PolicySet::from_str(text).unwrap();
    let everything = r#"[{"uid": {"type": "Agent", "id": "teller"}, "attrs": {"name": "teller", "tags": []}, "parents": []}]"#;
    let entities = Entities::from_json_str(everything, Some(&schema)).unwrap();
    let authorizer = Authorizer::new();
    let uid = |text: &str| EntityUid::from_str(text).unwrap();
    median(400, || {
        for unattended in [false, true] {
            let arguments = RestrictedExpression::new_record([
                ("amount".to_owned(), RestrictedExpression::new_long(12)),
                ("to".to_owned(), RestrictedExpression::new_string("somebody".to_owned())),
            ]);
            let context = Context::from_pairs([
                ("arguments".to_owned(), arguments.unwrap()),
                ("unattended".to_owned(), RestrictedExpression::new_bool(unattended)),
            ]);
            let question = Question::new(
                uid("Agent::\"teller\""),
                uid("Action::\"transfer\""),
                uid("Tool::\"transfer\""),
                context.unwrap(),
                None,
            );
            std::hint::black_box(authorizer.is_authorized(&question.unwrap(), &set, &entities));
        }
    })
}

fn main() {
    if let Some(count) = std::env::args().nth(1).and_then(|word| word.parse().ok()) {
        let text = policies(count);
        let sources =
            [source(SourceKind::Tools, "tools", TOOLS), source(SourceKind::Policies, "p", &text)];
        let schema = Cedar::load(&sources).unwrap().1.schema.unwrap();
        println!("{}", bare(&text, &schema).as_nanos());
        return;
    }
    println!("| policies | decide | the bare crate, two questions | ratio |\n|---|---|---|---|");
    for count in [10, 100, 1_000] {
        let text = policies(count);
        let sources =
            [source(SourceKind::Tools, "tools", TOOLS), source(SourceKind::Policies, "p", &text)];
        let (cedar, summary) = Cedar::load(&sources).unwrap();
        let request = request();
        let ours = median(400, || {
            std::hint::black_box(cedar.decide(&request));
        });

        let theirs = bare(&text, &summary.schema.unwrap());
        println!(
            "| {count} | {ours:.1?} | {theirs:.1?} | {:.2} |",
            ours.as_secs_f64() / theirs.as_secs_f64()
        );
    }
    println!(
        "\n| policies | load | the bare crate: parse | parse and validate |\n|---|---|---|---|"
    );
    for count in [100, 1_000, 10_000] {
        let text = policies(count);
        let sources =
            [source(SourceKind::Tools, "tools", TOOLS), source(SourceKind::Policies, "p", &text)];
        let times = if count > 5_000 { 3 } else { 15 };
        let schema = Cedar::load(&sources).unwrap().1.schema.unwrap();
        let ours = median(times, || {
            std::hint::black_box(Cedar::load(&sources).unwrap());
        });
        let parse = median(times, || {
            std::hint::black_box(PolicySet::from_str(&text).unwrap());
        });
        let checked = median(times, || {
            let set = PolicySet::from_str(&text).unwrap();
            let (schema, _) = Schema::from_cedarschema_str(&schema).unwrap();
            assert!(
                Validator::new(schema).validate(&set, ValidationMode::Strict).validation_passed()
            );
        });
        println!("| {count} | {ours:.1?} | {parse:.1?} | {checked:.1?} |");
    }
}
