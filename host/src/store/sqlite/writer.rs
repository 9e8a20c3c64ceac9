//! Writing, one transaction at a time.
//!
//! Making a commit durable costs far more than the rows in it, so the verbs that wait at the same
//! moment share one: nobody is answered before that transaction is on the disk. Each but the first runs
//! in its own savepoint, and undoes only that where it fails. The first has nothing before it to keep:
//! where it fails the transaction is rolled back, and those who wait share the next one. A verb that is
//! alone, as most are, thus pays for no savepoint.

use super::fault::Fault;
use super::heads::Heads;
use super::journal::{Head, Journal};
use super::key::Key;
use super::owners::Owners;
use super::{reader, seat};
use crate::domain::clock::{Clock, Timestamp, Uptime};
use crate::domain::event::EventKind;
use crate::domain::ids::{CallId, RunId};
use crate::fail_point;
use crate::store::StoreError;
use rusqlite::{Connection, Params};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
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

/// Where a verb stands in its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Nothing was written before it: whoever runs it rolls the transaction back where it fails.
    First,
    /// Others that succeeded are before it.
    Later,
}

/// A verb on its way to the writer.
pub(super) trait Job: Send {
    /// Its name.
    fn name(&self) -> &'static str;
    /// Runs it, as the first of a transaction or in a savepoint.
    fn run(self: Box<Self>, write: &mut Write<'_>, order: Order, path: &Path) -> Box<dyn Done>;
    /// Answers it without running it.
    fn refuse(self: Box<Self>, error: StoreError);
}

/// A verb that ran, and whoever waits for it.
pub(super) trait Done {
    /// The verb's name.
    fn name(&self) -> &'static str;
    /// Why it failed, if it did.
    fn error(&self) -> Option<&StoreError>;
    /// Answers, knowing what became of the transaction.
    fn answer(self: Box<Self>, committed: &Result<(), StoreError>);
}

/// A verb and whoever waits for it.
pub(super) struct Verb<T, F> {
    /// As the method of the store is called.
    pub(super) name: &'static str,
    pub(super) verb: F,
    pub(super) answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for Verb<T, F>
where
    T: Send + 'static,
    F: FnOnce(&mut Write<'_>) -> Result<T, Fault> + Send,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn run(self: Box<Self>, write: &mut Write<'_>, order: Order, path: &Path) -> Box<dyn Done> {
        let Verb { name, verb, answer } = *self;
        let result = match order {
            Order::First => first(write, verb),
            Order::Later => in_savepoint(write, verb),
        };
        let result = result.map_err(|fault| fault.at(path));
        fail_point::reach_verb(name, "after_verb");
        Box::new(Ran { name, result, answer })
    }

    fn refuse(self: Box<Self>, error: StoreError) {
        // Whoever asked may have stopped waiting.
        drop(self.answer.send(Err(error)));
    }
}

struct Ran<T> {
    name: &'static str,
    result: Result<T, StoreError>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<T> Done for Ran<T> {
    fn name(&self) -> &'static str {
        self.name
    }

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

fn first<T>(
    write: &mut Write<'_>,
    verb: impl FnOnce(&mut Write<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let head = write.journal.head;
    let result = verb(write);
    if result.is_err() {
        write.journal.head = head;
    }
    result
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

/// What whoever writes works with.
pub(super) struct Desk {
    pub(super) conn: Connection,
    pub(super) path: PathBuf,
    pub(super) key: Key,
    pub(super) owners: Owners,
    pub(super) clock: Arc<dyn Clock>,
    /// `None` for a database in memory.
    pub(super) heads: Option<Heads>,
    /// How long a transaction waits for another process's.
    pub(super) patience: Duration,
    /// A transaction that was begun for the next verb.
    pub(super) begun: Option<Head>,
}

impl seat::Desk for Desk {
    type Job = Box<dyn Job>;

    fn ready(&mut self, job: &Self::Job) -> bool {
        fail_point::reach_verb(job.name(), "before_begin");
        if self.conn.busy_timeout(Duration::ZERO).is_ok() {
            self.begun = self.begin().ok();
        }
        // Where this fails, so does whatever comes next, and says why.
        drop(self.conn.busy_timeout(self.patience));
        self.begun.is_some()
    }

    /// Runs `first` and whatever arrives meanwhile, commits, and answers.
    fn work(&mut self, first: Box<dyn Job>, others: &mut dyn FnMut() -> Option<Box<dyn Job>>) {
        let begun = self.begun.take().map_or_else(
            || {
                fail_point::reach_verb(first.name(), "before_begin");
                self.begin()
            },
            Ok,
        );
        let start = match begun {
            Ok(start) => start,
            Err(error) => {
                // Whoever waits now has waited for the same lock. Collected before anybody is answered:
                // somebody who tries again has not waited yet.
                let waiting: Vec<_> = std::iter::from_fn(others).take(LARGEST_BATCH).collect();
                for job in std::iter::once(first).chain(waiting) {
                    job.refuse(error.clone());
                }
                return;
            }
        };
        let journal = Journal::after(start, &self.key);
        let mut write =
            Write { conn: &self.conn, owners: &self.owners, clock: &*self.clock, journal };
        let mut done = Vec::new();
        let mut next = Some(first);
        let mut order = Order::First;
        while let Some(job) = next.take() {
            let one = job.run(&mut write, order, &self.path);
            let refused = order == Order::First && one.error().is_some();
            done.push(one);
            if refused || self.conn.is_autocommit() || done.len() == LARGEST_BATCH {
                break;
            }
            order = Order::Later;
            next = others();
        }
        let end = write.journal.head;
        pass(&done, "before_commit");
        let committed = self.commit(&done);
        pass(&done, "after_commit");
        if committed.is_ok()
            && end != start
            && let Some(heads) = &mut self.heads
        {
            heads.append(&end);
        }
        pass(&done, "after_heads");
        for one in done {
            one.answer(&committed);
        }
    }
}

impl Desk {
    /// Runs a verb that only reads, in a transaction of its own.
    pub(super) fn read<T>(
        &self,
        verb: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        reader::read(&self.conn, &self.path, verb)
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

    fn commit(&self, done: &[Box<dyn Done>]) -> Result<(), StoreError> {
        if self.conn.is_autocommit() {
            // The database ended the transaction by itself, under the verb that ran last.
            let last_error = done.last().and_then(|last| last.error());
            return Err(last_error.cloned().unwrap_or_else(|| StoreError::Failed {
                path: self.path.clone(),
                reason: "the transaction was ended by the database".into(),
            }));
        }
        if let [only] = done
            && only.error().is_some()
        {
            // It failed by itself, on what was committed before it: its answer can be relied on.
            self.roll_back();
            return Ok(());
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

/// Comes past a moment that the verbs of a transaction share.
fn pass(done: &[Box<dyn Done>], moment: &'static str) {
    for one in done {
        fail_point::reach_verb(one.name(), moment);
    }
}
