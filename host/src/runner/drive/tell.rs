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
        fail_point::reach("runner.tell.before");
        self.driver.store.tell_results(&self.claim, results.clone(), now).await?;
        fail_point::reach("runner.tell.after");
        self.run.messages.extend(results);
        for call in self.run.calls.iter_mut().filter(|call| calls.contains(&call.id)) {
            call.told = true;
            if !was_reported(call) {
                let (call, state, text) = (&call.id, call.state, &*result_text(call));
                reporter.report(Progress::CallSettled { call, state, text });
            }
        }
        Ok(None)
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
