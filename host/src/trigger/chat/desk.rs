//! What everything of one bot works with.

use super::button::Signer;
use super::health::Health;
use crate::domain::trigger::ChatSpec;
use crate::ops::Host;
use crate::trigger::Inbox;
use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// The most strangers that are remembered as told: whoever comes after so many is told nothing, rather than
/// the first ones again and again.
const MOST_STRANGERS: usize = 1_000;

/// The most presses that are settled at a time: more than all reviewers of a role have hands.
pub(super) const MOST_PRESSES: usize = 32;

/// One bot: whom it serves, and what it has of the host.
pub(super) struct Desk {
    pub(super) host: Host,
    pub(super) inbox: Inbox,
    pub(super) spec: ChatSpec,
    pub(super) role: String,
    pub(super) trigger: String,
    pub(super) signer: Signer,
    pub(super) health: Health,
    /// Set when the bot is to stop.
    pub(super) stop: watch::Receiver<Option<String>>,
    /// Set when the process is asked to stop: runs that a press has go on stop then.
    pub(super) ending: watch::Receiver<Option<String>>,
    pub(super) strangers: Mutex<BTreeSet<String>>,
    pub(super) presses: Arc<Semaphore>,
}

impl Desk {
    /// The service's word, as identities begin.
    pub(super) fn word(&self) -> &'static str {
        self.spec.service.word()
    }

    /// The identity of one of the service's users.
    pub(super) fn identity(&self, user: &str) -> String {
        format!("{}:{user}", self.word())
    }

    pub(super) fn may_talk(&self, user: &str) -> bool {
        self.spec.people.iter().any(|listed| listed == user)
    }

    pub(super) fn may_press(&self, user: &str) -> bool {
        self.spec.reviewers.iter().any(|listed| listed == user)
    }

    /// Whether this is the first time that a stranger is met. Each is told once that the bot is not for them.
    pub(super) fn meets(&self, stranger: &str) -> bool {
        let mut met = self.strangers.lock().unwrap_or_else(PoisonError::into_inner);
        met.len() < MOST_STRANGERS && met.insert(stranger.to_owned())
    }

    /// Settles a press beside everything else: nobody's message waits for it. One too many is dropped, and
    /// whoever pressed does so again.
    pub(super) fn begin_press(&self, settling: impl Future<Output = ()> + Send + 'static) {
        let Ok(permit) = Arc::clone(&self.presses).try_acquire_owned() else {
            let (role, trigger) = (&self.role, &self.trigger);
            tracing::warn!(role, trigger, "too many buttons are pressed at a time");
            return;
        };
        tokio::spawn(async move {
            settling.await;
            drop(permit);
        });
    }

    /// Waits, unless the bot is to stop: then `false`, at once.
    pub(super) async fn wait(&self, time: Duration) -> bool {
        let mut stop = self.stop.clone();
        tokio::select! {
            () = tokio::time::sleep(time) => true,
            () = stopped(&mut stop) => false,
        }
    }
}

/// Returns when the bot is to stop.
pub(super) async fn stopped(stop: &mut watch::Receiver<Option<String>>) {
    // Where nobody can ask any more, the process ends as well.
    let _ = stop.wait_for(Option::is_some).await;
}
