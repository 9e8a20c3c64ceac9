//! The real program in a state folder of its own, as a person at a terminal uses it.
//!
//! The environment holds `PATH`, `HOME` and `INITRUNNER_HOME`, and what a test adds. Components are
//! compiled once for all tests: every state folder has the same host key and the same cache.

use crate::stable::Placeholders;
use initrunner::store::key;
use rustix::process::{Pid, Signal, kill_process};
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longer than anything here takes on the busiest machine; no test waits for it to pass.
const PLENTY: Duration = Duration::from_secs(60);

/// How often a condition is looked at: a file's existence costs nothing.
const SOON: Duration = Duration::from_millis(10);

/// A state folder, and a folder with a role beside it.
#[derive(Debug)]
pub struct Home {
    _folder: TempDir,
    root: PathBuf,
    seen: Arc<Mutex<Placeholders>>,
}

/// One start of the program, not yet made.
pub struct Start {
    command: Command,
    root: PathBuf,
    seen: Arc<Mutex<Placeholders>>,
}

/// A program that runs; it is killed when this is dropped.
pub struct Running {
    child: Child,
    stdout: Stream,
    stderr: Stream,
    root: PathBuf,
    seen: Arc<Mutex<Placeholders>>,
}

/// An output stream that is read as it comes.
#[derive(Default)]
struct Stream {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

/// What a start of the program left: its output, stable, and its exit code.
#[derive(Debug, Clone)]
pub struct Ran {
    /// The exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error, without the notes that a component is compiled.
    pub stderr: String,
    /// Those notes: whether there is one depends on the tests before.
    pub compiled: Vec<String>,
    /// Standard output, as it was.
    pub raw: String,
}

impl Home {
    /// A new state folder, and an empty folder for a role.
    ///
    /// # Panics
    /// Where the machine has no room for them.
    pub fn new() -> Self {
        let home = Self::without_cache();
        let shared = crate::binary().with_file_name("test-components");
        let kept = home.state().join("keys");
        key::load_or_create(&shared.join("host.key")).expect("a key for all tests");
        std::fs::create_dir_all(&kept).expect("a folder for keys");
        std::fs::copy(shared.join("host.key"), kept.join("host.key")).expect("a copied key");
        let cache = shared.join("cache");
        std::fs::create_dir_all(&cache).expect("a cache for all tests");
        std::os::unix::fs::symlink(cache, home.state().join("cache")).expect("a linked cache");
        home
    }

    /// The same with nothing in the state folder: not even the folder.
    ///
    /// # Panics
    /// As [`Home::new`].
    pub fn without_cache() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path().canonicalize().expect("an existing folder");
        std::fs::create_dir(root.join("work")).expect("a folder");
        Self { _folder: folder, root, seen: Arc::default() }
    }

