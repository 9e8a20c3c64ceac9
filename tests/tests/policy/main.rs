//! Policy components: what they are told, what they answer, and what comes of it.

mod answers;
mod inert;
mod order;
mod place;
mod reload;
mod stateless;
mod vote;

use initrunner::domain::policy::{PolicyRequest, PolicySource, SourceKind};
use initrunner::plugin::policy::{LoadedPolicy, PolicyError};
use initrunner::plugin::{CacheFolder, Runtime, Source};
use initrunner_tests::policies::carried;
use initrunner_tests::{decider, policies};
use std::path::Path;

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn runtime() -> Runtime {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("policy-cache");
    policies::runtime(CacheFolder { folder, key: [3; 32] })
}

fn source(text: &str) -> PolicySource {
    PolicySource { name: "rules".into(), kind: SourceKind::Policies, text: text.into() }
}

async fn load(runtime: &Runtime, text: &str) -> Result<LoadedPolicy, PolicyError> {
    let component = Source::file(decider()).unwrap();
    runtime.load_policy(&component, &[source(text)], "[]".into()).await
}

fn request(arguments: &str) -> PolicyRequest {
    policies::request("shell", "shell", arguments)
}
