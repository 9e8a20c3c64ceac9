//! A body of server-sent events (WHATWG HTML, section 9.2).

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
pub(super) struct Gone;

/// Sends events. Dropped, it ends the body.
#[derive(Clone)]
pub(super) struct EventSender(mpsc::UnboundedSender<Bytes>);

impl EventSender {
    /// An event of the default type, without a number.
    pub(super) fn data(&self, data: &Value) -> Result<(), Gone> {
        self.send(format!("data: {data}\n\n"))
    }

    /// An event.
    pub(super) fn event(&self, id: Option<i64>, kind: &str, data: &Value) -> Result<(), Gone> {
        let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
        self.send(format!("{id}event: {kind}\ndata: {data}\n\n"))
    }

    /// The word that ends a stream of OpenAI's.
    pub(super) fn done(&self) -> Result<(), Gone> {
        self.send("data: [DONE]\n\n".into())
    }

    /// A sign of life, which clients do not see.
    pub(super) fn alive(&self) -> Result<(), Gone> {
        self.send(": alive\n\n".into())
    }

    /// Waits until nobody reads any more.
    pub(super) async fn closed(&self) {
        self.0.closed().await;
    }

    fn send(&self, text: String) -> Result<(), Gone> {
        self.0.send(text.into()).map_err(|_| Gone)
    }
}

/// The body of an answer, as it is sent.
pub(super) struct EventBody(mpsc::UnboundedReceiver<Bytes>);

impl EventBody {
    pub(super) fn new() -> (EventSender, Self) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (EventSender(sender), Self(receiver))
    }
}

impl futures_core::Stream for EventBody {
    type Item = Result<Frame<Bytes>, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

impl IntoResponse for EventBody {
    fn into_response(self) -> Response {
        let mut response = Body::new(StreamBody::new(self)).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("text/event-stream");
        headers.insert(header::CONTENT_TYPE, kind);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        // Proxies that collect answers would hold the first words back.
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        response
    }
}
