//! Messages on their way: those to one address one after the other, those to several side by side.

use crate::domain::ids::RunId;
use crate::store::{OutboxMessage, Posted, StoredRun};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// How many posted messages are remembered: more than can be posted between taking one from the outbox and
/// sending it.
const MOST_REMEMBERED: usize = 512;

/// A message that was taken from the outbox.
pub(super) struct Taken {
    pub(super) message: OutboxMessage,
    pub(super) run: StoredRun,
    /// When: its lease began then.
    pub(super) at: Instant,
}

impl Taken {
    pub(super) fn now(message: OutboxMessage, run: StoredRun) -> Self {
        Self { message, run, at: Instant::now() }
    }
}

/// The messages on their way.
#[derive(Default)]
pub(super) struct Lanes(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// What waits for its turn, by the addresses to which something is sent now.
    waiting: HashMap<String, VecDeque<Taken>>,
    /// What was posted lately: to which address, about which run.
    posted: VecDeque<(String, RunId, Posted)>,
}

impl Lanes {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a message; gives its address to whoever is to send to it, where nobody does.
    pub(super) fn put(self: &Arc<Self>, taken: Taken) -> Option<Lane> {
        let address = taken.message.address.clone();
        let mut inner = self.lock();
        if let Some(waiting) = inner.waiting.get_mut(&address) {
            waiting.push_back(taken);
            return None;
        }
        inner.waiting.insert(address.clone(), VecDeque::from([taken]));
        drop(inner);
        Some(Lane { lanes: Arc::clone(self), address, open: true })
    }

    /// How many wait for their turn.
    pub(super) fn waiting(&self) -> usize {
        self.lock().waiting.values().map(VecDeque::len).sum()
    }

    /// Forgets what waits.
    pub(super) fn close(&self) {
        self.lock().waiting.values_mut().for_each(VecDeque::clear);
    }
}

/// One address, for whoever sends to it. Dropped, what still waits for it is forgotten: its lease ends, and it is
/// taken again.
pub(super) struct Lane {
    lanes: Arc<Lanes>,
    address: String,
    open: bool,
}

impl Lane {
    /// The next message; after the last one, somebody else may be given the address.
    pub(super) fn next(&mut self) -> Option<Taken> {
        if !self.open {
            return None;
        }
        let mut inner = self.lanes.lock();
        let next = inner.waiting.get_mut(&self.address).and_then(VecDeque::pop_front);
        if next.is_none() {
            inner.waiting.remove(&self.address);
            self.open = false;
        }
        next
    }

    /// All that waits; from now on somebody else may be given the address.
    pub(super) fn rest(&mut self) -> VecDeque<Taken> {
        self.open = false;
        self.lanes.lock().waiting.remove(&self.address).unwrap_or_default()
    }

    /// Remembers what was posted about a run.
    pub(super) fn note(&self, run: RunId, posted: Posted) {
        let mut inner = self.lanes.lock();
        if inner.posted.len() == MOST_REMEMBERED {
            inner.posted.pop_front();
        }
        inner.posted.push_back((self.address.clone(), run, posted));
    }

    /// Adds what was posted about that run, where it is not there.
    pub(super) fn recall(&self, run: &RunId, known: &mut Vec<Posted>) {
        let inner = self.lanes.lock();
        for (address, of, posted) in &inner.posted {
            if *address == self.address && of == run && !known.contains(posted) {
                known.push(posted.clone());
            }
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if self.open {
            self.lanes.lock().waiting.remove(&self.address);
        }
    }
}
