//! What is counted of runs, calls, decisions and failures of the sandbox.

use expect_test::{Expect, expect};
use initrunner::domain::decision::Decision;
use initrunner::ops::{
    ApproveRequest, Attended, Choice, Home, Host, HostOptions, RunRequest, Selection, approve_run,
    read_metrics, run_role,
};
use initrunner::runner::Silent;
use initrunner_tests::probe;
use std::path::Path;

fn host(folder: &Path, approval: &str, arguments: &str) -> Host {
    let role = format!(
        "name: r\nprompt: p\nmodel: scripted:script.yaml\ntools:\n  - component: {}\n    name: probe\n    approval: {approval}\n    limits: {{memory_mb: 4, timeout_seconds: 1}}\n    grants: {{process: [{{program: 'true'}}]}}\n    permissions: {{deny: ['do=nothing']}}\n",
        probe().display()
    );
    std::fs::write(folder.join("role.yaml"), role).unwrap();
    let script = format!(
        "rules:\n  - from: tool\n    when: '(?s).*'\n    reply: done\n  - when: '(?s).*'\n    calls: [{{tool: probe, arguments: {arguments}}}]\n"
    );
    std::fs::write(folder.join("script.yaml"), script).unwrap();
    let home = folder.join("home").display().to_string();
    let home = Home::find(&|_| Some(home.clone())).unwrap();
    Host::new(HostOptions::new(home, "os:alice", |_| None))
}

fn attended(reporter: &mut Silent) -> Attended<'_> {
    Attended { reporter, stop: tokio::sync::watch::channel(None).1 }
}

async fn start(host: &Host, folder: &Path) -> String {
    let role = folder.join("role.yaml");
    let request = RunRequest { role, prompt: "a prompt".into(), trigger: "cli".into() };
    let driven = run_role(host, request, attended(&mut Silent)).await.unwrap();
    driven.run.run.id.to_string()
}

/// All numbers, after a role whose tool is called with these arguments ran once.
fn counted(approval: &str, arguments: &str, decision: Option<Decision>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let host = host(folder.path(), approval, arguments);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let run = start(&host, folder.path()).await;
        if let Some(decision) = decision {
            let request = ApproveRequest {
                run,
                selection: Selection::All,
                choice: Choice::Decide(decision),
                keep_others: false,
                seen: None,
                note: None,
            };
            approve_run(&host, request, attended(&mut Silent)).await.unwrap();
        }
        read_metrics(&host).await.unwrap()
    })
}

/// Those that are not about time, nor about the length of what was said.
fn check(approval: &str, arguments: &str, decision: Option<Decision>, expected: Expect) {
    let text = counted(approval, arguments, decision);
    let untimed = |line: &&str| {
        !line.starts_with('#') && !line.contains("_seconds_") && !line.contains("_tokens_")
    };
    let mut numbers: Vec<&str> = text.lines().filter(untimed).collect();
    // Those of one name come in any order.
    numbers.sort_unstable();
    expected.assert_eq(&numbers.join("\n"));
}

