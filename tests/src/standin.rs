//! What the stand-ins of chat services share: a runtime of their own, and the log of what they were asked.

use crate::home::until;
use serde_json::Value;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::{Builder, Runtime};

/// One request that a stand-in received.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What was asked for: a method, or a path.
    pub what: String,
    /// The body.
    pub body: Value,
}

/// Everything that was asked, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<Vec<Asked>>>);

impl Log {
    /// Notes a request.
    pub fn note(&self, what: &str, body: Value) {
        lock(&self.0).push(Asked { what: what.to_owned(), body });
    }

    /// All requests for one thing.
    pub fn of(&self, what: &str) -> Vec<Value> {
        let asked = lock(&self.0);
        asked.iter().filter(|it| it.what == what).map(|it| it.body.clone()).collect()
    }

    /// How many there are of one thing.
    pub fn count(&self, what: &str) -> usize {
        self.of(what).len()
    }

    /// Waits for a request that `fits`, and gives what that makes of it.
    ///
    /// # Panics
    /// None comes in a minute.
    #[track_caller]
    pub fn wait<T>(&self, what: &str, mut fits: impl FnMut(&Value) -> Option<T>) -> T {
        let mut found = None;
        until(&format!("{what} is asked for"), || {
            found = self.of(what).iter().find_map(&mut fits);
            found.is_some()
        });
        found.expect("what was waited for")
    }
}

/// A runtime with a thread of its own: whoever tests is not one of its tasks.
///
/// # Panics
/// Where no thread can be started.
pub fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

/// Starts a task there.
pub fn start(runtime: &Runtime, task: impl Future<Output = ()> + Send + 'static) {
    runtime.spawn(task);
}

/// A lock, whoever died with it.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
