//! Scripts of `tests/clients/browser`: people at the dashboard in a real browser. A script reads what it is
//! given as JSON from its only argument, and asks the test on standard output for what only that can do.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a script may take: the longest looks at every page in each theme and width.
const PATIENCE: Duration = Duration::from_secs(300);

/// A script that runs; it is killed when this is dropped.
#[derive(Debug)]
pub struct Script {
    name: String,
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
    stderr: Option<JoinHandle<String>>,
    said: String,
    deadline: Instant,
}

/// Where pictures of pages are kept: what a build makes, and no part of the repository.
///
/// # Panics
/// Where the folder cannot be made.
pub fn shots() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/screenshots");
    std::fs::create_dir_all(&folder).expect("a folder for pictures");
    folder.canonicalize().expect("an existing folder")
}

impl Script {
    /// Starts one.
    ///
    /// # Panics
    /// Where Node.js, the packages or the browser are not installed.
    #[track_caller]
    pub fn start(name: &str, given: &Value) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/browser");
        let installed = folder.join("node_modules").exists();
        assert!(installed, "the browser's packages are missing: run `./tests/run --install`");
        let mut child = Command::new("node")
            .arg(folder.join(name))
            .arg(given.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("Node.js 20 or later must be installed as `node`");
        let stdin = child.stdin.take().expect("its standard input is ours");
        let stdout = child.stdout.take().expect("its standard output is ours");
        let mut stderr = child.stderr.take().expect("its standard error is ours");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let stderr = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stderr.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        let deadline = Instant::now() + PATIENCE;
        let (name, said, stderr) = (name.to_owned(), String::new(), Some(stderr));
        Self { name, child, stdin, lines, stderr, said, deadline }
    }

    /// Waits until the script asks for this.
    ///
    /// # Panics
    /// It ends before that, or asks for something else.
    #[track_caller]
    pub fn asked(&mut self, word: &str) {
        loop {
            match self.line() {
                None => self.give_up(&format!("it ended and did not ask for `{word}`")),
                Some(line) => match line.strip_prefix("? ") {
                    None => continue,
                    Some(asked) if asked == word => return,
                    Some(asked) => self.give_up(&format!("it asked for `{asked}`, not `{word}`")),
                },
            }
        }
    }

    /// Answers what it asked for.
    ///
    /// # Panics
    /// It has ended.
    #[track_caller]
    pub fn answer(&mut self, text: &str) {
        let written = writeln!(self.stdin, "{text}");
        if written.is_err() {
            self.give_up("it does not read the answer");
        }
    }

    /// Waits until it ends. Gives what it printed.
    ///
    /// # Panics
    /// It failed: with what it found.
    #[track_caller]
    pub fn end(mut self) -> String {
        while let Some(line) = self.line() {
            if line.starts_with("? ") {
                self.give_up(&format!("it asked for `{line}`, which nobody answers"));
            }
        }
        let ended = self.child.wait().expect("an ended script");
        if !ended.success() {
            self.give_up("it failed");
        }
        println!("{}:\n{}", self.name, self.said);
        std::mem::take(&mut self.said)
    }

    /// The next line; nothing where there are no more.
    fn line(&mut self) -> Option<String> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        match self.lines.recv_timeout(left) {
            Ok(line) => {
                self.said.push_str(&line);
                self.said.push('\n');
                Some(line)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => self.give_up("it takes too long"),
        }
    }

    #[track_caller]
    fn give_up(&mut self, why: &str) -> ! {
        let _ = self.child.kill();
        let stderr = self.stderr.take().and_then(|reader| reader.join().ok()).unwrap_or_default();
        panic!("{}: {why}\n{}\n{stderr}", self.name, self.said);
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