    /// A state folder, and a copy of one of the examples.
    ///
    /// # Panics
    /// Where there is no such example.
    pub fn with_example(name: &str) -> Self {
        let home = Self::new();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name);
        copy(&from, &home.work());
        home
    }

    /// A state folder, and `role.yaml` with these `tools:` (YAML, indented by two; none where empty) and
    /// a model that follows `script`.
    pub fn with_role(tools: &str, script: &str) -> Self {
        let home = Self::new();
        home.role("role.yaml", tools, script);
        home
    }

    /// Writes a further role; its script is named after it.
    pub fn role(&self, name: &str, tools: &str, script: &str) {
        let script_name = format!("{name}.script.yaml");
        let tools = if tools.is_empty() { String::new() } else { format!("tools:\n{tools}\n") };
        self.file(name, format!("name: test\nprompt: p\nmodel: scripted:{script_name}\n{tools}"));
        self.file(&script_name, script);
    }

    /// Writes a file into the role's folder.
    ///
    /// # Panics
    /// Where it cannot be written.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.work().join(name);
        std::fs::write(&path, content).expect("a written file");
        path
    }

    /// The folder of everything: state, role, and whatever else a test makes.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The state folder.
    pub fn state(&self) -> PathBuf {
        self.root.join("state")
    }

    /// The role's folder, where programs are started.
    pub fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    /// The database, as another program opens it.
    ///
    /// # Panics
    /// Where it cannot be opened.
    pub fn database(&self) -> rusqlite::Connection {
        let conn = rusqlite::Connection::open(self.state().join("audit.db")).expect("a database");
        conn.busy_timeout(PLENTY).expect("a patient connection");
        conn
    }

    /// The program with these arguments; `RUN`, `CALL2`, … among them stand for the ids that were shown.
    pub fn command<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Start {
        self.start_of(&crate::binary(), arguments)
    }

    /// The same with fail points, which its environment arms: see `initrunner::fail_point`.
    pub fn failing<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Start {
        self.start_of(&crate::failing_binary(), arguments)
    }

    /// Another program with these arguments and the same environment: a script that uses this folder's
    /// server.
    pub fn start_of<'a>(
        &self,
        program: &Path,
        arguments: impl IntoIterator<Item = &'a str>,
    ) -> Start {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.root.join("home"))
            .env("INITRUNNER_HOME", self.state())
            .current_dir(self.work())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let seen = lock(&self.seen);
        command.args(arguments.into_iter().map(|word| seen.reveal(word)));
        drop(seen);
        Start { command, root: self.root.clone(), seen: Arc::clone(&self.seen) }
    }

    /// The same on a terminal of 30 lines and 100 columns: what both of its streams show is standard
    /// output then. Needs Python, whose standard library has pseudo-terminals.
    pub fn on_terminal<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Start {
        let mut start = self.command([]);
        let program = crate::binary();
        let seen = lock(&self.seen);
        let words = arguments.into_iter().map(|word| seen.reveal(word));
        let mut python = Command::new("python3");
        python.arg("-c").arg(include_str!("terminal.py")).arg(program).args(words);
        drop(seen);
        for (name, value) in start.command.get_envs() {
            if let Some(value) = value {
                python.env(name, value);
            }
        }
        python
            .env("TERM", "xterm")
            .current_dir(self.work())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        start.command = python;
        start
    }

    /// Runs the program until it ends.
    pub fn run<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Ran {
        self.command(arguments).run()
    }

    /// Runs the program and reads the JSON it prints.
    ///
    /// # Panics
    /// Where it prints none.
    pub fn json<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> serde_json::Value {
        self.run(arguments).json()
    }

    /// The id of the newest run: one that ended at once printed none.
    ///
    /// # Panics
    /// There is no run.
    pub fn last(&self) -> String {
        let runs = self.json(["runs", "--json"]);
        runs[0]["run_id"].as_str().expect("a run").to_owned()
    }
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

impl Start {
    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Starts it in another folder.
    #[must_use]
    pub fn at(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Gives it so many megabytes of address space, and no more.
    #[must_use]
    pub fn address_space(self, megabytes: u64) -> Self {
        self.after(&format!("ulimit -v {}", megabytes << 10))
    }

    /// Has a shell do something first, in the program's process and with its environment.
    #[must_use]
    pub fn after(mut self, words: &str) -> Self {
        let words = format!("{words} && exec \"$0\" \"$@\"");
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(words).arg(self.command.get_program()).args(self.command.get_args());
        shell.env_clear();
        for (name, value) in self.command.get_envs() {
            if let Some(value) = value {
                shell.env(name, value);
            }
        }
        if let Some(folder) = self.command.get_current_dir() {
            shell.current_dir(folder);
        }
        shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.command = shell;
        self
    }

    /// Gives it what it reads from standard input: the file's content.
    ///
    /// # Panics
    /// Where the file cannot be read.
    #[must_use]
    pub fn input(mut self, file: &Path) -> Self {
        self.command.stdin(std::fs::File::open(file).expect("a file to read"));
        self
    }

    /// What a terminal starts it with.
    pub(crate) fn into_parts(self) -> (Command, PathBuf, Arc<Mutex<Placeholders>>) {
        (self.command, self.root, self.seen)
    }

    /// Starts it and goes on.
    ///
    /// # Panics
    /// Where it cannot be started.
    pub fn start(mut self) -> Running {
        let mut child = self.command.spawn().expect("a started program");
        let stdout = child.stdout.take().map(Stream::read).unwrap_or_default();
        let stderr = child.stderr.take().map(Stream::read).unwrap_or_default();
        Running { child, stdout, stderr, root: self.root, seen: self.seen }
    }

    /// Runs it until it ends.
    pub fn run(self) -> Ran {
        self.start().wait()
    }

    /// The same for a program that takes longer than a minute on a busy machine.
    ///
    /// # Panics
    /// It does not end in this time.
    pub fn run_within(self, time: Duration) -> Ran {
        self.start().wait_within(time)
    }
}

impl Running {
    /// Sends a signal.
    ///
    /// # Panics
    /// Where it has ended and was waited for.
    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(id.expect("a process id"), signal).expect("a running process");
    }

