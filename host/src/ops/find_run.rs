//! From what a person typed to one run, or one of its calls.

use super::error::OpError;
use super::host::Host;
use crate::domain::ids::{CallId, RunId};
use crate::store::{CallRecord, StoredRun};

/// The one run that `text` is the id of, or the unambiguous beginning of one. A whole id is not looked
/// up: whoever reads the run next finds out whether there is one.
pub(super) async fn find_run(host: &Host, text: &str) -> Result<RunId, OpError> {
    if let Ok(whole) = RunId::parse(text) {
        return Ok(whole);
    }
    let prefix = RunId::parse_prefix(text)?;
    one_of(text, &host.store()?.find_runs(&prefix).await?)
}

/// The same among the runs that the journal speaks of: pruned ones too.
pub(super) async fn find_recorded(host: &Host, text: &str) -> Result<RunId, OpError> {
    let prefix = RunId::parse_prefix(text)?;
    one_of(text, &host.store()?.find_recorded(&prefix).await?)
}

fn one_of(text: &str, found: &[RunId]) -> Result<RunId, OpError> {
    match found {
        [] => Err(OpError::UnknownRun(text.to_owned())),
        [one] => Ok(one.clone()),
        several => Err(OpError::Ambiguous {
            prefix: text.to_owned(),
            found: several.iter().map(ToString::to_string).collect(),
        }),
    }
}

/// The one call of a run that `text` is the id of, or the unambiguous beginning of one.
pub(super) fn find_call<'r>(run: &'r StoredRun, text: &str) -> Result<&'r CallRecord, OpError> {
    let prefix = CallId::parse_prefix(text)?;
    let found: Vec<&CallRecord> =
        run.calls.iter().filter(|call| call.id.as_str().starts_with(&prefix)).collect();
    match found.as_slice() {
        [] => Err(OpError::UnknownCall { run: run.run.id.clone(), call: text.to_owned() }),
        [one] => Ok(one),
        several => Err(OpError::Ambiguous {
            prefix: text.to_owned(),
            found: several.iter().map(|call| call.id.to_string()).collect(),
        }),
    }
}
