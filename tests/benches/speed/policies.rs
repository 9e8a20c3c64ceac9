//! What policies cost: an answer beside the bare `cedar-policy` crate, two threads beside one, a thousand
//! policies made ready, and a call with and without any.

use super::{cache, entry, figures, plugin_runtime, runtime, scratch};
use initrunner::domain::clock::Timestamp;
use initrunner::domain::policy::{
    Agent, Counts, Effect, PolicyRequest, PolicySource, Question, SourceKind, Subject,
};
use initrunner::domain::role::PolicyComponent;
use initrunner::gate::{PolicyOrigin, PolicyParts, Verdict};
use initrunner::plugin::policy::LoadedPolicy;
use initrunner::plugin::{CacheFolder, Runtime, Source};
use initrunner_tests::sandbox::{Sandbox, proposed};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const TOOLS: &str = r#"[{"name": "transfer", "entry": "transfer", "plugin": "bank", "tool": "transfer",
    "effects": {}, "parameters": {"type": "object", "additionalProperties": false,
    "properties": {"amount": {"type": "integer"}, "to": {"type": "string"}}, "required": ["amount", "to"]}}]"#;

/// Policies that all speak of the one tool: one permits, one in ten asks, the rest forbid something.
fn text(count: usize, tool: &str, arguments: &str) -> String {
    let mut text = format!("permit (principal, action == Action::\"{tool}\", resource);\n");
    for n in 1..count {
        let attended = if n % 10 == 0 { "context.unattended && " } else { "" };
        let condition = arguments.replace("N", &n.to_string());
        text.push_str(&format!(
            "@id(\"rule-{n}\") @message(\"rule {n} speaks\")\nforbid (principal, action == Action::\"{tool}\", resource)\nwhen {{ {attended}{condition} }};\n"
        ));
    }
    text
}

/// A condition on the arguments of a transfer.
const TRANSFER: &str = "context.arguments.to == \"account-N\" && context.arguments.amount > N";

fn source(text: String) -> PolicySource {
    PolicySource { name: "p.cedar".into(), kind: SourceKind::Policies, text }
}

fn cedar() -> Source {
    Source::of_policy(&PolicyComponent::BuiltIn("cedar".into()), Path::new("/")).unwrap()
}

async fn load(runtime: &Runtime, count: usize) -> LoadedPolicy {
    let sources = [source(text(count, "transfer", TRANSFER))];
    runtime.load_policy(&cedar(), &sources, TOOLS.into()).await.unwrap()
}

fn request() -> PolicyRequest {
    PolicyRequest {
        question: Question::Invoke,
        agent: Agent {
            name: "teller".into(),
            team: None,
            author: None,
            version: None,
            tags: vec![],
        },
        subject: Subject {
            name: "transfer".into(),
            entry: "transfer".into(),
            plugin: "bank".into(),
            tool: "transfer".into(),
            effects: [None; 4],
        },
        arguments: r#"{"amount":12,"to":"somebody"}"#.into(),
        requester: "os:alice".into(),
        trigger: "cli".into(),
        at: Timestamp(1_795_437_296_001_000),
        isolation: None,
        counts: Counts { requests: 1, tool_calls: 1, calls_of_tool: 1, running_ms: 1 },
    }
}

/// How long the bare crate takes for the same two questions, in microseconds, as a program of its own says,
/// built as well as the compiler can: linked in here, it would have the host's four hundred crates compiled again. `None` where it cannot be
/// built.
fn bare(count: usize) -> Option<f64> {
    let cargo = std::env::var_os("CARGO")?;
    let ran = Command::new(cargo)
        .args(["run", "--quiet", "--release", "-p", "initrunner-cedar", "--example", "speed", "--"])
        .arg(count.to_string())
        .output()
        .ok()?;
    let nanoseconds: f64 = String::from_utf8(ran.stdout).ok()?.trim().parse().ok()?;
    Some(nanoseconds / 1e3)
}

pub(crate) fn policies() {
    answers();
    threads();
    loading();
    gate();
}

