//! Where one verb at a time works with one connection: on the thread of whoever calls it where the
//! place is free and nobody waits, else on a thread that takes those who wait in turn.
//!
//! Handing a verb to another thread and its answer back costs more than most verbs: two threads have to
//! be woken, on processors that have nothing of it at hand. A caller may work here itself where the
//! runtime has other threads and is told that this one may block, so that a disk which hangs holds up
//! the caller and nobody else. Where the process has nothing else to do ([`Callers::Alone`]) it works
//! here in any case, except that it does not wait for other processes: a thread does that, while the
//! caller still hears a person who has had enough. Who is counted as waiting was there first.
//!
//! Where callers meet here again and again, the thread has the desk for a while: it does what many wait
//! for in one transaction, and the runtime need not replace a thread that may block for each of them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

/// How many jobs go to the thread after callers have met here. Where several tasks go on at once they meet
/// within that many, and one task alone is back on its own thread after some runs.
const CROWD: u32 = 32;

/// What a verb works with.
pub(super) trait Desk: Send + 'static {
    /// A verb and whoever waits for it.
    type Job: Send + 'static;

    /// Makes ready to do `job` without waiting for another process; says whether that was possible. What was
    /// made ready is used by the next [`Desk::work`], which follows at once.
    fn ready(&mut self, _job: &Self::Job) -> bool {
        true
    }

    /// Does `first`, and of those that `next` gives as many as it likes; answers each.
    fn work(&mut self, first: Self::Job, next: &mut dyn FnMut() -> Option<Self::Job>);
}

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Callers {
    /// Tasks of a process that serves many.
    Many,
    /// The one task of a process that waits for it anyway.
    Alone,
}

/// A desk, and the thread that works at it where callers do not.
pub(super) struct Seat<D: Desk> {
    place: Place<D>,
    thread: Option<Thread<D::Job>>,
}

/// A desk and how many wait for it.
pub(super) struct Place<D> {
    /// Poisoned by a verb that panicked: nobody knows how far it came, so nothing is done here any more.
    desk: Arc<Mutex<D>>,
    waiting: Arc<AtomicUsize>,
    /// How many more jobs go to the thread. Counted loosely: one more or less is no matter.
    crowd: Arc<AtomicU32>,
    callers: Callers,
}

struct Thread<J> {
    jobs: Sender<Waiting<J>>,
    handle: JoinHandle<()>,
}

/// A job that waits, or that its thread is about to do.
struct Waiting<J> {
    job: J,
    waiting: Arc<AtomicUsize>,
}

impl<J> Waiting<J> {
    /// The job, which nobody needs to let go first any more: its thread has the desk.
    fn begin(self) -> J {
        self.waiting.fetch_sub(1, Ordering::Release);
        self.job
    }
}

/// The thread has stopped, or a verb has.
pub(super) struct Gone;

impl<D> Clone for Place<D> {
    fn clone(&self) -> Self {
        Self {
            desk: Arc::clone(&self.desk),
            waiting: Arc::clone(&self.waiting),
            crowd: Arc::clone(&self.crowd),
            callers: self.callers,
        }
    }
}

impl<D: Desk> Place<D> {
    /// Does a job on this thread, if that may block and nobody else is there; else gives it back.
    pub(super) fn try_work(&self, job: D::Job) -> Option<D::Job> {
        let work = |desk: &mut D, job| desk.work(job, &mut || None);
        match self.callers {
            Callers::Many => self.try_use(job, work).err(),
            Callers::Alone => {
                let work = |desk: &mut D, job| match desk.ready(&job) {
                    true => {
                        work(desk, job);
                        None
                    }
                    false => Some(job),
                };
                self.try_use(job, work).map_or_else(Some, Option::flatten)
            }
        }
    }

    /// Uses the desk on this thread, on the same conditions; else gives back what was to be done.
    /// `None` where it panicked: that was reported, and the desk is not used again.
    pub(super) fn try_use<J, T>(
        &self,
        job: J,
        work: impl FnOnce(&mut D, J) -> T,
    ) -> Result<Option<T>, J> {
        let there = self.callers.there();
        if there == There::Needed {
            return Err(job);
        }
        if self.waiting.load(Ordering::Acquire) > 0 {
            self.crowd.store(CROWD, Ordering::Relaxed);
            return Err(job);
        }
        let crowd = self.crowd.load(Ordering::Relaxed);
        if there == There::Among && crowd > 0 {
            self.crowd.store(crowd - 1, Ordering::Relaxed);
            return Err(job);
        }
        let Ok(desk) = self.desk.try_lock() else {
            self.crowd.store(CROWD, Ordering::Relaxed);
            return Err(job);
        };
        let work = move || {
            let mut desk = desk;
            work(&mut desk, job)
        };
        let work = || catch_unwind(AssertUnwindSafe(work)).ok();
        Ok(if there == There::Among { block_in_place(work) } else { work() })
    }
}

impl<D: Desk> Seat<D> {
    pub(super) fn new(desk: D, callers: Callers) -> Self {
        let desk = Arc::new(Mutex::new(desk));
        Self {
            place: Place { desk, waiting: Arc::default(), crowd: Arc::default(), callers },
            thread: None,
        }
    }

    pub(super) fn place(&self) -> Place<D> {
        self.place.clone()
    }

    /// Has the job done by the thread, which is started where there is none.
    ///
    /// # Errors
    /// [`std::io::Error`] where no thread can be started, [`Gone`] where it has stopped.
    pub(super) fn send(&mut self, name: &str, job: D::Job) -> std::io::Result<Result<(), Gone>> {
        let thread = match self.thread.take() {
            Some(thread) => thread,
            None => {
                let (jobs, queue) = channel();
                let place = self.place();
                let work = move || place.work_off(&queue);
                let handle = std::thread::Builder::new().name(name.into()).spawn(work)?;
                Thread { jobs, handle }
            }
        };
        self.place.waiting.fetch_add(1, Ordering::AcqRel);
        let job = Waiting { job, waiting: Arc::clone(&self.place.waiting) };
        let sent = thread.jobs.send(job).map_err(|_| Gone);
        self.thread = Some(thread);
        Ok(sent)
    }

    /// Waits until every job was done.
    pub(super) fn finish(self) {
        if let Some(Thread { jobs, handle }) = self.thread {
            // Without a sender the thread ends once its queue is empty. A panic in it has been reported
            // to whoever waited for its answer.
            drop(jobs);
            drop(handle.join());
        }
    }
}

impl<D: Desk> Place<D> {
    fn work_off(&self, queue: &Receiver<Waiting<D::Job>>) {
        while let Ok(first) = queue.recv() {
            let Ok(mut desk) = self.desk.lock() else { return };
            desk.work(first.begin(), &mut || queue.try_recv().ok().map(Waiting::begin));
        }
    }
}

/// What a thread that would block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum There {
    /// One of several of a runtime, which is to be told.
    Among,
    /// All that there is, with nothing else to do.
    Alone,
    /// Needed by others.
    Needed,
}

impl Callers {
    fn there(self) -> There {
        let flavor = Handle::try_current().map(|it| it.runtime_flavor());
        match flavor {
            Ok(RuntimeFlavor::MultiThread) => There::Among,
            _ if self == Self::Alone => There::Alone,
            _ => There::Needed,
        }
    }
}
