//! The same questions put to the `cedar-policy` crate, with nothing of ours between: policies and entities as
//! text, values written as Cedar expressions straight from the JSON by a mapper of its own, which knows the
//! three tools and no schema, and the three answers from a table. Effects, determining policies and errors
//! must be the same.

use crate::common::{approval, load_with, request, tools};
use cedar_policy::{
    Authorizer, Context, Decision as Verdict, Entities, EntityUid, Policy, PolicyId, PolicySet,
    Request as Question, Response, RestrictedExpression,
};
use initrunner_sdk::policy::{Effect, Question as Kind, Request};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::str::FromStr;

const SCHEMA: &str = "entity Reviewer in [Group] = { level: Long, limit?: Long };";

/// People, as both sides read them.
const PEOPLE: &str = r#"[
    {"uid": {"type": "Reviewer", "id": "os:alice"}, "attrs": {"level": 1, "limit": 100}, "parents": [{"type": "Group", "id": "leads"}]},
    {"uid": {"type": "Reviewer", "id": "os:bob"}, "attrs": {"level": 5}, "parents": [{"type": "Group", "id": "staff"}]},
    {"uid": {"type": "Group", "id": "leads"}, "attrs": {}, "parents": [{"type": "Group", "id": "staff"}]},
    {"uid": {"type": "Group", "id": "staff"}, "attrs": {}, "parents": []}
]"#;

/// Conditions on what every call has.
const ANY: &[&str] = &[
    "true",
    "context.unattended",
    "context.unattended",
    "!context.unattended",
    "context == context",
    "principal has team && principal.team == \"plants\"",
    "principal has author",
    "principal.tags.contains(\"green\")",
    "principal in Group::\"leads\"",
    "context.requester in Group::\"staff\"",
    "context.requester has limit && context.requester.limit >= 100",
    "context.requester.level > 3",
    "context.requester.level > 0",
    "context.unattended && context.requester.level > 3",
    "resource.destructive",
    "resource.read_only || context.counts.tool_calls == 2",
    "context.trigger == \"cli\"",
    "context has isolation && context.isolation.contains(\"landlock-7\")",
    "context.time < datetime(\"2026-11-23T12:34:56.002Z\")",
    "context.time.toTime() >= duration(\"12h34m56s1ms\")",
];

/// Those on a transfer; `A` is its arguments and `R` what has no type.
const TRANSFER: &[&str] = &[
    "A.amount has decimal && A.amount.decimal.lessThanOrEqual(decimal(\"10.25\"))",
    "A.amount has decimal && A.amount.decimal == decimal(\"-0.5\")",
    "A.amount has long && A.amount.long * 4611686018427387904 >= 0",
    "A.amount.text like \"*e*\"",
    "A.to == \"x\"",
    "A.to like \"*\\\"*\"",
    "A has note && A.note has value && A.note.value == \"null\"",
    "A has note && A.note has \"null\"",
    "A has labels && A.labels.items.contains(\"a\")",
    "A has labels && A.labels.len > 1",
    "A has labels && A.labels.json == \"[\\\"b\\\",\\\"a\\\",\\\"a\\\"]\"",
    "A has labels && A.labels.items.isEmpty()",
    "R has \"/extra\"",
    "R has \"/extra\" && R[\"/extra\"] like \"*__entity*\"",
    "R has \"/extra\" && R[\"/extra\"] == \"null\"",
];

/// Those on a look.
const LOOK: &[&str] = &[
    "A has depth && A.depth + 9223372036854775805 > 0",
    "A has where && A.where == \"here\"",
    "R has \"\" && R[\"\"] like \"*zzz*\"",
    "R has \"\"",
];

/// Those on an approval.
const APPROVAL: &[&str] = &[
    "principal == context.requester",
    "principal in Group::\"staff\"",
    "principal.level > 3",
    "principal.level < 9 && context.agent.name == \"gardener\"",
    "context.requester.level < 9",
    "principal has limit && principal.limit < 1000",
    "context.agent.name == \"gardener\"",
    "context.agent in Group::\"leads\"",
    "context.call has transfer && context.call.transfer.arguments.amount has long && context.call.transfer.arguments.amount.long > 3",
    "context.call has transfer && context.call.transfer.raw has \"/extra\"",
    "context.call has shell && context.call.shell.arguments.command like \"rm*\"",
    "context.counts.requests == 1 && resource.name == \"look\"",
];

