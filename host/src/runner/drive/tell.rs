//! Telling the model what became of its calls.

use super::{Ended, Running};
use crate::domain::ids::CallId;
use crate::domain::message::Message;
use crate::domain::tool_call::{CallState, UNKNOWN_RESULT};
use crate::fail_point;
use crate::gate::{denial_text, edit_text};
use crate::runner::report::{Progress, Reporter};
use crate::store::{CallRecord, StoreError};

impl Running<'_, '_> {
    pub(super) async fn tell(
        &mut self,
        calls: &[CallId],
        reporter: &mut dyn Reporter,
    ) -> Result<Option<Ended>, StoreError> {
        let told = self.run.calls.iter().filter(|call| calls.contains(&call.id));
        let results: Vec<Message> = told.map(result_of).collect();
        let now = self.driver.clock.now();
        fail_point::reach("runner.tell.before");
        self.driver.store.tell_results(&self.claim, results.clone(), now).await?;
        fail_point::reach("runner.tell.after");
        self.told(results, reporter);
        Ok(None)
    }

    /// What the model is told once `finished` has its result: the results of all calls that are open, where
    /// it was the last of them without one; else nothing yet.
    pub(super) fn results_with(&self, finished: &CallRecord) -> Vec<Message> {
        let open = self.run.calls.iter().filter(|call| !call.told);
        let mut open = open.map(|call| if call.id == finished.id { finished } else { call });
        match open.clone().all(|call| call.state.is_final()) {
            true => open.by_ref().map(result_of).collect(),
            false => Vec::new(),
        }
    }

    /// Notes that the history holds these results now.
    pub(super) fn told(&mut self, results: Vec<Message>, reporter: &mut dyn Reporter) {
        for call in &mut self.run.calls {
            let of_it = |said: &Message| match said {
                Message::ToolResult { call: id, .. } => *id == call.id,
                Message::User { .. } | Message::Assistant { .. } => false,
            };
            if !results.iter().any(of_it) {
                continue;
            }
            call.told = true;
            if !was_reported(call) {
                let (call, state, text) = (&call.id, call.state, &*result_text(call));
                reporter.report(Progress::CallSettled { call, state, text });
            }
        }
        self.run.messages.extend(results);
    }
}

fn result_of(call: &CallRecord) -> Message {
    Message::ToolResult {
        call: call.id.clone(),
        provider_id: call.provider_id.clone(),
        tool: call.model_tool.clone(),
        content: result_text(call),
        is_error: call.state != CallState::Succeeded,
    }
}

/// Whether what became of a call was reported when it did: nothing was invoked where people said no or
/// nothing, nor where they had the model told that the outcome is unknown.
fn was_reported(call: &CallRecord) -> bool {
    call.result.as_deref().is_some_and(|result| result != UNKNOWN_RESULT)
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
