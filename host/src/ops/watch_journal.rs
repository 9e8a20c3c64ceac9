//! What happens to runs, as it is written down: for those who look on.

use super::error::OpError;
use super::host::Host;
use crate::domain::event::Event;
use crate::domain::ids::RunId;
use crate::store::{EventFilter, Store, StoreError};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, watch};

/// How many events are read at a time: one look at the database for what a busy server writes in a tenth
/// of a second.
const PAGE: usize = 1_000;

/// Tells of each run to those who watch it. However many they are, the journal is read once.
#[derive(Default)]
pub(super) struct Watchers {
    by_run: Mutex<HashMap<RunId, Vec<Arrived>>>,
    /// Whether a task reads; none does where nobody watches.
    reading: tokio::sync::Mutex<bool>,
}

type Arrived = mpsc::UnboundedSender<Arc<Event>>;

impl Watchers {
    fn add(&self, run: &RunId) -> mpsc::UnboundedReceiver<Arc<Event>> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut by_run = self.by_run.lock().unwrap_or_else(PoisonError::into_inner);
        by_run.entry(run.clone()).or_default().push(sender);
        receiver
    }

    /// Tells who watches the run of each event.
    fn tell(&self, events: Vec<Event>) {
        let mut by_run = self.by_run.lock().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            let Some(run) = event.run.clone() else { continue };
            let Some(watching) = by_run.get_mut(&run) else { continue };
            let event = Arc::new(event);
            watching.retain(|one| one.send(Arc::clone(&event)).is_ok());
            if watching.is_empty() {
                by_run.remove(&run);
            }
        }
    }

    /// Forgets who is gone; whether anybody is left.
    fn any(&self) -> bool {
        let mut by_run = self.by_run.lock().unwrap_or_else(PoisonError::into_inner);
        by_run.retain(|_, watching| {
            watching.retain(|one| !one.is_closed());
            !watching.is_empty()
        });
        !by_run.is_empty()
    }

    fn clear(&self) {
        self.by_run.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// The events of one run: those that are written down, and then those that come.
pub struct RunEvents {
    stored: std::vec::IntoIter<Event>,
    coming: mpsc::UnboundedReceiver<Arc<Event>>,
    /// The number of the last one that was given.
    last: i64,
}

impl RunEvents {
    /// Whether nothing is written down that was not given yet.
    pub fn is_at_end(&self) -> bool {
        self.stored.as_slice().is_empty()
    }

    /// The next event; nothing where the journal cannot be read any more.
    pub async fn next(&mut self) -> Option<Arc<Event>> {
        if let Some(event) = self.stored.next() {
            self.last = event.sequence;
            return Some(Arc::new(event));
        }
        loop {
            let event = self.coming.recv().await?;
            // What was written between the two looks is in both.
            if event.sequence > self.last {
                self.last = event.sequence;
                return Some(event);
            }
        }
    }
}

/// Watches a run: gives what is written down of it after the event numbered `after`, and what follows.
///
/// # Errors
/// Where the database cannot be read.
pub async fn watch_run(host: &Host, run: &RunId, after: i64) -> Result<RunEvents, OpError> {
    let store = host.store()?;
    let coming = host.watchers.add(run);
    read_on(host, store).await?;
    let stored = store.events(run).await?;
    let stored: Vec<Event> = stored.into_iter().filter(|event| event.sequence > after).collect();
    Ok(RunEvents { stored: stored.into_iter(), coming, last: after })
}

/// Has somebody read the journal from here on, where nobody does.
async fn read_on(host: &Host, store: &Arc<dyn Store>) -> Result<(), OpError> {
    // Held until it is known where reading begins: whoever comes meanwhile looks at what is stored after
    // that, and misses nothing.
    let mut reading = host.watchers.reading.lock().await;
    if *reading {
        return Ok(());
    }
    let changes = store.changes()?;
    let last = store.last_event().await?;
    *reading = true;
    let (store, watchers) = (Arc::clone(store), Arc::clone(&host.watchers));
    tokio::spawn(async move {
        if read(&*store, &watchers, changes, last).await.is_err() {
            let mut reading = watchers.reading.lock().await;
            *reading = false;
            // Whoever watches is told by the end of it, and may begin anew.
            watchers.clear();
        }
    });
    Ok(())
}

/// The journal cannot be read any more.
struct Unread;

impl From<StoreError> for Unread {
    fn from(_: StoreError) -> Self {
        Self
    }
}

/// Reads until nobody watches.
async fn read(
    store: &dyn Store,
    watchers: &Watchers,
    mut changes: watch::Receiver<u64>,
    mut last: i64,
) -> Result<(), Unread> {
    loop {
        changes.borrow_and_update();
        loop {
            let page = store.events_after(EventFilter::default(), last, PAGE).await?;
            let full = page.len() == PAGE;
            last = page.last().map_or(last, |event| event.sequence);
            watchers.tell(page);
            if !full {
                break;
            }
        }
        if !watchers.any() {
            // Looked at again where nobody can come between: whoever watches is added first, and asks
            // then whether somebody reads.
            let mut reading = watchers.reading.lock().await;
            if !watchers.any() {
                *reading = false;
                return Ok(());
            }
        }
        // Who is gone is noticed with the next write of anybody.
        changes.changed().await.map_err(|_| Unread)?;
    }
}
