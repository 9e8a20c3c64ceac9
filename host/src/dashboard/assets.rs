//! The style and the scripts, carried by the binary. Their addresses have a digest of all of them, so that
//! browsers keep them for ever and never have old ones.

use crate::domain::digest::Digest;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::sync::LazyLock;

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// Name, type and content of each.
const ASSETS: [(&str, &str, &str); 13] = [
    ("style.css", STYLE, include_str!("assets/style.css")),
    ("card.css", STYLE, include_str!("assets/card.css")),
    ("queue.css", STYLE, include_str!("assets/queue.css")),
    ("story.css", STYLE, include_str!("assets/story.css")),
    ("icon.svg", "image/svg+xml", include_str!("assets/icon.svg")),
    ("app.js", SCRIPT, include_str!("assets/app.js")),
    ("live.js", SCRIPT, include_str!("assets/live.js")),
    ("morph.js", SCRIPT, include_str!("assets/morph.js")),
    ("decide.js", SCRIPT, include_str!("assets/decide.js")),
    ("panel.js", SCRIPT, include_str!("assets/panel.js")),
    ("edit.js", SCRIPT, include_str!("assets/edit.js")),
    ("toast.js", SCRIPT, include_str!("assets/toast.js")),
    ("queue.js", SCRIPT, include_str!("assets/queue.js")),
];

/// Digits of the digest in an address: two versions with the same ones are not met.
const DIGITS: usize = 16;

static VERSION: LazyLock<String> = LazyLock::new(|| {
    let all: Vec<&str> = ASSETS.iter().map(|(_, _, text)| *text).collect();
    Digest::of(all.join("\0").as_bytes()).hex().to_string()[..DIGITS].to_owned()
});

/// The address of one of them.
pub(super) fn address(name: &str) -> String {
    format!("/assets/{}/{name}", *VERSION)
}

pub(super) async fn asset(Path((version, name)): Path<(String, String)>) -> Response {
    let found = ASSETS.iter().find(|(known, ..)| *known == name && version == *VERSION);
    let Some((_, kind, text)) = found else { return StatusCode::NOT_FOUND.into_response() };
    let kept = "public, max-age=31536000, immutable";
    ([(header::CONTENT_TYPE, *kind), (header::CACHE_CONTROL, kept)], *text).into_response()
}
