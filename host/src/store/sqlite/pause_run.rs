//! Ends a claim with the run waiting for people.

use super::fault::Fault;
use super::run_row::{self, RunRow};
use super::writer::Write;
use super::{call_row, outbox};
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
    run_row::change(write, &run, RunState::Paused, None, run.fence, None, at)?;
    paused(write, &run, Some(spent), at)
}

/// Writes down that a run has paused whose row says so already, and that something waits in it: also a
/// call that was started and has no result, since nobody is there any more to write one down. Where the
/// last decision came while the owner was still busy, nobody else has been given the run: pausing it now
/// would leave it lying for good.
pub(super) fn paused(
    write: &mut Write<'_>,
    run: &RunRow,
    spent: Option<Spent>,
    at: Timestamp,
) -> Result<(), Fault> {
    call_row::lose_track(write, run, at)?;
    let waiting = run_row::waiting(write.conn, run.n)?;
    if waiting == 0 {
        return Err(Conflict::NothingWaits { run: run.id.clone() }.into());
    }
    let body = run_row::with_spent(json!({"waiting": waiting}), spent);
    write.record(at, &run.id, None, EventKind::RunPaused, &body)?;
    outbox::put_paused(write, run, at)
}
