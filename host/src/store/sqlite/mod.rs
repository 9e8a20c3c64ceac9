//! The store in one SQLite file, or in memory. One file per verb; this one opens the store and hands
//! each verb to the place where it is done.
//!
//! A store has at most two such places, to write and to read, each with a connection of its own, which
//! the first verb opens that needs it: most commands only read, and a quick start is part of the product.

mod adopt_orphans;
mod approvals;
mod bindings;
mod boots;
mod call_row;
mod cancel_run;
mod chain;
mod changes;
mod check_journal;
mod checkpoints;
mod claim_run;
mod component;
mod components;
mod conversations;
mod create_run;
mod decide;
mod edit_call;
mod end_run;
mod escalate;
mod events;
mod fault;
mod find_runs;
mod findings;
mod give_back;
mod heads;
mod idempotency;
mod interrupt_run;
mod journal;
mod key;
mod load_run;
mod message;
mod open;
mod outbox;
mod owners;
mod pause_run;
mod pending;
mod policies;
mod programs;
mod prune_runs;
mod queue_run;
mod reader;
mod readmit_call;
mod record_call_finished;
mod record_call_started;
mod record_program_started;
mod record_turn;
mod remember;
mod replay;
mod request;
mod resumption;
mod retry_unknown;
mod rows;
mod rules;
mod run_row;
mod runs;
mod runs_of;
mod schema;
mod sealed;
mod seat;
mod starts;
mod store;
mod stored_once;
mod sweep;
mod tell_results;
mod trigger_marks;
mod unfinished;
mod used_since;
mod votes;
mod writer;

pub use open::OpenOptions;

use super::{StoreError, StoreFuture, Texts};
use crate::domain::clock::{Clock, NoClock};
use crate::domain::ids::RunId;
use changes::Changes;
use fault::Fault;
use key::KeyPlace;
use owners::Owners;
use rusqlite::Connection;
use seat::{Callers, Desk, Gone, Seat};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use writer::{Job, Verb, Write};

/// What errors call the database of a store in memory.
const IN_MEMORY: &str = ":memory:";

/// Runs written down in SQLite. Dropping it waits for the verbs under way.
pub struct SqliteStore {
    place: Place,
    owners: Owners,
    key: KeyPlace,
    clock: Arc<dyn Clock>,
    threads: Mutex<Threads>,
    changes: Changes,
}

/// Where the database is.
enum Place {
    File(OpenOptions),
    Memory,
}

/// Where verbs are done, as far as any were, and the connection that neither place has taken yet.
#[derive(Default)]
struct Threads {
    spare: Option<Connection>,
    writer: Option<Seat<writer::Desk>>,
    reader: Option<Seat<reader::Desk>>,
}

impl SqliteStore {
    /// Opens the database of `options`, making it where it is missing.
    ///
    /// # Errors
    /// [`StoreError`] where the file cannot be made or read, is not ours, or is newer than we are.
    pub fn open(options: OpenOptions) -> Result<Self, StoreError> {
        let conn = open::first(&options)?;
        // A bare file name has the empty path as its parent: the working directory.
        let folder = options.path.parent().map(Path::to_owned).unwrap_or_default();
        Ok(Self {
            owners: Owners::Beside(folder),
            key: KeyPlace::Folder(options.key_folder.clone()),
            clock: Arc::clone(&options.clock),
            place: Place::File(options),
            threads: Mutex::new(Threads { spare: Some(conn), ..Threads::default() }),
            changes: Changes::default(),
        })
    }

