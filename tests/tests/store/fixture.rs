//! Stores and records to test with.

use initrunner::domain::approval::{Binding, BindingPart, Details, Preview, PreviewFormat};
use initrunner::domain::budget::{Budgets, Spent};
use initrunner::domain::clock::Timestamp;
use initrunner::domain::component::ComponentBytes;
use initrunner::domain::decision::{Decision, Resolver};
use initrunner::domain::digest::Digest;
use initrunner::domain::ids::{CallId, OwnerId, RunId};
use initrunner::domain::message::{Message, ModelCall, RawMessage, Usage};
use initrunner::domain::rule::ApprovalRule;
use initrunner::domain::tool_call::{CallState, RefusedBy};
use initrunner::store::owner::Owner;
use initrunner::store::sqlite::{OpenOptions, SqliteStore};
use initrunner::store::{
    Admission, AfterTurn, CallDecision, CallRecord, Claim, Conflict, DecisionRequest, Edit,
    NewCall, NewRun, PruneRequest, RunRecord, Store, StoreError, StoreFuture, StoredRun,
    TurnRecord,
};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// Ids that differ; tests need no randomness beyond that.
fn next() -> [u8; 16] {
    static COUNTER: AtomicU64 = AtomicU64::new(1);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    // Spread over all of an id's characters, so that prefixes differ too.
    let spread = u128::from(count).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    spread.to_be_bytes()
}

pub fn run_id() -> RunId {
    RunId::from_random(next())
}

pub fn call_id() -> CallId {
    CallId::from_random(next())
}

pub fn owner(store: &dyn Store) -> Owner {
    store.register_owner(OwnerId::from_random(next())).unwrap()
}

/// A store in a folder of its own.
pub struct Files {
    pub folder: TempDir,
}

impl Files {
    pub fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("state/audit.db")
    }

    pub fn options(&self) -> OpenOptions {
        OpenOptions {
            busy_timeout: Duration::from_millis(100),
            ..OpenOptions::new(self.path(), self.folder.path().join("keys"))
        }
    }

    pub fn open(&self) -> SqliteStore {
        SqliteStore::open(self.options()).unwrap()
    }

    /// Another program's hand in the database.
    pub fn raw(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path()).unwrap()
    }

    pub fn heads(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.path().with_extension("db.heads")).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

