//! What every request for a page passes first: where it comes from, and who is signed in. What changes
//! something carries the session's token as well (OWASP, synchronizer token): a page of another site can have
//! a browser send a form, and cannot read that token.

use super::refused::Refused;
use super::session::Session;
use super::{Desk, sign_in};
use crate::http::error::ApiError;
use crate::http::guard::{Guarded, check_host, check_once, check_path, keys_unusable};
use crate::http::rate::Kind;
use crate::http::read_body;
use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use tracing::warn;

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    pub(super) who: Guarded,
    pub(super) session: Session,
    /// What their cookie has.
    pub(super) token: String,
}

/// What a form sent, in its order, without its token.
#[derive(Debug, Clone, Default)]
pub(super) struct Posted(Vec<(String, String)>);

impl Posted {
    /// The text of a field.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str())
    }

    /// Each field whose name begins so, by the rest of its name.
    pub(super) fn under<'p>(&'p self, prefix: &'p str) -> impl Iterator<Item = (&'p str, &'p str)> {
        let fields = self.0.iter();
        fields.filter_map(move |(name, text)| Some((name.strip_prefix(prefix)?, text.as_str())))
    }
}

/// Programs read why, and people see it.
fn refuse(request: &Parts, error: ApiError) -> Response {
    match request.uri.path().starts_with("/api/") {
        true => error.into_response(),
        false => Refused(error).into_response(),
    }
}

pub(super) async fn guard(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    if let Err(error) = check(&desk, &parts) {
        return refuse(&parts, error);
    }
    let visitor = match sign_in::visitor(&desk, &parts.headers) {
        Ok(Some(visitor)) => visitor,
        Ok(None) => return signed_out(&parts),
        Err(why) => return refuse(&parts, keys_unusable(&why)),
    };
    let decides = parts.method == Method::POST && parts.uri.path().contains("/approvals/");
    let kind = if decides { Kind::Decision } else { Kind::Request };
    if let Err(error) = desk.app.rates.count(&visitor.who.identity, kind) {
        return refuse(&parts, error);
    }
    let body = match parts.method.is_safe() {
        true => body,
        false => match posted(&parts, &visitor, body).await {
            Ok((body, posted)) => {
                parts.extensions.insert(posted);
                body
            }
            Err(error) => return refuse(&parts, error),
        },
    };
    // A page, and not one of the many requests that it makes.
    let secure = sign_in::is_secure(&parts.headers);
    let renews = visitor.session.is_old(desk.app.host.now()) && navigates(&parts.headers);
    parts.extensions.insert(visitor.who.clone());
    parts.extensions.insert(visitor.clone());
    let mut response = next.run(Request::from_parts(parts, body)).await;
    if renews && !response.headers().contains_key(header::SET_COOKIE) {
        let now = desk.app.host.now();
        match desk.sessions.renew(&visitor.token, &visitor.session, now) {
            Ok(token) => {
                let lasts = visitor.session.lasts(now);
                let cookie = sign_in::cookie(&desk, &token, lasts, secure);
                response.headers_mut().insert(header::SET_COOKIE, cookie);
            }
            Err(error) => warn!(%error, "who is signed in cannot be written down"),
        }
    }
    response
}

fn check(desk: &Desk, parts: &Parts) -> Result<(), ApiError> {
    check_once(&parts.headers)?;
    check_host(&desk.app, &parts.uri, &parts.headers)?;
    check_path(parts.uri.path())?;
    match parts.method.is_safe() {
        true => Ok(()),
        false => check_source(&parts.headers),
    }
}

/// Only pages of this server change anything through the dashboard, whichever others services may use
/// (Fetch metadata, and the origin where a browser does not send that).
pub(super) fn check_source(headers: &HeaderMap) -> Result<(), ApiError> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let foreign = text("sec-fetch-site").is_some_and(|site| site != "same-origin");
    let host = text("host").unwrap_or_default();
    let own = |origin: &str| {
        origin.split_once("://").is_some_and(|(_, name)| name.eq_ignore_ascii_case(host))
    };
    match foreign || !text("origin").is_none_or(own) {
        false => Ok(()),
        true => Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "foreign_origin",
            "this was sent by a page of another site; open the dashboard itself and try again",
        )),
    }
}

/// Whether a person goes to a page, as far as their browser says.
fn navigates(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-mode").is_none_or(|mode| mode == "navigate")
}

/// Whoever is not signed in goes there; what a page asks for by itself is told.
fn signed_out(parts: &Parts) -> Response {
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let is_page = parts.method == Method::GET && !path.starts_with("/api/");
    if is_page && navigates(&parts.headers) {
        let next = form_urlencoded::byte_serialize(path.as_bytes()).collect::<String>();
        return Redirect::to(&format!("/sign-in?next={next}")).into_response();
    }
    let message = "nobody is signed in; sign in again";
    refuse(parts, ApiError::new(StatusCode::UNAUTHORIZED, "signed_out", message))
}

/// The body, once it has shown that it comes from a page of this session: its fields, where it is a form.
async fn posted(parts: &Parts, visitor: &Visitor, body: Body) -> Result<(Body, Posted), ApiError> {
    let kind = parts.headers.get(header::CONTENT_TYPE).map(HeaderValue::to_str);
    let kind = kind.and_then(Result::ok).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/json" => {
            let sent = parts.headers.get("x-csrf-token").and_then(|sent| sent.to_str().ok());
            sent.filter(|sent| visitor.session.sent_this(sent)).ok_or_else(stale)?;
            Ok((body, Posted::default()))
        }
        "application/x-www-form-urlencoded" => {
            let bytes = read_body::bytes(body).await?;
            let mut fields: Vec<(String, String)> =
                form_urlencoded::parse(&bytes).into_owned().collect();
            let sent = fields.iter().find(|(name, _)| name == "csrf");
            sent.filter(|(_, sent)| visitor.session.sent_this(sent)).ok_or_else(stale)?;
            fields.retain(|(name, _)| name != "csrf");
            Ok((Body::empty(), Posted(fields)))
        }
        _ => Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "not_a_form",
            "send a form, or `Content-Type: application/json`",
        )),
    }
}

fn stale() -> ApiError {
    let message = "this page is of an earlier session; reload it and try again";
    ApiError::new(StatusCode::FORBIDDEN, "stale_page", message)
}

impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        let visitor = parts.extensions.get::<Visitor>().cloned();
        visitor.ok_or_else(|| {
            Refused(ApiError::new(StatusCode::UNAUTHORIZED, "signed_out", "nobody is signed in"))
        })
    }
}

impl<S: Sync> FromRequestParts<S> for Posted {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        Ok(parts.extensions.remove::<Posted>().unwrap_or_default())
    }
}
