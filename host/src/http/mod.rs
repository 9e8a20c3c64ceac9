//! The HTTP front door: completions as OpenAI's clients ask for them, decisions, and what there is to see.
//! Each file parses one kind of request, calls one operation, and renders what it gives.

mod approvals;
mod completions;
mod count;
mod error;
mod guard;
mod health;
mod keys;
mod listen;
mod models;
mod read_body;
mod roles;
mod runs;

pub use keys::ApiKeys;

use crate::domain::api_key::KeyRole;
pub use listen::{ServeError, Serving, serve};
pub use roles::{RolesError, ServedRoles};

use crate::ops::Host;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use guard::Guarded;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::watch;

/// Bytes of one request's body. A history of a thousand pages is 4 MB, and models take less.
pub const LARGEST_BODY: usize = 4 << 20;

/// How a server answers.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Pages of these origins may read its answers; none by default.
    pub origins: Vec<String>,
    /// What a paused completion gives as the reason it ended: by default the word that says so, which
    /// clients with a closed list of words refuse.
    pub finish_reason: FinishReason,
    /// Whether the text of a paused completion is empty where the model said nothing, in the place of one
    /// line that says what is awaited.
    pub empty_content: bool,
}

/// The `finish_reason` of a paused completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// `tool_calls_pending_approval`.
    Pending,
    /// `stop`.
    Stop,
}

impl FinishReason {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "tool_calls_pending_approval",
            Self::Stop => "stop",
        }
    }
}

/// What every request is answered with.
pub(crate) struct App {
    pub(crate) host: Host,
    pub(crate) roles: ServedRoles,
    pub(crate) keys: ApiKeys,
    pub(crate) options: ServeOptions,
    /// Set to a sentence when the process is asked to stop: runs are handed back, and no more begin.
    pub(crate) stop: watch::Receiver<Option<String>>,
}

pub(crate) type Shared = Arc<App>;

/// Every path that there is.
pub(crate) fn router(app: Shared) -> Router {
    let guarded = Router::new()
        .route("/v1/chat/completions", post(completions::complete))
        .route("/v1/models", get(models::list))
        .route("/v1/models/{id}", get(models::show))
        .route("/v1/approvals", get(approvals::list))
        .route("/v1/approvals/{run}", get(approvals::show).post(approvals::decide))
        .route("/v1/runs", get(runs::list))
        .route("/v1/runs/{run}", get(runs::show))
        .route("/v1/runs/{run}/cancel", post(runs::cancel))
        .fallback(error::no_such_path)
        .method_not_allowed_fallback(error::no_such_method)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(from_fn_with_state(Arc::clone(&app), guard::guard));
    Router::new()
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .merge(guarded)
        .layer(from_fn_with_state(Arc::clone(&app), count::count))
        .with_state(app)
}

/// Who asks, as far as a handler is concerned.
pub(crate) type Caller = axum::Extension<Guarded>;
