//! Accepting what a trigger saw: a run that waits for its turn, written down before anybody is told that it
//! is accepted.

use super::Shared;
use crate::domain::client_id::ClientId;
use crate::domain::clock::Timestamp;
use crate::domain::digest::Digest;
use crate::domain::ids::RunId;
use crate::domain::role::Role;
use crate::domain::trigger::NotifyTo;
use crate::ops::{OpError, StartRequest, check_day, day_began, queue_run};
use crate::store::{Conflict, Conversation, Idempotency, QueueTerms};
use std::sync::{Arc, PoisonError};
use tracing::{info, warn};

/// Microseconds of a day, as the limits of a day count them.
const DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// Where a trigger of a role hands in what it saw.
#[derive(Clone)]
pub struct Inbox {
    shared: Arc<Shared>,
    role: String,
    trigger: String,
}

/// Something that a trigger saw.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// Its name at the trigger: handed in twice, it is one run.
    pub key: String,
    /// What the model is asked.
    pub prompt: String,
    /// Who asks: an authenticated identity. `None`: the user whose daemon it is.
    pub requester: Option<String>,
    /// The conversation that it continues: whose, and which.
    pub conversation: Option<(String, String)>,
    /// Where to tell what becomes of it, beside whom the role names.
    pub reply_to: Vec<String>,
    /// Up to when the clock has been seen to by it.
    pub mark: Option<Timestamp>,
}

impl Arrival {
    /// One that stands alone and that nobody waits for.
    pub fn new(key: impl Into<String>, prompt: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            prompt: prompt.into(),
            requester: None,
            conversation: None,
            reply_to: Vec::new(),
            mark: None,
        }
    }
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// It is written down.
    New(RunId),
    /// It was handed in before.
    Repeated(RunId),
}

impl Accepted {
    /// The run.
    pub fn run(&self) -> &RunId {
        match self {
            Self::New(run) | Self::Repeated(run) => run,
        }
    }
}

/// Why it was not accepted. Nothing of it is written down.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// Too many wait.
    #[error("{0} runs of this role wait for their turn already; try again later")]
    QueueFull(u32),
    /// The role has done what it may in a day.
    #[error("the role has reached its limit `daemon.{0}` for today (UTC); it goes on tomorrow")]
    DayIsOver(&'static str),
    /// There is no such role any more.
    #[error("the role is no longer there")]
    Gone,
    /// It cannot be written down.
    #[error(transparent)]
    Failed(#[from] OpError),
}

impl Inbox {
    pub(super) fn new(shared: Arc<Shared>, role: &str, trigger: &str) -> Self {
        Self { shared, role: role.to_owned(), trigger: trigger.to_owned() }
    }

    /// The role's name.
    pub fn role(&self) -> &str {
        &self.role
    }

    /// The trigger's name.
    pub fn trigger(&self) -> &str {
        &self.trigger
    }

    /// What everything in the daemon works with.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The address by which replies to a place come back to this trigger.
    pub fn address(&self, place: &str) -> String {
        format!("{}/{}/{place}", self.role, self.trigger)
    }

    /// Writes it down. The role is the one of now, whatever it was when the trigger was set up.
    ///
    /// # Errors
    /// [`AcceptError`]: whoever sent it is to be told.
    pub async fn accept(&self, arrival: Arrival) -> Result<Accepted, AcceptError> {
        let Arrival { key, prompt, requester, conversation, mut reply_to, mark, .. } = arrival;
        let file = self.shared.roles.find(&self.role).ok_or(AcceptError::Gone)?;
        if let Some(limit) = check_day(&self.shared.host, &file.role).await? {
            self.tell_day(limit);
            return Err(AcceptError::DayIsOver(limit));
        }
        let host = match requester {
            Some(identity) => self.shared.host.acting_as(identity),
            None => self.shared.host.clone(),
        };
        reply_to.extend(notices(&file.role));
        let start = StartRequest {
            conversation: conversation.and_then(|(owner, id)| {
                Some(Conversation { owner, id: ClientId::parse(&id).ok()? })
            }),
            idempotency: Some(self.idempotency(&key)),
            reply_to,
            ..StartRequest::new(prompt, self.trigger.clone())
        };
        let limits = &file.role.daemon;
        // Again where it is written down: any number of events may have come this far at the same time.
        let most_since = limits.max_runs_per_day.map(|most| (most, day_began(&host)));
        let terms = QueueTerms { limit: limits.max_queued_runs, mark, most_since };
        match queue_run(&host, &file, start, terms).await {
            Ok(run) => {
                info!(%run, role = self.role, trigger = self.trigger, "accepted");
                self.shared.work.notify_one();
                Ok(Accepted::New(run))
            }
            Err(OpError::Conflict(Conflict::Repeated { run })) => Ok(Accepted::Repeated(run)),
            Err(OpError::Conflict(Conflict::DayFull { .. })) => {
                Err(AcceptError::DayIsOver("max_runs_per_day"))
            }
            Err(OpError::Conflict(Conflict::QueueFull { limit })) => {
                Err(AcceptError::QueueFull(limit))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Says that the role's day is over, once: a heartbeat and a storm of webhooks would fill the log with it.
    fn tell_day(&self, limit: &'static str) {
        let now = self.shared.host.now();
        let mut days = self.shared.days.lock().unwrap_or_else(PoisonError::into_inner);
        let told = days.insert(self.role.clone(), now);
        if told.is_none_or(|told| told.0.div_euclid(DAY) != now.0.div_euclid(DAY)) {
            let role = &self.role;
            warn!(
                role,
                limit, "the role's day is over: nothing more is accepted until midnight (UTC)"
            );
        }
    }

    fn idempotency(&self, key: &str) -> Idempotency {
        let digest = Digest::of(key.as_bytes());
        let owner = format!("trigger:{}/{}", self.role, self.trigger);
        Idempotency { owner, key: ClientId::of_digest(&digest), request: digest }
    }
}

/// The addresses of those whom a role names.
fn notices(role: &Role) -> Vec<String> {
    let address = |name: &str, place: &str| format!("{}/{name}/{place}", role.name);
    let told = role.notices.iter().map(|notice| match &notice.to {
        NotifyTo::Chat { place, .. } => address(&notice.name, place),
        NotifyTo::Webhook { .. } | NotifyTo::Email { .. } => address(&notice.name, ""),
    });
    told.collect()
}
