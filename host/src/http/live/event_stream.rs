//! The body of an answer that arrives piece by piece: server-sent events (WHATWG HTML, section 9.2).

use crate::http::completions::RUN_ID;
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::StreamBody;
use hyper::body::Frame;
use serde_json::Value;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// Nobody reads any more.
pub(in crate::http) struct Gone;

/// Whoever reads the events. What they have not read yet is kept for them, so that a slow reader slows no
/// run down; it is bounded by what a run may say.
pub(in crate::http) struct Page(mpsc::UnboundedSender<Bytes>);

impl Page {
    /// One event.
    pub(in crate::http) fn send(&self, data: &Value) -> Result<(), Gone> {
        self.put(format!("data: {data}\n\n"))
    }

    /// The line that ends the streams of some protocols.
    pub(in crate::http) fn done(&self) -> Result<(), Gone> {
        self.put("data: [DONE]\n\n".into())
    }

    /// A comment, which readers skip.
    pub(in crate::http) fn alive(&self) -> Result<(), Gone> {
        self.put(": alive\n\n".into())
    }

    fn put(&self, text: String) -> Result<(), Gone> {
        self.0.send(text.into()).map_err(|_| Gone)
    }
}

/// The frames of a body, from whoever makes them.
struct Frames(mpsc::UnboundedReceiver<Bytes>);

impl futures_core::Stream for Frames {
    type Item = Result<Frame<Bytes>, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// An answer about a run whose events are sent through the page.
pub(in crate::http) fn answer(run: &str) -> (Page, Response) {
    let (sender, frames) = mpsc::unbounded_channel();
    let mut response = Body::new(StreamBody::new(Frames(frames))).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // Proxies that collect answers would hold the first words back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    if let Ok(run) = HeaderValue::from_str(run) {
        headers.insert(RUN_ID, run);
    }
    (Page(sender), response)
}