    /// A store that is gone with its last reference: the same code, and nothing on the disk. It makes no
    /// promise across processes.
    ///
    /// # Errors
    /// [`StoreError`] where the operating system gives no memory or no random bytes.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::in_memory_with(Arc::new(NoClock))
    }

    /// The same, and `clock` tells how long the machine has been up.
    ///
    /// # Errors
    /// As [`SqliteStore::in_memory`].
    pub fn in_memory_with(clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let failed = |fault: Fault| fault.at(Path::new(IN_MEMORY));
        let conn = open::in_memory().map_err(failed)?;
        Ok(Self {
            owners: Owners::Here(std::sync::Arc::default()),
            key: KeyPlace::random().map_err(failed)?,
            clock,
            place: Place::Memory,
            threads: Mutex::new(Threads { spare: Some(conn), ..Threads::default() }),
            changes: Changes::default(),
        })
    }

    fn may_write(&self) -> Result<(), StoreError> {
        match &self.place {
            Place::File(OpenOptions { path, read_only: true, .. }) => Err(StoreError::ReadOnly {
                path: path.clone(),
                reason: "it was opened only to be read".into(),
            }),
            Place::File(_) | Place::Memory => Ok(()),
        }
    }

    fn path(&self) -> PathBuf {
        match &self.place {
            Place::File(options) => options.path.clone(),
            Place::Memory => IN_MEMORY.into(),
        }
    }

    fn callers(&self) -> Callers {
        match &self.place {
            Place::File(OpenOptions { alone: true, .. }) => Callers::Alone,
            Place::File(_) | Place::Memory => Callers::Many,
        }
    }

    /// Hands a verb to the writer.
    fn write<T: Send + 'static>(
        &self,
        name: &'static str,
        verb: impl FnOnce(&mut Write<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> StoreFuture<'static, T> {
        let (answer, answered) = oneshot::channel();
        let sent = self.send_to_writer(Box::new(Verb { name, verb, answer }));
        self.answer(sent, answered)
    }

    /// Hands a verb to the writer together with a record, whose secrets are sealed before the verb sees
    /// it: the one place where texts from outside enter the database.
    fn write_hidden<R: Texts + Send + 'static, T: Send + 'static>(
        &self,
        name: &'static str,
        run: &RunId,
        record: R,
        verb: impl FnOnce(&mut Write<'_>, R) -> Result<T, Fault> + Send + 'static,
    ) -> StoreFuture<'static, T> {
        let (key, run) = (self.key.clone(), run.clone());
        self.write(name, move |write| {
            let record = sealed::hide(write, &key, &run, record)?;
            verb(write, record)
        })
    }

    /// Hands a verb to the reader. A database in memory has one connection, and so one thread.
    fn read<T: Send + 'static>(
        &self,
        verb: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> StoreFuture<'static, T> {
        let one_connection = match &self.place {
            Place::Memory => true,
            Place::File(options) => options.one_connection,
        };
        if one_connection {
            return self.write("read", move |write| verb(write.conn));
        }
        let (answer, answered) = oneshot::channel();
        let sent = self.send_to_reader(Box::new(move |desk| {
            // Whoever asked may have stopped waiting.
            drop(answer.send(desk.read(verb)));
        }));
        self.answer(sent, answered)
    }

    /// The same for a verb that reads a few rows, which a decision is about to change: where the writer is
    /// idle it has their pages at hand.
    fn glance<T: Send + 'static>(
        &self,
        verb: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> StoreFuture<'static, T> {
        let writer = self.threads().writer.as_ref().map(Seat::place);
        let done = match writer {
            Some(writer) => writer.try_use(verb, |desk, verb| desk.read(verb)),
            None => Err(verb),
        };
        match done {
            Ok(read) => {
                let read = read.unwrap_or_else(|| Err(thread_gone(self.path())));
                Box::pin(std::future::ready(read))
            }
            Err(verb) => self.read(verb),
        }
    }

    fn answer<T: Send + 'static>(
        &self,
        sent: Result<(), StoreError>,
        answered: oneshot::Receiver<Result<T, StoreError>>,
    ) -> StoreFuture<'static, T> {
        let path = self.path();
        Box::pin(async move {
            sent?;
            answered.await.unwrap_or_else(|_| Err(thread_gone(path)))
        })
    }

    /// Has the verb done: here and now, or by the thread that writes.
    fn send_to_writer(&self, job: Box<dyn Job>) -> Result<(), StoreError> {
        let place = {
            let mut threads = self.threads();
            match &threads.writer {
                Some(seat) => seat.place(),
                None => {
                    let seat = Seat::new(self.writer_desk(&mut threads)?, self.callers());
                    let place = seat.place();
                    threads.writer = Some(seat);
                    place
                }
            }
        };
        match place.try_work(job) {
            Some(job) => self.queue("store-writer", self.threads().writer.as_mut(), job),
            None => Ok(()),
        }
    }

    /// The same, by the thread that reads.
    fn send_to_reader(&self, job: reader::Job) -> Result<(), StoreError> {
        let place = {
            let mut threads = self.threads();
            match &threads.reader {
                Some(seat) => seat.place(),
                None => {
                    let conn = self.connection(&mut threads)?;
                    let seat = Seat::new(reader::Desk { conn, path: self.path() }, self.callers());
                    let place = seat.place();
                    threads.reader = Some(seat);
                    place
                }
            }
        };
        match place.try_work(job) {
            Some(job) => self.queue("store-reader", self.threads().reader.as_mut(), job),
            None => Ok(()),
        }
    }

    fn queue<D: Desk>(
        &self,
        name: &str,
        seat: Option<&mut Seat<D>>,
        job: D::Job,
    ) -> Result<(), StoreError> {
        let Some(seat) = seat else { return Err(thread_gone(self.path())) };
        match seat.send(name, job) {
            Ok(sent) => sent.map_err(|Gone| thread_gone(self.path())),
            Err(error) => Err(no_thread(self.path(), &error)),
        }
    }

    fn writer_desk(&self, threads: &mut Threads) -> Result<writer::Desk, StoreError> {
        self.may_write()?;
        let path = self.path();
        Ok(writer::Desk {
            key: self.key.read().map_err(|fault| fault.at(&path))?,
            conn: self.connection(threads)?,
            owners: self.owners.clone(),
            clock: Arc::clone(&self.clock),
            happened: self.changes.counter(),
            patience: match &self.place {
                Place::File(options) => options.busy_timeout,
                Place::Memory => Duration::ZERO,
            },
            begun: None,
            heads: match &self.place {
                Place::File(options) => Some(heads::Heads::new(&options.path)),
                Place::Memory => None,
            },
            path,
        })
    }

    /// The connection that opening left, or another one.
    fn connection(&self, threads: &mut Threads) -> Result<Connection, StoreError> {
        match (threads.spare.take(), &self.place) {
            (Some(conn), _) => Ok(conn),
            (None, Place::File(options)) => open::again(options),
            (None, Place::Memory) => Err(thread_gone(self.path())),
        }
    }

    fn threads(&self) -> MutexGuard<'_, Threads> {
        // Whoever panicked while starting a thread left none behind.
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.changes.stop();
        let threads = std::mem::take(&mut *self.threads());
        if let Some(reader) = threads.reader {
            reader.finish();
        }
        if let Some(writer) = threads.writer {
            writer.finish();
        }
    }
}

