//! No answer of the policy components that the host carries depends on the questions before it.

use super::{carried, request, runtime, wait};
use initrunner::domain::clock::Timestamp;
use initrunner::domain::policy::{
    Counts, PolicyAnswer, PolicyRequest, PolicySource, Question, SourceKind,
};
use initrunner_tests::random::Random;
use std::collections::BTreeSet;

const TOOLS: &str = r#"[
  {"name": "refund", "entry": "refund", "plugin": "shop", "tool": "refund", "effects": {},
   "parameters": {"type": "object", "additionalProperties": false, "required": ["amount"],
     "properties": {"amount": {"type": "number"}, "to": {"type": "array", "items": {"type": "string"}}}}},
  {"name": "orders", "entry": "orders", "plugin": "shop", "tool": "orders", "effects": {"read_only": true},
   "parameters": {"type": "object", "properties": {"filter": {}}}}
]"#;

const CEDAR: &str = r#"
@id("everything") permit (principal, action in Action::"tools:all", resource);
@id("large") @message("a person looks at it")
forbid (principal, action == Action::"refund", resource)
when { context.unattended }
unless { context.arguments.amount has decimal && context.arguments.amount.decimal.lessThanOrEqual(decimal("100.0")) };
@id("many") forbid (principal, action == Action::"refund", resource) when { context.counts.calls_of_tool > 5 };
@id("night") forbid (principal, action in Action::"tools:all", resource)
when { context.time.toTime() < duration("6h") };
@id("overflow") forbid (principal, action == Action::"refund", resource)
when { context.arguments.amount has long && context.arguments.amount.long * 4611686018427387904 > 0 };
@id("untrusted") forbid (principal, action == Action::"orders", resource) unless { principal in Group::"trusted" };
@id("raw") forbid (principal, action == Action::"orders", resource)
when { context.raw has "/filter" && context.raw["/filter"] like "*secret*" };
@id("staff") permit (principal in Group::"staff", action == Action::"approve", resource);
@id("own") forbid (principal, action == Action::"approve", resource) when { principal == context.requester };
"#;

const PEOPLE: &str = r#"[
  {"uid": {"type": "Agent", "id": "clerk"}, "parents": [{"type": "Group", "id": "trusted"}]},
  {"uid": {"type": "Reviewer", "id": "os:ann"}, "attrs": {}, "parents": [{"type": "Group", "id": "staff"}]}
]"#;

const HOURS: &str = r#"
[[hours]]
name = "office"
zone = "Europe/Vienna"
from = "09:00"
to = "17:30"
outside = "deny"

[[rate]]
name = "rate"
tools = ["refund"]
calls = 3
minutes = 10
"#;

/// Questions that differ in everything that policies are told.
fn questions(count: usize) -> Vec<PolicyRequest> {
    let random = &mut Random::new(7);
    let mut question = || {
        let tool = *random.pick(&["refund", "orders", "unknown"]);
        let arguments = match tool {
            "refund" => random.pick(&[
                r#"{"amount":1}"#,
                r#"{"amount":2}"#,
                r#"{"amount":99.5}"#,
                r#"{"amount":250}"#,
                r#"{"amount":1e99,"to":["a","b","a"]}"#,
                r#"{"amount":0,"to":[]}"#,
                r#"{"to":["amount is missing"]}"#,
                "no JSON",
            ]),
            _ => random.pick(&[
                "{}",
                r#"{"filter":{"field":"secret"}}"#,
                r#"{"filter":[1,null,{"a":{}}]}"#,
            ]),
        };
        let mut asked = request(arguments);
        asked.question = match random.below(4) {
            0 => Question::Approve((*random.pick(&["os:ann", "os:bob"])).into()),
            _ => Question::Invoke,
        };
        asked.agent.name = (*random.pick(&["clerk", "robot"])).into();
        asked.agent.tags = random.pick(&[vec![], vec!["a".to_owned()]]).clone();
        asked.subject.name = tool.into();
        asked.subject.entry = tool.into();
        asked.subject.tool = tool.into();
        asked.subject.plugin = "shop".into();
        asked.subject.effects[0] = (tool == "orders").then_some(true);
        asked.requester = (*random.pick(&["os:ann", "os:bob"])).into();
        asked.trigger = (*random.pick(&["cli", "http"])).into();
        // Any minute of a week.
        asked.at = Timestamp(1_795_400_000_000_000 + random.below(10_080) as i64 * 60_000_000);
        asked.isolation = random.pick(&[None, Some(vec!["landlock-7".to_owned()])]).clone();
        asked.counts = Counts {
            requests: 1,
            tool_calls: 9,
            calls_of_tool: random.below(9) as u32,
            running_ms: random.below(1_200_000) as u64,
        };
        asked
    };
    (0..count).map(|_| question()).collect()
}

/// An answer without how long it took.
fn told(answer: PolicyAnswer) -> String {
    format!("{:?}", PolicyAnswer { took_us: 0, ..answer })
}

fn check(name: &str, sources: &[PolicySource], answers: usize) {
    wait(async {
        let runtime = runtime();
        let fresh =
            async || runtime.load_policy(&carried(name), sources, TOOLS.into()).await.unwrap();
        let questions = questions(400);
        let policy = fresh().await;
        let mut expected = Vec::new();
        for question in &questions {
            expected.push(told(runtime.decide(&policy, question).await));
        }
        // They are different enough to tell whether one has to do with another.
        let different: BTreeSet<&String> = expected.iter().collect();
        println!("{name}: {} questions, {} different answers", questions.len(), different.len());
        assert!(different.len() >= answers, "{different:#?}");

        // In other orders, some of them several times over, by the same instance and by others.
        let random = &mut Random::new(11);
        for round in 0..6 {
            let other = fresh().await;
            let policy = if round % 2 == 0 { &policy } else { &other };
            for _ in 0..questions.len() {
                let number = random.below(questions.len());
                let again = told(runtime.decide(policy, &questions[number]).await);
                assert_eq!(again, expected[number], "question {number} of {name}");
            }
        }
        // And each by an instance that was never asked before.
        for number in (0..questions.len()).step_by(20) {
            let alone = told(runtime.decide(&fresh().await, &questions[number]).await);
            assert_eq!(alone, expected[number], "question {number} of {name}");
        }
    });
}

fn source(name: &str, kind: SourceKind, text: &str) -> PolicySource {
    PolicySource { name: name.into(), kind, text: text.into() }
}

#[test]
fn no_answer_of_cedar_depends_on_the_ones_before_it() {
    let policies = source("p.cedar", SourceKind::Policies, CEDAR);
    check("cedar", &[policies, source("people.json", SourceKind::Entities, PEOPLE)], 12);
}

#[test]
fn no_answer_of_hours_depends_on_the_ones_before_it() {
    check("hours", &[source("hours.toml", SourceKind::Policies, HOURS)], 3);
}
