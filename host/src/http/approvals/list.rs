//! `GET /v1/approvals`: the queue, oldest first.

use crate::http::error::ApiError;
use crate::http::{Caller, KeyRole, Shared};
use crate::json::PendingRow;
use crate::ops::list_pending;
use axum::Json;
use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

/// What may be asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Wanted {
    #[serde(default = "fifty")]
    limit: usize,
}

const fn fifty() -> usize {
    50
}

/// As many as one page may have.
const MOST: usize = 1000;

pub(in crate::http) async fn list(
    State(app): State<Shared>,
    caller: Caller,
    wanted: Result<Query<Wanted>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    caller.may(KeyRole::Reviewer)?;
    let Query(wanted) = wanted.map_err(|error| ApiError::bad("query", error.body_text()))?;
    let (calls, total) = list_pending(&app.host, wanted.limit.clamp(1, MOST)).await?;
    let rows: Vec<PendingRow<'_>> = calls.iter().map(PendingRow::of).collect();
    Ok(Json(json!({"object": "list", "data": rows, "total": total})))
}
