//! Runs blocking work on a thread of its own, and waits for it no longer than its deadline.

use super::super::bindings::initrunner::host::sql::Error;
use super::watch::{Stop, Watch};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, oneshot};

/// How many databases are worked on at a time, in the whole process. It bounds the memory and the
/// threads that hostile statements can hold together, also those that nobody waits for any more.
const AT_A_TIME: usize = 8;

/// How long the thread may take after the deadline to tell by itself why it stopped.
const GRACE: Duration = Duration::from_millis(200);

/// The stack of a thread: what a main thread has. SQLite's parser and its JSON functions recurse, and
/// their limits were chosen for that.
const STACK: usize = 8 << 20;

static DESKS: Semaphore = Semaphore::const_new(AT_A_TIME);

/// Says that nobody waits any more when it is dropped: the call may be dropped at any moment.
struct Waiting(Arc<Watch>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// Does `work` and gives what it gave. `work` is told by its [`Watch`] when to stop.
///
/// A thread and not the runtime's pool of blocking ones: a process that ends waits for those, and a
/// statement may be stuck where SQLite looks at no watch, such as a file system that does not answer.
///
/// # Errors
/// Those of `work`; the time was up; too many others are at work.
pub(in super::super) async fn run<T: Send + 'static>(
    deadline: Instant,
    work: impl FnOnce(&Arc<Watch>) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let began = Instant::now();
    let by = tokio::time::Instant::from_std(deadline);
    let Ok(Ok(desk)) = tokio::time::timeout_at(by, DESKS.acquire()).await else {
        return Err(Error::Busy(format!(
            "{AT_A_TIME} other statements ran for all of the time that this one had; try again"
        )));
    };
    let watch = Arc::new(Watch::new(began, deadline));
    let waiting = Waiting(Arc::clone(&watch));
    let (send, mut receive) = oneshot::channel();
    let its_watch = Arc::clone(&watch);
    let thread = move || {
        let result = work(&its_watch);
        drop(desk);
        // An error means that nobody waits any more.
        let _ = send.send(result);
    };
    std::thread::Builder::new()
        .name("sql".to_owned())
        .stack_size(STACK)
        .spawn(thread)
        .map_err(|error| Error::Failed(format!("no thread could be started for it: {error}")))?;
    let lost = |_| Err(Error::Failed("the work on the database ended without an answer".into()));
    let result = match tokio::time::timeout_at(by + GRACE, &mut receive).await {
        Ok(answer) => answer.unwrap_or_else(lost),
        Err(_) if watch.abandon() => Err(watch.sentence(Stop::Time)),
        // It is being made lasting: only its end says whether it did.
        Err(_) => receive.await.unwrap_or_else(lost),
    };
    drop(waiting);
    result
}
