//! A mail server that keeps what it is given (RFC 5321, as much as a client needs).

use crate::standin::lock;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A mail as it arrived.
#[derive(Debug, Clone)]
pub struct Mail {
    /// Whom the envelope names as receivers.
    pub to: Vec<String>,
    /// Headers and text, lines ending in `\n`.
    pub text: String,
}

impl Mail {
    /// The headers.
    pub fn head(&self) -> &str {
        self.text.split_once("\n\n").map_or(&*self.text, |(head, _)| head)
    }

    /// The text as it was written: quoted-printable (RFC 2045) where the headers say so.
    pub fn body(&self) -> String {
        let body = self.text.split_once("\n\n").map_or("", |(_, body)| body);
        if !self.head().contains("Content-Transfer-Encoding: quoted-printable") {
            return body.to_owned();
        }
        let mut bytes = Vec::new();
        let joined = body.replace("=\n", "");
        let mut rest = joined.as_bytes();
        while let [first, after @ ..] = rest {
            let coded = after.get(..2).filter(|_| *first == b'=');
            let coded = coded.and_then(|two| std::str::from_utf8(two).ok());
            match coded.and_then(|two| u8::from_str_radix(two, 16).ok()) {
                Some(byte) => {
                    bytes.push(byte);
                    rest = &after[2..];
                }
                None => {
                    bytes.push(*first);
                    rest = after;
                }
            }
        }
        String::from_utf8(bytes).expect("a text")
    }
}

/// The server.
pub struct Smtp {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    mails: Vec<Mail>,
    /// Answers to give to `RCPT` instead.
    instead: Vec<&'static str>,
}

impl Smtp {
    /// Starts it on a free port.
    ///
    /// # Panics
    /// Where loopback has no free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
        let address = listener.local_addr().expect("a bound address");
        let shared: Arc<Mutex<Shared>> = Arc::default();
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let serving = Arc::clone(&serving);
                // A client that went away has said all that the test looks at.
                std::thread::spawn(move || serve(&stream, &serving).is_ok());
            }
        });
        Self { address, shared }
    }

    /// The `server` of a role.
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// What arrived.
    pub fn mails(&self) -> Vec<Mail> {
        lock(&self.shared).mails.clone()
    }

    /// Answers the next receiver otherwise.
    pub fn answer_instead(&self, answer: &'static str) {
        lock(&self.shared).instead.push(answer);
    }
}

fn serve(stream: &TcpStream, shared: &Mutex<Shared>) -> std::io::Result<()> {
    let mut writer = stream.try_clone()?;
    let mut lines = BufReader::new(stream).lines();
    writer.write_all(b"220 mail.test ESMTP\r\n")?;
    let mut to = Vec::new();
    while let Some(line) = lines.next() {
        let line = line?;
        let word = line.split_whitespace().next().unwrap_or_default().to_uppercase();
        let answer = match word.as_str() {
            "EHLO" => "250-mail.test\r\n250 8BITMIME",
            "MAIL" => {
                to.clear();
                "250 ok"
            }
            "RCPT" => {
                let instead = lock(shared).instead.pop();
                if instead.is_none() {
                    to.push(line.trim_start_matches("RCPT TO:").to_owned());
                }
                instead.unwrap_or("250 ok")
            }
            "DATA" => {
                writer.write_all(b"354 go on\r\n")?;
                let mut text = String::new();
                for line in lines.by_ref() {
                    let line = line?;
                    if line == "." {
                        break;
                    }
                    text.push_str(line.strip_prefix('.').unwrap_or(&line));
                    text.push('\n');
                }
                lock(shared).mails.push(Mail { to: to.clone(), text });
                "250 kept"
            }
            "QUIT" => {
                writer.write_all(b"221 bye\r\n")?;
                return Ok(());
            }
            "RSET" | "NOOP" => "250 ok",
            _ => "502 unknown",
        };
        writer.write_all(format!("{answer}\r\n").as_bytes())?;
    }
    Ok(())
}
