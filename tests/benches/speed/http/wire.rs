//! One connection of a client: what the load is made with, and what the floor asks the model with.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, Response, StatusCode, body::Incoming, header};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use tokio::net::TcpStream;

/// A connection that stays open.
pub struct Wire {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    key: Option<String>,
}

impl Wire {
    /// Connects; `key` is sent with each request.
    pub async fn connect(address: SocketAddr, key: Option<&str>) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self { sender, host: address.to_string(), key: key.map(|key| format!("Bearer {key}")) }
    }

    /// Sends a request, and gives the answer as soon as it begins.
    pub async fn send(&mut self, path: &str, body: Bytes) -> Response<Incoming> {
        self.send_signed(path, body, None).await
    }

    /// The same with a header more.
    async fn send_signed(
        &mut self,
        path: &str,
        body: Bytes,
        signature: Option<(&str, &str)>,
    ) -> Response<Incoming> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::HOST, &self.host)
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = &self.key {
            request = request.header(header::AUTHORIZATION, key);
        }
        if let Some((name, value)) = signature {
            request = request.header(name, value);
        }
        self.sender.ready().await.unwrap();
        self.sender.send_request(request.body(Full::new(body)).unwrap()).await.unwrap()
    }

    /// Sends a request and reads the whole answer.
    pub async fn ask(&mut self, path: &str, body: Bytes) -> (StatusCode, Bytes) {
        let response = self.send(path, body).await;
        whole(response).await
    }

    /// The same with a header more.
    pub async fn ask_signed(
        &mut self,
        path: &str,
        body: Bytes,
        signature: (&str, &str),
    ) -> (StatusCode, Bytes) {
        let response = self.send_signed(path, body, Some(signature)).await;
        whole(response).await
    }
}

async fn whole(response: Response<Incoming>) -> (StatusCode, Bytes) {
    let status = response.status();
    (status, response.into_body().collect().await.unwrap().to_bytes())
}
