//! The store's verbs, each handed to the file that does it.

use super::writer::Write;
use super::{
    Place, SqliteStore, adopt_orphans, approvals, cancel_run, check_journal, claim_run, component,
    conversations, create_run, decide, end_run, events, fault, find_runs, give_back, idempotency,
    interrupt_run, load_run, no_thread, outbox, pause_run, pending, policies, prune_runs,
    queue_run, readmit_call, record_call_finished, record_call_started, record_program_started,
    record_turn, retry_unknown, runs, runs_of, sealed, starts, sweep, tell_results, trigger_marks,
    unfinished, used_since,
};
use crate::domain::budget::Spent;
use crate::domain::clock::{Moment, Timestamp};
use crate::domain::decision::Resolver;
use crate::domain::digest::Digest;
use crate::domain::event::Event;
use crate::domain::ids::{CallId, OwnerId, RunId};
use crate::domain::policy::PolicyRecord;
use crate::store::owner::Owner;
use crate::store::{
    CallOutcome, CallRecord, Claim, Conversation, ConversationRecord, Decided, DecisionRequest,
    EventFilter, Idempotency, JournalCheck, JournalHead, NewRun, OutboxMessage, Page, PendingCall,
    PendingFilter, PendingPage, Program, PruneRequest, Pruned, QueueTerms, Readmission,
    ResolvedApproval, RunEnd, RunFilter, RunPage, RunStart, RunSummary, Store, StoreError,
    StoreFuture, StoredRun, Swept, TurnRecord, Used,
};
use std::sync::Arc;
use tokio::sync::{oneshot, watch};

impl Store for SqliteStore {
    fn register_owner(&self, id: OwnerId) -> Result<Owner, StoreError> {
        self.may_write()?;
        self.owners.register(id).map_err(|error| fault::of_file(&error, &self.path()))
    }

    fn create_run(&self, run: NewRun, owner: &OwnerId) -> StoreFuture<'_, Claim> {
        let (id, owner) = (run.id.clone(), owner.clone());
        self.write_hidden("create_run", &id, run, move |write, run| {
            create_run::create_run(write, &run, &owner)
        })
    }

    fn queue_run(&self, run: NewRun, terms: QueueTerms) -> StoreFuture<'_, RunId> {
        let id = run.id.clone();
        self.write_hidden("queue_run", &id, run, move |write, run| {
            queue_run::queue_run(write, &run, &terms)?;
            Ok(run.id)
        })
    }

    fn queued_runs(
        &self,
        roles: Vec<String>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<(RunId, String)>> {
        self.read(move |conn| queue_run::queued_runs(conn, &roles, limit))
    }

    fn interrupted_runs(
        &self,
        roles: Vec<String>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<(RunId, String, String)>> {
        self.read(move |conn| unfinished::interrupted_runs(conn, &roles, limit))
    }

    fn used_since(&self, role: &str, since: Timestamp) -> StoreFuture<'_, Used> {
        let role = role.to_owned();
        self.read(move |conn| used_since::used_since(conn, &role, since))
    }

    fn trigger_mark(&self, role: &str, trigger: &str) -> StoreFuture<'_, Option<Timestamp>> {
        let (role, trigger) = (role.to_owned(), trigger.to_owned());
        self.read(move |conn| trigger_marks::find(conn, &role, &trigger))
    }

    fn mark_trigger(&self, role: &str, trigger: &str, at: Timestamp) -> StoreFuture<'_, ()> {
        let (role, trigger) = (role.to_owned(), trigger.to_owned());
        self.write("mark_trigger", move |write| trigger_marks::mark(write, &role, &trigger, at))
    }

    fn record_turn(&self, claim: &Claim, turn: TurnRecord) -> StoreFuture<'_, Vec<CallRecord>> {
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
                all.escalated.extend(swept.escalated);
                all.expired.extend(swept.expired);
                all.freed.extend(swept.freed);
                all.jumped = all.jumped.or(swept.jumped);
            }
            Ok(all)
        })
    }

    fn due_messages(
        &self,
        roles: Vec<String>,
        limit: usize,
        now: Timestamp,
    ) -> StoreFuture<'_, Vec<OutboxMessage>> {
        // Mostly nothing is due, and then nobody has to wait for the right to write.
        let any = self.read(move |conn| outbox::any_due(conn, now));
        Box::pin(async move {
            if !any.await? {
                return Ok(Vec::new());
            }
            let take = move |write: &mut Write<'_>| outbox::due_messages(write, &roles, limit, now);
            self.write("due_messages", take).await
        })
    }

    fn mark_delivered(
        &self,
        message: i64,
        receipt: Option<String>,
        at: Timestamp,
    ) -> StoreFuture<'_, ()> {
        self.write("mark_delivered", move |write| {
            outbox::mark_delivered(write, message, receipt.as_deref(), at)
        })
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
