//! `GET /v1/models`: each role is a model, as far as clients are concerned.

use super::error::ApiError;
use super::{Caller, KeyRole, Shared};
use crate::ops::RoleFile;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

pub(super) async fn list(
    State(app): State<Shared>,
    caller: Caller,
) -> Result<Json<Value>, ApiError> {
    caller.may(KeyRole::Caller)?;
    let models: Vec<Value> = app.roles.iter().map(|file| model(file)).collect();
    Ok(Json(json!({"object": "list", "data": models})))
}

pub(super) async fn show(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    caller.may(KeyRole::Caller)?;
    match app.roles.find(&id) {
        Some(file) => Ok(Json(model(file))),
        None => Err(no_such_model(&app, &id)),
    }
}

fn model(file: &RoleFile) -> Value {
    json!({"id": file.role.name, "object": "model", "created": 0, "owned_by": "initrunner"})
}

pub(super) fn no_such_model(app: &Shared, id: &str) -> ApiError {
    let known: Vec<String> = app.roles.iter().map(|file| format!("`{}`", file.role.name)).collect();
    let id = crate::domain::visible::one_line(id);
    let message = format!("there is no model `{id}`; this server has {}", known.join(", "));
    ApiError::new(StatusCode::NOT_FOUND, "model_not_found", message).about("model")
}
