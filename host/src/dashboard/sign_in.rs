//! Signing in with a key of the server, and out.

use super::guard::{Visitor, check_source};
use super::refused::Refused;
use super::shell;
use super::{Desk, random};
use crate::domain::api_key::ApiKey;
use crate::http::error::ApiError;
use crate::http::guard::{Guarded, check_host, check_once, keys_unusable};
use crate::http::read_body;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;
use serde::Deserialize;
use std::sync::atomic::{AtomicBool, Ordering};
use subtle::ConstantTimeEq;

/// What signs in whoever has it, once, as this machine's own key.
#[derive(Debug)]
pub(super) struct Link {
    token: String,
    used: AtomicBool,
}

impl Clone for Link {
    fn clone(&self) -> Self {
        Self { token: self.token.clone(), used: AtomicBool::new(self.used.load(Ordering::Relaxed)) }
    }
}

impl Link {
    pub(super) fn new() -> Self {
        Self { token: random::token(), used: AtomicBool::new(false) }
    }

    pub(super) fn path(&self) -> String {
        format!("/sign-in?link={}", self.token)
    }

    /// Whether this is it, and nobody has used it before.
    fn opens(&self, sent: &str) -> bool {
        bool::from(self.token.as_bytes().ct_eq(sent.as_bytes()))
            && !self.used.swap(true, Ordering::AcqRel)
    }
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// Where to go then.
    next: Option<String>,
    /// A link's token.
    link: Option<String>,
}

/// Cookies do not tell ports apart: two servers of one machine must not sign each other's people out.
fn cookie_name(desk: &Desk) -> String {
    format!("initrunner-{}", desk.app.options.listen.port())
}

/// For how many seconds the form of somebody who is not signed in may be open.
const FORM_LASTS: i64 = 60 * 60;

/// The cookie of the form of somebody who is not signed in.
fn form_name(desk: &Desk) -> String {
    format!("{}-form", cookie_name(desk))
}

/// Whether a proxy in front says that the browser speaks TLS with it. Whoever makes that up has a cookie that
/// is sent less often, and nothing else.
pub(super) fn is_secure(headers: &HeaderMap) -> bool {
    headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https")
}

/// What a cookie is set with.
pub(super) fn cookie(desk: &Desk, token: &str, seconds: i64, secure: bool) -> HeaderValue {
    set(&cookie_name(desk), token, seconds, secure)
}

fn set(name: &str, value: &str, seconds: i64, secure: bool) -> HeaderValue {
    let secure = if secure { "; Secure" } else { "" };
    let text =
        format!("{name}={value}; HttpOnly; SameSite=Strict; Path=/; Max-Age={seconds}{secure}");
    // A name of ours and letters of tokens: always a header's value.
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
}

fn sent<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.find(|(known, _)| known.trim() == name).map(|(_, value)| value.trim())
}

/// Who is signed in.
///
/// # Errors
/// Why the file of keys cannot be read.
pub(super) fn visitor(desk: &Desk, headers: &HeaderMap) -> Result<Option<Visitor>, String> {
    let Some(token) = sent(headers, &cookie_name(desk)) else { return Ok(None) };
    let found = desk.sessions.find(token, &desk.app.keys, desk.app.host.now())?;
    let token = token.to_owned();
    Ok(found.map(|(session, key)| Visitor { who: Guarded::of(&key), session, token }))
}

/// Only paths of this server: whoever makes up a link sends nobody elsewhere.
fn local(next: Option<&str>) -> &str {
    let ours = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && !path.contains(['\\', '\r', '\n', '\t'])
            && path.is_ascii()
    };
    next.filter(ours).unwrap_or("/")
}

