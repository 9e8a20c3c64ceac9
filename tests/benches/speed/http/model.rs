//! A model server in this process that speaks OpenAI's chat completions as a stream: it calls the tool once,
//! and says something when it has the result.

use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, header};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::Sleep;

/// Between the first words of an answer and its end, where there is no tool to call: far longer than what is
/// measured, which is how late the first words arrive.
const THINKING: Duration = Duration::from_millis(20);

/// The first words.
pub const FIRST_WORDS: &str = "Well, then: ";

const CALL: &str = concat!(
    r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"stub","choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"probe","arguments":"{\"do\": \"nothing\"}"}}]}}]}"#,
    "\n\n",
    r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"stub","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
    "\n\n",
    r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"stub","choices":[],"usage":{"prompt_tokens":80,"completion_tokens":12,"total_tokens":92}}"#,
    "\n\ndata: [DONE]\n\n",
);

const DONE: &str = concat!(
    r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"stub","choices":[{"index":0,"delta":{"content":"It is done."}}]}"#,
    "\n\n",
    r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"stub","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
    "\n\n",
    r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"stub","choices":[],"usage":{"prompt_tokens":99,"completion_tokens":5,"total_tokens":104}}"#,
    "\n\ndata: [DONE]\n\n",
);

/// Starts it in the runtime that this is called in.
pub async fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            tokio::spawn(async move {
                // A client that goes away is none of its business.
                let _ = http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service_fn(answer))
                    .await;
            });
        }
    });
    address
}

async fn answer(
    request: Request<Incoming>,
) -> Result<Response<Either<Full<Bytes>, Slowly>>, Infallible> {
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let has = |part: &str| body.windows(part.len()).any(|window| window == part.as_bytes());
    let body = match (has(r#""tools":["#), has(r#""role":"tool""#)) {
        (false, _) => Either::Right(Slowly::new()),
        (true, false) => Either::Left(Full::from(CALL)),
        (true, true) => Either::Left(Full::from(DONE)),
    };
    let mut response = Response::new(body);
    let kind = header::HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

/// The first words at once, the rest a while after.
struct Slowly {
    told: bool,
    rest: Option<&'static str>,
    wait: Pin<Box<Sleep>>,
}

impl Slowly {
    fn new() -> Self {
        Self { told: false, rest: Some(DONE), wait: Box::pin(tokio::time::sleep(THINKING)) }
    }
}

impl Body for Slowly {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if !self.told {
            self.told = true;
            let first = format!(
                "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{FIRST_WORDS}\"}}}}]}}\n\n"
            );
            return Poll::Ready(Some(Ok(Frame::data(first.into()))));
        }
        if self.rest.is_none() {
            return Poll::Ready(None);
        }
        ready!(self.wait.as_mut().poll(context));
        Poll::Ready(
            self.rest.take().map(|rest| Ok(Frame::data(Bytes::from_static(rest.as_bytes())))),
        )
    }
}
