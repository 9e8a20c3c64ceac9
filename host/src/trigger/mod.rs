//! What starts runs by itself: clocks, requests, files, people in chats; and telling people what became of
//! them.
//!
//! Something that a trigger saw is accepted by writing down a run that waits for its turn. From then on it
//! is lost to no crash and begins once, whoever claims it. What is to be told leaves through the outbox, so
//! that it is told wherever the run was decided.

pub mod chat;
mod clock;
mod daemon;
mod deliver;
mod due;
mod file_watch;
mod inbox;
mod lanes;
pub mod notice;
mod open_calls;
mod post;
mod reload;
mod roles;
mod senders;
mod signature;
mod sources;
mod webhook;
mod work;

pub use daemon::{Daemon, DaemonError, DaemonOptions};
pub use inbox::{AcceptError, Accepted, Arrival, Inbox};
pub use notice::{Notice, SendError, Sender, Sending};

use crate::domain::clock::Timestamp;
use crate::ops::Host;
use roles::LiveRoles;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::{Notify, watch};

/// What everything in a daemon works with.
pub(crate) struct Shared {
    /// The host, as the user who started the daemon.
    pub(crate) host: Host,
    /// The roles, as they are now.
    pub(crate) roles: LiveRoles,
    /// Set to a sentence when the process is asked to stop.
    pub(crate) stop: watch::Receiver<Option<String>>,
    /// Told when a run was queued, or one has ended.
    pub(crate) work: Notify,
    /// Whether somebody has left a run that can go on.
    pub(crate) left: AtomicBool,
    /// Of each role whose day is over, the last time that it was said.
    pub(crate) days: Mutex<HashMap<String, Timestamp>>,
    /// Variables, for what triggers need.
    pub(crate) environment: Arc<crate::ops::Environment>,
}

impl Shared {
    /// Has it seen to that somebody goes on with runs that nobody drives and that need nobody.
    pub(crate) fn pick_up(&self) {
        self.left.store(true, Ordering::Release);
        self.work.notify_one();
    }
}

/// Waits until somebody has it stop, or nobody can any more.
async fn stopped(stop: &mut watch::Receiver<Option<String>>) {
    let _ = stop.wait_for(Option::is_some).await;
}
