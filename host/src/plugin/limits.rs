//! How much one call may use. Each limit ends in an error that the model and the person can read.

use std::time::Duration;

/// What one call may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallLimits {
    /// The whole call, host calls included.
    pub timeout: Duration,
    /// Bytes of linear memory, over all memories of the instance.
    pub memory: usize,
    /// Elements of each table.
    pub table_elements: usize,
    /// Calls from the component into the host.
    pub host_calls: u32,
    /// Bytes of one result.
    pub output: usize,
    /// Bytes kept of what the component prints.
    pub log: usize,
}

/// The largest linear memory a slot of the pool has room for. A role cannot ask for more.
pub(super) const LARGEST_MEMORY: usize = 256 << 20;

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            // Longer than the default limit of a program run by a tool (30 s), so that the tool can
            // still report that its program was too slow.
            timeout: Duration::from_secs(40),
            // A Python guest needs about 30 MiB; most tools need one or two.
            memory: 64 << 20,
            // Python and JavaScript guests have about 10,000 functions.
            table_elements: 20_000,
            // A tool that reads a megabyte in four-kilobyte pieces makes 256; a loop makes millions.
            host_calls: 100_000,
            // Models read about four bytes a token: this is already 64,000 tokens.
            output: 256 << 10,
            // Enough for a panic's message and a page of notes.
            log: 16 << 10,
        }
    }
}

/// Handles (streams, files, requests) open at a time. wasmtime's own default is a million.
pub(super) const RESOURCES: usize = 1_000;

/// Bytes that one lift or lower may allocate in the host. wasmtime's own default is 128 MiB; nothing in
/// the contract carries more than a result.
pub(super) const HOSTCALL_FUEL: usize = 16 << 20;

/// Bytes of a schema, a description or a preview: shown to people and models, who read no more.
pub(super) const DESCRIPTION: usize = 256 << 10;

/// Tools that one component may offer. OpenAI-compatible servers take 128 functions in one request.
pub(super) const TOOLS: usize = 128;

/// Bytes that one call may write to files, new names and gaps included: a call must not fill the disk.
/// A large download or a build's output fits; a loop that writes is stopped within a second.
pub(super) const WRITTEN: u64 = 256 << 20;

/// Names of folders that one call holds in open listings: thirty megabytes of the host's
/// memory at worst.
pub(super) const LISTED: usize = 100_000;

/// Files and folders that one call holds open. The process shares its descriptors (a thousand, where
/// nobody raised that) among all calls and the database.
pub(super) const OPEN_FILES: usize = 64;
