//! A collector of traces, as far as one needs it to look at what was sent: OTLP over HTTP with protobuf.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What was sent.
#[derive(Debug, Default)]
struct Received {
    /// The first line of each request.
    lines: Vec<String>,
    spans: Vec<Span>,
    /// What the sender says of itself.
    resource: Vec<KeyValue>,
    /// Every byte of every body.
    bytes: Vec<u8>,
}

/// The collector.
pub struct Collector {
    address: String,
    received: Arc<Mutex<Received>>,
}

impl Collector {
    /// Starts it on a free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Received::default()));
        let kept = Arc::clone(&received);
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                // A sender that goes away has sent all that there is.
                let _ = take(stream, &kept);
            }
        });
        Self { address, received }
    }

    /// Its address, without a path.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The first line of each request so far.
    pub fn lines(&self) -> Vec<String> {
        self.lock().lines.clone()
    }

    /// The spans so far, by the time that each began.
    pub fn spans(&self) -> Vec<Span> {
        let mut spans = self.lock().spans.clone();
        spans.sort_by_key(|span| span.start_time_unix_nano);
        spans
    }

    /// What the sender says of itself under a name.
    pub fn resource(&self, key: &str) -> String {
        shown(&self.lock().resource, key)
    }

    /// Whether a text occurs anywhere in what was sent.
    pub fn holds(&self, text: &str) -> bool {
        self.lock().bytes.windows(text.len()).any(|window| window == text.as_bytes())
    }

    fn lock(&self) -> MutexGuard<'_, Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An attribute's value, as text; empty where there is none.
pub fn shown(attributes: &[KeyValue], key: &str) -> String {
    let found = attributes.iter().find(|one| one.key == key);
    found.and_then(|one| one.value.as_ref()).map(text).unwrap_or_default()
}

fn text(value: &AnyValue) -> String {
    match &value.value {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::ArrayValue(values)) => {
            values.values.iter().map(text).collect::<Vec<_>>().join(",")
        }
        other => format!("{other:?}"),
    }
}

fn take(mut stream: TcpStream, received: &Mutex<Received>) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 8192];
    let (head, mut body) = loop {
        let count = stream.read(&mut buffer)?;
        bytes.extend_from_slice(&buffer[..count]);
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let body = bytes.split_off(end + 4);
            break (String::from_utf8_lossy(&bytes).to_ascii_lowercase(), body);
        }
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.unwrap().trim().parse().unwrap();
    while body.len() < length {
        let count = stream.read(&mut buffer)?;
        body.extend_from_slice(&buffer[..count]);
    }
    assert!(head.contains("content-type: application/x-protobuf"), "{head}");
    let request = ExportTraceServiceRequest::decode(&*body).unwrap();
    {
        let mut received = received.lock().unwrap_or_else(PoisonError::into_inner);
        received.lines.push(head.lines().next().unwrap().to_owned());
        received.bytes.extend(body);
        for sent in request.resource_spans {
            received.resource = sent.resource.map(|it| it.attributes).unwrap_or_default();
            received.spans.extend(sent.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
    }
    stream.write_all(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    )
}
