//! Lists that are read page by page.

use super::pending::PendingCall;
use super::run::RunSummary;
use crate::domain::clock::Timestamp;
use crate::domain::ids::RunId;
use crate::domain::run::RunState;
use crate::domain::tool_call::CallState;

/// A place in a list: of the row that a page ended with. Rows that are added meanwhile move none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// What the list is in order of: when the row was written down, or when it expires.
    pub at: Timestamp,
    /// Its number: several may be of one moment.
    pub n: i64,
}

/// Which end of a list comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// The latest.
    #[default]
    NewestFirst,
    /// The earliest.
    OldestFirst,
    /// Of calls that wait, what expires first; what never does comes last, the earliest before the latest. Runs do not
    /// expire: of these the earliest come first.
    SoonestToExpireFirst,
}

/// A part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Which end comes first.
    pub order: Order,
    /// Where the page before it ended; `None`: the first page.
    pub after: Option<Position>,
    /// At most so many rows; at least one.
    pub limit: usize,
}

/// Which runs are wanted: those that fit everything that is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Of the role of this name.
    pub role: Option<String>,
    /// In one of these states; empty: in any.
    pub states: Vec<RunState>,
    /// Started by this identity.
    pub requester: Option<String>,
    /// Written down at this moment or later.
    pub since: Option<Timestamp>,
    /// Written down before this moment.
    pub until: Option<Timestamp>,
}

/// Which calls that wait are wanted: those that fit everything that is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PendingFilter {
    /// Of this run.
    pub run: Option<RunId>,
    /// Of the role of this name.
    pub role: Option<String>,
    /// Of this tool, as the model names it.
    pub tool: Option<String>,
    /// Waiting, or unknown; another state fits none.
    pub state: Option<CallState>,
    /// Of runs that this identity started.
    pub requester: Option<String>,
    /// Waiting since this moment or later.
    pub since: Option<Timestamp>,
    /// Waiting since before this moment: older than whatever lies between it and now.
    pub until: Option<Timestamp>,
}

/// A page of the list of runs, in the order they were written down, which no clock that was set disturbs.
#[derive(Debug, Clone)]
pub struct RunPage {
    /// The rows.
    pub runs: Vec<RunSummary>,
    /// Where the next page goes on; `None`: this is the last.
    pub next: Option<Position>,
}

/// A page of the queue, in the order of how long each waits.
#[derive(Debug, Clone)]
pub struct PendingPage {
    /// The rows.
    pub calls: Vec<PendingCall>,
    /// Where the next page goes on; `None`: this is the last.
    pub next: Option<Position>,
    /// How many fit in all.
    pub total: usize,
}
