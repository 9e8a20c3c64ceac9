//! A server of the real program: `initrunner serve ROLE --port 0` in a state folder of its own.

use crate::home::{Home, Ran, Running, Start, until};
use crate::http_client::{Answer, Request};
use rustix::process::Signal;
use std::net::SocketAddr;

/// How the line begins that says where a server listens.
const TELLS: [&str; 2] = ["Serving ", "The dashboard is at "];

/// A server that listens; it is killed when this is dropped.
pub struct Server {
    running: Running,
    address: SocketAddr,
    key: Option<String>,
    link: Option<String>,
}

impl Server {
    /// Serves a role, or a folder of them, of this home.
    ///
    /// # Panics
    /// Where it does not start.
    #[track_caller]
    pub fn start(home: &Home, role: &str) -> Self {
        Self::with(home, role, &[])
    }

    /// The same with further arguments.
    ///
    /// # Panics
    /// As [`Server::start`].
    #[track_caller]
    pub fn with(home: &Home, role: &str, arguments: &[&str]) -> Self {
        let words = ["serve", role, "--port", "0"];
        Self::of(home, home.command(words.into_iter().chain(arguments.iter().copied())))
    }

    /// A server of a command that a test has made: with an environment, or limits.
    ///
    /// # Panics
    /// As [`Server::start`].
    #[track_caller]
    pub fn of(home: &Home, start: Start) -> Self {
        let mut running = start.start();
        let (mut address, mut link) = (None, None);
        until("the server listens", || {
            let said = running.said();
            // Only a whole line has the whole address.
            let listens = |line: &&str| TELLS.iter().any(|begin| line.starts_with(begin));
            let line = said.split_inclusive('\n').find(listens);
            let line = line.and_then(|line| line.strip_suffix('\n')?.rsplit_once("http://"));
            let (at, path) =
                line.map_or(("", ""), |(_, url)| url.split_once('/').unwrap_or((url, "")));
            address = at.parse().ok();
            link = (!path.is_empty()).then(|| format!("/{path}"));
            assert!(
                address.is_some() || !running.ended(),
                "the server ended: {}",
                running.warned()
            );
            address.is_some()
        });
        let key = std::fs::read_to_string(home.state().join("api-key")).ok();
        Self {
            running,
            address: address.expect("an address, since it listens"),
            key: key.map(|key| key.trim().to_owned()),
            link,
        }
    }

    /// The path that `initrunner dashboard` gives whoever started it, where it gives one.
    pub fn link(&self) -> Option<&str> {
        self.link.as_deref()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The key of this machine, which may do anything.
    ///
    /// # Panics
    /// The server has a file of keys.
    #[track_caller]
    pub fn key(&self) -> &str {
        self.key.as_deref().expect("a key in the state folder")
    }

    /// A request with this machine's key, where the server has one.
    pub fn request(&self, method: &str, path: &str) -> Request {
        let request = Request::new(self.address, method, path);
        match &self.key {
            Some(key) => request.header("Authorization", format!("Bearer {key}")),
            None => request,
        }
    }

    /// Asks for what is at a path, with this machine's key.
    ///
    /// # Panics
    /// Where there is no answer.
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path).send()
    }

    /// Sends a JSON body, with this machine's key.
    ///
    /// # Panics
    /// Where there is no answer.
    #[track_caller]
    pub fn post(&self, path: &str, body: impl AsRef<[u8]>) -> Answer {
        self.request("POST", path).json(body).send()
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.running.id()
    }

    /// What it has written to standard error so far.
    pub fn warned(&self) -> String {
        self.running.warned()
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// Where it has ended.
    pub fn signal(&self, signal: Signal) {
        self.running.signal(signal);
    }

    /// Waits until it ends.
    ///
    /// # Panics
    /// It does not in a minute.
    pub fn wait(self) -> Ran {
        self.running.wait()
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Panics
    /// It does not in a minute.
    pub fn stop(self) -> Ran {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Kills it, as a power cut would end it.
    ///
    /// # Panics
    /// Where it cannot be killed.
    pub fn kill(self) {
        self.running.kill();
    }
}