fn no_thread(path: PathBuf, error: &std::io::Error) -> StoreError {
    StoreError::Failed { path, reason: format!("no thread for it: {error}") }
}

fn thread_gone(path: PathBuf) -> StoreError {
    StoreError::Failed { path, reason: "the thread that works on it has stopped".into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::Timestamp;
    use crate::domain::event::EventKind;
    use serde_json::json;
    use std::sync::mpsc::channel;

    fn wait<T>(future: StoreFuture<'_, T>) -> Result<T, StoreError> {
        match tokio::runtime::Builder::new_current_thread().build() {
            Ok(runtime) => runtime.block_on(future),
            Err(error) => panic!("{error}"),
        }
    }

    fn note(store: &SqliteStore, text: String) -> StoreFuture<'static, ()> {
        store.write("note", move |write| {
            write.insert(
                "INSERT INTO roles (digest, name, path, text, files)
                 VALUES (CAST(?1 AS BLOB), '', x'', ?1, '{}')",
                [text],
            )?;
            Ok(())
        })
    }

    #[test]
    fn a_full_disk_fails_everybody_in_the_transaction_and_nobody_after_it() {
        let store = SqliteStore::in_memory();
        let Ok(store) = store else { panic!("no store") };
        let limited = store.write("limit", |write| {
            let pages: i64 = write.conn.pragma_query_value(None, "page_count", |row| row.get(0))?;
            // Fails where the limit is not given back.
            let limit = pages + 8;
            Ok(write.conn.query_row(&format!("PRAGMA max_page_count = {limit}"), [], |row| {
                row.get::<_, i64>(0)
            })?)
        });
        assert!(wait(limited).is_ok());
        // Held back until all three wait.
        let (go, hold) = channel::<()>();
        let held = store.write("hold", move |_| {
            let _go = hold.recv();
            Ok(())
        });
        let small = note(&store, "a".into());
        let large = note(&store, "b".repeat(1 << 20));
        drop(go);
        let full = StoreError::Full { path: IN_MEMORY.into() };
        assert_eq!(wait(held), Err(full.clone()));
        assert_eq!(wait(small), Err(full.clone()));
        assert_eq!(wait(large), Err(full));
        assert_eq!(wait(note(&store, "a".into())), Ok(()));
    }

    fn several_threads() -> tokio::runtime::Runtime {
        match tokio::runtime::Builder::new_multi_thread().worker_threads(2).build() {
            Ok(runtime) => runtime,
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn whoever_may_block_and_is_alone_does_the_verb_itself() {
        let Ok(store) = SqliteStore::in_memory() else { panic!("no store") };
        let here = std::thread::current().id();
        let who = || store.write("who", |_| Ok(std::thread::current().id()));
        let several = several_threads();
        assert_eq!(several.block_on(async { who().await }), Ok(here));
        // Called outside of it, nothing says that this thread may block.
        assert_ne!(wait(who()), Ok(here));
        // Nor does a runtime with no other thread.
        let Ok(single) = tokio::runtime::Builder::new_current_thread().build() else {
            panic!("no runtime")
        };
        assert!(single.block_on(async { who().await }).is_ok_and(|thread| thread != here));
        // Not before those who wait.
        let (go, hold) = channel::<()>();
        let held = store.write("hold", move |_| {
            let _go = hold.recv();
            Ok(())
        });
        let (second, third) = {
            let _inside = several.enter();
            (store.write("second", |_| Ok(())), who())
        };
        drop(go);
        assert_eq!((wait(held), wait(second)), (Ok(()), Ok(())));
        assert!(wait(third).is_ok_and(|thread| thread != here));
    }

    #[test]
    fn a_disk_that_hangs_holds_up_no_other_task() {
        let Ok(store) = SqliteStore::in_memory() else { panic!("no store") };
        let store = Arc::new(store);
        let (go, hold) = channel::<()>();
        let (began, begun) = oneshot::channel();
        several_threads().block_on(async {
            // As many as the runtime has threads: each would have one, if that were not told.
            let hanging = Arc::clone(&store);
            let first = tokio::spawn(async move {
                let verb = hanging.write("hang", move |_| {
                    let _ = began.send(());
                    let _go = hold.recv();
                    Ok(())
                });
                verb.await
            });
            assert_eq!(begun.await, Ok(()));
            let behind = Arc::clone(&store);
            let second = tokio::spawn(async move { note(&behind, "a".into()).await });
            let others = (0..8).map(|number| tokio::spawn(async move { number }));
            for (number, other) in others.collect::<Vec<_>>().into_iter().enumerate() {
                assert_eq!(other.await.ok(), Some(number));
            }
            assert!(!first.is_finished() && !second.is_finished());
            drop(go);
            assert_eq!(first.await.ok(), Some(Ok(())));
            assert_eq!(second.await.ok(), Some(Ok(())));
        });
    }

    #[test]
    fn a_verb_that_panics_here_is_answered_and_is_the_last() {
        let Ok(store) = SqliteStore::in_memory() else { panic!("no store") };
        several_threads().block_on(async {
            let broken: StoreFuture<'_, ()> = store.write("panic", |_| panic!("on purpose"));
            assert!(matches!(broken.await, Err(StoreError::Failed { .. })));
            let after = note(&store, "a".into()).await;
            assert!(matches!(after, Err(StoreError::Failed { .. })));
        });
    }

    #[test]
    fn the_first_verb_that_fails_undoes_itself_and_not_those_after_it() {
        let Ok(store) = SqliteStore::in_memory() else { panic!("no store") };
        let (go, hold) = channel::<()>();
        let fails = |hold: Option<std::sync::mpsc::Receiver<()>>, text: &'static str| {
            store.write("fails", move |write| {
                write.insert("INSERT INTO rules (rule) VALUES (?1)", [text])?;
                write.record_of_journal(Timestamp(1), EventKind::ClockJumped, &json!({}))?;
                let _go = hold.map(|hold| hold.recv());
                Err::<(), _>(Fault::Failed("no".into()))
            })
        };
        let first = fails(Some(hold), "first");
        let kept = note(&store, "kept".into());
        let later = fails(None, "later");
        drop(go);
        assert!(wait(first).is_err() && wait(later).is_err());
        assert_eq!(wait(kept), Ok(()));
        let count = |sql: &'static str| {
            wait(store.read(move |conn| Ok(conn.query_row(sql, [], |row| row.get::<_, i64>(0))?)))
        };
        assert_eq!(count("SELECT count(*) FROM rules"), Ok(0));
        assert_eq!(count("SELECT count(*) FROM events"), Ok(0));
        assert_eq!(count("SELECT count(*) FROM roles"), Ok(1));
        let next = store.write("next", |write| {
            write.record_of_journal(Timestamp(1), EventKind::ClockJumped, &json!({}))?;
            Ok(write.last_event())
        });
        assert_eq!(wait(next), Ok(1));
    }

    #[test]
    fn a_verb_that_panics_is_answered() {
        let Ok(store) = SqliteStore::in_memory() else { panic!("no store") };
        let broken: StoreFuture<'_, ()> = store.write("panic", |_| panic!("on purpose"));
        assert!(matches!(wait(broken), Err(StoreError::Failed { .. })));
        assert!(matches!(wait(note(&store, "a".into())), Err(StoreError::Failed { .. })));
    }
}
