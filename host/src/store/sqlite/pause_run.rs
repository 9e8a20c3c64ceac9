//! Ends a claim with the run waiting for people.

use super::fault::Fault;
use super::outbox;
use super::run_row::{self, RunRow};
use super::writer::Write;
use crate::domain::budget::Spent;
use crate::domain::clock::Timestamp;
use crate::domain::event::EventKind;
use crate::domain::run::RunState;
use crate::store::{Claim, Conflict};
use serde_json::json;

pub(super) fn pause_run(
    write: &mut Write<'_>,
    claim: &Claim,
    spent: Spent,
    at: Timestamp,
) -> Result<(), Fault> {
    let run = run_row::held(write, claim)?;
    run_row::spend(write, &run, spent)?;
    pause(write, &run, Some(spent), at)
}

/// Pauses a run that something waits in. Where the last decision came while the owner was still busy,
/// nobody else has been given the run: pausing it now would leave it lying for good.
pub(super) fn pause(
    write: &mut Write<'_>,
    run: &RunRow,
    spent: Option<Spent>,
    at: Timestamp,
) -> Result<(), Fault> {
    let waiting = run_row::waiting(write.conn, run.n)?;
    if waiting == 0 {
        return Err(Conflict::NothingWaits { run: run.id.clone() }.into());
    }
    run_row::change(write, run, RunState::Paused, None, run.fence, None, at)?;
    let body = run_row::with_spent(json!({"waiting": waiting}), spent);
    write.record(at, &run.id, None, EventKind::RunPaused, &body)?;
    outbox::put_paused(write, run, at)
}
