//! Waiting for other people, where this person's word does not count or is not enough.

use super::session::{Flow, Session};
use crate::cli::exit::Exit;
use crate::cli::signals::Asked;
use crate::domain::clock::Timestamp;
use crate::domain::run::RunState;
use crate::domain::tool_call::CallState;
use crate::ops::{Host, OpError, await_run, sweep_approvals};
use crate::store::StoredRun;
use std::time::Duration;

/// How long at least between two looks at what is overdue: the store's clock may be a moment behind.
const MOMENT: Duration = Duration::from_millis(200);

impl Session<'_> {
    /// Shows what waits for others, and waits until they have said something; the flow where the person
    /// does not wait for that.
    pub(super) async fn wait_for_others(
        &mut self,
        turn: &StoredRun,
    ) -> Result<Option<Flow>, OpError> {
        let waiting = || turn.calls.iter().filter(|call| call.state == CallState::Waiting);
        let unknown = turn.calls.iter().filter(|call| call.state == CallState::Unknown);
        for call in waiting().chain(unknown) {
            self.show_waiting(turn, call);
        }
        self.output.talk("  Waiting for others; Ctrl-C leaves it to them.");
        let story = |turn: &StoredRun| {
            let calls = turn.calls.iter();
            (
                turn.run.state,
                calls.map(|it| (it.state, it.request, it.votes.len())).collect::<Vec<_>>(),
            )
        };
        let before = story(turn);
        let due: Option<Timestamp> = waiting().filter_map(|call| call.expires_at).min();
        self.signals.forget();
        let asked = tokio::select! {
            now = await_run(self.host, &turn.run.id, |now| story(now) != before) => {
                if now?.run.state == RunState::Paused {
                    self.output.data("  Something was said meanwhile.");
                }
                return Ok(None);
            }
            error = expire(self.host, due) => return Err(error),
            asked = self.signals.next() => asked,
        };
        if asked == Asked::Leave {
            return Ok(Some(Flow::Leave(Exit::Sigint)));
        }
        self.tell_left(turn);
        self.output.talk("`/resume` waits again.");
        Ok(Some(Flow::Stay))
    }
}

/// Expires what nobody decides by then, as often as it takes: there may be no other process that does. It
/// ends with what went wrong, and never where nothing is due.
pub(super) async fn expire(host: &Host, due: Option<Timestamp>) -> OpError {
    let Some(at) = due else { return std::future::pending().await };
    loop {
        let left = u64::try_from(at.0.saturating_sub(host.now().0)).unwrap_or(0);
        tokio::time::sleep(Duration::from_micros(left).max(MOMENT)).await;
        if let Err(error) = sweep_approvals(host).await {
            return error;
        }
    }
}
