//! Performing the steps of one run, under one claim, until it pauses or ends.

use super::report::{Progress, Reporter};
use super::step::{Step, next};
use crate::domain::budget::Spent;
use crate::domain::clock::Clock;
use crate::domain::ids::CallId;
use crate::domain::message::{Message, ModelCall};
use crate::domain::role::Role;
use crate::domain::rule::ApprovalRule;
use crate::domain::run::RunState;
use crate::domain::tool_call::{CallState, MOST_ATTEMPTS};
use crate::gate::{
    Admitted, Answer, Gate, Prior, ProgramStarted, Proposed, Toolset, Verdict, Waiting,
    denial_text, edit_text,
};
use crate::llm::{Delta, Model, Request, ToolSpec};
use crate::store::{
    Admission, AfterTurn, CallOutcome, CallRecord, Claim, Conflict, NewCall, Program, Readmission,
    RunEnd, Store, StoreError, StoredRun, TurnRecord,
};
use std::collections::HashMap;
use std::pin::pin;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// How long a run that was stopped waits for the programs of the call that it gave up. Their supervisor
/// kills them at once; longer than this it takes only where the machine is stuck, and then that is said.
const FAREWELL: Duration = Duration::from_secs(1);

/// How often it looks meanwhile: killing a program takes a few milliseconds.
const GLANCE: Duration = Duration::from_millis(5);

/// Everything one run is driven with.
pub struct Driver<'a> {
    /// Where it is written down.
    pub store: &'a dyn Store,
    /// The way to its tools.
    pub gate: &'a Gate,
    /// Its tools.
    pub tools: &'a Toolset,
    /// Its role.
    pub role: &'a Role,
    /// Its model.
    pub model: &'a dyn Model,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Randomness for ids.
    pub random: &'a (dyn Fn() -> [u8; 16] + Sync),
    /// Set to a sentence when the process is asked to stop.
    pub stop: watch::Receiver<Option<String>>,
}

/// How a drive ended, as written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The run waits for people.
    Paused,
    /// The model answered.
    Completed {
        /// Its text.
        answer: String,
    },
    /// The run cannot go on.
    Failed {
        /// Why.
        error: String,
    },
    /// The model or the process went away; the run can be resumed.
    Interrupted {
        /// Why.
        reason: String,
        /// Whether this process was asked to stop.
        stopped: bool,
    },
}

/// What a drive leaves.
pub struct Driven {
    /// How it ended.
    pub ended: Ended,
    /// The run as it now stands.
    pub run: StoredRun,
}

/// The run as this process knows it, kept equal to the store by making each change there first.
struct Running<'d, 'a> {
    driver: &'d Driver<'a>,
    claim: Claim,
    run: StoredRun,
    /// Calls admitted in this drive and not yet invoked. A call not in here goes through the gate again.
    admitted: HashMap<CallId, Admitted>,
    /// Running time before this drive.
    wall_before: u64,
    started: Instant,
    specs: Vec<ToolSpec>,
}

impl Driver<'_> {
    /// Drives a claimed run until it pauses or ends.
    ///
    /// # Errors
    /// [`StoreError`] where something could not be written down; nothing was done beyond what is.
    pub async fn drive(
        &self,
        claim: Claim,
        run: StoredRun,
        reporter: &mut dyn Reporter,
    ) -> Result<Driven, StoreError> {
        let specs =
            self.tools.entries().iter().flat_map(|entry| &entry.tools).map(|tool| ToolSpec {
                name: tool.model_name.clone(),
                description: tool.description.clone(),
                parameters: tool.parameters.source().clone(),
            });
        let mut running = Running {
            driver: self,
            claim,
            wall_before: run.run.spent.wall_ms,
            run,
            admitted: HashMap::new(),
            started: Instant::now(),
            specs: specs.collect(),
        };
        let ended = running.until_it_ends(reporter).await?;
        Ok(Driven { ended, run: running.run })
    }
}

