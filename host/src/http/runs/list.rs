//! `GET /v1/runs`: the runs, newest first.

use crate::http::error::ApiError;
use crate::http::{Caller, KeyRole, Shared};
use crate::json;
use crate::ops::list_runs;
use axum::Json;
use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::{Value, json as value};

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
    caller.may(KeyRole::Reviewer).or_else(|_| caller.may(KeyRole::Admin))?;
    let Query(wanted) = wanted.map_err(|error| ApiError::bad("query", error.body_text()))?;
    let runs = list_runs(&app.host, wanted.limit.clamp(1, MOST)).await?;
    let rows: Vec<Value> = runs.iter().map(json::summary).collect();
    Ok(Json(value!({"object": "list", "data": rows})))
}