/// A policy's text, and what the oracle has to know of it.
#[derive(Clone, Debug)]
struct Written {
    text: String,
    /// For approvals: the tool in its scope, if it permits.
    permits_approval_of: Option<Option<&'static str>>,
}

fn policy() -> impl Strategy<Value = Written> {
    let effect = select(&["permit", "permit", "forbid"][..]);
    let resource = select(&[None, None, Some("transfer"), Some("look")][..]);
    let scope = select(
        &[
            ("in Action::\"tools:all\"", ""),
            ("in Action::\"effect:destructive\"", ""),
            ("in [Action::\"plugin:looker\", Action::\"shell\"]", ""),
            ("== Action::\"transfer\"", "transfer"),
            ("== Action::\"transfer\"", "transfer"),
            ("== Action::\"look\"", "look"),
            ("== Action::\"approve\"", "approve"),
            ("== Action::\"approve\"", "approve"),
        ][..],
    );
    (effect, scope, resource, any::<(u8, u8, u8)>()).prop_map(
        |(effect, (action, about), resource, (principal, first, second))| {
            let atoms: Vec<&str> = match about {
                "transfer" => [TRANSFER, TRANSFER, ANY].concat(),
                "look" => [LOOK, LOOK, ANY].concat(),
                "approve" => APPROVAL.to_vec(),
                _ => ANY.to_vec(),
            };
            let atom = |at: u8| {
                atoms[usize::from(at) % atoms.len()]
                    .replace("A.", "context.arguments.")
                    .replace("A has", "context.arguments has")
                    .replace("R[", "context.raw[")
                    .replace("R has", "context.raw has")
            };
            let principal = match (principal % 4, about) {
                (0, "approve") => "principal == Reviewer::\"os:alice\"",
                (1, "approve") => "principal in Group::\"leads\"",
                (0, _) => "principal == Agent::\"gardener\"",
                (1, _) => "principal is Agent",
                _ => "principal",
            };
            let body = match first % 4 {
                0 => String::new(),
                1 => format!("when {{ {} }}", atom(second)),
                2 => format!("unless {{ {} }}", atom(second)),
                _ => format!("when {{ ({}) || ({}) }}", atom(first), atom(second)),
            };
            let target = resource
                .map_or("resource".to_owned(), |tool| format!("resource == Tool::\"{tool}\""));
            Written {
                text: format!("{effect} ({principal}, action {action}, {target}) {body};\n"),
                permits_approval_of: (effect == "permit" && about == "approve").then_some(resource),
            }
        },
    )
}

fn asked() -> impl Strategy<Value = Request> {
    let transfer = (
        select(&["0", "1", "3", "-0.5", "10.25", "10.2501", "1e-7", "1e300", "5.00001"][..]),
        select(&["x", "y", "a\"b", "Reviewer::\"os:alice\""][..]),
        proptest::option::of(select(vec![Value::Null, json!("null"), json!("a")])),
        proptest::option::of(select(vec![
            json!([]),
            json!(["a"]),
            json!(["b", "a", "a"]),
            json!(["a", "b"]),
        ])),
        proptest::option::of(select(vec![
            Value::Null,
            json!({"__entity": {"type": "Reviewer", "id": "os:alice"}}),
            json!({"__extn": {"fn": "decimal", "arg": "1.0"}}),
            json!([1, 1.0, "x"]),
        ])),
    )
        .prop_map(|(amount, to, note, labels, extra)| {
            let mut arguments =
                json!({"amount": serde_json::from_str::<Value>(amount).unwrap(), "to": to});
            for (name, value) in [("note", note), ("labels", labels), ("extra", extra)] {
                if let Some(value) = value {
                    arguments[name] = value;
                }
            }
            ("transfer", arguments)
        });
    let look = (0_i64..5, 0_u8..8).prop_map(|(depth, has)| {
        let mut arguments = json!({});
        if has & 1 > 0 {
            arguments["depth"] = depth.into();
        }
        if has & 2 > 0 {
            arguments["where"] = "here".into();
        }
        if has & 4 > 0 {
            arguments["other"] = json!({"zzz": depth});
        }
        ("look", arguments)
    });
    let shell =
        select(&["ls", "rm -rf x"][..]).prop_map(|command| ("shell", json!({"command": command})));
    let people = &["os:alice", "os:bob", "os:nobody"][..];
    (
        prop_oneof![3 => transfer, 2 => look, 1 => shell],
        select(people),
        proptest::option::weighted(0.5, select(people)),
        select(&["gardener", "digger"][..]),
        any::<(bool, bool, bool)>(),
    )
        .prop_map(|((name, arguments), requester, reviewer, agent, (team, isolated, cli))| {
            let arguments = arguments.to_string();
            let mut asked = match reviewer {
                Some(reviewer) => approval(&tools(), name, &arguments, reviewer),
                None => request(&tools(), name, &arguments),
            };
            asked.requester = requester.to_owned();
            asked.agent.name = agent.to_owned();
            if !team {
                asked.agent.team = None;
                asked.agent.author = Some("ann".to_owned());
            }
            if !isolated {
                asked.isolation = None;
            }
            if !cli {
                asked.trigger = "cron".to_owned();
            }
            asked
        })
}