impl Running<'_, '_> {
    async fn until_it_ends(&mut self, reporter: &mut dyn Reporter) -> Result<Ended, StoreError> {
        loop {
            // Taken out first: the lock on it must not be held while the run is written down.
            let stopped = self.driver.stop.borrow().clone();
            if let Some(reason) = stopped {
                return self.interrupt(reason, true).await;
            }
            let ended = match next(&self.run.messages, &self.run.calls) {
                Step::AskModel => self.ask_model(reporter).await?,
                Step::Invoke(call) => self.invoke(&call, reporter).await?,
                Step::Tell(calls) => self.tell(&calls).await?,
                Step::Pause => self.retry_or_pause().await?,
                Step::Finish(answer) => Some(self.complete(answer).await?),
            };
            if let Some(ended) = ended {
                return Ok(ended);
            }
        }
    }

    fn spent(&self) -> Spent {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Spent { wall_ms: self.wall_before.saturating_add(now), ..self.run.run.spent }
    }

    /// What is left of the run's time.
    fn time_left(&self) -> Duration {
        let all = u64::from(self.run.run.budgets.max_wall_time) * 1000;
        Duration::from_millis(all.saturating_sub(self.spent().wall_ms))
    }

    async fn ask_model(
        &mut self,
        reporter: &mut dyn Reporter,
    ) -> Result<Option<Ended>, StoreError> {
        let budgets = self.run.run.budgets;
        let spent = self.spent();
        if let Some(error) = budgets.refuses_request(&spent) {
            return self.fail(error).await.map(Some);
        }
        let left = self.time_left();
        reporter.report(Progress::Asking);
        let request = Request {
            prompt: &self.driver.role.prompt,
            messages: &self.run.messages,
            tools: &self.specs,
        };
        let mut sink = |delta: Delta<'_>| match delta {
            Delta::Text(text) => reporter.report(Progress::Text(text)),
            Delta::CallStarted { .. } => {}
            Delta::Retrying { after, why } => reporter.report(Progress::Retrying { after, why }),
        };
        let mut stop = self.driver.stop.clone();
        let answer = tokio::select! {
            biased;
            reason = stopped(&mut stop) => Err(reason),
            answer = tokio::time::timeout(
                left,
                self.driver.model.respond(request, &mut sink),
            ) => Ok(answer),
        };
        let reply = match answer {
            Err(reason) => return self.interrupt(reason, true).await.map(Some),
            Ok(Err(_)) => {
                let error = budgets.refuses_time(&Spent {
                    wall_ms: u64::from(budgets.max_wall_time) * 1000,
                    ..Spent::default()
                });
                return self.fail(error.unwrap_or_default()).await.map(Some);
            }
            Ok(Ok(Err(error))) if error.is_temporary() => {
                return self.interrupt(error.to_string(), false).await.map(Some);
            }
            Ok(Ok(Err(error))) => return self.fail(error.to_string()).await.map(Some),
            Ok(Ok(Ok(reply))) => reply,
        };
        reporter.report(Progress::Answered);

        let mut spent = self.spent();
        spent.requests += 1;
        if let Some(error) = budgets.refuses_calls(&spent, reply.calls.len()) {
            return self.fail(error).await.map(Some);
        }
        spent.tool_calls += u32::try_from(reply.calls.len()).unwrap_or(u32::MAX);

