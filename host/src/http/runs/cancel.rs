//! `POST /v1/runs/{run}/cancel`: ending a run that has not ended.

use crate::http::error::ApiError;
use crate::http::{Caller, KeyRole, Shared};
use crate::json;
use crate::ops::cancel_run;
use axum::Json;
use axum::extract::{Path, State};
use serde_json::Value;

pub(in crate::http) async fn cancel(
    State(app): State<Shared>,
    caller: Caller,
    Path(run): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let story = super::visible(&app.host, &caller, run.clone()).await?;
    // Whoever started it may end it; of others', only whoever looks after them.
    if story.run.run.requester != caller.identity {
        caller.may(KeyRole::Admin)?;
    }
    let host = app.host.acting_as(&caller.identity);
    let ended = cancel_run(&host, &run, caller.note.clone()).await?;
    Ok(Json(json::run(&ended, None, app.host.persists())))
}
