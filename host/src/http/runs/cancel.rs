//! `POST /v1/runs/{run}/cancel`: ending a run that has not ended.

use crate::http::completions::about_run;
use crate::http::error::ApiError;
use crate::http::{Caller, KeyRole, Shared};
use crate::json;
use crate::ops::cancel_run;
use axum::extract::{Path, State};
use axum::response::Response;

pub(in crate::http) async fn cancel(
    State(app): State<Shared>,
    caller: Caller,
    Path(run): Path<String>,
) -> Result<Response, ApiError> {
    let story = super::visible(&app.host, &caller, run.clone()).await?;
    // Whoever started it may end it; of others', only whoever looks after them.
    if story.run.run.requester != caller.identity {
        caller.may(KeyRole::Admin)?;
    }
    let host = app.host.acting_as(&caller.identity);
    let ended = cancel_run(&host, &run, caller.note.clone()).await?;
    Ok(about_run(&run, json::run(&ended, None, app.host.persists())))
}
