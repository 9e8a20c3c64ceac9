//! A body of server-sent events (WHATWG HTML, section 9.2).

use super::completions::name_run;
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
use std::time::Duration;
use tokio::sync::mpsc;

/// Between two signs of life: proxies give up silent connections after a minute, some after half of one.
pub(crate) const ALIVE: Duration = Duration::from_secs(15);

/// Nobody reads any more.
pub(crate) struct Gone;

/// Sends events. Dropped, it ends the body.
pub(crate) struct EventSender(mpsc::UnboundedSender<Bytes>);

impl EventSender {
    /// An event of the default type, without a number.
    pub(crate) fn data(&self, data: &Value) -> Result<(), Gone> {
        self.send(format!("data: {data}\n\n"))
    }

    /// An event.
    pub(crate) fn event(&self, id: Option<i64>, kind: &str, data: &Value) -> Result<(), Gone> {
        let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
        self.send(format!("{id}event: {kind}\ndata: {data}\n\n"))
    }

    /// The word that ends a stream of OpenAI's.
    pub(crate) fn done(&self) -> Result<(), Gone> {
        self.send("data: [DONE]\n\n".into())
    }

    /// A sign of life, which clients do not see.
    pub(crate) fn alive(&self) -> Result<(), Gone> {
        self.send(": alive\n\n".into())
    }

    /// Waits until nobody reads any more.
    pub(crate) async fn closed(&self) {
        self.0.closed().await;
    }

    fn send(&self, text: String) -> Result<(), Gone> {
        self.0.send(text.into()).map_err(|_| Gone)
    }
}

/// An answer about a run, and what sends its events. What has not been read yet is kept, so that a slow
/// reader slows no run down; it is bounded by what a run may say.
pub(crate) fn about_run(run: &str) -> (EventSender, Response) {
    let (sender, mut response) = events();
    name_run(&mut response, run);
    (sender, response)
}

/// The same about no run in particular.
pub(crate) fn events() -> (EventSender, Response) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let mut response = Body::new(StreamBody::new(Frames(receiver))).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // Proxies that collect answers would hold the first words back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    (EventSender(sender), response)
}

/// The frames of a body, from whoever makes them.
struct Frames(mpsc::UnboundedReceiver<Bytes>);

impl futures_core::Stream for Frames {
    type Item = Result<Frame<Bytes>, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}
