//! The HTTP front door: completions as OpenAI's clients ask for them, decisions, and what there is to see.
//! Each file parses one kind of request, calls one operation, and renders what it gives.

mod ag_ui;
mod ai_sdk;
pub(crate) mod approvals;
pub(crate) mod body;
mod completions;
mod cors;
mod count;
pub(crate) mod error;
pub(crate) mod events;
pub(crate) mod guard;
mod health;
mod idempotency;
mod keys;
mod listen;
mod live;
mod metrics;
mod models;
mod openapi;
pub(crate) mod page;
mod prefer;
pub(crate) mod rate;
pub(crate) mod read_body;
pub(crate) mod runs;
pub(crate) mod texts;

pub use keys::ApiKeys;

use crate::domain::api_key::KeyRole;
pub use listen::{ServeError, Serving, serve};

use crate::ops::{Host, Roles};
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use axum::{Json, Router};
use guard::Guarded;
use openapi::Api;
use rate::Rates;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use texts::Texts;
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
    /// How long an answer that is not streamed is waited for. The run goes on after that.
    pub patience: Duration,
    /// How many requests a minute each holder of a key may send; nothing: any number.
    pub rate: Option<NonZeroU32>,
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
    pub(crate) roles: Roles,
    pub(crate) keys: ApiKeys,
    pub(crate) options: ServeOptions,
    pub(crate) rates: Rates,
    /// What models are saying, for pages that show it.
    pub(crate) texts: Arc<Texts>,
    /// Set to a sentence when the process is asked to stop: runs are handed back, and no more begin.
    pub(crate) stop: watch::Receiver<Option<String>>,
}

pub(crate) type Shared = Arc<App>;

