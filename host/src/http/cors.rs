//! Pages of other origins (Fetch standard, "CORS protocol"): none may read answers, but those that whoever
//! runs the server names.

use super::Shared;
use super::error::ApiError;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// What such a page may send.
const HEADERS: &str = "authorization, content-type, idempotency-key, last-event-id, prefer, \
                       x-conversation-id, x-finish-reason, x-resolved-by";

/// What it may read besides the body.
const EXPOSED: &str = "location, retry-after, x-conversation-id, x-run-id, \
                       x-vercel-ai-ui-message-stream";

/// Seconds for which a browser need not ask again: browsers keep it two hours at most.
const MAX_AGE: &str = "7200";

/// Answers browsers that ask beforehand, and says on every answer which origin may read it.
pub(super) async fn cors(State(app): State<Shared>, request: Request, next: Next) -> Response {
    if app.options.origins.is_empty() {
        return next.run(request).await;
    }
    let origin = request.headers().get(header::ORIGIN).cloned();
    let known = origin.filter(|origin| {
        app.options.origins.iter().any(|known| known.as_bytes() == origin.as_bytes())
    });
    let asks = *request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match (asks, &known) {
        (true, Some(_)) => allowed(),
        (true, None) => refused().into_response(),
        (false, _) => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = known {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        let exposed = HeaderValue::from_static(EXPOSED);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
    response
}

fn allowed() -> Response {
    let mut headers = HeaderMap::new();
    let mut say = |name, value| headers.insert(name, HeaderValue::from_static(value));
    say(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST");
    say(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
    say(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    (StatusCode::NO_CONTENT, headers).into_response()
}

fn refused() -> ApiError {
    ApiError::new(
        StatusCode::FORBIDDEN,
        "foreign_origin",
        "pages of this origin may not use this server; `--cors-origin` allows one",
    )
}
