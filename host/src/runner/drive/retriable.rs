//! Which calls of unknown outcome the host tries again by itself.

use crate::domain::ids::CallId;
use crate::domain::tool_call::{CallState, MOST_ATTEMPTS};
use crate::gate::Toolset;
use crate::store::{CallRecord, StoredRun};

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