#[test]
fn a_run_with_a_call_is_counted() {
    check(
        "auto",
        "{do: echo, text: hello}",
        None,
        expect![[r#"
        initrunner_calls_total{kind="component",outcome="succeeded"} 1
        initrunner_model_requests_total{provider="scripted",model="scripted",outcome="answered"} 2
        initrunner_runs_total{outcome="completed"} 1
        initrunner_waiting_approvals 0"#]],
    );
}

#[test]
fn what_models_read_and_write_is_counted() {
    let text = counted("auto", "{do: echo, text: hello}", None);
    for (direction, tokens) in [("input", 8), ("output", 2)] {
        let line = format!(
            "initrunner_model_tokens_total{{provider=\"scripted\",model=\"scripted\",direction=\"{direction}\"}} {tokens}\n"
        );
        assert!(text.contains(&line), "{text}");
    }
}

#[test]
fn a_call_that_waits_and_one_that_was_decided_are_counted() {
    check(
        "required",
        "{do: echo}",
        None,
        expect![[r#"
        initrunner_model_requests_total{provider="scripted",model="scripted",outcome="answered"} 1
        initrunner_runs_total{outcome="paused"} 1
        initrunner_waiting_approvals 1"#]],
    );
    check(
        "required",
        "{do: echo, text: a}",
        Some(Decision::Approve),
        expect![[r#"
        initrunner_calls_total{kind="component",outcome="succeeded"} 1
        initrunner_decisions_total{decision="approve"} 1
        initrunner_model_requests_total{provider="scripted",model="scripted",outcome="answered"} 2
        initrunner_runs_total{outcome="completed"} 1
        initrunner_runs_total{outcome="paused"} 1
        initrunner_waiting_approvals 0"#]],
    );
    check(
        "required",
        "{do: echo}",
        Some(Decision::Deny { reason: None }),
        expect![[r#"
        initrunner_decisions_total{decision="deny"} 1
        initrunner_model_requests_total{provider="scripted",model="scripted",outcome="answered"} 2
        initrunner_runs_total{outcome="completed"} 1
        initrunner_runs_total{outcome="paused"} 1
        initrunner_waiting_approvals 0"#]],
    );
}

#[test]
fn a_refusal_is_counted_by_who_refused() {
    check(
        "auto",
        "{do: nothing}",
        None,
        expect![[r#"
        initrunner_calls_total{kind="component",outcome="refused_by_permission"} 1
        initrunner_model_requests_total{provider="scripted",model="scripted",outcome="answered"} 2
        initrunner_runs_total{outcome="completed"} 1
        initrunner_waiting_approvals 0"#]],
    );
    check(
        "auto",
        "{unknown: key}",
        None,
        expect![[r#"
        initrunner_calls_total{kind="component",outcome="refused_arguments"} 1
        initrunner_model_requests_total{provider="scripted",model="scripted",outcome="answered"} 2
        initrunner_runs_total{outcome="completed"} 1
        initrunner_waiting_approvals 0"#]],
    );
}

#[test]
fn what_the_sandbox_ended_is_counted_by_the_reason() {
    check(
        "auto",
        "{do: panic}",
        None,
        expect![[r#"
        initrunner_calls_total{kind="component",outcome="failed"} 1
        initrunner_model_requests_total{provider="scripted",model="scripted",outcome="answered"} 2
        initrunner_runs_total{outcome="completed"} 1
        initrunner_sandbox_failures_total{reason="trap"} 1
        initrunner_waiting_approvals 0"#]],
    );
    check(
        "auto",
        "{do: loop}",
        None,
        expect![[r#"
        initrunner_calls_total{kind="component",outcome="failed"} 1
        initrunner_model_requests_total{provider="scripted",model="scripted",outcome="answered"} 2
        initrunner_runs_total{outcome="completed"} 1
        initrunner_sandbox_failures_total{reason="timeout"} 1
        initrunner_waiting_approvals 0"#]],
    );
    check(
        "auto",
        "{do: allocate}",
        None,
        expect![[r#"
        initrunner_calls_total{kind="component",outcome="failed"} 1
        initrunner_model_requests_total{provider="scripted",model="scripted",outcome="answered"} 2
        initrunner_runs_total{outcome="completed"} 1
        initrunner_sandbox_failures_total{reason="memory"} 1
        initrunner_waiting_approvals 0"#]],
    );
    check(
        "auto",
        "{do: handles}",
        None,
        expect![[r#"
        initrunner_calls_total{kind="component",outcome="failed"} 1
        initrunner_model_requests_total{provider="scripted",model="scripted",outcome="answered"} 2
        initrunner_runs_total{outcome="completed"} 1
        initrunner_sandbox_failures_total{reason="limit"} 1
        initrunner_waiting_approvals 0"#]],
    );
}
