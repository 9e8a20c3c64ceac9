//! What there is to see of runs, and ending them.

mod cancel;
mod list;
mod show;
mod watch;

pub(super) use cancel::cancel;
pub(super) use list::list;
pub(super) use show::show;
pub(super) use watch::watch;

use super::error::ApiError;
use super::guard::Guarded;
use crate::domain::ids::RunId;
use crate::ops::{Host, OpError, Story, show_run};

/// The run that a path names, by its whole id: a beginning would tell of others' runs.
pub(crate) fn run_id(text: String) -> Result<RunId, ApiError> {
    RunId::parse(&text).map_err(|_| OpError::UnknownRun(text).into())
}

/// A run that this caller may see. Whether there are others is nobody else's business.
pub(crate) async fn visible(host: &Host, caller: &Guarded, run: String) -> Result<Story, ApiError> {
    let run = run_id(run)?;
    let story = show_run(host, run.as_str()).await?;
    match caller.sees(&story.run.run.requester) {
        true => Ok(story),
        false => Err(OpError::UnknownRun(run.to_string()).into()),
    }
}
