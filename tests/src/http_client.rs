//! An HTTP client that sends exactly the bytes it is told to: the requests that no library lets anyone
//! send are those that a server has to be tried with.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long an answer is waited for: longer than any takes on the busiest machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request, not yet sent. It asks that the connection be closed after it.
#[derive(Debug, Clone)]
pub struct Request {
    address: SocketAddr,
    line: String,
    host: Option<String>,
    headers: Vec<(String, Vec<u8>)>,
    body: Option<Vec<u8>>,
}

/// An answer, whole.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Names in lower case, and what they hold.
    pub headers: Vec<(String, String)>,
    /// The body, out of its chunks.
    pub body: Vec<u8>,
}

/// A connection that is read and written as a test likes.
#[derive(Debug)]
pub struct Wire {
    reader: BufReader<TcpStream>,
}

impl Request {
    /// A request without a body.
    pub fn new(address: SocketAddr, method: &str, path: &str) -> Self {
        Self {
            address,
            line: format!("{method} {path} HTTP/1.1"),
            host: Some(address.to_string()),
            headers: Vec::new(),
            body: None,
        }
    }

    /// Adds a header; any bytes that HTTP lets a value have.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Sends no header of this name.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    /// Asks another host than the one that it is sent to.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        self.host = Some(host.to_owned());
        self
    }

    /// A body in JSON.
    #[must_use]
    pub fn json(self, body: impl AsRef<[u8]>) -> Self {
        self.header("Content-Type", "application/json").body(body)
    }

    /// A body, without saying what it is.
    #[must_use]
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = Some(body.as_ref().to_vec());
        self
    }

    /// The bytes on the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head("Connection: close\r\n");
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }

    /// The same for a connection that stays open.
    pub fn kept_alive(&self) -> Vec<u8> {
        let mut bytes = self.head("");
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }

    fn head(&self, more: &str) -> Vec<u8> {
        let mut head = format!("{}\r\n", self.line).into_bytes();
        if let Some(host) = &self.host {
            head.extend_from_slice(format!("Host: {host}\r\n").as_bytes());
        }
        for (name, value) in &self.headers {
            head.extend_from_slice(name.as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value);
            head.extend_from_slice(b"\r\n");
        }
        if let Some(body) = &self.body {
            head.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
        }
        head.extend_from_slice(more.as_bytes());
        head.extend_from_slice(b"\r\n");
        head
    }

    /// Sends it and reads the answer.
    ///
    /// # Panics
    /// Where there is none in a minute.
    #[track_caller]
    pub fn send(&self) -> Answer {
        let mut wire = Wire::open(self.address);
        // A server may refuse a large body after its head, and close; what it said is there all the same.
        let _ = wire.write(&self.bytes());
        wire.answer().unwrap_or_else(|error| panic!("no answer to {}: {error}", self.line))
    }
}

impl Wire {
    /// Connects.
    ///
    /// # Panics
    /// Where nobody listens.
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("a server that listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a patient connection");
        stream.set_write_timeout(Some(PATIENCE)).expect("a patient connection");
        stream.set_nodelay(true).expect("a prompt connection");
        Self { reader: BufReader::new(stream) }
    }

    /// Sends bytes.
    ///
    /// # Errors
    /// Where the other end does not take them.
    pub fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.reader.get_mut().write_all(bytes)
    }

    /// Reads one line, without its end; nothing where the connection has ended.
    ///
    /// # Errors
    /// Where nothing comes in a minute.
    pub fn line(&mut self) -> std::io::Result<Option<String>> {
        let mut line = Vec::new();
        if self.reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        Ok(Some(String::from_utf8_lossy(&line).trim_end().to_owned()))
    }

    /// Reads whatever comes until the other end closes.
    ///
    /// # Errors
    /// Where it does not close in a minute.
    pub fn rest(&mut self) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.reader.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads one answer, and leaves what follows.
    ///
    /// # Errors
    /// Where it is none, or does not come in a minute.
    pub fn answer(&mut self) -> std::io::Result<Answer> {
        let (status, headers) = self.answer_head()?;
        let said = |name: &str| headers.iter().find(|(known, _)| known == name).map(|one| &*one.1);
        let body = match (said("transfer-encoding"), said("content-length")) {
            (Some("chunked"), _) => self.chunks()?,
            (_, Some(length)) => {
                let mut body = vec![0; length.parse().map_err(std::io::Error::other)?];
                self.reader.read_exact(&mut body)?;
                body
            }
            _ if status == 204 || status == 304 => Vec::new(),
            _ => self.rest()?,
        };
        Ok(Answer { status, headers, body })
    }

    /// Reads the head of an answer: its status, and its headers.
    ///
    /// # Errors
    /// As [`Wire::answer`].
    pub fn answer_head(&mut self) -> std::io::Result<(u16, Vec<(String, String)>)> {
        let ended = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
        let first = self.line()?.ok_or_else(ended)?;
        let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| std::io::Error::other(format!("no status: {first}")))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?.ok_or_else(ended)?;
            if line.is_empty() {
                return Ok((status, headers));
            }
            let (name, value) = line.split_once(':').unwrap_or((line.as_str(), ""));
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    fn chunks(&mut self) -> std::io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?.unwrap_or_default();
            let size = usize::from_str_radix(&line, 16)
                .map_err(|_| std::io::Error::other(format!("no size of a chunk: {line:?}")))?;
            let mut chunk = vec![0; size + 2];
            self.reader.read_exact(&mut chunk)?;
            body.extend_from_slice(&chunk[..size]);
            if size == 0 {
                return Ok(body);
            }
        }
    }
}

impl Answer {
    /// What a header holds.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    /// The body as a text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// It is none.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {}: {}", self.status, self.text()))
    }

    /// The data of the events of a stream.
    pub fn events(&self) -> Vec<String> {
        let text = self.text();
        let data = |event: &str| {
            let lines = event.lines().filter_map(|line| line.strip_prefix("data:"));
            lines.map(str::trim_start).collect::<Vec<_>>().join("\n")
        };
        text.split("\n\n").map(data).filter(|data| !data.is_empty()).collect()
    }
}
