//! Running programs for components: bounded in time and output, isolated where the kernel can, and
//! gone, with everything they started, when the call returns or the host dies.
//!
//! # Two processes
//!
//! The host never starts a program itself. It starts *itself* again as `initrunner __exec`, the
//! supervisor ([`supervise`]), which starts the program, waits for it and cleans up:
//!
//! ```text
//! host ──socket──▶ supervisor (session leader, child subreaper)
//!   ▲                   └─ program (own process group, Landlock domain)
//!   └──── stdout, stderr ────┘   └─ whatever it starts
//! ```
//!
//! One socket carries the specification to the supervisor and its reports back. The supervisor makes
//! the program's process and reports its number and its start; that process becomes the program when
//! the host answers, which it does after it has written both down. Then the host keeps its end open
//! and writes no more: end of file means that the host died, or no longer wants the result, and the
//! supervisor kills everything. A second process is what makes this hold under
//! `kill -9` of the host, and what makes daemons killable: as a *child subreaper* (prctl(2),
//! `PR_SET_CHILD_SUBREAPER`) the supervisor becomes the parent of whatever escapes by `setsid` or a
//! double fork.
//!
//! # What a program gets
//!
//! - standard input: `/dev/null`; standard output and error: pipes to the host; no other descriptor;
//! - the environment: [`PATH`], [`LANG`] and the granted variables, nothing else;
//! - no controlling terminal, a process group of its own;
//! - `no_new_privs` (prctl(2)): set-user-id programs such as `sudo` gain nothing. Without it the
//!   supervisor could not kill what they start.
//!
//! # Isolation: what a careful person expects of a shell tool
//!
//! Where the kernel has Landlock (Linux 5.13), the program and its descendants
//!
//! - **read and execute** below the working directory, the granted folders and the system's own (`/usr`,
//!   `/etc`, …): a compiler is of use, and nobody's keys and mail are. Names too can be listed only
//!   there;
//! - **write** only below the working directory, the folders granted for writing and the temporary
//!   folders (`/tmp`, `/var/tmp`, `/dev/shm`), and to the harmless devices (`/dev/null`, terminals);
//! - do neither below the *protected* folders, where the host keeps its state;
//! - from ABI 6 (Linux 6.12) **signal** nothing outside, their supervisor and the host included, and
//!   connect to no abstract Unix socket outside;
//! - inspect no process outside through ptrace(2) or `/proc/PID/environ`: the host's API keys are
//!   there.
//!
//! A program that is not granted the **network** makes no sockets, where the kernel has seccomp filters:
//! it reaches neither the network nor the services that listen on this machine, by port or by path
//! ([`offline`]). One that is granted it reaches all of them, as the user may. `chmod`, `chown` and
//! `stat` are not covered by Landlock.
//!
//! Programs of root also lose the capabilities that read other processes' memory in spite of that.
//!
//! Landlock can only allow whole hierarchies, so a protected folder *inside* a writable one (a working
//! directory of `~`, state in `/tmp`) is hidden instead: the supervisor enters a mount namespace where
//! an empty folder lies over it. Where the system allows no such namespace, Landlock is told about
//! every other entry one by one: what exists stays writable, but nothing can be created or removed
//! directly in the folders on the way to the protected one. A working directory inside a protected
//! folder is refused.
//!
//! Without Landlock [`ProcessOutput::isolation`] says `none` and programs run as the user would run
//! them. On systems other than Linux there is also no subreaper: what left the program's process
//! group survives it.
//!
//! Sources: landlock(7), seccomp(2), <https://docs.kernel.org/userspace-api/landlock.html>, prctl(2),
//! capabilities(7), mount_namespaces(7), user_namespaces(7).

mod capture;
#[cfg(target_os = "linux")]
mod hide;
#[cfg(target_os = "linux")]
mod isolate;
mod kill;
#[cfg(target_os = "linux")]
mod offline;
mod run;
mod supervise;
mod wire;

use crate::domain::secret::Secrets;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

pub use run::{run, run_announced};
pub use supervise::supervise;

/// What this machine can do to isolate a program, in the words of [`ProcessOutput::isolation`]; where
/// protected folders will have to be hidden is known only when it runs.
pub fn available_isolation(network: bool) -> String {
    #[cfg(target_os = "linux")]
    return isolate::available(network);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = network;
        "none".to_owned()
    }
}

