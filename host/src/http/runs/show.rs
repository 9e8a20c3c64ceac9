//! `GET /v1/runs/{run}`: the whole story of a run.

use crate::http::completions::about_run;
use crate::http::error::ApiError;
use crate::http::{Caller, Shared};
use crate::json;
use axum::extract::{Path, State};
use axum::response::Response;

pub(in crate::http) async fn show(
    State(app): State<Shared>,
    caller: Caller,
    Path(run): Path<String>,
) -> Result<Response, ApiError> {
    let story = super::visible(&app.host, &caller, run).await?;
    Ok(about_run(story.run.run.id.as_str(), json::story(&story)))
}
