//! Runs one statement that only reads.

use super::super::bindings::initrunner::host::sql::{Error, Rows, Statement};
use super::authorize::Purpose;
use super::bind::bind;
use super::collect::{collect, columns};
use super::locate::locate;
use super::session::Session;
use super::watch::Watch;
use super::{Database, Room};
use std::sync::Arc;

/// The rows that a statement gives, without its first `skip`.
///
/// # Errors
/// Why there are none.
pub(in super::super) fn query(
    database: &Database,
    asked: &Statement,
    skip: u64,
    mut room: Room,
    watch: &Arc<Watch>,
) -> Result<Rows, Error> {
    let place = locate(database)?;
    if place.is_missing() {
        return Err(Error::NotFound(format!(
            "the file of the database `{}` does not exist{}",
            database.name,
            if database.may_change() { " yet; the first change makes it" } else { "" }
        )));
    }
    let mut session = Session::to_read(database, &place, watch)?;
    session.restrict(Purpose::Reading)?;
    let mut statement = session.compile(asked)?;
    // `VACUUM` and the like do nothing that an authorizer is asked about.
    if !statement.readonly() {
        return Err(Error::ReadOnly(
            "the statement changes the database, and a query only reads".to_owned(),
        ));
    }
    if statement.column_count() == 0 {
        return Err(Error::Invalid("the statement gives no rows; a query does".to_owned()));
    }
    bind(&session, &mut statement, &asked.parameters)?;
    if room.rows == 0 {
        let columns = columns(&statement);
        return Ok(Rows { columns, rows: Vec::new(), truncated: true });
    }
    collect(&session, &mut statement, skip, &mut room)
}