/// The first argument that makes the `initrunner` program a supervisor.
pub const SUPERVISE: &str = "__exec";

/// Where programs are looked for, and the `PATH` they see: what Debian gives root, so that it means
/// the same whoever runs the host, and never a folder the model can write to.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The locale programs see: messages in one language, output in UTF-8, whoever runs the host.
pub const LANG: &str = "C.UTF-8";

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One program with one argument vector: no shell reads it.
    Program {
        /// A name to look for in [`PATH`], or a path (it has a `/`), relative to the working directory.
        name: String,
        /// What follows the name.
        arguments: Vec<String>,
    },
    /// A script for `sh -c`.
    Script(String),
}

impl Target {
    /// The program that will be started, as named.
    pub fn program(&self) -> &str {
        match self {
            Target::Program { name, .. } => name,
            Target::Script(_) => "sh",
        }
    }
}

/// One program to run, already within what the role grants: nothing here is checked against it.
#[derive(Debug, Clone)]
pub struct ProcessCommand {
    /// What to run.
    pub target: Target,
    /// The granted folder: an absolute path.
    pub within: PathBuf,
    /// Where to run it: an absolute path in `within`, also after symbolic links are followed.
    pub working_directory: PathBuf,
    /// Where else it may read: absolute paths.
    pub read: Vec<PathBuf>,
    /// Where else it may read and write: absolute paths.
    pub write: Vec<PathBuf>,
    /// Whether it may use the network.
    pub network: bool,
    /// Variables added to [`PATH`] and [`LANG`]. `PATH` itself is refused: it is fixed. Placeholders of
    /// secrets in the values are filled in for the program alone.
    pub environment: Vec<(String, String)>,
    /// The secrets: filled into the environment, and replaced in what the program writes.
    pub secrets: Arc<Secrets>,
    /// How long it may run.
    pub timeout: Duration,
    /// How many bytes of each output stream are kept.
    pub max_output_bytes: usize,
    /// Folders that the program must not reach: where the host keeps its state.
    pub protected: Vec<PathBuf>,
    /// The program that is the supervisor when called with [`SUPERVISE`]. None: this very program, as
    /// it was when it started (an upgrade in between changes nothing). Tests name the real binary.
    pub supervisor: Option<PathBuf>,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It exited with this status.
    Exited(u8),
    /// It was ended by this signal.
    Signalled(u8),
    /// Its time was up: it and everything it had started were killed.
    TimedOut,
}

/// What a program left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessOutput {
    /// How it ended.
    pub ending: Ending,
    /// Its standard output, cut at the limit.
    pub stdout: Vec<u8>,
    /// Whether `stdout` was cut.
    pub stdout_truncated: bool,
    /// Its standard error, cut at the limit.
    pub stderr: Vec<u8>,
    /// Whether `stderr` was cut.
    pub stderr_truncated: bool,
    /// How long it ran.
    pub elapsed: Duration,
    /// The isolation in force, words with spaces between: `landlock-7` (the ABI), `mount-namespace`
    /// where protected folders are hidden, `no-network` where it has no sockets; or `none`.
    pub isolation: String,
    /// The program's process id.
    pub pid: u32,
    /// When it started, in clock ticks since boot (proc_pid_stat(5), field 22; 0 where unknown). A
    /// process id is reused, the pair is not.
    pub start_time: u64,
}

/// A process that is about to become a program, and waits.
#[derive(Debug)]
pub struct Started {
    /// Its number.
    pub pid: u32,
    /// When it started, as [`ProcessOutput::start_time`].
    pub start_time: u64,
    /// The isolation in force, as [`ProcessOutput::isolation`].
    pub isolation: String,
    /// Lets it go on. Dropped, the program never runs.
    pub go: oneshot::Sender<()>,
}

/// Where whoever invokes a tool is told of each program before it runs.
pub type Announce = mpsc::Sender<Started>;

/// Why there is no output.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProcessError {
    /// No such program, or no such directory.
    #[error("{0}")]
    NotFound(String),
    /// Something no program can be given.
    #[error("{0}")]
    Invalid(String),
    /// The operating system refused, or something broke.
    #[error("{0}")]
    Failed(String),
}
