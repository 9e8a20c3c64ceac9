//! What the host and the supervisor say to each other: JSON texts, one per line, over one socket. Not
//! arguments, which everybody on the machine can read in `ps` and whose size is limited.

use super::Ending;
use serde::{Deserialize, Serialize};

/// The host's first message. The only other one is [`GO`].
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Specification {
    /// The program: a name for the fixed `PATH`, or a path.
    pub(super) program: String,
    /// Its arguments.
    pub(super) arguments: Vec<String>,
    /// The granted folder.
    pub(super) within: String,
    /// Where to run, inside it.
    pub(super) working_directory: String,
    /// Where else it may read.
    pub(super) read: Vec<String>,
    /// Where else it may write.
    pub(super) write: Vec<String>,
    /// Whether it may use the network.
    pub(super) network: bool,
    /// Variables beside the fixed ones.
    pub(super) environment: Vec<(String, String)>,
    /// How long it may run.
    pub(super) timeout_ms: u64,
    /// What it must not reach.
    pub(super) protected: Vec<String>,
    /// Whether to try hiding those of them that lie in a writable folder.
    pub(super) hide: bool,
}

/// The host's answer to `Started`: the program may run. A supervisor that reads the end of the socket
/// instead lets nothing run.
pub(super) const GO: &[u8] = b"\n";

/// The supervisor's messages: `Refused` alone, or `Started` and then `Ended`; or `Started` and then
/// `Refused`, where the program turned out not to be one.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Report {
    /// Nothing was started.
    Refused {
        /// Why, by kind.
        kind: Refusal,
        /// Why, in a sentence.
        text: String,
    },
    /// The program's process exists, and waits for the host's [`GO`] before it becomes the program.
    Started {
        /// The program's process id; also its process group's.
        pid: u32,
        /// When it started, in clock ticks since boot.
        start_time: u64,
        /// The isolation in force.
        isolation: String,
    },
    /// The program ended and none of its descendants is left.
    Ended {
        /// How.
        ending: Ending,
        /// After how many milliseconds.
        elapsed_ms: u64,
    },
}

/// The kinds of [`super::ProcessError`], and one that the host deals with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Refusal {
    /// No such program or directory.
    NotFound,
    /// Something no program can be given.
    Invalid,
    /// The operating system refused.
    Failed,
    /// Hiding stopped halfway, which only another process can undo: try again without.
    CannotHide,
}
