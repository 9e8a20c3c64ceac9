//! `GET /metrics`: what is counted, as Prometheus reads it. Whoever holds a key may look: numbers and the names
//! of roles, tools and models are all there is.

use super::error::ApiError;
use super::{Caller, Shared};
use crate::observe::CONTENT_TYPE;
use crate::ops::read_metrics;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

pub(super) async fn metrics(State(app): State<Shared>, _: Caller) -> Result<Response, ApiError> {
    let mut response = read_metrics(&app.host).await?.into_response();
    let kind = HeaderValue::from_static(CONTENT_TYPE);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}
