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
mod stored_once;
mod sweep;
mod tell_results;
mod unfinished;
mod votes;
mod writer;

pub use open::OpenOptions;

use super::owner::Owner;
use super::{
    CallOutcome, Claim, Conversation, ConversationRecord, Decided, DecisionRequest, EventFilter,
    Idempotency, JournalCheck, JournalHead, NewRun, OutboxMessage, Page, PendingCall,
    PendingFilter, PendingPage, Program, PruneRequest, Pruned, Readmission, ResolvedApproval,
    RunEnd, RunFilter, RunPage, RunStart, RunSummary, Store, StoreError, StoreFuture, StoredRun,
    Swept, Texts, TurnRecord,
};
use crate::domain::budget::Spent;
use crate::domain::clock::{Clock, Moment, NoClock, Timestamp};
use crate::domain::decision::Resolver;
use crate::domain::digest::Digest;
use crate::domain::event::Event;
use crate::domain::ids::{CallId, OwnerId, RunId};
use crate::domain::policy::PolicyRecord;
use changes::Changes;
use fault::Fault;
use key::KeyPlace;
use owners::Owners;
use rusqlite::Connection;
use seat::{Callers, Desk, Gone, Seat};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{oneshot, watch};
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

impl Store for SqliteStore {
    fn register_owner(&self, id: OwnerId) -> Result<Owner, StoreError> {
        self.may_write()?;
        self.owners.register(id).map_err(|error| fault::of_file(&error, &self.path()))
    }

