//! A model server that sends exactly the bytes it is told to, and keeps those it received.
//!
//! Real mock servers normalise bodies and cannot cut a stream in the middle.

use rustix::net;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long the stub waits for a client before it gives up: far longer than any test takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the stub does with one request.
#[derive(Debug, Clone, Default)]
pub struct Answer(Vec<Step>);

#[derive(Debug, Clone)]
enum Step {
    Send(Vec<u8>),
    Stall,
}

impl Answer {
    /// Closes the connection without a byte.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// A response with a body of any kind.
    pub fn response(status: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Self {
        let mut head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
        for header in headers {
            head.push_str(header);
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        Self(vec![Step::Send(head.into_bytes())]).then(body)
    }

    /// The beginning of a stream; it ends when the connection does.
    pub fn stream() -> Self {
        Self::response("200 OK", &["Content-Type: text/event-stream"], "")
    }

    /// Further bytes, sent in one write of their own.
    #[must_use]
    pub fn then(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.0.push(Step::Send(bytes.as_ref().to_vec()));
        self
    }

    /// The beginning of a stream of lines; it ends when the connection does.
    pub fn lines() -> Self {
        Self::response("200 OK", &["Content-Type: application/x-ndjson"], "")
    }

    /// One event.
    #[must_use]
    pub fn event(self, data: &str) -> Self {
        self.then(format!("data: {data}\n\n"))
    }

    /// A whole answer in text.
    pub fn text(text: &str) -> Self {
        let content = serde_json::Value::String(text.to_owned());
        Self::stream()
            .event(&format!(r#"{{"choices":[{{"index":0,"delta":{{"content":{content}}}}}]}}"#))
            .event(r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#)
            .event("[DONE]")
    }

    /// Says nothing more, until the client goes away.
    #[must_use]
    pub fn stall(mut self) -> Self {
        self.0.push(Step::Stall);
        self
    }
}

/// The server. It takes one connection for each answer, then none.
#[derive(Debug)]
pub struct ModelStub {
    address: String,
    received: Arc<Mutex<Vec<String>>>,
}

impl ModelStub {
    /// Starts it on a free port.
    ///
    /// # Panics
    /// Where loopback has no free port.
    pub fn serve(answers: Vec<Answer>) -> Self {
        Self::serve_on(TcpListener::bind("127.0.0.1:0").expect("a free port on loopback"), answers)
    }

    fn serve_on(listener: TcpListener, answers: Vec<Answer>) -> Self {
        let address = listener.local_addr().expect("a bound address").to_string();
        let received = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&received);
        std::thread::spawn(move || {
            for answer in answers {
                let Ok((stream, _)) = listener.accept() else { return };
                // A client that went away has said all that the test looks at.
                let _ = serve_one(stream, &answer, &log);
            }
        });
        Self { address, received }
    }

    /// The `base_url` of a role.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The address without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far, heads and bodies as received.
    pub fn requests(&self) -> Vec<String> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The bodies of the requests so far.
    pub fn bodies(&self) -> Vec<String> {
        let body = |request: &String| {
            request.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
        };
        self.requests().iter().map(body).collect()
    }
}

/// A port that refuses connections and that nobody else can take: for a server that is down, and comes
/// up later.
#[derive(Debug)]
pub struct Closed {
    socket: OwnedFd,
    address: SocketAddr,
}

impl Closed {
    /// Reserves a free port.
    ///
    /// # Panics
    /// Where loopback has none.
    pub fn reserve() -> Self {
        let socket = net::socket_with(
            net::AddressFamily::INET,
            net::SocketType::STREAM,
            net::SocketFlags::CLOEXEC,
            None,
        );
        let socket = socket.expect("a socket");
        // Bound and not listening: the kernel refuses whoever connects.
        net::bind(&socket, &SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
        let address = net::getsockname(&socket).expect("a bound socket");
        Self { socket, address: address.try_into().expect("an address of loopback") }
    }

    /// The `base_url` of a role.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Brings the server up.
    ///
    /// # Panics
    /// Where the port cannot be listened on.
    pub fn open(self, answers: Vec<Answer>) -> ModelStub {
        net::listen(&self.socket, 16).expect("a listening socket");
        ModelStub::serve_on(self.socket.into(), answers)
    }
}

fn serve_one(
    mut stream: TcpStream,
    answer: &Answer,
    log: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let request = read_request(&mut stream)?;
    log.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    for step in &answer.0 {
        match step {
            Step::Send(bytes) => stream.write_all(bytes)?,
            Step::Stall => while stream.read(&mut [0; 1024])? > 0 {},
        }
    }
    Ok(())
}

/// Reads a whole request: closing a socket with unread bytes would reset the connection, and the
/// client might lose what was sent.
fn read_request(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 65536];
    loop {
        let count = stream.read(&mut buffer)?;
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                if !name.eq_ignore_ascii_case("content-length") {
                    return None;
                }
                value.trim().parse::<usize>().ok()
            });
            if body.len() >= length.unwrap_or(0) {
                return Ok(text);
            }
        }
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}
