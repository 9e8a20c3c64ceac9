//! `GET /v1/approvals/{run}`: what waits of one run.

use crate::http::completions::about_run;
use crate::http::error::ApiError;
use crate::http::{Caller, Shared};
use crate::json;
use axum::extract::{Path, State};
use axum::response::Response;

pub(crate) async fn show(
    State(app): State<Shared>,
    caller: Caller,
    Path(run): Path<String>,
) -> Result<Response, ApiError> {
    let story = crate::http::runs::visible(&app.host, &caller, run).await?;
    let body = json::run(&story.run, None, app.host.persists());
    Ok(about_run(story.run.run.id.as_str(), body))
}