        // The whole turn is gated before anything is written or run.
        let mut model_calls = Vec::with_capacity(reply.calls.len());
        let mut calls = Vec::with_capacity(reply.calls.len());
        for call in reply.calls {
            let id = CallId::from_random((self.driver.random)());
            let proposed = Proposed {
                run: self.claim.run.clone(),
                id: id.clone(),
                tool: call.tool.clone(),
                arguments: call.arguments.clone(),
            };
            let answer = self.driver.gate.admit(self.driver.tools, &proposed, None).await;
            model_calls.push(ModelCall {
                id: id.clone(),
                provider_id: call.provider_id.clone(),
                tool: call.tool.clone(),
                arguments: call.arguments,
            });
            if let Verdict::Refused(refusal) = &answer.verdict {
                reporter.report(Progress::CallRefused { tool: &call.tool, why: &refusal.result });
            }
            calls.push(self.written(id, call.tool, call.provider_id, answer));
        }
        let waits = calls.iter().any(|call| matches!(call.admission, Admission::Waiting { .. }));
        let ready = calls.iter().any(|call| matches!(call.admission, Admission::Ready));
        let then = match (calls.is_empty(), waits && !ready) {
            (true, _) => AfterTurn::Complete { answer: reply.text.clone() },
            (_, true) => AfterTurn::Pause,
            _ => AfterTurn::Continue,
        };
        let answered = match &then {
            AfterTurn::Complete { answer } => Some(answer.clone()),
            AfterTurn::Pause | AfterTurn::Continue => None,
        };
        let turn = TurnRecord {
            assistant: Message::Assistant { text: reply.text, calls: model_calls, raw: reply.raw },
            calls,
            usage: reply.usage,
            spent,
            then,
            at: self.driver.clock.now(),
        };
        let first_new = self.run.calls.len();
        self.record(turn).await?;
        for call in &self.run.calls[first_new..] {
            if let (Some(from), Some(resolver)) = (&call.remembered_from, &call.resolver) {
                let (tool, by) = (&*call.model_tool, resolver.resolved_by());
                reporter.report(Progress::CallRemembered { tool, by, from });
            }
        }
        match answered {
            Some(answer) => Ok(Some(Ended::Completed { answer })),
            // The store tells what came out: where every call that waits was approved before, it goes on.
            None if self.run.run.state == RunState::Paused => Ok(Some(Ended::Paused)),
            None => Ok(None),
        }
    }

    /// Writes a turn down, and changes the run as it is known here in the same way: reading it back whole
    /// would cost more than writing it.
    async fn record(&mut self, turn: TurnRecord) -> Result<(), StoreError> {
        let calls = self.driver.store.record_turn(&self.claim, turn.clone()).await?;
        let waits = calls.iter().any(|call| call.state == CallState::Waiting);
        self.run.calls.extend(calls);
        self.run.messages.push(turn.assistant);
        let run = &mut self.run.run;
        run.spent = turn.spent;
        run.usage.input_tokens += turn.usage.input_tokens;
        run.usage.output_tokens += turn.usage.output_tokens;
        run.updated_at = turn.at;
        let (state, outcome) = match turn.then {
            AfterTurn::Continue => return Ok(()),
            // Every call that would wait was approved before.
            AfterTurn::Pause if !waits => return Ok(()),
            AfterTurn::Pause => (RunState::Paused, None),
            AfterTurn::Complete { answer } => (RunState::Completed, Some(answer)),
        };
        (run.state, run.owner, run.outcome) = (state, None, outcome);
        Ok(())
    }

    fn written(
        &mut self,
        id: CallId,
        model_tool: String,
        provider_id: Option<String>,
        answer: Answer,
    ) -> NewCall {
        let admission = match answer.verdict {
            Verdict::Admitted(admitted) => {
                self.admitted.insert(id.clone(), admitted);
                Admission::Ready
            }
            Verdict::Waiting(waiting) => {
                let Waiting { preview, binding, rule, changed: _ } = waiting;
                Admission::Waiting { preview, binding, rule }
            }
            Verdict::Refused(refusal) => {
                Admission::Refused { by: refusal.by, result: refusal.result }
            }
        };
        NewCall {
            id,
            entry: answer.entry,
            tool: answer.tool,
            model_tool,
            provider_id,
            arguments: answer.arguments,
            admission,
        }
    }

    async fn invoke(
        &mut self,
        id: &CallId,
        reporter: &mut dyn Reporter,
    ) -> Result<Option<Ended>, StoreError> {
        if let Some(error) = self.run.run.budgets.refuses_time(&self.spent()) {
            return self.fail(error).await.map(Some);
        }
        let Some(call) = self.run.calls.iter().find(|call| call.id == *id).cloned() else {
            return Err(StoreError::UnknownCall {
                run: self.claim.run.clone(),
                call: id.to_string(),
            });
        };
        let Some(admitted) = self.admit_again(&call, reporter).await? else { return Ok(None) };
        let now = self.driver.clock.now();
        let attempt = self.driver.store.record_call_started(&self.claim, id, now).await?;
        reporter.report(Progress::CallStarted {
            call: id,
            tool: &call.model_tool,
            arguments: &call.arguments,
            preview: call.preview.as_ref(),
        });
        let began = Instant::now();
        // Stopped in time, a call still has a result; the budget ends the run at the next step.
        let left = self.time_left();
        let mut stop = self.driver.stop.clone();
        let (announce, mut programs) = mpsc::channel(1);
        let announce = Some(announce);
        let driver = self.driver;
        // Dropped at the end of this block, which ends the call where it was given up.
        let outcome = {
            let mut invoking =
                pin!(driver.gate.invoke(driver.tools, admitted, attempt, left, announce));
            loop {
                tokio::select! {
                    biased;
                    reason = stopped(&mut stop) => break Err(reason),
                    Some(program) = programs.recv() => self.let_run(id, attempt, program).await?,
                    outcome = &mut invoking => break Ok(outcome),
                }
            }
        };
        let outcome = match outcome {
            Ok(outcome) => outcome,
            // Whether it had happened by then cannot be known.
            Err(reason) => return self.interrupt(reason, true).await.map(Some),
        };
        reporter.report(Progress::CallEnded {
            call: id,
            tool: &call.model_tool,
            succeeded: outcome.succeeded,
            took: began.elapsed(),
        });
        let written = CallOutcome { succeeded: outcome.succeeded, result: outcome.result.clone() };
        let now = self.driver.clock.now();
        self.driver.store.record_call_finished(&self.claim, id, written, now).await?;
        if let Some(call) = self.run.calls.iter_mut().find(|call| call.id == *id) {
            call.state = if outcome.succeeded { CallState::Succeeded } else { CallState::Failed };
            call.attempts = attempt;
            call.result = Some(outcome.result);
        }
        Ok(None)
    }

    /// Lets a program run, once it is written down which process it will be.
    async fn let_run(
        &self,
        call: &CallId,
        attempt: u32,
        started: ProgramStarted,
    ) -> Result<(), StoreError> {
        let ProgramStarted { pid, start_time, go } = started;
        // On a system that tells neither of the two, nobody could find the program again.
        if let Some(uptime) = self.driver.clock.uptime()
            && start_time > 0
        {
            let program = Program { pid, start_time, boot: uptime.boot };
            let now = self.driver.clock.now();
            let store = self.driver.store;
            store.record_program_started(&self.claim, call, attempt, program, now).await?;
        }
        // Its supervisor may be gone; then so is the program.
        let _ = go.send(());
        Ok(())
    }

    /// The call's admission from this drive, or a fresh one: the gate is asked again for every call that
    /// was decided by a person or that another process had admitted.
    async fn admit_again(
        &mut self,
        call: &CallRecord,
        reporter: &mut dyn Reporter,
    ) -> Result<Option<Admitted>, StoreError> {
        if let Some(admitted) = self.admitted.remove(&call.id) {
            return Ok(Some(admitted));
        }
        let prior = match (call.state, &call.binding) {
            (CallState::Approved, Some(binding)) => Some(Prior {
                binding: binding.clone(),
                preview: call.preview.clone(),
                rule: call.rule.clone().unwrap_or_else(ApprovalRule::required),
            }),
            _ => None,
        };
        let proposed = Proposed {
            run: call.run.clone(),
            id: call.id.clone(),
            tool: call.model_tool.clone(),
            arguments: call.arguments.clone(),
        };
        let answer = self.driver.gate.admit(self.driver.tools, &proposed, prior.as_ref()).await;
        let readmission = match answer.verdict {
            Verdict::Admitted(admitted) => return Ok(Some(admitted)),
            Verdict::Waiting(waiting) => Readmission::Waiting {
                preview: waiting.preview,
                binding: waiting.binding,
                rule: waiting.rule,
                changed: waiting.changed,
            },
            Verdict::Refused(refusal) => {
                reporter
                    .report(Progress::CallRefused { tool: &call.model_tool, why: &refusal.result });
                Readmission::Refused { by: refusal.by, result: refusal.result }
            }
        };
        let now = self.driver.clock.now();
        self.driver.store.readmit_call(&self.claim, &call.id, readmission, now).await?;
        self.reload().await?;
        Ok(None)
    }

    async fn tell(&mut self, calls: &[CallId]) -> Result<Option<Ended>, StoreError> {
        let results: Vec<Message> = self
            .run
            .calls
            .iter()
            .filter(|call| calls.contains(&call.id))
            .map(|call| Message::ToolResult {
                call: call.id.clone(),
                provider_id: call.provider_id.clone(),
                tool: call.model_tool.clone(),
                content: result_text(call),
                is_error: call.state != CallState::Succeeded,
            })
            .collect();
        let now = self.driver.clock.now();
        self.driver.store.tell_results(&self.claim, results.clone(), now).await?;
        self.run.messages.extend(results);
        for call in self.run.calls.iter_mut().filter(|call| calls.contains(&call.id)) {
            call.told = true;
        }
        Ok(None)
    }

    /// Pauses, unless all that stands in the way is calls of unknown outcome that the role has tried
    /// again.
    async fn retry_or_pause(&mut self) -> Result<Option<Ended>, StoreError> {
        let Some(calls) = retriable(self.driver.tools, &self.run) else {
            return self.pause().await;
        };
        for call in calls {
            let now = self.driver.clock.now();
            self.driver.store.retry_unknown(&self.claim, &call, now).await?;
        }
        self.reload().await?;
        Ok(None)
    }

    async fn pause(&mut self) -> Result<Option<Ended>, StoreError> {
        let now = self.driver.clock.now();
        let paused = self.driver.store.pause_run(&self.claim, self.spent(), now).await;
        self.reload().await?;
        match paused {
            Ok(()) => Ok(Some(Ended::Paused)),
            // The last decision came while this process was busy: it goes on.
            Err(StoreError::Conflict(Conflict::NothingWaits { .. })) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn complete(&mut self, answer: String) -> Result<Ended, StoreError> {
        self.end(RunEnd::Completed { answer: answer.clone() }).await?;
        Ok(Ended::Completed { answer })
    }

    async fn fail(&mut self, error: String) -> Result<Ended, StoreError> {
        self.end(RunEnd::Failed { error: error.clone() }).await?;
        Ok(Ended::Failed { error })
    }

    async fn end(&mut self, end: RunEnd) -> Result<(), StoreError> {
        let now = self.driver.clock.now();
        self.driver.store.end_run(&self.claim, end, self.spent(), now).await?;
        self.reload().await
    }

    async fn interrupt(&mut self, reason: String, stopped: bool) -> Result<Ended, StoreError> {
        let now = self.driver.clock.now();
        let spent = self.spent();
        self.driver.store.interrupt_run(&self.claim, reason.clone(), spent, now).await?;
        self.reload().await?;
        // So that nobody is asked about a call whose program is just being killed.
        let patience = Instant::now() + FAREWELL;
        while self.run.calls.iter().any(|call| call.running.is_some()) && Instant::now() < patience
        {
            tokio::time::sleep(GLANCE).await;
            self.reload().await?;
        }
        Ok(Ended::Interrupted { reason, stopped })
    }

    async fn reload(&mut self) -> Result<(), StoreError> {
        self.run = self.driver.store.load_run(&self.claim.run).await?;
        Ok(())
    }
}

/// The calls of unknown outcome that the host tries again by itself, where nothing else of the run needs
/// a person; `None`: something does, or no call is unknown.
pub fn retriable(tools: &Toolset, run: &StoredRun) -> Option<Vec<CallId>> {
    let open = run.calls.iter().filter(|call| !call.told);
    let undecided: Vec<&CallRecord> =
        open.filter(|call| matches!(call.state, CallState::Waiting | CallState::Unknown)).collect();
    let may = |call: &&CallRecord| {
        call.state == CallState::Unknown
            && call.attempts < MOST_ATTEMPTS
            && call.running.is_none()
            && tools.retries_unknown(&call.model_tool)
    };
    if undecided.is_empty() || !undecided.iter().all(may) {
        return None;
    }
    Some(undecided.into_iter().map(|call| call.id.clone()).collect())
}

/// The text that the model reads for a call that has its result.
fn result_text(call: &CallRecord) -> String {
    if let Some(result) = &call.result {
        return match &call.proposed {
            Some(proposed) if *proposed != call.arguments => {
                edit_text(proposed, &call.arguments, result)
            }
            _ => result.clone(),
        };
    }
    match call.state {
        CallState::Denied => call.decision.as_ref().and_then(denial_text).unwrap_or_default(),
        CallState::Expired => "Nobody decided about this call in time; it was not executed.".into(),
        _ => "Whether this call was executed is not known.".into(),
    }
}

/// Waits until the process is asked to stop; for ever, if nobody can ask.
async fn stopped(stop: &mut watch::Receiver<Option<String>>) -> String {
    loop {
        // Cloned out at once: the lock on it must not be held while waiting.
        let reason = stop.borrow_and_update().clone();
        if let Some(reason) = reason {
            return reason;
        }
        if stop.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
