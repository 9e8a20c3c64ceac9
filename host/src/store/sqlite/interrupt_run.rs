//! Ends a claim with the run resumable: the process is told to stop, or the model went away.

use super::fault::Fault;
use super::run_row::LetGo;
use super::writer::Write;
use super::{call_row, run_row};
use crate::domain::budget::Spent;
use crate::domain::clock::Timestamp;
use crate::store::Claim;

pub(super) fn interrupt_run(
    write: &mut Write<'_>,
    claim: &Claim,
    reason: &str,
    spent: Spent,
    at: Timestamp,
) -> Result<(), Fault> {
    let run = run_row::held(write, claim)?;
    run_row::spend(write, &run, spent)?;
    call_row::lose_track(write, &run, at)?;
    run_row::let_go(write, &run, LetGo::By(reason, spent), at)?;
    Ok(())
}
