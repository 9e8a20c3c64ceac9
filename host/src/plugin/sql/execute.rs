//! Runs statements in one transaction: all happen, or none.

use super::super::bindings::initrunner::host::sql::{Error, Outcome, Statement};
use super::authorize::Purpose;
use super::bind::bind;
use super::collect::collect;
use super::locate::locate;
use super::session::Session;
use super::watch::Watch;
use super::{Database, Room};
use std::sync::Arc;

/// Statements of one transaction: a batch of rows, not an import.
const STATEMENTS: usize = 1_000;

/// What each of the statements did. Dropping the connection before the end undoes all of it.
///
/// # Errors
/// Why nothing was changed.
pub(in super::super) fn execute(
    database: &Database,
    asked: &[Statement],
    mut room: Room,
    watch: &Arc<Watch>,
) -> Result<Vec<Outcome>, Error> {
    if asked.is_empty() || asked.len() > STATEMENTS {
        return Err(Error::Invalid(format!(
            "{} statements are given; one transaction has 1 to {STATEMENTS}",
            asked.len()
        )));
    }
    let place = locate(database)?;
    let mut session = Session::to_change(database, &place, watch)?;
    // At once for writing: a transaction that first reads could find later that it may not write.
    session.conn.execute_batch("BEGIN IMMEDIATE").map_err(|error| session.explain(&error))?;
    session.restrict(Purpose::Changing)?;
    let mut outcomes = Vec::with_capacity(asked.len());
    for one in asked {
        let before = session.conn.total_changes();
        let returned = {
            let mut statement = session.compile(one)?;
            bind(&session, &mut statement, &one.parameters)?;
            collect(&session, &mut statement, 0, &mut room)?
        };
        let last = session.conn.last_insert_rowid();
        outcomes.push(Outcome {
            changed: session.conn.total_changes() - before,
            // SQLite's answer where nothing was inserted.
            last_row_id: (last != 0).then_some(last),
            returned,
        });
    }
    session.trust()?;
    watch.begin_commit()?;
    session.conn.execute_batch("COMMIT").map_err(|error| session.explain(&error))?;
    Ok(outcomes)
}