/// Waits for one verb, outside any runtime.
pub fn wait<T>(future: StoreFuture<'_, T>) -> Result<T, StoreError> {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

pub fn at(second: i64) -> Timestamp {
    Timestamp(1_777_040_468_000_000 + second * 1_000_000)
}

pub fn alice() -> Resolver {
    person("os:alice")
}

pub fn person(identity: &str) -> Resolver {
    Resolver { authenticated_as: identity.into(), note: None }
}

pub fn component() -> (Digest, ComponentBytes) {
    (Digest::of(b"\0asm"), b"\0asm".to_vec().into())
}

pub fn new_run() -> NewRun {
    NewRun {
        id: run_id(),
        role_name: "demo".into(),
        role_text: "name: demo\nmodel: scripted\n".into(),
        role_path: "/home/alice/demo.yaml".into(),
        files: BTreeMap::from([("script.jsonl".into(), "{}\n".into())]),
        components: vec![component()],
        conversation: None,
        history: vec![],
        prompt: "delete /tmp/scratch".into(),
        trigger: "cli".into(),
        requester: "os:alice".into(),
        budgets: Budgets::default(),
        reply_to: Vec::new(),
        idempotency: None,
        at: at(0),
    }
}

pub fn create(store: &dyn Store, owner: &Owner) -> Claim {
    wait(store.create_run(new_run(), owner.id())).unwrap()
}

pub fn preview() -> Preview {
    Preview { format: PreviewFormat::Command, text: "rm -rf /tmp/scratch".into() }
}

pub fn binding(text: &str) -> Binding {
    let parts = [
        BindingPart::Component,
        BindingPart::Tool,
        BindingPart::Arguments,
        BindingPart::Preview,
        BindingPart::Role,
        BindingPart::Configuration,
        BindingPart::Grants,
    ];
    let digest = |part: BindingPart| Digest::of(format!("{}{text}", part.as_str()).as_bytes());
    let told = [("working_dir".to_owned(), format!("/work{text}"))];
    Binding {
        parts: parts.into_iter().map(|part| (part, digest(part).to_string())).collect(),
        details: Details::from([(BindingPart::Grants, told.into())]),
    }
}

pub fn waiting() -> Admission {
    waiting_under(ApprovalRule::required())
}

/// A call that waits for whom a rule names.
pub fn waiting_under(rule: ApprovalRule) -> Admission {
    Admission::Waiting { preview: Some(preview()), binding: binding(""), rule }
}

/// Two of `os:alice`, `os:bob` and `os:carol`.
pub fn two_of_three() -> ApprovalRule {
    let reviewers = ["os:alice", "os:bob", "os:carol"];
    ApprovalRule {
        reviewers: reviewers.map(str::to_owned).into(),
        quorum: 2,
        ..ApprovalRule::required()
    }
}

/// What a person makes of a call: another command, under this rule.
pub fn edit(command: &str, rule: ApprovalRule) -> Edit {
    Edit {
        arguments: format!(r#"{{"command":"{command}"}}"#),
        preview: Some(Preview { format: PreviewFormat::Command, text: command.into() }),
        binding: binding(command),
        rule,
    }
}

pub fn refused() -> Admission {
    Admission::Refused { by: RefusedBy::Policy, result: "no".into() }
}

pub fn new_call(admission: Admission) -> NewCall {
    NewCall {
        id: call_id(),
        entry: "shell".into(),
        tool: "shell".into(),
        model_tool: "shell".into(),
        provider_id: Some("call_abc".into()),
        arguments: r#"{"command":"rm -rf /tmp/scratch"}"#.into(),
        admission,
        said: vec![],
    }
}

pub fn assistant(calls: &[NewCall]) -> Message {
    Message::Assistant {
        text: "I shall.".into(),
        calls: calls
            .iter()
            .map(|call| ModelCall {
                id: call.id.clone(),
                provider_id: call.provider_id.clone(),
                tool: call.model_tool.clone(),
                arguments: call.arguments.clone(),
            })
            .collect(),
        raw: Some(RawMessage {
            api: "openai-chat".into(),
            model: "m".into(),
            json: "{ \"content\" : \"\\u00e9\u{1f600} 1.0e5\" }".into(),
        }),
    }
}

pub fn turn(calls: Vec<NewCall>, pause: bool) -> TurnRecord {
    TurnRecord {
        assistant: assistant(&calls),
        spent: Spent {
            requests: 1,
            tool_calls: u32::try_from(calls.len()).unwrap(),
            wall_ms: 1200,
        },
        calls,
        usage: Usage { input_tokens: 100, output_tokens: 20 },
        then: if pause { AfterTurn::Pause } else { AfterTurn::Continue },
        at: at(1),
    }
}

/// What recording a turn gave is what reading the run gives of it.
pub fn assert_as_read(store: &dyn Store, claim: &Claim, given: &[CallRecord]) {
    let read = wait(store.load_to_drive(&claim.run)).unwrap().calls;
    let latest = read.len() - given.len();
    assert_eq!(format!("{given:?}"), format!("{:?}", &read[latest..]));
}

/// Records a turn with these admissions and gives the calls' ids.
pub fn record(
    store: &dyn Store,
    claim: &Claim,
    admissions: Vec<Admission>,
    pause: bool,
) -> Vec<CallId> {
    let calls: Vec<NewCall> = admissions.into_iter().map(new_call).collect();
    let ids = calls.iter().map(|call| call.id.clone()).collect();
    let given = wait(store.record_turn(claim, turn(calls, pause))).unwrap();
    assert_as_read(store, claim, &given);
    ids
}

/// A run that is paused with so many waiting calls.
pub fn paused(store: &dyn Store, owner: &Owner, calls: usize) -> (Claim, Vec<CallId>) {
    paused_under(store, owner, calls, &ApprovalRule::required())
}

/// The same where the calls wait for whom a rule names.
pub fn paused_under(
    store: &dyn Store,
    owner: &Owner,
    calls: usize,
    rule: &ApprovalRule,
) -> (Claim, Vec<CallId>) {
    let claim = create(store, owner);
    let calls = (0..calls).map(|_| waiting_under(rule.clone())).collect();
    let calls = record(store, &claim, calls, true);
    (claim, calls)
}

pub fn approve(run: &RunId, calls: &[CallId], owner: &Owner) -> DecisionRequest {
    decision(run, calls, Decision::Approve, owner)
}

pub fn deny(run: &RunId, calls: &[CallId], owner: &Owner) -> DecisionRequest {
    decision(run, calls, Decision::Deny { reason: Some("too wide".into()) }, owner)
}

fn decision(run: &RunId, calls: &[CallId], decision: Decision, owner: &Owner) -> DecisionRequest {
    DecisionRequest {
        run: run.clone(),
        decisions: calls
            .iter()
            .map(|call| CallDecision {
                call: call.clone(),
                seen: None,
                decision: decision.clone(),
                edit: None,
                said: vec![],
            })
            .collect(),
        resolver: alice(),
        claim_as: owner.id().clone(),
        idempotency: None,
        at: at(60),
    }
}

/// Prunes what ended before a moment, at that moment.
pub fn prune(before: Timestamp) -> PruneRequest {
    PruneRequest { before, resolver: alice(), dry_run: false, limit: 100, at: before }
}

pub fn result(call: &CallId, content: &str) -> Message {
    Message::ToolResult {
        call: call.clone(),
        provider_id: Some("call_abc".into()),
        tool: "shell".into(),
        content: content.into(),
        is_error: false,
    }
}

/// A run as it is stored.
pub fn run_of(store: &dyn Store, run: &RunId) -> RunRecord {
    wait(store.load_run(run)).unwrap().run
}

/// Its calls; what a decision reads of them is the same.
pub fn calls_of(store: &dyn Store, run: &RunId) -> Vec<CallRecord> {
    let whole = wait(store.load_run(run)).unwrap();
    // What a decision reads is a part of it, and holds every call that is open.
    let turn = wait(store.load_turn(run)).unwrap();
    assert_eq!(format!("{:?}", turn.run), format!("{:?}", whole.run));
    assert!(turn.messages.is_empty());
    let latest = whole.calls.last().map_or(0, |call| call.turn);
    let wanted = |call: &&CallRecord| call.turn == latest || !call.told;
    let wanted: Vec<_> = whole.calls.iter().filter(wanted).map(|call| &call.id).collect();
    for id in &wanted {
        let of = |run: &StoredRun| format!("{:?}", run.calls.iter().find(|call| call.id == **id));
        assert_eq!(of(&turn), of(&whole));
    }
    assert!(turn.calls.iter().all(|call| wanted.contains(&&call.id)));
    whole.calls
}

/// Where its calls stand.
pub fn states(store: &dyn Store, run: &RunId) -> Vec<CallState> {
    calls_of(store, run).iter().map(|call| call.state).collect()
}

/// The conflict that a verb met.
pub fn conflict<T: std::fmt::Debug>(result: Result<T, StoreError>) -> Conflict {
    match result {
        Err(StoreError::Conflict(conflict)) => conflict,
        other => panic!("expected a conflict: {other:?}"),
    }
}

/// The journal fits, and every table fits the journal.
pub fn holds(store: &dyn Store) {
    let check = wait(store.check_journal(Vec::new())).unwrap();
    assert_eq!((check.broken, check.also), (None, vec![]));
}

/// What a client says was said before: a question, and an answer without calls.
pub fn said_before() -> Vec<Message> {
    vec![
        Message::User { text: "Who are you?".into() },
        Message::Assistant { text: "A demo.".into(), calls: vec![], raw: None },
    ]
}