/// Every path that asks who is there, described.
fn documented() -> Api {
    let run = "The id of a run.";
    let conversation = "The client's name for a conversation, which is kept here.";
    let key = "The client's name for this request: sent again, it is the same one.";
    let reason = "`pending` or `stop`: the `finish_reason` of a pause.";
    let prefer = "`respond-async` answers at once, with where to look.";
    Api::new()
        .route(
            "/v1/chat/completions",
            post(completions::complete),
            [openapi::post("complete", "Runs a role until it answers or waits for a person.")
                .heeds("X-Conversation-Id", conversation, openapi::client_id())
                .heeds("Idempotency-Key", key, openapi::client_id())
                .heeds("X-Finish-Reason", reason, openapi::words(&["pending", "stop"]))
                .heeds("Prefer", prefer, openapi::text())
                .takes("CompletionRequest")
                .gives_completion()
                .gives(202, "the run goes on", "Accepted")
                .refuses([400, 404, 408, 409, 413, 415, 422, 502, 504])],
        )
        .route(
            "/ag-ui/{role}",
            post(ag_ui::run),
            [openapi::post(
                "run_ag_ui",
                "Runs a role, or decides and goes on, for a page that speaks AG-UI.",
            )
            .names("role", "The name of a role.")
            .takes("RunAgentInput")
            .gives_events("AG-UI events")
            .refuses([400, 404, 408, 409, 410, 413, 415, 422, 501, 502])],
        )
        .route(
            "/ai-sdk/{role}/chat",
            post(ai_sdk::chat),
            [openapi::post("chat_ai_sdk", "Runs a role, or decides and goes on, for the AI SDK.")
                .names("role", "The name of a role.")
                .takes("UiChat")
                .gives_events("parts of the AI SDK's UI message stream")
                .refuses([400, 404, 408, 409, 410, 413, 415, 422, 501, 502])],
        )
        .route(
            "/v1/models",
            get(models::list),
            [openapi::get("list_models", "The roles: each is a model, as far as clients go.")
                .gives(200, "the roles", "ModelList")
                .refuses([])],
        )
        .route(
            "/v1/models/{id}",
            get(models::show),
            [openapi::get("show_model", "One role.")
                .names("id", "The name of a role.")
                .gives(200, "the role", "Model")
                .refuses([404])],
        )
        .route(
            "/v1/approvals",
            get(approvals::list),
            [openapi::get("list_approvals", "What waits for people, longest first.")
                .asks_page(page::CALL_ORDERS)
                .asks("run", "Of this run.", openapi::text())
                .asks("role", "Of the role of this name.", openapi::text())
                .asks("tool", "Of this tool.", openapi::text())
                .asks("requester", "Of runs that this identity started.", openapi::text())
                .asks("state", "In this state.", openapi::words(&["waiting", "unknown"]))
                .gives_page("PendingCall")
                .refuses([400])],
        )
        .route(
            "/v1/approvals/{run}",
            get(approvals::show).post(approvals::decide),
            [
                openapi::get("show_approvals", "What waits of one run.")
                    .names("run", run)
                    .gives(200, "the run", "Run")
                    .refuses([404]),
                openapi::post("decide", "Decides every call of a run that waits.")
                    .names("run", run)
                    .heeds(
                        "X-Resolved-By",
                        "Who decides, as they say; recorded beside the key's name.",
                        openapi::note(),
                    )
                    .heeds("Idempotency-Key", key, openapi::client_id())
                    .heeds("X-Finish-Reason", reason, openapi::words(&["pending", "stop"]))
                    .heeds("Prefer", prefer, openapi::text())
                    .takes("Decisions")
                    .gives(200, "the answer, or that the run waits again", "Completion")
                    .gives(202, "the run goes on", "Accepted")
                    .refuses([400, 404, 408, 409, 410, 413, 415, 422, 501, 502, 504]),
            ],
        )
        .route(
            "/v1/runs",
            get(runs::list),
            [openapi::get("list_runs", "The runs, newest first; of a caller, their own.")
                .asks_page(page::RUN_ORDERS)
                .asks("role", "Of the role of this name.", openapi::text())
                .asks("state", "In one of these states, with `,` between them.", openapi::text())
                .asks("requester", "Started by this identity.", openapi::text())
                .gives_page("RunSummary")
                .refuses([400])],
        )
        .route(
            "/v1/runs/{run}",
            get(runs::show),
            [openapi::get("show_run", "The whole story of a run.")
                .names("run", run)
                .gives(200, "the run", "Story")
                .refuses([404])],
        )
        .route(
            "/v1/runs/{run}/events",
            get(runs::watch),
            [openapi::get("watch_run", "What happens to a run, as it happens.")
                .names("run", run)
                .heeds(
                    "Last-Event-ID",
                    "The number of the last event that was read.",
                    openapi::number(),
                )
                .gives_events("entries of the run's journal")
                .gives_text(204, "the run has ended, and nothing follows", None)
                .refuses([400, 404])],
        )
        .route(
            "/v1/runs/{run}/cancel",
            post(runs::cancel),
            [openapi::post("cancel_run", "Ends a run that has not ended.")
                .names("run", run)
                .heeds(
                    "X-Resolved-By",
                    "Who ends it, as they say; recorded beside the key's name.",
                    openapi::note(),
                )
                .takes_nothing()
                .gives(200, "the run", "Run")
                .refuses([404, 409, 415])],
        )
        .route(
            "/metrics",
            get(metrics::metrics),
            [openapi::get("read_metrics", "What is counted, for Prometheus.")
                .gives_text(200, "numbers", Some("application/openmetrics-text"))
                .refuses([])],
        )
}

/// Pages for people, made for a server. They ask for themselves who is there.
pub type Pages = Box<dyn FnOnce(PagesOf) -> Router + Send>;

/// What pages are made with.
pub struct PagesOf(pub(crate) Shared);

/// Every path that there is.
pub(crate) fn router(app: Shared, pages: Option<Pages>) -> Router {
    let (routes, document) = documented().finish();
    let document = Json(document);
    let guarded = routes
        .route("/openapi.json", get(move || async move { document.clone() }))
        .fallback(error::no_such_path)
        .method_not_allowed_fallback(error::no_such_method)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(from_fn_with_state(Arc::clone(&app), guard::guard));
    let pages = pages.map(|pages| pages(PagesOf(Arc::clone(&app)))).unwrap_or_default();
    Router::new()
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .merge(guarded)
        .with_state(Arc::clone(&app))
        .merge(pages)
        .layer(from_fn_with_state(Arc::clone(&app), cors::cors))
        .layer(from_fn_with_state(app, count::count))
}

/// Who asks, as far as a handler is concerned.
pub(crate) type Caller = axum::Extension<Guarded>;
