//! A page that says why there is no other: what services read as JSON, for people.

use super::shell;
use crate::http::error::ApiError;
use crate::ops::OpError;
use axum::response::{IntoResponse, Response};
use maud::html;

/// Why a page cannot be shown, or a form is not taken.
#[derive(Debug)]
pub(super) struct Refused(pub(super) ApiError);

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl From<OpError> for Refused {
    fn from(error: OpError) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = self.0.status();
        let message = self.0.body().error.message;
        let body = html! {
            main class="alone" {
                h1 { (status.as_u16()) " " (status.canonical_reason().unwrap_or_default()) }
                p class="problem" role="alert" { (shell::sentence(&message)) }
                p { a href="/" { "To the first page" } }
            }
        };
        (status, shell::document("Not shown", &body)).into_response()
    }
}
