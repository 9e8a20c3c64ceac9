//! `GET /v1/approvals/{run}`: what waits of one run.

use crate::http::error::ApiError;
use crate::http::{Caller, Shared};
use crate::json;
use axum::Json;
use axum::extract::{Path, State};
use serde_json::Value;

pub(in crate::http) async fn show(
    State(app): State<Shared>,
    caller: Caller,
    Path(run): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let story = crate::http::runs::visible(&app.host, &caller, run).await?;
    Ok(Json(json::run(&story.run, None, app.host.persists())))
}