/// The bare crate is asked before and after, so that drift of the machine shows.
fn answers() {
    let host = plugin_runtime(Some(cache()));
    for (count, rounds) in [(10, 3_000), (100, 3_000), (1_000, 500)] {
        let before = bare(count);
        let ours = runtime().block_on(async {
            let policy = load(&host, count).await;
            let request = request();
            let mut times = Vec::new();
            for round in 0..rounds + 200 {
                let began = Instant::now();
                let answer = host.decide(&policy, &request).await;
                let took = began.elapsed();
                assert_eq!(answer.effect, Effect::Allow);
                if round >= 200 {
                    times.push(took);
                }
            }
            figures(times)
        });
        let (Some(before), Some(after)) = (before, bare(count)) else {
            println!("policies {count:>4} policies: an answer takes {:.1} µs", ours.median);
            continue;
        };
        println!(
            "policies {count:>4} policies: an answer takes {:.1} µs, the bare crate {before:.1} µs before and {after:.1} µs after: ratio {:.2} (median of {rounds})",
            ours.median,
            2.0 * ours.median / (before + after)
        );
    }
}

fn threads() {
    const TIME: Duration = Duration::from_secs(1);
    let host = plugin_runtime(Some(cache()));
    let policy = runtime().block_on(load(&host, 100));
    let rate = |threads: usize| {
        let began = Instant::now();
        let answers: usize = std::thread::scope(|scope| {
            let work = || {
                runtime().block_on(async {
                    let request = request();
                    let mut answers = 0;
                    while began.elapsed() < TIME {
                        let answer = host.decide(&policy, &request).await;
                        assert_eq!(answer.effect, Effect::Allow);
                        answers += 1;
                    }
                    answers
                })
            };
            let handles: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            handles.into_iter().map(|handle| handle.join().unwrap()).sum()
        });
        answers as f64 / began.elapsed().as_secs_f64()
    };
    rate(2);
    let mut rates: Vec<(f64, f64)> = (0..5).map(|_| (rate(1), rate(2))).collect();
    rates.sort_by(|a, b| (a.1 / a.0).total_cmp(&(b.1 / b.0)));
    let (one, two) = rates[2];
    println!(
        "policies {one:.0} answers a second on 1 thread, {two:.0} on 2: ratio {:.2} (median of 5)",
        two / one
    );
}

/// In an engine that has not seen the component, which was compiled before.
fn loading() {
    const ROUNDS: usize = 15;
    let cache = CacheFolder { folder: scratch("policies"), key: [5; 32] };
    runtime().block_on(load(&plugin_runtime(Some(cache.clone())), 1));
    for count in [1, 1_000, 10_000] {
        let rounds = if count > 5_000 { 3 } else { ROUNDS };
        let once = || {
            let host = plugin_runtime(Some(cache.clone()));
            runtime().block_on(async {
                let began = Instant::now();
                let policy = load(&host, count).await;
                let took = began.elapsed();
                assert_eq!(policy.policies.len(), count);
                took
            })
        };
        let ours = figures((0..rounds).map(|_| once()).collect());
        println!(
            "policies {count:>5} policies loaded and ready in {:.1} ms ({:.1} to {:.1}, median of {rounds})",
            ours.median / 1e3,
            ours.low / 1e3,
            ours.high / 1e3
        );
    }
}

/// A call through the gate, up to its invocation.
fn gate() {
    const ROUNDS: usize = 5_000;
    let condition = "context.arguments has text && context.arguments.text == \"account-N\"";
    let part = PolicyParts {
        label: "cedar".into(),
        origin: PolicyOrigin::Host,
        component: cedar(),
        sources: vec![source(text(100, "probe", condition))],
    };
    runtime().block_on(async {
        let sandbox = Sandbox::new(Some(cache()));
        let none = sandbox.open(&entry(), Path::new("/")).await.unwrap();
        let some = sandbox.open_under(&entry(), Path::new("/"), &[part]).await.unwrap();
        let call = proposed("probe", r#"{"do":"echo","text":"hello"}"#);
        let (mut without, mut with) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS + 200 {
            for (tools, times) in [(&none, &mut without), (&some, &mut with)] {
                let began = Instant::now();
                let answer = sandbox.gate.admit(tools, &call, None).await;
                let took = began.elapsed();
                assert!(matches!(answer.verdict, Verdict::Admitted(_)));
                if round >= 200 {
                    times.push(took);
                }
            }
        }
        let (without, with) = (figures(without), figures(with));
        println!(
            "policies a call is let through in {:.1} µs without policies and in {:.1} µs with 100 (median of {ROUNDS} each)",
            without.median, with.median
        );
    });
}
