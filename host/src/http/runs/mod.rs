//! What there is to see of runs, and ending them.

mod cancel;
mod list;
mod show;

pub(super) use cancel::cancel;
pub(super) use list::list;
pub(super) use show::show;

use super::error::ApiError;
use super::guard::Guarded;
use crate::ops::{Host, OpError, Story, show_run};

/// A run that this caller may see. Whether there are others is nobody else's business.
pub(super) async fn visible(host: &Host, caller: &Guarded, run: String) -> Result<Story, ApiError> {
    let story = show_run(host, &run).await?;
    match caller.sees(&story.run.run.requester) {
        true => Ok(story),
        false => Err(OpError::UnknownRun(run).into()),
    }
}