/// A value as a Cedar expression, where the place is text, whole numbers and so on.
fn text(value: &str) -> String {
    // Cedar reads the escapes that Rust writes.
    format!("{value:?}")
}

/// Arguments and what has no type, by knowing the tools.
fn expressions(tool: &str, arguments: &Value) -> (String, String) {
    let mut typed = Vec::new();
    let mut raw = Vec::new();
    let mut others = serde_json::Map::new();
    for (name, value) in arguments.as_object().unwrap() {
        match (tool, name.as_str()) {
            ("transfer", "amount") => {
                let number = value.as_f64().unwrap();
                let mut members = vec![format!("text: {}", text(&value.to_string()))];
                if value.is_i64() {
                    members.push(format!("long: {value}"));
                }
                // Four digits, if nothing is lost by them.
                if number.abs() < 1e10 && (number * 10_000.0).fract() == 0.0 {
                    members.push(format!("decimal: decimal(\"{number:.4}\")"));
                }
                typed.push(format!("amount: {{{}}}", members.join(", ")));
            }
            ("transfer", "note") => typed.push(match value.as_str() {
                None => "note: {\"null\": true}".to_owned(),
                Some(note) => format!("note: {{value: {}}}", text(note)),
            }),
            ("transfer", "labels") => {
                let labels = value.as_array().unwrap();
                let items: Vec<String> =
                    labels.iter().map(|label| text(label.as_str().unwrap())).collect();
                typed.push(format!(
                    "labels: {{len: {}, json: {}, items: [{}]}}",
                    labels.len(),
                    text(&value.to_string()),
                    items.join(", ")
                ));
            }
            ("transfer", "extra") => raw.push(format!("\"/extra\": {}", text(&value.to_string()))),
            ("transfer", "to") | ("look", "where") | ("shell", "command") => {
                typed.push(format!("{}: {}", text(name), text(value.as_str().unwrap())));
            }
            ("look", "depth") => typed.push(format!("depth: {value}")),
            _ => {
                others.insert(name.clone(), value.clone());
            }
        }
    }
    if !others.is_empty() {
        raw.push(format!("\"\": {}", text(&Value::Object(others).to_string())));
    }
    (format!("{{{}}}", typed.join(", ")), format!("{{{}}}", raw.join(", ")))
}

