//! Policy components: what they are told, what they answer, and what comes of it.

mod answers;
mod inert;
mod order;
mod place;
mod reload;
mod stateless;
mod vote;

use initrunner::domain::clock::Timestamp;
use initrunner::domain::policy::{
    Agent, Counts, PolicyRequest, PolicySource, Question, SourceKind, Subject,
};
use initrunner::domain::role::PolicyComponent;
use initrunner::plugin::policy::{LoadedPolicy, PolicyError};
use initrunner::plugin::{CacheFolder, Pool, Runtime, RuntimeOptions, Source};
use initrunner_tests::decider;
use std::path::Path;

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn runtime() -> Runtime {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("policy-cache");
    Runtime::new(RuntimeOptions {
        cache: Some(CacheFolder { folder, key: [3; 32] }),
        protected: vec![],
        pool: Pool::MANY_RUNS,
        egress: Default::default(),
        config: Default::default(),
        on_compile: Box::new(|_| {}),
    })
    .unwrap()
}

fn source(text: &str) -> PolicySource {
    PolicySource { name: "rules".into(), kind: SourceKind::Policies, text: text.into() }
}

async fn load(runtime: &Runtime, text: &str) -> Result<LoadedPolicy, PolicyError> {
    let component = Source::file(decider()).unwrap();
    runtime.load_policy(&component, &[source(text)], "[]".into()).await
}

fn request(arguments: &str) -> PolicyRequest {
    PolicyRequest {
        question: Question::Invoke,
        agent: Agent { name: "a".into(), team: None, author: None, version: None, tags: vec![] },
        subject: Subject {
            name: "shell".into(),
            entry: "shell".into(),
            plugin: "shell".into(),
            tool: "shell".into(),
            effects: [None; 4],
        },
        arguments: arguments.into(),
        requester: "os:alice".into(),
        trigger: "cli".into(),
        at: Timestamp(0),
        isolation: None,
        counts: Counts::default(),
    }
}

/// A policy component that the host carries.
fn carried(name: &str) -> Source {
    Source::of_policy(&PolicyComponent::BuiltIn(name.into()), Path::new("/")).unwrap()
}
