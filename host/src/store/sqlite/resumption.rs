//! Writes down that a run goes on, in a row that explains itself: who had it go on, and the decisions
//! that let it.

use super::fault::Fault;
use super::run_row::RunRow;
use super::writer::Write;
use crate::domain::clock::Timestamp;
use crate::domain::decision::Resolver;
use crate::domain::event::EventKind;
use rusqlite::{Connection, params};
use serde_json::json;

/// What set the run going, where its first start says `cli` or the like.
const TRIGGER: &str = "resume";

/// The decisions since the run was last given to a process and that nothing was made of yet, in the
/// order in which the model made the calls: `call_…:approve`.
pub(super) fn decisions(conn: &Connection, run: &RunRow) -> Result<Vec<String>, Fault> {
    // A call that was approved and has happened since is not waiting for this resumption; nor is one
    // that failed, unless somebody had it reported as unknown.
    // With `IN` and a list, SQLite would make a table of its own for each, which costs more than all else.
    let mut statement = conn.prepare_cached(
        "SELECT calls.id, asked.decision
         FROM calls JOIN pending_approvals AS asked ON asked.n = calls.request
         WHERE calls.run = ?1 AND told = 0 AND asked.decision IS NOT NULL
           AND (calls.state = 'approved' OR calls.state = 'denied' OR calls.state = 'expired'
             OR (calls.state = 'failed' AND asked.state = 'unknown' AND asked.decision = 'deny'))
           AND EXISTS (
             SELECT 1 FROM events WHERE run_id = ?2 AND call_id = calls.id
               AND (kind = 'approval_decided' OR kind = 'approval_expired'
                 OR kind = 'approval_remembered')
               AND sequence > (SELECT max(sequence) FROM events
                 WHERE run_id = ?2 AND (kind = 'run_created' OR kind = 'run_claimed')))
         ORDER BY calls.n",
    )?;
    let mut found = statement.query(params![run.n, run.id.as_str()])?;
    let mut decisions = Vec::new();
    while let Some(row) = found.next()? {
        let (call, decision) = (row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?);
        decisions.push(format!("{call}:{decision}"));
    }
    Ok(decisions)
}

/// Writes the resumption down.
pub(super) fn record(
    write: &mut Write<'_>,
    run: &RunRow,
    decisions: &[String],
    by: &Resolver,
    at: Timestamp,
) -> Result<(), Fault> {
    let prompt = match decisions {
        [] => "(resume)".to_owned(),
        several => format!("(resume: {})", several.join(", ")),
    };
    let body = json!({
        "authenticated_as": by.authenticated_as,
        "by": by.resolved_by(),
        "prompt": prompt,
        "role": run.agent,
        "trigger_type": TRIGGER,
    });
    write.record(at, &run.id, None, EventKind::RunResumed, &body)
}
