//! The one thread that writes.
//!
//! Making a commit durable costs far more than the rows in it, so the verbs that wait at the same
//! moment share one: each runs in its own savepoint inside one transaction, and nobody is answered
//! before that transaction is on the disk. A verb that fails undoes only its own savepoint.

use super::fault::Fault;
use super::heads::Heads;
use super::journal::{Head, Journal};
use super::key::Key;
use super::owners::Owners;
use crate::domain::clock::{Clock, Timestamp, Uptime};
use crate::domain::event::EventKind;
use crate::domain::ids::{CallId, RunId};
use crate::store::StoreError;
use rusqlite::{Connection, Params};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use tokio::sync::oneshot;

/// How many verbs share a commit at most. At 256 the sync's share of a verb is already lost among its
/// own statements, and the first of them waits some ten milliseconds for the others.
const LARGEST_BATCH: usize = 256;

/// What a verb that writes works with: one transaction, shared with others, which it does not end.
pub(super) struct Write<'w> {
    /// The connection, inside the transaction.
    pub(super) conn: &'w Connection,
    /// Who drives runs.
    pub(super) owners: &'w Owners,
    clock: &'w dyn Clock,
    journal: Journal<'w>,
}

impl Write<'_> {
    /// How long the machine has been up, where that is known.
    pub(super) fn uptime(&self) -> Option<Uptime> {
        self.clock.uptime()
    }

    /// Runs a statement and gives the number of rows it changed.
    pub(super) fn execute(&self, sql: &str, params: impl Params) -> Result<usize, Fault> {
        Ok(self.conn.prepare_cached(sql)?.execute(params)?)
    }

    /// Runs a statement that must change exactly one row: the transaction has just read it, so
    /// anything else means that the tables do not fit together.
    pub(super) fn change_one(&self, sql: &str, params: impl Params) -> Result<(), Fault> {
        match self.execute(sql, params)? {
            1 => Ok(()),
            other => Err(Fault::Inconsistent(format!(
                "a statement for one row changed {other}: {}",
                sql.split_whitespace().take(4).collect::<Vec<_>>().join(" ")
            ))),
        }
    }

    /// Inserts a row and gives its number.
    pub(super) fn insert(&self, sql: &str, params: impl Params) -> Result<i64, Fault> {
        Ok(self.conn.prepare_cached(sql)?.insert(params)?)
    }

    /// Appends an event to the journal.
    pub(super) fn record(
        &mut self,
        at: Timestamp,
        run: &RunId,
        call: Option<&CallId>,
        kind: EventKind,
        body: &Value,
    ) -> Result<(), Fault> {
        self.journal.append(self.conn, at, Some(run), call, kind, body)
    }

    /// Appends an event that is about the journal itself and no run.
    pub(super) fn record_of_journal(
        &mut self,
        at: Timestamp,
        kind: EventKind,
        body: &Value,
    ) -> Result<(), Fault> {
        self.journal.append(self.conn, at, None, None, kind, body)
    }

    /// The number of the event that was recorded last.
    pub(super) fn last_event(&self) -> i64 {
        self.journal.head.sequence
    }

    /// The journal's key.
    pub(super) fn key(&self) -> &Key {
        self.journal.key()
    }
}