    fn create_run(&self, run: NewRun) -> StoreFuture<'_, Claim> {
        let id = run.id.clone();
        self.write_hidden("create_run", &id, run, |write, run| create_run::create_run(write, &run))
    }

    fn record_turn(
        &self,
        claim: &Claim,
        turn: TurnRecord,
    ) -> StoreFuture<'_, Vec<super::CallRecord>> {
        let claim = claim.clone();
        let key = self.key.clone();
        self.write_hidden("record_turn", &claim.run.clone(), turn, move |write, turn| {
            let calls = record_turn::record_turn(write, &claim, &turn)?;
            // Whoever drives the run goes on with them.
            sealed::reveal(write.conn, &key, &claim.run, calls)
        })
    }

    fn record_call_started(
        &self,
        claim: &Claim,
        call: &CallId,
        said: Vec<PolicyRecord>,
        at: Timestamp,
    ) -> StoreFuture<'_, u32> {
        let (claim, call) = (claim.clone(), call.clone());
        self.write("record_call_started", move |write| {
            record_call_started::record_call_started(write, &claim, &call, &said, at)
        })
    }

    fn record_policies(
        &self,
        run: &RunId,
        call: &CallId,
        said: Vec<PolicyRecord>,
        at: Timestamp,
    ) -> StoreFuture<'_, ()> {
        let (run, call) = (run.clone(), call.clone());
        self.write("record_policies", move |write| {
            policies::record_alone(write, &run, &call, &said, at)
        })
    }

    fn record_program_started(
        &self,
        claim: &Claim,
        call: &CallId,
        attempt: u32,
        program: Program,
        at: Timestamp,
    ) -> StoreFuture<'_, ()> {
        let (claim, call) = (claim.clone(), call.clone());
        self.write("record_program_started", move |write| {
            record_program_started::record_program_started(
                write, &claim, &call, attempt, &program, at,
            )
        })
    }

    fn retry_unknown(&self, claim: &Claim, call: &CallId, at: Timestamp) -> StoreFuture<'_, ()> {
        let (claim, call) = (claim.clone(), call.clone());
        self.write("retry_unknown", move |write| {
            retry_unknown::retry_unknown(write, &claim, &call, at)
        })
    }

    fn record_call_finished(
        &self,
        claim: &Claim,
        call: &CallId,
        outcome: CallOutcome,
        at: Timestamp,
    ) -> StoreFuture<'_, ()> {
        let (claim, call) = (claim.clone(), call.clone());
        self.write_hidden(
            "record_call_finished",
            &claim.run.clone(),
            outcome,
            move |write, outcome| {
                record_call_finished::record_call_finished(write, &claim, &call, &outcome, at)
            },
        )
    }

    fn readmit_call(
        &self,
        claim: &Claim,
        call: &CallId,
        readmission: Readmission,
        said: Vec<PolicyRecord>,
        at: Timestamp,
    ) -> StoreFuture<'_, ()> {
        let (claim, call) = (claim.clone(), call.clone());
        self.write_hidden(
            "readmit_call",
            &claim.run.clone(),
            readmission,
            move |write, readmission| {
                readmit_call::readmit_call(write, &claim, &call, &readmission, &said, at)
            },
        )
    }

    fn tell_results(
        &self,
        claim: &Claim,
        results: Vec<crate::domain::message::Message>,
        at: Timestamp,
    ) -> StoreFuture<'_, ()> {
        let claim = claim.clone();
        self.write_hidden("tell_results", &claim.run.clone(), results, move |write, results| {
            tell_results::tell_results(write, &claim, &results, at)
        })
    }

    fn pause_run(&self, claim: &Claim, spent: Spent, at: Timestamp) -> StoreFuture<'_, ()> {
        let claim = claim.clone();
        self.write("pause_run", move |write| pause_run::pause_run(write, &claim, spent, at))
    }

    fn interrupt_run(
        &self,
        claim: &Claim,
        reason: String,
        spent: Spent,
        at: Timestamp,
    ) -> StoreFuture<'_, ()> {
        let claim = claim.clone();
        self.write_hidden("interrupt_run", &claim.run.clone(), reason, move |write, reason| {
            interrupt_run::interrupt_run(write, &claim, &reason, spent, at)
        })
    }

    fn end_run(
        &self,
        claim: &Claim,
        end: RunEnd,
        spent: Spent,
        at: Timestamp,
    ) -> StoreFuture<'_, ()> {
        let claim = claim.clone();
        self.write_hidden("end_run", &claim.run.clone(), end, move |write, end| {
            end_run::end_run(write, &claim, &end, spent, at)
        })
    }

    fn decide(&self, request: DecisionRequest) -> StoreFuture<'_, Decided> {
        let (run, key) = (request.run.clone(), self.key.clone());
        let decided = self.write_hidden("decide", &run, request, move |write, request| {
            // Before anything else: whatever came of it the first time, it is not done again.
            idempotency::refuse_repeated(write, request.idempotency.as_ref())?;
            let calls = request.decisions.iter().map(|said| &said.call);
            if let Some(late) = sweep::overdue(write, &request.run, calls, request.at)? {
                // Not an error yet: that a call expired stays written down.
                return Ok(Err(late));
            }
            let mut decided = decide::decide(write, &request)?;
            if decided.claim.is_some() {
                // Here its pages are at hand. A run whose values cannot be opened is not claimed.
                let now = write.uptime();
                let run = load_run::load_to_go_on(write.conn, &request.run, now.as_ref())?;
                decided.run = Some(Box::new(sealed::reveal_run(write.conn, &key, run)?));
            }
            Ok(Ok(decided))
        });
        Box::pin(async move { Ok(decided.await??) })
    }

    fn claim_run(
        &self,
        run: &RunId,
        owner: &OwnerId,
        by: &Resolver,
        at: Timestamp,
    ) -> StoreFuture<'_, Claim> {
        let (run, owner, by) = (run.clone(), owner.clone(), by.clone());
        self.write("claim_run", move |write| claim_run::claim_run(write, &run, &owner, &by, at))
    }

    fn cancel_run(&self, run: &RunId, resolver: Resolver, at: Timestamp) -> StoreFuture<'_, ()> {
        let id = run.clone();
        self.write_hidden("cancel_run", run, resolver, move |write, resolver| {
            cancel_run::cancel_run(write, &id, &resolver, at)
        })
    }

    fn adopt_orphans(&self, at: Timestamp) -> StoreFuture<'_, Vec<RunId>> {
        let (owners, sweeps) = (self.owners.clone(), self.may_write().is_ok());
        let dead = self.read(move |conn| {
            let dead = adopt_orphans::dead_owners(conn, &owners)?;
            if sweeps {
                owners.sweep();
            }
            Ok(dead)
        });
        Box::pin(async move {
            if dead.await?.is_empty() {
                return Ok(Vec::new());
            }
            self.write("adopt_orphans", move |write| adopt_orphans::adopt_orphans(write, at)).await
        })
    }

    fn sweep(&self, at: Timestamp) -> StoreFuture<'_, Swept> {
        let now = Moment { at, uptime: self.clock.uptime() };
        let moment = now.clone();
        let look = self.read(move |conn| sweep::look(conn, &moment));
        Box::pin(async move {
            let look = look.await?;
            let mut all = Swept { next: look.next, ..Swept::default() };
            let mut due = look.due.chunks(sweep::BATCH).map(<[i64]>::to_vec).collect::<Vec<_>>();
            if due.is_empty() && look.jumped {
                due.push(Vec::new());
            }
            for batch in due {
                let now = now.clone();
                let swept =
                    self.write("sweep", move |write| sweep::settle(write, &batch, &now)).await?;
                all.warned.extend(swept.warned);
                all.expired.extend(swept.expired);
                all.freed.extend(swept.freed);
                all.jumped = all.jumped.or(swept.jumped);
            }
            Ok(all)
        })
    }

    fn due_messages(&self, limit: usize, now: Timestamp) -> StoreFuture<'_, Vec<OutboxMessage>> {
        self.write("due_messages", move |write| outbox::due_messages(write, limit, now))
    }

    fn mark_delivered(&self, message: i64, at: Timestamp) -> StoreFuture<'_, ()> {
        self.write("mark_delivered", move |write| outbox::mark_delivered(write, message, at))
    }

    fn mark_failed(&self, message: i64, error: &str, at: Timestamp) -> StoreFuture<'_, Timestamp> {
        let error = error.to_owned();
        self.write("mark_failed", move |write| outbox::mark_failed(write, message, &error, at))
    }

    fn unfinished(&self, limit: usize) -> StoreFuture<'_, Vec<RunId>> {
        self.read(move |conn| unfinished::unfinished(conn, limit))
    }

    fn load_run(&self, run: &RunId) -> StoreFuture<'_, StoredRun> {
        let (run, clock) = (run.clone(), Arc::clone(&self.clock));
        self.read(move |conn| load_run::load_run(conn, &run, clock.uptime().as_ref()))
    }

    fn load_turn(&self, run: &RunId) -> StoreFuture<'_, StoredRun> {
        let (run, clock) = (run.clone(), Arc::clone(&self.clock));
        self.glance(move |conn| load_run::load_turn(conn, &run, clock.uptime().as_ref()))
    }

    fn load_to_drive(&self, run: &RunId) -> StoreFuture<'_, StoredRun> {
        let (run, key, clock) = (run.clone(), self.key.clone(), Arc::clone(&self.clock));
        self.read(move |conn| {
            let run = load_run::load_run(conn, &run, clock.uptime().as_ref())?;
            sealed::reveal_run(conn, &key, run)
        })
    }

    fn conversation(
        &self,
        role_name: &str,
        conversation: &Conversation,
    ) -> StoreFuture<'_, Option<ConversationRecord>> {
        let (role, conversation) = (role_name.to_owned(), conversation.clone());
        self.read(move |conn| conversations::conversation(conn, &role, &conversation))
    }

    fn find_repeated(&self, sent: &Idempotency) -> StoreFuture<'_, Option<RunId>> {
        let (sent, key) = (sent.clone(), self.key.clone());
        self.read(move |conn| idempotency::find(conn, || key.read(), &sent))
    }

    fn find_runs(&self, prefix: &str) -> StoreFuture<'_, Vec<RunId>> {
        let prefix = prefix.to_owned();
        self.read(move |conn| find_runs::find_runs(conn, &prefix))
    }

    fn pending(&self, limit: usize) -> StoreFuture<'_, (Vec<PendingCall>, usize)> {
        let clock = Arc::clone(&self.clock);
        self.read(move |conn| pending::pending(conn, limit, clock.uptime().as_ref()))
    }

    fn runs(&self, limit: usize) -> StoreFuture<'_, Vec<RunSummary>> {
        self.read(move |conn| runs::runs(conn, limit))
    }

    fn list_pending(&self, filter: PendingFilter, page: Page) -> StoreFuture<'_, PendingPage> {
        let clock = Arc::clone(&self.clock);
        self.read(move |conn| pending::list_pending(conn, &filter, &page, clock.uptime().as_ref()))
    }

    fn list_runs(&self, filter: RunFilter, page: Page) -> StoreFuture<'_, RunPage> {
        self.read(move |conn| runs::list_runs(conn, &filter, &page))
    }

    fn changes(&self) -> Result<watch::Receiver<u64>, StoreError> {
        match &self.place {
            Place::File(options) => self.changes.watch(options),
            // Nobody else writes there.
            Place::Memory => Ok(self.changes.listen()),
        }
    }

    fn runs_of(
        &self,
        role: &str,
        since: Timestamp,
        after: i64,
        limit: usize,
    ) -> StoreFuture<'_, Vec<(i64, RunId)>> {
        let role = role.to_owned();
        self.read(move |conn| runs_of::runs_of(conn, &role, since, after, limit))
    }

    fn events(&self, run: &RunId) -> StoreFuture<'_, Vec<Event>> {
        let run = run.clone();
        self.read(move |conn| events::events(conn, &run))
    }

    fn component(&self, digest: &Digest) -> StoreFuture<'_, Option<Vec<u8>>> {
        let digest = *digest;
        self.read(move |conn| component::component(conn, &digest))
    }

    fn check_journal(&self, kept: Vec<JournalHead>) -> StoreFuture<'_, JournalCheck> {
        let (key, path) = (self.key.clone(), self.path());
        let memory = matches!(self.place, Place::Memory);
        self.read(move |conn| {
            let beside = if memory {
                check_journal::Beside::Nothing
            } else {
                check_journal::Beside::read(&path)?
            };
            check_journal::check_journal(conn, &key, &beside, kept, &path)
        })
    }

    fn events_after(
        &self,
        filter: EventFilter,
        after: i64,
        limit: usize,
    ) -> StoreFuture<'_, Vec<Event>> {
        self.read(move |conn| events::events_after(conn, &filter, after, limit))
    }

    fn last_event(&self) -> StoreFuture<'_, i64> {
        self.read(events::last_event)
    }

    fn starts(&self, limit: usize) -> StoreFuture<'_, Vec<RunStart>> {
        self.read(move |conn| starts::starts(conn, limit))
    }

    fn approvals(&self, limit: usize) -> StoreFuture<'_, Vec<ResolvedApproval>> {
        self.read(move |conn| approvals::approvals(conn, limit))
    }

    fn find_recorded(&self, prefix: &str) -> StoreFuture<'_, Vec<RunId>> {
        let prefix = prefix.to_owned();
        self.read(move |conn| find_runs::find_recorded(conn, &prefix))
    }

    fn prune(&self, request: PruneRequest) -> StoreFuture<'_, Pruned> {
        self.write("prune", move |write| prune_runs::prune_runs(write, &request))
    }

    fn give_back(&self) -> StoreFuture<'_, (u64, u64)> {
        let options = match &self.place {
            Place::File(options) => options.clone(),
            // What is in memory is gone with its rows.
            Place::Memory => return Box::pin(std::future::ready(Ok((0, 0)))),
        };
        let (answer, answered) = oneshot::channel();
        // Neither thread could: it would be inside a transaction, or in front of those who wait.
        let sent = self.may_write().and_then(|()| {
            let work = move || drop(answer.send(give_back::give_back(&options)));
            let started = std::thread::Builder::new().name("store-vacuum".into()).spawn(work);
            started.map(|_thread| ()).map_err(|error| no_thread(self.path(), &error))
        });
        self.answer(sent, answered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