/// Everything that exists, as JSON.
fn world(asked: &Request) -> Entities {
    let group = |id: &str| json!({"type": "Action", "id": id});
    let mut all: Vec<Value> = serde_json::from_str(PEOPLE).unwrap();
    let tool = |name: &str, plugin: &str, flags: [bool; 4]| {
        json!({"uid": {"type": "Tool", "id": name}, "parents": [], "attrs": {
            "name": name, "entry": name, "plugin": plugin, "tool": name, "read_only": flags[0],
            "destructive": flags[1], "idempotent": flags[2], "open_world": flags[3]}})
    };
    all.push(tool("transfer", "transferer", [false, true, false, true]));
    all.push(tool("look", "looker", [true, false, false, false]));
    all.push(tool("shell", "sheller", [false, true, false, true]));
    for (action, groups) in [
        (
            "transfer",
            &["tools:all", "plugin:transferer", "effect:destructive", "effect:open_world"][..],
        ),
        ("look", &["tools:all", "plugin:looker", "effect:read_only"]),
        ("shell", &["tools:all", "plugin:sheller", "effect:destructive", "effect:open_world"]),
        ("approve", &[]),
    ] {
        let parents: Vec<Value> = groups.iter().map(|name| group(name)).collect();
        all.push(json!({"uid": group(action), "attrs": {}, "parents": parents}));
    }
    let agent = &asked.agent;
    let mut known = json!({"name": agent.name, "tags": agent.tags});
    for (key, value) in
        [("team", &agent.team), ("author", &agent.author), ("version", &agent.version)]
    {
        if let Some(value) = value {
            known[key] = value.clone().into();
        }
    }
    let parents = if agent.name == "gardener" {
        vec![json!({"type": "Group", "id": "leads"})]
    } else {
        vec![]
    };
    all.push(
        json!({"uid": {"type": "Agent", "id": agent.name}, "attrs": known, "parents": parents}),
    );
    Entities::from_json_value(Value::Array(all), None).unwrap()
}

/// The question in Cedar's own text.
fn question(asked: &Request, unattended: Option<bool>) -> Question {
    let (arguments, raw) =
        expressions(&asked.subject.name, &serde_json::from_str(&asked.arguments).unwrap());
    let uid = |kind: &str, id: &str| EntityUid::from_str(&format!("{kind}::{}", text(id))).unwrap();
    let counts = &asked.counts;
    let mut context = vec![
        ("requester", format!("Reviewer::{}", text(&asked.requester))),
        ("trigger", text(&asked.trigger)),
        ("time", "datetime(\"2026-11-23T12:34:56.001Z\")".to_owned()),
        (
            "counts",
            format!(
                "{{requests: {}, tool_calls: {}, calls_of_tool: {}, running_ms: {}}}",
                counts.requests, counts.tool_calls, counts.calls_of_tool, counts.running_ms
            ),
        ),
    ];
    if asked.isolation.is_some() {
        context.push(("isolation", "[\"landlock-7\"]".to_owned()));
    }
    let (principal, action) = match &asked.question {
        Kind::Invoke => {
            context.push(("arguments", arguments));
            context.push(("raw", raw));
            context.push(("unattended", unattended.unwrap().to_string()));
            (uid("Agent", &asked.agent.name), uid("Action", &asked.subject.name))
        }
        Kind::Approve(reviewer) => {
            let call = format!(
                "{{{}: {{arguments: {arguments}, raw: {raw}}}}}",
                text(&asked.subject.name)
            );
            context.push(("call", call));
            context.push(("agent", format!("Agent::{}", text(&asked.agent.name))));
            (uid("Reviewer", &reviewer.identity), uid("Action", "approve"))
        }
    };
    let pairs = context
        .into_iter()
        .map(|(name, value)| (name.to_owned(), RestrictedExpression::from_str(&value).unwrap()));
    let context = Context::from_pairs(pairs).unwrap();
    Question::new(principal, action, uid("Tool", &asked.subject.name), context, None).unwrap()
}

type Expected = (Effect, BTreeSet<String>, BTreeSet<String>);

fn reasons(response: &Response) -> BTreeSet<String> {
    response.diagnostics().reason().map(ToString::to_string).collect()
}

fn errors(response: &Response) -> BTreeSet<String> {
    let named = |error: &cedar_policy::AuthorizationError| match error {
        cedar_policy::AuthorizationError::PolicyEvaluationError(error) => {
            error.policy_id().to_string()
        }
    };
    response.diagnostics().errors().map(named).collect()
}

