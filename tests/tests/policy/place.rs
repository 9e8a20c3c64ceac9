//! A state folder and a role beside it, worked with through the library by several people.

use initrunner::domain::decision::Decision;
use initrunner::domain::edit::Change;
use initrunner::ops::{
    self, ApproveRequest, Approved, Attended, Choice, Host, HostOptions, NewArguments, OpError,
    RunRequest, Selection, Story,
};
use initrunner::runner::{Driven, Ended, Silent};
use initrunner_tests::home::Home;
use initrunner_tests::probe;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// Tools, a model that makes the calls of a script, and whatever policies a test adds.
pub struct Place {
    pub home: Home,
    variables: Arc<Mutex<BTreeMap<String, String>>>,
    warnings: Arc<Mutex<Vec<String>>>,
}

/// What a decision came to.
#[derive(Debug)]
pub enum Came {
    /// It is written down, and the run did not go on.
    Recorded,
    /// The run went on.
    Ended(Ended),
}

/// The probe, which echoes; `count` stands for an amount.
pub fn echo(settings: &str) -> String {
    let component = probe().display();
    let grants = "grants: {process: [{program: 'true'}]}";
    let settings: String = settings.lines().map(|line| format!("\n    {line}")).collect();
    format!("tools:\n  - component: {component}\n    name: probe\n    {grants}{settings}\n")
}

/// One call of the probe, and what came of it.
pub fn one_call(arguments: &str) -> String {
    format!(
        "rules:\n  - turn: 0\n    calls: [{{tool: probe, arguments: {arguments}}}]\n  - {{from: tool, is_error: true, when: \"(?s).*\", reply: \"Error: $0\"}}\n  - {{from: tool, when: \"(?s).*\", reply: \"Result: $0\"}}\n"
    )
}

impl Place {
    /// A role with these keys beside its name, prompt and model.
    pub fn new(role: &str, script: &str) -> Self {
        let home = Home::new();
        let text = format!("name: test\nprompt: p\nmodel: scripted:script.yaml\n{role}");
        home.file("role.yaml", text);
        home.file("script.yaml", script);
        Self { home, variables: Arc::default(), warnings: Arc::default() }
    }

    /// Sets a variable of every host of this place; `None` takes it away.
    pub fn set(&self, name: &str, value: Option<&str>) {
        let mut variables = self.variables.lock().unwrap();
        match value {
            Some(value) => variables.insert(name.into(), value.into()),
            None => variables.remove(name),
        };
    }

    /// What hosts warned of since the last time.
    pub fn warned(&self) -> Vec<String> {
        std::mem::take(&mut *self.warnings.lock().unwrap())
    }

    /// A process that lives long, of somebody.
    pub fn host(&self, identity: &str) -> Host {
        let state = self.home.state().display().to_string();
        let (variables, warnings) = (Arc::clone(&self.variables), Arc::clone(&self.warnings));
        Host::new(HostOptions {
            home: ops::Home::find(&|name| (name == "INITRUNNER_HOME").then(|| state.clone()))
                .unwrap(),
            audit_db: None,
            persist: true,
            one_run: false,
            alone: false,
            identity: identity.into(),
            environment: Arc::new(move |name| variables.lock().unwrap().get(name).cloned()),
            on_compile: Arc::new(|_| {}),
            on_warning: Arc::new(move |sentence| warnings.lock().unwrap().push(sentence.into())),
        })
    }

    fn role(&self) -> PathBuf {
        self.home.work().join("role.yaml")
    }
}

fn attended(reporter: &mut Silent) -> Attended<'_> {
    Attended { reporter, stop: tokio::sync::watch::channel(None).1 }
}

/// Starts a run.
pub async fn start(place: &Place, host: &Host) -> Result<Driven, OpError> {
    let request = RunRequest { role: place.role(), prompt: "go".into(), trigger: "cli".into() };
    ops::run_role(host, request, attended(&mut Silent)).await
}

/// Starts a run that pauses; its id.
pub async fn pause(place: &Place, host: &Host) -> String {
    let driven = start(place, host).await.unwrap();
    assert_eq!(driven.ended, Ended::Paused);
    driven.run.run.id.to_string()
}

async fn say(
    host: &Host,
    run: &str,
    selection: Selection,
    choice: Choice,
) -> Result<Came, OpError> {
    let request = ApproveRequest {
        run: run.to_owned(),
        selection,
        choice,
        keep_others: false,
        seen: None,
        note: None,
    };
    Ok(match ops::approve_run(host, request, attended(&mut Silent)).await? {
        Approved::Driven(driven) => Came::Ended(driven.ended),
        Approved::Recorded(_) => Came::Recorded,
    })
}

/// Approves everything that waits.
pub async fn approve(host: &Host, run: &str) -> Result<Came, OpError> {
    say(host, run, Selection::All, Choice::Decide(Decision::Approve)).await
}

/// Denies everything that waits.
pub async fn deny(host: &Host, run: &str) -> Result<Came, OpError> {
    say(host, run, Selection::All, Choice::Decide(Decision::Deny { reason: None })).await
}

/// Changes the one call that waits, and approves that.
pub async fn edit(host: &Host, run: &str, key: &str, value: &str) -> Result<Came, OpError> {
    let story = story(host, run).await;
    let call = story.run.calls.last().unwrap().id.to_string();
    let change = Change { key: key.into(), value: value.into() };
    say(host, run, Selection::Call(call), Choice::Edit(NewArguments::Set(vec![change]))).await
}

/// All that is known of a run.
pub async fn story(host: &Host, run: &str) -> Story {
    ops::show_run(host, run).await.unwrap()
}

/// The model's answer at the end of a run.
pub fn answer(came: Result<Came, OpError>) -> String {
    match came {
        Ok(Came::Ended(Ended::Completed { answer })) => answer,
        Ok(other) => format!("{other:?}"),
        Err(error) => panic!("{error}"),
    }
}

/// What a run's journal says, without what policies said.
pub fn without_policies(story: &Story) -> Vec<String> {
    let events = story.events.iter().filter(|event| event.kind != "policy_decided");
    events.map(|event| format!("{} {}", event.kind, event.body)).collect()
}

/// What policies said, in order: the question, who would approve, the answer, and by which policies.
pub fn said(story: &Story) -> Vec<String> {
    let of = |event: &initrunner::domain::event::Event| {
        let body: serde_json::Value = serde_json::from_str(&event.body).unwrap();
        let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        let reasons = body["reasons"].as_array().unwrap().iter();
        let reasons: Vec<&str> = reasons.filter_map(|reason| reason["policy"].as_str()).collect();
        assert!(body["digest"].as_str().unwrap().len() == 64 && body["took_us"].is_u64());
        let words = [text("question"), text("reviewer"), text("effect"), reasons.join("+")];
        words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    };
    story.events.iter().filter(|event| event.kind == "policy_decided").map(of).collect()
}
