//! Counting what requests are answered with, and saying so in the log.

use super::Shared;
use crate::observe::milliseconds;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use std::time::Instant;
use tracing::info;

/// What watches the server asks for these every few seconds: they are counted, and not in the log.
const UNLOGGED: [&str; 3] = ["/health", "/ready", "/metrics"];

/// Counts a request by the route that it took, never by its path, which is whatever a client likes.
pub(super) async fn count(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let began = Instant::now();
    let response = next.run(request).await;
    let (route, status) = (route.as_ref().map(MatchedPath::as_str), response.status().as_u16());
    app.host.observer().metrics().answered(method.as_str(), route, status);
    if !route.is_some_and(|route| UNLOGGED.contains(&route)) {
        let took_ms = milliseconds(began.elapsed());
        info!(method = method.as_str(), route, status, took_ms, "request answered");
    }
    response
}