/// The table.
fn expected(written: &[Written], set: &PolicySet, asked: &Request) -> Expected {
    let world = world(asked);
    let ask =
        |unattended| Authorizer::new().is_authorized(&question(asked, unattended), set, &world);
    let none = BTreeSet::new;
    if matches!(asked.question, Kind::Approve(_)) {
        let response = ask(None);
        let (reasons, errors) = (reasons(&response), errors(&response));
        let unfit: BTreeSet<String> = written
            .iter()
            .enumerate()
            .filter(|(_, one)| match one.permits_approval_of {
                None => false,
                Some(tool) => tool.is_none_or(|tool| tool == asked.subject.name),
            })
            .map(|(at, _)| format!("p.cedar:policy{at}"))
            .collect();
        return match (response.decision(), errors.is_empty(), reasons.is_empty()) {
            (Verdict::Deny, false, _) => (Effect::Deny, reasons, errors),
            (Verdict::Allow, false, _) => (Effect::Deny, none(), errors),
            (Verdict::Allow, true, _) => (Effect::Allow, reasons, none()),
            (Verdict::Deny, true, false) => (Effect::Deny, reasons, none()),
            (Verdict::Deny, true, true) if unfit.is_empty() => (Effect::Allow, none(), none()),
            (Verdict::Deny, true, true) => (Effect::Deny, unfit, none()),
        };
    }
    let (first, second) = (ask(Some(false)), ask(Some(true)));
    match (first.decision(), errors(&first), second.decision(), errors(&second)) {
        (Verdict::Deny, wrong, _, _) => (Effect::Deny, reasons(&first), wrong),
        (Verdict::Allow, wrong, _, _) if !wrong.is_empty() => (Effect::Deny, none(), wrong),
        (_, _, _, wrong) if !wrong.is_empty() => (Effect::Deny, none(), wrong),
        (_, _, Verdict::Allow, _) => (Effect::Allow, reasons(&second), none()),
        (_, _, Verdict::Deny, _) if reasons(&second).is_empty() => {
            (Effect::Ask, reasons(&first), none())
        }
        (_, _, Verdict::Deny, _) => (Effect::Ask, reasons(&second), none()),
    }
}

fn names(errors: &[String]) -> BTreeSet<String> {
    errors.iter().map(|error| error.split('`').nth(1).unwrap().to_owned()).collect()
}

/// Two thousand sets of policies, four questions to each.
#[test]
fn the_native_crate_answers_the_same() {
    let mut config =
        ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() };
    config.rng_seed = proptest::test_runner::RngSeed::Fixed(5);
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let tally = std::cell::RefCell::new(std::collections::BTreeMap::<String, u32>::new());
    // Most sets permit everything to begin with: otherwise nearly every answer would be no.
    let base = Written {
        text: "permit (principal, action in Action::\"tools:all\", resource);\n".to_owned(),
        permits_approval_of: None,
    };
    let sets = (proptest::bool::weighted(0.7), proptest::collection::vec(policy(), 0..6)).prop_map(
        move |(permissive, mut written)| {
            written.extend(permissive.then(|| base.clone()));
            written
        },
    );
    let cases = (sets, proptest::collection::vec(asked(), 4));
    let outcome = runner.run(&cases, |(written, questions)| {
        let text: String = written.iter().map(|one| one.text.as_str()).collect();
        let mut people: Vec<Value> = serde_json::from_str(PEOPLE).unwrap();
        people.push(json!({"uid": {"type": "Agent", "id": "gardener"}, "parents": [{"type": "Group", "id": "leads"}]}));
        let loaded = load_with(&text, SCHEMA, &Value::Array(people).to_string());
        let (cedar, summary) = loaded.map_err(|found| TestCaseError::fail(crate::common::lines(&found)))?;
        prop_assert_eq!(summary.policies.len(), written.len());
        let mut set = PolicySet::new();
        for (at, one) in written.iter().enumerate() {
            let id = PolicyId::new(format!("p.cedar:policy{at}"));
            set.add(Policy::parse(Some(id), &one.text).unwrap()).unwrap();
        }
        for asked in &questions {
            let decision = cedar.decide(asked);
            let ours: Expected = (
                decision.effect,
                decision.reasons.iter().map(|reason| reason.policy.clone()).collect(),
                names(&decision.errors),
            );
            let approve = matches!(asked.question, Kind::Approve(_));
            let question = if approve { "approve" } else { "invoke" };
            let errors = if ours.2.is_empty() { "" } else { ", with errors" };
            *tally.borrow_mut().entry(format!("{question}: {:?}{errors}", ours.0)).or_default() += 1;
            prop_assert_eq!(ours, expected(&written, &set, asked), "{}\n{:?}", text, asked);
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    let tally = tally.into_inner();
    println!("| question: answer | cases |\n|---|---|");
    for (what, count) in &tally {
        println!("| {what} | {count} |");
        assert!(*count >= 20, "too few cases of {what} to mean anything");
    }
    assert_eq!(tally.len(), 7, "{tally:?}");
}
