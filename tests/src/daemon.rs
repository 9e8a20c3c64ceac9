//! A daemon of the real program: `initrunner daemon ROLE --port 0` in a state folder of its own.

use crate::home::{Home, Ran, Running, Start, until};
use crate::http_client::{Answer, Request, Wire};
use data_encoding::{BASE64, HEXLOWER};
use hmac::{Hmac, KeyInit, Mac};
use rustix::process::Signal;
use sha2::Sha256;
use std::net::SocketAddr;

/// A daemon that waits for triggers; it is killed when this is dropped.
pub struct Daemon {
    running: Running,
    address: Option<SocketAddr>,
}

impl Daemon {
    /// A daemon of a role, or of a folder of them.
    ///
    /// # Panics
    /// Where it does not start.
    #[track_caller]
    pub fn start(home: &Home, role: &str) -> Self {
        Self::of(Self::command(home, role))
    }

    /// What starts one.
    pub fn command(home: &Home, role: &str) -> Start {
        home.command(["daemon", role, "--port", "0", "--log-level", "info"])
    }

    /// A daemon of a command that a test has made.
    ///
    /// # Panics
    /// Where it does not start.
    #[track_caller]
    pub fn of(start: Start) -> Self {
        let mut running = start.start();
        until("the daemon waits", || {
            let waits = running.said().contains("Waiting for triggers\n");
            assert!(waits || !running.ended(), "the daemon ended: {}", running.warned());
            waits
        });
        let said = running.said();
        let line =
            said.lines().find_map(|line| line.strip_prefix("Listening for webhooks on http://"));
        Self { address: line.map(|line| line.parse().expect("an address")), running }
    }

    /// A request to its webhooks.
    ///
    /// # Panics
    /// Where it has none.
    #[track_caller]
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(self.address.expect("webhooks"), method, path)
    }

    /// A request that is signed as GitHub signs.
    ///
    /// # Panics
    /// Where there is no answer.
    #[track_caller]
    pub fn push(&self, path: &str, secret: &str, body: &str) -> Answer {
        self.signed(path, secret, body).send()
    }

    /// The same where there may be no answer.
    ///
    /// # Errors
    /// It died before it answered.
    pub fn try_push(&self, path: &str, secret: &str, body: &str) -> std::io::Result<Answer> {
        let request = self.signed(path, secret, body);
        let mut wire = self.wire();
        wire.write(&request.bytes())?;
        wire.answer()
    }

    /// A request that is signed as GitHub signs, not yet sent.
    ///
    /// # Panics
    /// Where it has no webhooks.
    #[track_caller]
    pub fn signed(&self, path: &str, secret: &str, body: &str) -> Request {
        let signature =
            format!("sha256={}", HEXLOWER.encode(&mac(secret.as_bytes(), body.as_bytes())));
        self.request("POST", path).json(body).header("X-Hub-Signature-256", signature)
    }

    /// A connection to its webhooks.
    ///
    /// # Panics
    /// Where it has none.
    #[track_caller]
    pub fn wire(&self) -> Wire {
        Wire::open(self.address.expect("webhooks"))
    }

    /// What it has written to standard output so far.
    pub fn said(&self) -> String {
        self.running.said()
    }

    /// What it has logged so far.
    pub fn logged(&self) -> String {
        self.running.warned()
    }

    /// Waits until it has logged a text so many times.
    ///
    /// # Panics
    /// Where it does not in time.
    #[track_caller]
    pub fn logs(&self, text: &str, times: usize) {
        until(&format!("the log has `{text}` {times} times"), || {
            self.logged().matches(text).count() >= times
        });
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.running.id()
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Panics
    /// It does not in a minute.
    pub fn stop(self) -> Ran {
        self.running.signal(Signal::TERM);
        self.running.wait()
    }

    /// Waits until it has ended by itself.
    ///
    /// # Panics
    /// It does not in a minute.
    pub fn end(self) -> Ran {
        self.running.wait()
    }

    /// Kills it, as a power cut would end it.
    ///
    /// # Panics
    /// Where it cannot be killed.
    pub fn kill(self) {
        self.running.kill();
    }
}

/// HMAC-SHA256.
///
/// # Panics
/// Never: it takes keys of any length.
pub fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

/// A signature of Standard Webhooks.
pub fn standard(secret: &str, id: &str, time: i64, body: &str) -> String {
    format!(
        "v1,{}",
        BASE64.encode(&mac(secret.as_bytes(), format!("{id}.{time}.{body}").as_bytes()))
    )
}
