//! Taking one call through the gate again, where it has to, and doing it: *started* is written down
//! before, the result after.

use super::{Ended, Running, given_up};
use crate::domain::clock::Timestamp;
use crate::domain::ids::CallId;
use crate::domain::policy::PolicyRecord;
use crate::domain::rule::ApprovalRule;
use crate::domain::tool_call::CallState;
use crate::fail_point;
use crate::gate::{Admitted, Prior, ProgramStarted, Proposed, Verdict};
use crate::runner::report::{Progress, Reporter};
use crate::store::{CallOutcome, CallRecord, Program, Readmission, StoreError};
use std::pin::pin;
use std::time::Instant;
use tokio::sync::mpsc;

/// How often a result is written down while another process keeps the database locked. The store waits
/// five seconds each time, and half a minute outlasts a backup that holds the lock.
const FINISH_ATTEMPTS: usize = 6;

impl Running<'_, '_> {
    pub(super) async fn invoke(
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
        let Some((admitted, said)) = self.admit_again(&call, reporter).await? else {
            return Ok(None);
        };
        let now = self.driver.clock.now();
        fail_point::reach("runner.invoke.admitted");
        let attempt = self.driver.store.record_call_started(&self.claim, id, said, now).await?;
        fail_point::reach("runner.invoke.started");
        reporter.report(Progress::CallStarted {
            call: id,
            tool: &call.model_tool,
            arguments: &call.arguments,
            preview: call.preview.as_ref(),
        });
        let began = Instant::now();
        let watching = self.watch.call(id, &call.model_tool, self.kind(&call.entry));
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
            let mut giving_up = pin!(given_up(&mut stop, driver.drain));
            loop {
                tokio::select! {
                    biased;
                    reason = &mut giving_up => break Err(reason),
                    Some(program) = programs.recv() => self.let_run(id, attempt, program).await?,
                    outcome = &mut invoking => break Ok(outcome),
                }
            }
        };
        let outcome = match outcome {
            Ok(outcome) => outcome,
            // Whether it had happened by then cannot be known.
            Err(reason) => {
                watching.given_up();
                return self.interrupt(reason, true).await.map(Some);
            }
        };
        watching.ended(outcome.succeeded);
        fail_point::reach("runner.invoke.invoked");
        reporter.report(Progress::CallEnded {
            call: id,
            tool: &call.model_tool,
            succeeded: outcome.succeeded,
            took: began.elapsed(),
        });
        let state = if outcome.succeeded { CallState::Succeeded } else { CallState::Failed };
        let result = Some(outcome.result.clone());
        let finished = CallRecord { state, attempts: attempt, result, ..call };
        // Where nothing else of the turn is open, the model is told with the same commit.
        let told = self.results_with(&finished);
        let written = CallOutcome {
            succeeded: outcome.succeeded,
            result: outcome.result,
            told: told.clone(),
        };
        let now = self.driver.clock.now();
        self.finish(id, &written, now).await?;
        fail_point::reach("runner.invoke.finished");
        let text = &*written.result;
        reporter.report(Progress::CallSettled { call: id, state, text });
        if let Some(call) = self.run.calls.iter_mut().find(|call| call.id == *id) {
            *call = finished;
        }
        self.told(told, reporter);
        Ok(None)
    }

    /// Writes a result down. It is worth waiting for: without it a person has to find out what happened.
    async fn finish(
        &self,
        id: &CallId,
        outcome: &CallOutcome,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let write = || self.driver.store.record_call_finished(&self.claim, id, outcome.clone(), at);
        for _ in 1..FINISH_ATTEMPTS {
            match write().await {
                Err(StoreError::Locked { .. }) => {}
                written => return written,
            }
        }
        write().await
    }

    /// Lets a program run, once it is written down which process it will be.
    async fn let_run(
        &self,
        call: &CallId,
        attempt: u32,
        started: ProgramStarted,
    ) -> Result<(), StoreError> {
        let ProgramStarted { pid, start_time, isolation, go } = started;
        // On a system that tells neither of the two, nobody could find the program again.
        if let Some(uptime) = self.driver.clock.uptime()
            && start_time > 0
        {
            let program = Program { pid, start_time, boot: uptime.boot, isolation };
            let now = self.driver.clock.now();
            let store = self.driver.store;
            store.record_program_started(&self.claim, call, attempt, program, now).await?;
        }
        // Its supervisor may be gone; then so is the program.
        let _ = go.send(());
        Ok(())
    }

    /// The call's admission from this drive, or a fresh one with what policies said of it just now: the
    /// gate is asked again for every call that was decided by a person or that another process had
    /// admitted.
    async fn admit_again(
        &mut self,
        call: &CallRecord,
        reporter: &mut dyn Reporter,
    ) -> Result<Option<(Admitted, Vec<PolicyRecord>)>, StoreError> {
        if let Some(admitted) = self.admitted.remove(&call.id) {
            return Ok(Some((admitted, Vec::new())));
        }
        let prior = match (call.state, &call.binding) {
            (CallState::Approved, Some(binding)) => Some(Prior {
                binding: binding.clone(),
                preview: call.preview.clone(),
                rule: call.rule.clone().unwrap_or_else(ApprovalRule::required),
            }),
            _ => None,
        };
        let (place, spent) = ((call.turn, call.position), self.spent());
        let now = self.driver.clock.now();
        let proposed = Proposed {
            run: call.run.clone(),
            id: call.id.clone(),
            tool: call.model_tool.clone(),
            arguments: call.arguments.clone(),
            circumstances: self.run.circumstances(&call.model_tool, place, spent.wall_ms, now),
        };
        let answer = self.driver.gate.admit(self.driver.tools, &proposed, prior.as_ref()).await;
        let readmission = match answer.verdict {
            Verdict::Admitted(admitted) => return Ok(Some((admitted, answer.said))),
            Verdict::Waiting(waiting) => Readmission::Waiting {
                preview: waiting.preview,
                binding: waiting.binding,
                rule: waiting.rule,
                changed: waiting.changed,
            },
            Verdict::Refused(refusal) => {
                reporter
                    .report(Progress::CallRefused { tool: &call.model_tool, why: &refusal.result });
                self.watch.refused(&call.id, self.kind(&call.entry), refusal.by);
                Readmission::Refused { by: refusal.by, result: refusal.result }
            }
        };
        let now = self.driver.clock.now();
        fail_point::reach("runner.readmit.before");
        self.driver
            .store
            .readmit_call(&self.claim, &call.id, readmission, answer.said, now)
            .await?;
        fail_point::reach("runner.readmit.after");
        self.reload().await?;
        if let Some(call) = self.run.calls.iter().find(|one| one.id == call.id)
            && let (CallState::Refused(_), Some(text)) = (call.state, &call.result)
        {
            reporter.report(Progress::CallSettled { call: &call.id, state: call.state, text });
        }
        Ok(None)
    }
}
