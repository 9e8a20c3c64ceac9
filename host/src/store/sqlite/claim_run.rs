//! Gives a run that nobody drives to a process.

use super::fault::Fault;
use super::writer::Write;
use super::{adopt_orphans, conversations, run_row};
use crate::domain::clock::Timestamp;
use crate::domain::decision::Resolver;
use crate::domain::ids::{OwnerId, RunId};
use crate::domain::run::RunState;
use crate::store::{Claim, Conflict};

pub(super) fn claim_run(
    write: &mut Write<'_>,
    run: &RunId,
    owner: &OwnerId,
    by: &Resolver,
    at: Timestamp,
) -> Result<Claim, Fault> {
    let run = run_row::find(write.conn, run)?;
    match adopt_orphans::adopt_if_orphaned(write, run, at)? {
        (run, Some(pid)) => Err(Conflict::OwnedElsewhere { run: run.id, pid }.into()),
        (run, None) if run.state == RunState::Queued => {
            conversations::refuse_out_of_turn(write.conn, &run)?;
            run_row::begin(write, &run, owner, at)
        }
        (run, None) => run_row::claim(write, &run, owner, by, at),
    }
}
