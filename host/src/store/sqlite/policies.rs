//! What policies said of a call: events of the journal, and nothing else.

use super::call_row;
use super::fault::Fault;
use super::run_row::{self, RunRow};
use super::writer::Write;
use crate::domain::clock::Timestamp;
use crate::domain::event::EventKind;
use crate::domain::ids::{CallId, RunId};
use crate::domain::policy::PolicyRecord;

/// Writes down what each policy said, in the order they were asked.
pub(super) fn record(
    write: &mut Write<'_>,
    run: &RunRow,
    call: &CallId,
    said: &[PolicyRecord],
    at: Timestamp,
) -> Result<(), Fault> {
    for record in said {
        write.record(at, &run.id, Some(call), EventKind::PolicyDecided, &record.to_body())?;
    }
    Ok(())
}

/// The same where nothing else comes of it: a person was refused.
pub(super) fn record_alone(
    write: &mut Write<'_>,
    run: &RunId,
    call: &CallId,
    said: &[PolicyRecord],
    at: Timestamp,
) -> Result<(), Fault> {
    let run = run_row::find(write.conn, run)?;
    let call = call_row::find(write.conn, &run, call)?;
    record(write, &run, &call.id, said, at)
}