pub(super) async fn show(
    State(desk): State<Desk>,
    uri: Uri,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Response, Refused> {
    check_once(&headers)?;
    check_host(&desk.app, &uri, &headers)?;
    let next = local(asked.next.as_deref());
    if let (Some(link), Some(sent)) = (&desk.link, &asked.link) {
        // Looked at before it is used up: a browser that fetches addresses ahead of time sends no person.
        let own = desk.app.keys.own();
        if let Some(key) = own.filter(|_| link.opens(sent)) {
            return signed_in(&desk, &key, next, is_secure(&headers));
        }
        let why = "This link was used before, or is of an earlier start.";
        return Ok(form(&desk, next, Some(why), StatusCode::GONE, is_secure(&headers)));
    }
    if visitor(&desk, &headers).map_err(|why| keys_unusable(&why))?.is_some() {
        return Ok(Redirect::to(next).into_response());
    }
    Ok(form(&desk, next, None, StatusCode::OK, is_secure(&headers)))
}

fn form(desk: &Desk, next: &str, why: Option<&str>, status: StatusCode, secure: bool) -> Response {
    let token = random::token();
    let body = html! {
        main class="alone" {
            h1 { "Sign in" }
            @if let Some(why) = why { p class="problem" role="alert" { (why) } }
            form method="post" action="/sign-in" class="stack" {
                input type="hidden" name="csrf" value=(token);
                input type="hidden" name="next" value=(next);
                label for="key" { "Key" }
                input id="key" name="key" type="password" autocomplete="current-password" required
                    autofocus spellcheck="false" aria-describedby="key-help";
                p id="key-help" class="note" {
                    "The key that programs send to this server. "
                    @if desk.app.keys.keyless() {
                        "This machine's own is in the file " code { "api-key" } " of the state folder."
                    } @else {
                        "Whoever looks after the server makes them with " code { "initrunner key" } "."
                    }
                }
                button class="main" { "Sign in" }
            }
        }
    };
    let mut response = (status, shell::document("Sign in", &body)).into_response();
    response
        .headers_mut()
        .insert(header::SET_COOKIE, set(&form_name(desk), &token, FORM_LASTS, secure));
    response
}

/// # Errors
/// Where the form is of another page, or the keys cannot be read.
pub(super) async fn begin(
    State(desk): State<Desk>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    check_once(&headers)?;
    check_host(&desk.app, &uri, &headers)?;
    check_source(&headers)?;
    let secure = is_secure(&headers);
    let bytes = read_body::bytes(body).await?;
    let fields: Vec<(String, String)> = form_urlencoded::parse(&bytes).into_owned().collect();
    let field = |name: &str| {
        let found = fields.iter().find(|(known, _)| known == name);
        found.map(|(_, text)| text.as_str()).unwrap_or_default()
    };
    let next = local(Some(field("next")));
    // Nobody is signed in yet whose session could have a token: the form's own is in a cookie as well.
    let ours = sent(&headers, &form_name(&desk))
        .is_some_and(|cookie| bool::from(cookie.as_bytes().ct_eq(field("csrf").as_bytes())));
    if !ours {
        let why = "This form was open for too long, or the browser keeps no cookies. Try again.";
        return Ok(form(&desk, next, Some(why), StatusCode::FORBIDDEN, secure));
    }
    let holder = desk.app.keys.holder(field("key").trim());
    match holder.map_err(|why| keys_unusable(&why))? {
        Some(key) => signed_in(&desk, &key, next, secure),
        None => {
            let why = Some("This key is not known here.");
            Ok(form(&desk, next, why, StatusCode::UNAUTHORIZED, secure))
        }
    }
}

fn signed_in(desk: &Desk, key: &ApiKey, next: &str, secure: bool) -> Result<Response, Refused> {
    let now = desk.app.host.now();
    let (token, session) = desk.sessions.begin(key, now).map_err(|error| {
        tracing::error!(%error, "who signs in cannot be written down");
        let message = "signing in cannot be written down: the server's log says why";
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "not_kept", message)
    })?;
    let mut response = Redirect::to(next).into_response();
    let cookie = cookie(desk, &token, session.lasts(now), secure);
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

/// Signs out: the session ends here and in the browser.
pub(super) async fn end(
    State(desk): State<Desk>,
    visitor: Visitor,
    headers: HeaderMap,
) -> SignedOut {
    desk.sessions.end(&visitor.token);
    let cookie = cookie(&desk, "", 0, is_secure(&headers));
    ([(header::SET_COOKIE, cookie)], Redirect::to("/sign-in"))
}

/// A cookie that is over, and where to sign in again.
type SignedOut = ([(header::HeaderName, HeaderValue); 1], Redirect);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere() {
        for (asked, goes) in [
            ("/runs/run_a?x=1", "/runs/run_a?x=1"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("https://evil.example", "/"),
            ("/\r\nSet-Cookie: a=b", "/"),
            ("/\t/evil.example", "/"),
            ("", "/"),
        ] {
            assert_eq!(local(Some(asked)), goes, "{asked:?}");
        }
        assert_eq!(local(None), "/");
    }

    #[test]
    fn a_link_signs_in_once() {
        let link = Link::new();
        let sent = link.path().split_once('=').unwrap().1.to_owned();
        assert!(!link.opens("x") && link.opens(&sent) && !link.opens(&sent));
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; initrunner-80=x; b"));
        headers.append(header::COOKIE, HeaderValue::from_static("initrunner-81=y=="));
        assert_eq!(sent(&headers, "initrunner-80"), Some("x"));
        assert_eq!(sent(&headers, "initrunner-81"), Some("y=="));
        assert_eq!(sent(&headers, "initrunner-8"), None);
    }
}
