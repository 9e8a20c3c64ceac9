//! Whose turn it is: so many calls of one plugin at a time, and so many calls in all.
//!
//! A call waits in line, first for its plugin's turn and then for a slot, and gives both back when it
//! ends. Lines are first come, first served. Since everybody takes the two in the same order and no call
//! waits for another one while it holds them, nobody waits for ever; and since a plugin has fewer turns
//! than there are slots, one whose calls hang leaves room for the others. What a call waits is part of
//! its time, so that a run's budget holds whatever is going on beside it.

use super::limits::CallLimits;
use crate::domain::digest::Digest;
use crate::domain::limit::Limit;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// The lines of a runtime.
pub(super) struct Turns {
    /// One permit for each slot of the pool: a call waits for a slot rather than fail.
    slots: Semaphore,
    /// By plugin and by how many turns it has. Entries may give one plugin different numbers of turns;
    /// the line with the host's own number is everybody's.
    plugins: Mutex<HashMap<(Digest, u32), Arc<Semaphore>>>,
}

/// A turn. Dropping it gives it back.
pub(super) struct Turn<'t> {
    _own: OwnedSemaphorePermit,
    _all: Option<OwnedSemaphorePermit>,
    _slot: SemaphorePermit<'t>,
}

impl Turns {
    /// Lines for so many slots.
    pub(super) fn new(slots: u32) -> Self {
        Self { slots: Semaphore::new(slots as usize), plugins: Mutex::default() }
    }

    /// Waits for a turn.
    pub(super) async fn take(
        &self,
        plugin: Digest,
        limits: &CallLimits,
    ) -> Result<Turn<'_>, AcquireError> {
        let most = limits.ceilings.of(Limit::MaxConcurrentCalls);
        let own = limits.concurrent_calls.min(most);
        let _own = self.line(plugin, own).acquire_owned().await?;
        let _all = match own < most {
            true => Some(self.line(plugin, most).acquire_owned().await?),
            false => None,
        };
        let _slot = self.slots.acquire().await?;
        Ok(Turn { _own, _all, _slot })
    }

    fn line(&self, plugin: Digest, turns: u32) -> Arc<Semaphore> {
        let mut plugins = self.plugins.lock().unwrap_or_else(PoisonError::into_inner);
        let line = plugins.entry((plugin, turns));
        Arc::clone(line.or_insert_with(|| Arc::new(Semaphore::new(turns as usize))))
    }
}
