//! An event's body, as far as the tables can be rebuilt from it. The table in the module's own
//! documentation says which kind has which keys.

use serde::Deserialize;

/// Every key that some kind has; a body of another kind, or of an older program, lacks it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Body {
    pub(super) contents: Option<String>,
    pub(super) owner: Option<String>,
    /// How many messages came before the prompt.
    pub(super) history: usize,
    pub(super) requester: Option<String>,
    pub(super) trigger: Option<String>,
    pub(super) state: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) by: Option<String>,
    pub(super) authenticated_as: Option<String>,
    pub(super) decision: Option<String>,
    pub(super) fence: Option<i64>,
    pub(super) request: Option<i64>,
    /// The request that another one replaces or repeats.
    pub(super) source: Option<i64>,
    pub(super) attempt: Option<i64>,
    pub(super) turn: Option<i64>,
    pub(super) pid: Option<i64>,
    pub(super) start_time: Option<i64>,
    /// The start of the machine, and how long it had been up.
    pub(super) boot: Option<String>,
    pub(super) uptime: Option<i64>,
    pub(super) calls: Vec<Named>,
    /// Requests, tool calls and milliseconds of the run so far; tokens of this turn.
    pub(super) used: Option<[i64; 5]>,
    /// Requests, tool calls and milliseconds of the run so far.
    pub(super) spent: Option<[i64; 3]>,
    /// The digest of every checkpoint.
    pub(super) checkpoints: Option<String>,
}

/// A call that an event names.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Named {
    /// Its id.
    Told(String),
    /// Its id and the state that the gate gave it.
    Recorded(String, String),
}
