//! `GET /v1/models`: each role is a model, as far as clients are concerned.

use super::body::{Model, ModelList};
use super::error::ApiError;
use super::{Caller, KeyRole, Shared};
use crate::ops::RoleFile;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;

pub(super) async fn list(
    State(app): State<Shared>,
    caller: Caller,
) -> Result<Json<ModelList>, ApiError> {
    caller.may(KeyRole::Caller)?;
    let data = app.roles.all().iter().map(|file| model(file)).collect();
    Ok(Json(ModelList { object: "list", data }))
}

pub(super) async fn show(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Model>, ApiError> {
    caller.may(KeyRole::Caller)?;
    match app.roles.find(&id) {
        Some(file) => Ok(Json(model(&file))),
        None => Err(no_such_model(&app, &id)),
    }
}

fn model(file: &RoleFile) -> Model {
    Model { id: file.role.name.clone(), object: "model", created: 0, owned_by: "initrunner" }
}

pub(super) fn no_such_model(app: &Shared, id: &str) -> ApiError {
    let known: Vec<String> =
        app.roles.all().iter().map(|file| format!("`{}`", file.role.name)).collect();
    let id = crate::domain::visible::one_line(id);
    let message = format!("there is no model `{id}`; this server has {}", known.join(", "));
    ApiError::new(StatusCode::NOT_FOUND, "model_not_found", message).about("model")
}
