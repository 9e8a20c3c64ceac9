//! Whether the server lives, and whether it can work.

use super::Shared;
use super::error::ApiError;
use crate::ops::check_store;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

pub(super) async fn health() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

/// # Errors
/// 503 while it is being stopped, and where the database does not answer.
pub(super) async fn ready(State(app): State<Shared>) -> Result<Json<Value>, ApiError> {
    let not = |why: String| ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", why);
    if let Some(why) = app.stop.borrow().as_ref() {
        return Err(not(format!("the server is being stopped: {why}")));
    }
    check_store(&app.host).await.map_err(|error| not(error.to_string()))?;
    Ok(Json(json!({"status": "ready"})))
}
