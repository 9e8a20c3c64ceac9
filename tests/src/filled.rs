//! A state folder in which many runs wait.

use initrunner::domain::approval::{Binding, BindingPart};
use initrunner::domain::budget::{Budgets, Spent};
use initrunner::domain::clock::Timestamp;
use initrunner::domain::digest::Digest;
use initrunner::domain::ids::{CallId, OwnerId, RunId};
use initrunner::domain::message::{Message, ModelCall, Usage};
use initrunner::domain::rule::ApprovalRule;
use initrunner::store::sqlite::{OpenOptions, SqliteStore};
use initrunner::store::{Admission, AfterTurn, NewCall, NewRun, Store, TurnRecord};
use std::path::Path;
use std::sync::Arc;

/// Writes down so many paused runs with one waiting call each, in a state folder that no program uses.
///
/// # Panics
/// Where it cannot be written.
pub fn fill(folder: &Path, count: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let options = OpenOptions::new(folder.join("audit.db"), folder.join("keys"));
        let store = Arc::new(SqliteStore::open(options).unwrap());
        let owner = store.register_owner(OwnerId::from_random([1; 16])).unwrap();
        let mut tasks = Vec::new();
        for number in 0..count as u128 {
            let (store, owner) = (Arc::clone(&store), owner.id().clone());
            // Spread, as random ids are.
            let seed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes();
            let task = async move {
                let id = RunId::from_random(seed);
                let claim = store.create_run(new_run(id), &owner).await.unwrap();
                store.record_turn(&claim, turn(CallId::from_random(seed))).await.unwrap();
            };
            tasks.push(tokio::spawn(task));
        }
        for task in tasks {
            task.await.unwrap();
        }
    });
}

fn new_run(id: RunId) -> NewRun {
    NewRun {
        id,
        role_name: "demo".into(),
        role_text: "name: demo".into(),
        role_path: "/roles/demo.yaml".into(),
        files: Default::default(),
        components: vec![],
        conversation: None,
        history: vec![],
        prompt: "delete ./scratch".into(),
        trigger: "cli".into(),
        requester: "os:alice".into(),
        budgets: Budgets::default(),
        reply_to: Vec::new(),
        idempotency: None,
        at: Timestamp(1_777_040_468_947_991),
    }
}

fn turn(id: CallId) -> TurnRecord {
    let digest = Digest::of(b"part").hex();
    let parts =
        [BindingPart::Component, BindingPart::Tool, BindingPart::Arguments, BindingPart::Preview];
    let call = ModelCall {
        id: id.clone(),
        provider_id: None,
        tool: "shell".into(),
        arguments: r#"{"command":"rm -rf ./scratch"}"#.into(),
    };
    TurnRecord {
        assistant: Message::Assistant { text: String::new(), calls: vec![call], raw: None },
        calls: vec![NewCall {
            id,
            entry: "shell".into(),
            tool: "shell".into(),
            model_tool: "shell".into(),
            provider_id: None,
            arguments: r#"{"command":"rm -rf ./scratch"}"#.into(),
            admission: Admission::Waiting {
                preview: None,
                binding: Binding {
                    parts: parts.into_iter().map(|part| (part, digest.clone())).collect(),
                    details: Default::default(),
                },
                rule: ApprovalRule::required(),
            },
            said: vec![],
        }],
        usage: Usage::default(),
        spent: Spent { requests: 1, tool_calls: 1, wall_ms: 3 },
        then: AfterTurn::Pause,
        at: Timestamp(1_777_040_468_947_991),
    }
}
