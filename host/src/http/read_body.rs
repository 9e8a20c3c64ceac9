//! Reading a request's body: whole, in time, as JSON that means one thing.

use super::LARGEST_BODY;
use super::error::ApiError;
use crate::domain::canonical;
use axum::body::{Body, HttpBody};
use axum::http::StatusCode;
use http_body_util::{BodyExt, Limited};
use serde_json::Value;
use std::time::Duration;

/// How long a body may take. Four megabytes over a line of two megabits are 16 s.
const PATIENCE: Duration = Duration::from_secs(30);

/// The body as a JSON object. Read as strictly as the arguments of a call: a key that occurs twice, or a
/// number that two programs would read differently, is refused.
pub(super) async fn object(body: Body) -> Result<serde_json::Map<String, Value>, ApiError> {
    let bytes = bytes(body).await?;
    let text = str::from_utf8(&bytes)
        .map_err(|_| ApiError::bad("body", "the body is not text in UTF-8"))?;
    if text.trim().is_empty() {
        return Err(ApiError::bad("body", "the body is empty; send a JSON object"));
    }
    match canonical::parse(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(ApiError::bad("body", "the body is no JSON object")),
        Err(error) => Err(ApiError::bad("body", format!("the body: {error}"))),
    }
}

/// The body.
pub(crate) async fn bytes(body: Body) -> Result<bytes::Bytes, ApiError> {
    let too_large = || {
        let message = format!("the body is larger than {} MiB", LARGEST_BODY >> 20);
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message).about("body")
    };
    // Known from its announced length, before any of it is waited for.
    if body.size_hint().lower() > LARGEST_BODY as u64 {
        return Err(too_large());
    }
    match tokio::time::timeout(PATIENCE, Limited::new(body, LARGEST_BODY).collect()).await {
        Err(_) => {
            let message = format!("the body did not arrive within {} seconds", PATIENCE.as_secs());
            Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "too_slow", message).about("body"))
        }
        Ok(Ok(read)) => Ok(read.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(ApiError::bad("body", "the body ended early")),
    }
}
