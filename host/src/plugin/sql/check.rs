//! Compiles a statement as it would be run, and runs nothing.

use super::super::bindings::initrunner::host::sql::{Error, Statement};
use super::Database;
use super::authorize::Purpose;
use super::bind::bind;
use super::locate::locate;
use super::session::Session;
use super::watch::Watch;
use std::sync::Arc;

/// Whether [`execute`](super::execute) would take a statement, as far as compiling it tells. The file is
/// opened read-only.
///
/// # Errors
/// It would not, and why.
pub(in super::super) fn check(
    database: &Database,
    asked: &Statement,
    watch: &Arc<Watch>,
) -> Result<(), Error> {
    let place = locate(database)?;
    let mut session = match place.is_missing() {
        true => Session::empty(database, watch)?,
        false => Session::to_read(database, &place, watch)?,
    };
    session.restrict(Purpose::Changing)?;
    let mut statement = session.compile(asked)?;
    bind(&session, &mut statement, &asked.parameters)
}
