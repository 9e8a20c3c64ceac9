//! What the tests of policy components share.

use initrunner::domain::clock::Timestamp;
use initrunner::domain::policy::{Agent, Counts, PolicyRequest, Question, Subject};
use initrunner::domain::role::PolicyComponent;
use initrunner::plugin::{CacheFolder, Pool, Runtime, RuntimeOptions, Source};
use std::path::Path;

/// A runtime as a server has it.
pub fn runtime(cache: CacheFolder) -> Runtime {
    Runtime::new(RuntimeOptions::new(Some(cache), Pool::MANY_RUNS)).expect("a runtime")
}

/// A policy component that the host carries.
///
/// # Panics
/// It carries none of that name.
pub fn carried(name: &str) -> Source {
    Source::of_policy(&PolicyComponent::BuiltIn(name.into()), Path::new("/")).expect("a policy")
}

/// May this tool of a plugin be called with these arguments?
pub fn request(plugin: &str, tool: &str, arguments: impl Into<String>) -> PolicyRequest {
    PolicyRequest {
        question: Question::Invoke,
        agent: Agent { name: "a".into(), team: None, author: None, version: None, tags: vec![] },
        subject: Subject {
            name: tool.into(),
            entry: tool.into(),
            plugin: plugin.into(),
            tool: tool.into(),
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
