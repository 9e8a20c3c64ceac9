//! `GET /v1/runs/{run}`: the whole story of a run.

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
    Ok(Json(json::story(&super::visible(&app.host, &caller, run).await?)))
}
