//! What clients of a server do to a store, in any order: they continue conversations, send requests twice,
//! and what ended is pruned meanwhile. A small machine of plain data says what must come of each.

use super::fixture::*;
use super::model::explore::cases;
use initrunner::domain::budget::Spent;
use initrunner::domain::client_id::ClientId;
use initrunner::domain::digest::Digest;
use initrunner::domain::ids::RunId;
use initrunner::domain::message::Message;
use initrunner::domain::run::RunState;
use initrunner::store::owner::Owner;
use initrunner::store::sqlite::SqliteStore;
use initrunner::store::{
    Claim, Conflict, Conversation, Idempotency, NewRun, Order, Page, RunEnd, RunFilter, Store,
    TurnRecord,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Conversations: few, so that they are met again. A number beyond them is none.
const CONVERSATIONS: u8 = 3;

/// Keys, and requests under them.
const KEYS: u8 = 4;
const REQUESTS: u8 = 2;

#[derive(Debug, Clone)]
enum Step {
    /// Asks in a conversation, under a key, after so many messages of the client's own.
    Ask { conversation: u8, key: Option<u8>, request: u8, history: usize },
    /// The latest run that goes on in a conversation is answered, or fails.
    End { conversation: u8, answered: bool },
    /// What has ended is pruned, so many runs at a time.
    Prune { limit: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let conversation = || 0..=CONVERSATIONS;
    let key = prop::option::weighted(0.4, 0..KEYS);
    prop_oneof![
        6 => (conversation(), key, 0..REQUESTS, 0..3usize).prop_map(
            |(conversation, key, request, history)| Step::Ask { conversation, key, request, history }
        ),
        6 => (conversation(), prop::bool::weighted(0.7))
            .prop_map(|(conversation, answered)| Step::End { conversation, answered }),
        1 => (1..4usize).prop_map(|limit| Step::Prune { limit }),
    ]
}

/// A run, as it must be.
struct Run {
    claim: Claim,
    conversation: Option<u8>,
    /// What it adds to its conversation.
    messages: Vec<Message>,
    user_turns: usize,
    state: RunState,
}

struct World {
    store: SqliteStore,
    owner: Owner,
    /// In the order they were written down.
    runs: Vec<Run>,
    keys: BTreeMap<u8, (u8, RunId)>,
    now: i64,
}

fn conversation(number: u8) -> Option<Conversation> {
    let id = ClientId::parse(&format!("chat {number}")).unwrap();
    (number < CONVERSATIONS).then(|| Conversation { owner: "key:web".into(), id })
}

fn sent(key: u8, request: u8) -> Idempotency {
    Idempotency {
        owner: "key:web".into(),
        key: ClientId::parse(&format!("key {key}")).unwrap(),
        request: Digest::of(&[request]),
    }
}

fn said(text: String) -> Message {
    Message::Assistant { text, calls: vec![], raw: None }
}

impl World {
    fn new() -> Self {
        let store = SqliteStore::in_memory().unwrap();
        let owner = owner(&store);
        Self { store, owner, runs: vec![], keys: BTreeMap::new(), now: 0 }
    }

    fn of(&self, conversation: u8) -> impl DoubleEndedIterator<Item = &Run> {
        let wanted = (conversation < CONVERSATIONS).then_some(conversation);
        self.runs.iter().filter(move |run| run.conversation == wanted)
    }

    /// Why a run cannot begin.
    fn refusal(&self, number: u8, key: Option<u8>, request: u8) -> Option<Conflict> {
        if let Some((known, run)) = key.and_then(|key| self.keys.get(&key)) {
            return Some(match *known == request {
                true => Conflict::Repeated { run: run.clone() },
                false => Conflict::KeyReused,
            });
        }
        let latest = self.of(number).next_back().filter(|_| number < CONVERSATIONS)?;
        let busy =
            Conflict::ConversationBusy { run: latest.claim.run.clone(), state: latest.state };
        (!latest.state.is_final()).then_some(busy)
    }

    fn take(&mut self, step: &Step) {
        self.now += 1;
        match *step {
            Step::Ask { conversation: number, key, request, history } => {
                let before: Vec<Message> = (0..history)
                    .map(|place| match place % 2 {
                        0 => Message::User { text: format!("before {} {place}", self.now) },
                        _ => said(format!("before {} {place}", self.now)),
                    })
                    .collect();
                let run = NewRun {
                    conversation: conversation(number),
                    idempotency: key.map(|key| sent(key, request)),
                    history: before.clone(),
                    prompt: format!("asked {}", self.now),
                    at: at(self.now),
                    ..new_run()
                };
                let prompt = Message::User { text: run.prompt.clone() };
                let answer = wait(self.store.create_run(run, self.owner.id()));
                if let Some(refusal) = self.refusal(number, key, request) {
                    assert_eq!(conflict(answer), refusal);
                    return;
                }
                let claim = answer.unwrap();
                if let Some(key) = key {
                    self.keys.insert(key, (request, claim.run.clone()));
                }
                let is_user = |message: &&Message| matches!(message, Message::User { .. });
                self.runs.push(Run {
                    claim,
                    conversation: (number < CONVERSATIONS).then_some(number),
                    user_turns: 1 + before.iter().filter(is_user).count(),
                    messages: before.into_iter().chain([prompt]).collect(),
                    state: RunState::Running,
                });
            }
            Step::End { conversation, answered } => {
                let wanted = (conversation < CONVERSATIONS).then_some(conversation);
                let goes_on = |run: &&mut Run| run.conversation == wanted && !run.state.is_final();
                let Some(run) = self.runs.iter_mut().rfind(goes_on) else { return };
                let end = if answered {
                    let assistant = said(format!("answer {}", self.now));
                    run.messages.push(assistant.clone());
                    let turn = TurnRecord { assistant, at: at(self.now), ..turn(vec![], false) };
                    wait(self.store.record_turn(&run.claim, turn)).unwrap();
                    run.state = RunState::Completed;
                    RunEnd::Completed { answer: String::new() }
                } else {
                    run.state = RunState::Failed;
                    RunEnd::Failed { error: "no".into() }
                };
                wait(self.store.end_run(&run.claim, end, Spent::default(), at(self.now))).unwrap();
            }
            Step::Prune { limit } => self.prune(limit),
        }
    }

    /// Prunes until nothing is left to be pruned: whatever ended, but no part of a conversation.
    fn prune(&mut self, limit: usize) {
        loop {
            let request = initrunner::store::PruneRequest { limit, ..prune(at(self.now)) };
            if wait(self.store.prune(request)).unwrap().runs == 0 {
                break;
            }
            self.check_whole();
        }
        let goes_on: Vec<Option<u8>> = self
            .runs
            .iter()
            .filter(|run| !run.state.is_final())
            .filter_map(|run| run.conversation.map(Some))
            .collect();
        self.runs.retain(|run| !run.state.is_final() || goes_on.contains(&run.conversation));
        let runs: Vec<&RunId> = self.runs.iter().map(|run| &run.claim.run).collect();
        self.keys.retain(|_, (_, run)| runs.contains(&&*run));
    }

    /// No conversation is there in part.
    fn check_whole(&self) {
        for number in 0..CONVERSATIONS {
            let name = conversation(number).unwrap();
            if let Some(known) = wait(self.store.conversation("demo", &name)).unwrap() {
                assert_eq!(known.runs, self.of(number).count());
            }
        }
    }

    fn check(&self) {
        let mut said: BTreeMap<Option<u8>, Vec<Message>> = BTreeMap::new();
        for run in &self.runs {
            let whole = said.entry(run.conversation).or_default();
            if run.conversation.is_none() {
                whole.clear();
            }
            let earlier = whole.len();
            whole.extend(run.messages.iter().cloned());
            let read = wait(self.store.load_to_drive(&run.claim.run)).unwrap();
            assert_eq!((&read.messages, read.earlier), (&*whole, earlier));
            let prompt = Message::User { text: read.run.prompt.clone() };
            assert_eq!(read.messages[read.prompt_at], prompt);
            assert_eq!(read.run.state, run.state);
        }
        for number in 0..CONVERSATIONS {
            let name = conversation(number).unwrap();
            let known = wait(self.store.conversation("demo", &name)).unwrap();
            let expected = self.of(number).next_back().map(|latest| {
                let turns: usize = self.of(number).map(|run| run.user_turns).sum();
                (latest.claim.run.clone(), latest.state, self.of(number).count(), turns)
            });
            assert_eq!(known.map(|it| (it.latest, it.state, it.runs, it.user_turns)), expected);
        }
        for (key, (request, run)) in &self.keys {
            let known = wait(self.store.find_repeated(&sent(*key, *request)));
            assert_eq!(known, Ok(Some(run.clone())));
        }
        // The list, however it is cut.
        for limit in [1, 2, 100] {
            let (mut listed, mut after) = (Vec::new(), None);
            loop {
                let page = Page { order: Order::OldestFirst, after, limit };
                let page = wait(self.store.list_runs(RunFilter::default(), page)).unwrap();
                listed.extend(page.runs.into_iter().map(|run| run.id));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            let runs = self.runs.iter().map(|run| run.claim.run.clone());
            assert_eq!(listed, runs.collect::<Vec<_>>());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, max_shrink_iters: 20_000, ..cases(128) })]

    #[test]
    fn clients_in_any_order_break_no_promise(steps in prop::collection::vec(step(), 1..40)) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
            world.check();
        }
        holds(&world.store);
    }
}