    /// Kills it, as a power cut would end it, and waits until it is gone.
    ///
    /// # Panics
    /// Where it cannot be killed.
    pub fn kill(mut self) {
        self.child.kill().expect("a killed process");
        self.child.wait().expect("an ended process");
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed so far.
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&lock(&self.stdout.bytes)).into_owned()
    }

    /// What it has written to standard error so far.
    pub fn warned(&self) -> String {
        String::from_utf8_lossy(&lock(&self.stderr.bytes)).into_owned()
    }

    /// Whether it has ended.
    ///
    /// # Panics
    /// Where the system cannot tell.
    pub fn ended(&mut self) -> bool {
        self.child.try_wait().expect("a child of ours").is_some()
    }

    /// Waits until it ends.
    ///
    /// # Panics
    /// It does not end in a minute.
    pub fn wait(self) -> Ran {
        self.wait_within(PLENTY)
    }

    /// The same for a program that takes longer.
    ///
    /// # Panics
    /// It does not end in this time.
    pub fn wait_within(mut self, time: Duration) -> Ran {
        let mut status: Option<ExitStatus> = None;
        until_within(time, "the program ends", || {
            status = self.child.try_wait().expect("a child of ours");
            status.is_some()
        });
        let (raw, stderr) = (self.stdout.end(), self.stderr.end());
        let (compiled, stderr): (Vec<&str>, Vec<&str>) =
            stderr.split_inclusive('\n').partition(|line| line.starts_with("Compiling "));
        let stderr = stderr.concat();
        let mut seen = lock(&self.seen);
        Ran {
            code: status.and_then(|status| status.code()),
            stdout: seen.hide(&raw, &self.root),
            stderr: seen.hide(&stderr, &self.root),
            compiled: compiled.iter().map(|line| line.trim_end().to_owned()).collect(),
            raw,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ran {
    /// Compares all of it: standard output, standard error with `! ` before each line, the exit code.
    #[track_caller]
    pub fn check(&self, expected: expect_test::Expect) {
        expected.assert_eq(&self.to_string());
    }

    /// The JSON on standard output.
    ///
    /// # Panics
    /// There is none.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.raw).unwrap_or_else(|error| panic!("{error} in:\n{self}"))
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.stdout)?;
        for line in self.stderr.lines() {
            writeln!(f, "{}", format!("! {line}").trim_end())?;
        }
        match self.code {
            Some(code) => writeln!(f, "= {code}"),
            None => writeln!(f, "= killed"),
        }
    }
}

/// Waits until a condition holds.
///
/// # Panics
/// It does not in a minute.
#[track_caller]
pub fn until(what: &str, holds: impl FnMut() -> bool) {
    until_within(PLENTY, what, holds);
}

/// Whether a condition comes to hold within a minute: for whoever says more about it where it does not.
pub fn try_until(mut holds: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + PLENTY;
    while !holds() {
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(SOON);
    }
    true
}

/// The same within another time.
///
/// # Panics
/// It does not within that time.
#[track_caller]
pub fn until_within(time: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + time;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(SOON);
    }
}

impl Stream {
    fn read(mut from: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&bytes);
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = from.read(&mut buffer) {
                lock(&kept).extend_from_slice(&buffer[..count]);
            }
        });
        Self { bytes, reader: Some(reader) }
    }

    /// All of it: the reader ends with the last holder of the other end.
    fn end(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("a reader");
        }
        String::from_utf8(lock(&self.bytes).clone()).expect("output in UTF-8")
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Copies a folder's files, and those of the folders in it.
fn copy(from: &Path, to: &Path) {
    for file in std::fs::read_dir(from).expect("a folder").flatten() {
        let (file, copied) = (file.path(), to.join(file.file_name()));
        if file.is_dir() {
            std::fs::create_dir_all(&copied).expect("a folder");
            copy(&file, &copied);
        } else {
            std::fs::copy(file, copied).expect("a copy");
        }
    }
}
