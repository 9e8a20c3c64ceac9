//! A host that serves many runs keeps the roles it opened, and still notices what changed about them.

use initrunner::domain::decision::Decision;
use initrunner::ops::{
    ApproveRequest, Approved, Attended, Choice, Home, Host, HostOptions, OpError, RunRequest,
    Selection, approve_run, run_role,
};
use initrunner::runner::{Ended, Progress, Reporter};
use initrunner_tests::probe;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

type Variables = Arc<Mutex<BTreeMap<&'static str, &'static str>>>;

struct Silent;

impl Reporter for Silent {
    fn report(&mut self, _progress: Progress<'_>) {}
}

fn attended(reporter: &mut Silent) -> Attended<'_> {
    Attended { reporter, stop: tokio::sync::watch::channel(None).1 }
}

/// Every result is answered with another call.
const SCRIPT: &str = r#"
rules:
  - when: "(?s).*"
    calls: [{tool: probe, arguments: {do: nothing}}]
  - from: tool
    when: "(?s).*"
    calls: [{tool: probe, arguments: {do: nothing}}]
"#;

fn host(folder: &Path, variables: &Variables) -> Host {
    let role = format!(
        "name: kept\nprompt: p ${{WORD}}\nmodel: scripted:script.yaml\ntools:\n  - component: {}\n    name: probe\n    approval: required\n    grants: {{process: [{{program: 'true'}}]}}\n",
        probe().display()
    );
    std::fs::write(folder.join("role.yaml"), role).unwrap();
    std::fs::write(folder.join("script.yaml"), SCRIPT).unwrap();
    let home = folder.join("home").display().to_string();
    let variables = Arc::clone(variables);
    Host::new(HostOptions {
        home: Home::find(&|_| Some(home.clone())).unwrap(),
        audit_db: None,
        persist: true,
        one_run: false,
        alone: false,
        identity: "os:alice".into(),
        environment: Arc::new(move |name| {
            variables.lock().unwrap().get(name).map(|value| (*value).to_owned())
        }),
        on_compile: Arc::new(|_| {}),
        on_warning: Arc::new(|_| {}),
    })
}

async fn start(host: &Host, folder: &Path) -> String {
    let request =
        RunRequest { role: folder.join("role.yaml"), prompt: "go".into(), trigger: "cli".into() };
    let driven = run_role(host, request, attended(&mut Silent)).await.unwrap();
    assert_eq!(driven.ended, Ended::Paused);
    driven.run.run.id.to_string()
}

async fn approve(host: &Host, run: &str) -> Result<Ended, OpError> {
    let request = ApproveRequest {
        run: run.to_owned(),
        selection: Selection::All,
        choice: Choice::Decide(Decision::Approve),
        keep_others: false,
        seen: None,
        note: None,
    };
    match approve_run(host, request, attended(&mut Silent)).await? {
        Approved::Driven(driven) => Ok(driven.ended),
        Approved::Recorded(_) => panic!("not driven on"),
    }
}

#[test]
fn a_variable_is_resolved_again_for_each_decision() {
    let folder = tempfile::tempdir().unwrap();
    let variables: Variables = Arc::default();
    variables.lock().unwrap().insert("WORD", "one");
    let host = host(folder.path(), &variables);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let run = start(&host, folder.path()).await;
        for _ in 0..3 {
            assert_eq!(approve(&host, &run).await.unwrap(), Ended::Paused);
        }
        // A role that was opened before must not hide that its variable is gone; nothing is spent.
        variables.lock().unwrap().clear();
        let error = approve(&host, &run).await.unwrap_err();
        assert!(matches!(&error, OpError::MissingVariables { .. }), "{error}");
        variables.lock().unwrap().insert("WORD", "two");
        assert_eq!(approve(&host, &run).await.unwrap(), Ended::Paused);
    });
}

#[test]
fn runs_are_driven_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let variables: Variables = Arc::default();
    variables.lock().unwrap().insert("WORD", "one");
    let host = Arc::new(host(folder.path(), &variables));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut tasks = Vec::new();
        for _ in 0..8 {
            let (host, folder) = (Arc::clone(&host), folder.path().to_owned());
            // What a server does with a request: the operations must be able to change threads.
            tasks.push(tokio::spawn(async move {
                let run = start(&host, &folder).await;
                for _ in 0..3 {
                    assert_eq!(approve(&host, &run).await.unwrap(), Ended::Paused);
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
    });
}