/// A verb on its way to the writer.
pub(super) trait Job: Send {
    /// Runs it in a savepoint.
    fn run(self: Box<Self>, write: &mut Write<'_>, path: &Path) -> Box<dyn Done>;
    /// Answers it without running it.
    fn refuse(self: Box<Self>, error: StoreError);
}

/// A verb that ran, and whoever waits for it.
pub(super) trait Done {
    /// Why it failed, if it did.
    fn error(&self) -> Option<&StoreError>;
    /// Answers, knowing what became of the transaction.
    fn answer(self: Box<Self>, committed: &Result<(), StoreError>);
}

/// A verb and whoever waits for it.
pub(super) struct Verb<T, F> {
    pub(super) verb: F,
    pub(super) answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for Verb<T, F>
where
    T: Send + 'static,
    F: FnOnce(&mut Write<'_>) -> Result<T, Fault> + Send,
{
    fn run(self: Box<Self>, write: &mut Write<'_>, path: &Path) -> Box<dyn Done> {
        let Verb { verb, answer } = *self;
        let result = in_savepoint(write, verb).map_err(|fault| fault.at(path));
        Box::new(Ran { result, answer })
    }

    fn refuse(self: Box<Self>, error: StoreError) {
        // Whoever asked may have stopped waiting.
        drop(self.answer.send(Err(error)));
    }
}

struct Ran<T> {
    result: Result<T, StoreError>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<T> Done for Ran<T> {
    fn error(&self) -> Option<&StoreError> {
        self.result.as_ref().err()
    }

    fn answer(self: Box<Self>, committed: &Result<(), StoreError>) {
        // Where the transaction failed, a refusal is not to be trusted either: it may rest on what
        // another verb of the same transaction wrote.
        let result = match committed {
            Ok(()) => self.result,
            Err(error) => Err(error.clone()),
        };
        // A decision does not depend on anybody still waiting to hear of it.
        drop(self.answer.send(result));
    }
}

fn in_savepoint<T>(
    write: &mut Write<'_>,
    verb: impl FnOnce(&mut Write<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    write.execute("SAVEPOINT verb", [])?;
    let head = write.journal.head;
    let result = verb(write).and_then(|value| {
        write.execute("RELEASE verb", [])?;
        Ok(value)
    });
    // A full disk and the like end the whole transaction; then there is no savepoint to go back to.
    if result.is_err() && !write.conn.is_autocommit() {
        write.execute("ROLLBACK TO verb", [])?;
        write.execute("RELEASE verb", [])?;
        write.journal.head = head;
    }
    result
}

/// What the thread owns.
pub(super) struct Desk {
    pub(super) conn: Connection,
    pub(super) path: PathBuf,
    pub(super) key: Key,
    pub(super) owners: Owners,
    pub(super) clock: Arc<dyn Clock>,
    /// `None` for a database in memory.
    pub(super) heads: Option<Heads>,
}

impl Desk {
    /// Works until the store is dropped and every verb is answered.
    pub(super) fn work(mut self, jobs: &Receiver<Box<dyn Job>>) {
        while let Ok(first) = jobs.recv() {
            self.batch(first, jobs);
        }
    }

    /// Runs `first` and whatever arrives meanwhile, commits, and answers.
    fn batch(&mut self, first: Box<dyn Job>, jobs: &Receiver<Box<dyn Job>>) {
        let start = match self.begin() {
            Ok(start) => start,
            Err(error) => {
                // Whoever waits now has waited for the same lock.
                first.refuse(error.clone());
                jobs.try_iter().take(LARGEST_BATCH).for_each(|job| job.refuse(error.clone()));
                return;
            }
        };
        let journal = Journal::after(start, &self.key);
        let mut write =
            Write { conn: &self.conn, owners: &self.owners, clock: &*self.clock, journal };
        let mut done = Vec::new();
        let mut next = Some(first);
        while let Some(job) = next.take() {
            done.push(job.run(&mut write, &self.path));
            if self.conn.is_autocommit() || done.len() == LARGEST_BATCH {
                break;
            }
            next = jobs.try_recv().ok();
        }
        let end = write.journal.head;
        let committed = self.commit(done.last().and_then(|last| last.error()));
        if committed.is_ok()
            && end != start
            && let Some(heads) = &mut self.heads
        {
            heads.append(&end);
        }
        for one in done {
            one.answer(&committed);
        }
    }

    /// Takes the database's write lock first: a transaction that began by reading could find at its
    /// first write that what it read is old.
    fn begin(&self) -> Result<Head, StoreError> {
        let begun = run(&self.conn, "BEGIN IMMEDIATE");
        begun.and_then(|()| Head::read(&self.conn)).map_err(|fault| {
            self.roll_back();
            fault.at(&self.path)
        })
    }

    fn commit(&self, last_error: Option<&StoreError>) -> Result<(), StoreError> {
        if self.conn.is_autocommit() {
            // The database ended the transaction by itself, under the verb that ran last.
            return Err(last_error.cloned().unwrap_or_else(|| StoreError::Failed {
                path: self.path.clone(),
                reason: "the transaction was ended by the database".into(),
            }));
        }
        run(&self.conn, "COMMIT").map_err(|fault| {
            self.roll_back();
            fault.at(&self.path)
        })
    }

    fn roll_back(&self) {
        if !self.conn.is_autocommit() {
            // Nothing better can be done with a failure here: the next BEGIN says it again.
            drop(self.conn.execute_batch("ROLLBACK"));
        }
    }
}

/// Runs a statement that is kept prepared: the same few are run for every verb.
fn run(conn: &Connection, sql: &str) -> Result<(), Fault> {
    conn.prepare_cached(sql)?.execute([])?;
    Ok(())
}
