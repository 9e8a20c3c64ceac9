//! Who waits for something to happen is told: at once of what this store writes, and soon of what other
//! processes do.
//!
//! SQLite tells a connection whether another one has committed (`PRAGMA data_version`): a look at memory
//! that the processes share. A thread of its own looks, with a connection of its own, as long as somebody
//! listens.

use super::open::{self, OpenOptions};
use crate::store::StoreError;
use rusqlite::Connection;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;

/// How long a write of another process may go unnoticed: a person takes a fifth of a second for at once,
/// and five looks a second cost nothing that can be measured.
const PERIOD: Duration = Duration::from_millis(200);

/// Moves when something happened.
#[derive(Clone, Default)]
pub(super) struct Counter(Arc<watch::Sender<u64>>);

impl Counter {
    /// Tells whoever listens. Without listeners this is one comparison.
    pub(super) fn moved(&self) {
        if self.0.receiver_count() > 0 {
            self.0.send_modify(|count| *count = count.wrapping_add(1));
        }
    }
}

/// The counter of a store, and the thread that looks for other processes' writes.
#[derive(Default)]
pub(super) struct Changes {
    counter: Counter,
    watcher: Arc<Mutex<Option<Watcher>>>,
}

struct Watcher {
    /// Dropped, it stops the thread.
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Changes {
    pub(super) fn counter(&self) -> Counter {
        self.counter.clone()
    }

    /// Listens to this store's own writes.
    pub(super) fn listen(&self) -> watch::Receiver<u64> {
        self.counter.0.subscribe()
    }

    /// Listens to everybody's.
    pub(super) fn watch(&self, options: &OpenOptions) -> Result<watch::Receiver<u64>, StoreError> {
        // Before the thread is looked for: it stays where there is a listener.
        let receiver = self.listen();
        let mut watcher = lock(&self.watcher);
        if watcher.is_none() {
            let conn = open::again(options)?;
            let failed = |reason: String| StoreError::Failed { path: options.path.clone(), reason };
            // What was written before is no change.
            let seen = version(&conn).map_err(|error| failed(error.to_string()))?;
            let (stop, stopped) = channel();
            let (counter, place) = (self.counter(), Arc::clone(&self.watcher));
            let look = move || look(&conn, seen, &counter, &place, &stopped);
            let thread = std::thread::Builder::new().name("store-watcher".into()).spawn(look);
            let thread = thread.map_err(|error| failed(format!("no thread for it: {error}")))?;
            *watcher = Some(Watcher { stop, thread });
        }
        Ok(receiver)
    }

    /// Stops looking.
    pub(super) fn stop(&self) {
        // Let go of before waiting: the thread may be about to leave by itself.
        let watcher = lock(&self.watcher).take();
        if let Some(Watcher { stop, thread }) = watcher {
            drop(stop);
            // A panic in it left nothing behind, and nobody waits for an answer.
            drop(thread.join());
        }
    }
}

fn lock(watcher: &Mutex<Option<Watcher>>) -> MutexGuard<'_, Option<Watcher>> {
    // Whoever panicked while starting a thread left none behind.
    watcher.lock().unwrap_or_else(PoisonError::into_inner)
}

fn version(conn: &Connection) -> rusqlite::Result<i64> {
    conn.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
}

fn look(
    conn: &Connection,
    mut seen: i64,
    counter: &Counter,
    place: &Mutex<Option<Watcher>>,
    stopped: &Receiver<()>,
) {
    while stopped.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
        // A look that fails is made up for by the next.
        if let Ok(now) = version(conn)
            && now != seen
        {
            seen = now;
            counter.moved();
        }
        if counter.0.receiver_count() == 0 {
            let mut watcher = lock(place);
            // Whoever listens from now on finds the place empty.
            if counter.0.receiver_count() == 0 {
                *watcher = None;
                return;
            }
        }
    }
}
