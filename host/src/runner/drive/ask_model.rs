//! Asking the model, taking its whole turn through the gate, and writing that down.

use super::{Ended, Running, stopped};
use crate::domain::budget::Spent;
use crate::domain::clock::Timestamp;
use crate::domain::ids::CallId;
use crate::domain::message::{Message, ModelCall};
use crate::domain::policy::Circumstances;
use crate::domain::run::RunState;
use crate::domain::tool_call::CallState;
use crate::fail_point;
use crate::gate::{Answer, Proposed, Verdict, Waiting};
use crate::llm::{Delta, Request};
use crate::runner::report::{Progress, Reporter};
use crate::store::{Admission, AfterTurn, NewCall, StoreError, TurnRecord};

impl Running<'_, '_> {
    pub(super) async fn ask_model(
        &mut self,
        reporter: &mut dyn Reporter,
    ) -> Result<Option<Ended>, StoreError> {
        let budgets = self.run.run.budgets;
        let spent = self.spent();
        let role = self.driver.role;
        let (used, price) = (&self.run.run.usage, role.model.dearest_price());
        let refusal = budgets.refuses_request(&spent);
        if let Some(error) = refusal.or_else(|| role.allowance.refuses_request(used, price)) {
            return self.fail(error).await.map(Some);
        }
        let left = self.time_left();
        reporter.report(Progress::Asking);
        let request = Request {
            prompt: &self.driver.role.prompt,
            messages: &self.run.messages,
            tools: self.driver.specs,
        };
        let mut sink = |delta: Delta<'_>| match delta {
            Delta::Text(text) => reporter.report(Progress::Text(text)),
            Delta::CallStarted { .. } => {}
            Delta::Retrying { after, why } => reporter.report(Progress::Retrying { after, why }),
        };
        fail_point::reach("runner.ask_model.before");
        let mut stop = self.driver.stop.clone();
        let chat = self.watch.chat();
        let answer = tokio::select! {
            biased;
            reason = stopped(&mut stop) => Err(reason),
            answer = tokio::time::timeout(
                left,
                self.driver.model.respond(request, &mut sink),
            ) => Ok(answer),
        };
        let reply = match answer {
            Err(reason) => {
                chat.failed("stopped");
                return self.interrupt(reason, true).await.map(Some);
            }
            Ok(Err(_)) => {
                chat.failed("out_of_time");
                let error = budgets.refuses_time(&Spent {
                    wall_ms: u64::from(budgets.max_wall_time) * 1000,
                    ..Spent::default()
                });
                return self.fail(error.unwrap_or_default()).await.map(Some);
            }
            Ok(Ok(Err(error))) if error.is_temporary() => {
                chat.failed("unavailable");
                return self.interrupt(error.to_string(), false).await.map(Some);
            }
            Ok(Ok(Err(error))) => {
                chat.failed("failed");
                return self.fail(error.to_string()).await.map(Some);
            }
            Ok(Ok(Ok(reply))) => reply,
        };
        chat.answered(reply.usage, reply.calls.len());
        self.watch.used(reply.usage);
        reporter.report(Progress::Answered);
        fail_point::reach("runner.ask_model.answered");

        let mut spent = self.spent();
        spent.requests += 1;
        if let Some(error) = budgets.refuses_calls(&spent, reply.calls.len()) {
            return self.fail(error).await.map(Some);
        }
        spent.tool_calls += u32::try_from(reply.calls.len()).unwrap_or(u32::MAX);

        // The whole turn is gated before anything is written or run.
        let mut model_calls = Vec::with_capacity(reply.calls.len());
        let mut calls: Vec<NewCall> = Vec::with_capacity(reply.calls.len());
        let now = self.driver.clock.now();
        for call in reply.calls {
            let circumstances = self.circumstances(&call.tool, &spent, &calls, now);
            let id = CallId::from_random((self.driver.random)());
            let proposed = Proposed {
                run: self.claim.run.clone(),
                id: id.clone(),
                tool: call.tool.clone(),
                arguments: call.arguments.clone(),
                circumstances,
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
                self.watch.refused(&id, self.kind(&answer.entry), refusal.by);
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
        fail_point::reach("runner.ask_model.gated");
        self.record(turn).await?;
        fail_point::reach("runner.ask_model.recorded");
        for call in &self.run.calls[first_new..] {
            let (tool, arguments) = (&*call.model_tool, &*call.arguments);
            reporter.report(Progress::CallProposed { call: &call.id, tool, arguments });
            if let (CallState::Refused(_), Some(text)) = (call.state, &call.result) {
                reporter.report(Progress::CallSettled { call: &call.id, state: call.state, text });
            }
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
        let (usage, spent, then, at) = (turn.usage, turn.spent, turn.then.clone(), turn.at);
        let assistant = turn.assistant.clone();
        let calls = self.driver.store.record_turn(&self.claim, turn).await?;
        let waits = calls.iter().any(|call| call.state == CallState::Waiting);
        self.run.calls.extend(calls);
        self.run.messages.push(assistant);
        let run = &mut self.run.run;
        run.spent = spent;
        run.usage.input_tokens += usage.input_tokens;
        run.usage.output_tokens += usage.output_tokens;
        run.updated_at = at;
        let (state, outcome) = match then {
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
            said: answer.said,
        }
    }

    /// Where the next call of the turn stands that `earlier` calls are of.
    fn circumstances(
        &self,
        tool: &str,
        spent: &Spent,
        earlier: &[NewCall],
        at: Timestamp,
    ) -> Circumstances {
        // One request a turn.
        let place = (i64::from(spent.requests), 0);
        let mut here = self.run.circumstances(tool, place, spent.wall_ms, at);
        let let_through = |call: &&NewCall| !matches!(call.admission, Admission::Refused { .. });
        for call in earlier.iter().filter(let_through) {
            here.counts.tool_calls += 1;
            here.counts.calls_of_tool += u32::from(call.model_tool == tool);
        }
        here
    }
}
