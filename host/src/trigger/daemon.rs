//! A daemon: reads roles, listens to their triggers, drives what they start, and tells what becomes of it.

use super::reload::Prints;
use super::roles::{LiveRoles, conflicts, set};
use super::senders::Senders;
use super::sources::Sources;
use super::work::Left;
use super::{Shared, clock, deliver, reload, sources, webhook, work};
use crate::connections;
use crate::domain::trigger::TriggerKind;
use crate::ops::{Environment, Host, OpError, Roles, RolesError, SweepReport, Sweeper, drain_runs};
use crate::store::StoreError;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use tracing::{error, warn};

/// How long runs may take to end where a part of the daemon has failed: most calls take less.
const LAST_CALLS: Duration = Duration::from_secs(20);

/// How a daemon is set up.
pub struct DaemonOptions {
    /// A role file, or a folder of them.
    pub roles: PathBuf,
    /// Where webhooks listen.
    pub listen: SocketAddr,
    /// Whether to listen also where no role has a webhook, for those who ask whether the daemon works.
    pub health: bool,
    /// Variables, for what triggers need.
    pub environment: Arc<Environment>,
}

/// Why a daemon cannot start.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Its roles cannot be used.
    #[error(transparent)]
    Roles(#[from] RolesError),
    /// Nothing would ever happen.
    #[error("no role has `triggers`; add some, or run it with `initrunner run`")]
    NoTriggers,
    /// What a trigger needs is missing, or two cannot be at the same time.
    #[error("{}", .0.join("\n"))]
    Conflicts(Vec<String>),
    /// The address cannot be listened on.
    #[error("`{address}` cannot be listened on: {why}; choose another `--port` or `--host`")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        why: String,
    },
    /// The host cannot work.
    #[error(transparent)]
    Host(#[from] OpError),
}

/// A daemon that is set up.
pub struct Daemon {
    shared: Arc<Shared>,
    path: PathBuf,
    prints: Prints,
    senders: Arc<Senders>,
    sources: Sources,
    listener: Option<TcpListener>,
    address: Option<SocketAddr>,
}

impl Daemon {
    /// Reads the roles, and listens and watches from then on. Nothing is begun with yet.
    ///
    /// # Errors
    /// [`DaemonError`].
    pub async fn new(
        host: Host,
        options: DaemonOptions,
        stop: watch::Receiver<Option<String>>,
    ) -> Result<Self, DaemonError> {
        let DaemonOptions { roles: path, listen, health, environment } = options;
        // First, so that a change during the reading is noticed.
        let prints = reload::prints(&path, &Prints::default());
        let roles = Roles::read(&host, &path).await?;
        let all = set(&roles);
        if all.values().all(|file| file.role.triggers.is_empty()) {
            return Err(DaemonError::NoTriggers);
        }
        let wrong = conflicts(&all, &*environment);
        if !wrong.is_empty() {
            return Err(DaemonError::Conflicts(wrong));
        }
        let (mut listener, mut address) = (None, None);
        if health || webhook::any(&all) {
            let cannot = |error: std::io::Error| DaemonError::Listen {
                address: listen,
                why: connections::why_not(&error),
            };
            let bound = TcpListener::bind(listen).await.map_err(cannot)?;
            address = Some(bound.local_addr().map_err(cannot)?);
            listener = Some(bound);
        }
        let shared = Arc::new(Shared {
            host,
            roles: LiveRoles::new(&roles),
            stop,
            work: Notify::new(),
            // By a process before this one, too.
            left: AtomicBool::new(true),
            days: Mutex::default(),
            environment,
        });
        let senders = Arc::new(Senders::default());
        let sources = sources::begin_all(&shared, &senders);
        Ok(Self { shared, path, prints, senders, sources, listener, address })
    }

    /// Where webhooks listen.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// What it waits for: a line for each trigger, with its role and its name.
    pub fn triggers(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (role, file) in self.shared.roles.now().iter() {
            for trigger in &file.role.triggers {
                let what = match &trigger.kind {
                    TriggerKind::Cron { schedule, .. } => schedule.text().to_owned(),
                    TriggerKind::Heartbeat { every } => format!("every {every} s"),
                    TriggerKind::Webhook(hook) => format!("POST {}", hook.path),
                    TriggerKind::FileWatch(watch) => watch.paths.join(", "),
                    TriggerKind::Chat(chat) => format!("{} people", chat.people.len()),
                };
                lines.push(format!("{role}/{}  {}  {what}", trigger.name, trigger.kind.word()));
            }
        }
        lines
    }

    /// Works until the process is asked to stop, and then until the runs under way are handed back.
    ///
    /// # Errors
    /// Where the database cannot be opened or read.
    pub async fn run(self) -> Result<(), OpError> {
        let Self { shared, path, prints, senders, sources, listener, .. } = self;
        let mut tasks: JoinSet<Result<(), OpError>> = JoinSet::new();
        let sweeper = Sweeper::of(&shared.host)?;
        let stop = shared.stop.clone();
        let (tell, left) = mpsc::unbounded_channel();
        tasks.spawn(async move {
            let mut told = |swept: Result<SweepReport, StoreError>| match swept {
                Ok(report) => {
                    let freed = report.swept.freed.into_iter().map(Left::Freed);
                    // Where nobody listens any more, the process ends.
                    freed
                        .chain(report.adopted.into_iter().map(Left::Orphaned))
                        .for_each(|left| drop(tell.send(left)));
                }
                Err(error) => warn!(%error, "what is due cannot be looked up; it is tried again"),
            };
            sweeper.run(stop, &mut told).await;
            Ok(())
        });
        tasks.spawn(work::work(Arc::clone(&shared), left));
        tasks.spawn(clock::run(Arc::clone(&shared)));
        tasks.spawn(deliver::deliver(Arc::clone(&shared), Arc::clone(&senders)));
        let keeping = sources::keep(Arc::clone(&shared), Arc::clone(&senders), sources);
        tasks.spawn(async move {
            keeping.await;
            Ok(())
        });
        let watching = reload::watch(Arc::clone(&shared), path, prints, listener.is_some());
        tasks.spawn(async move {
            watching.await;
            Ok(())
        });
        if let Some(listener) = listener {
            let router = webhook::router(Arc::clone(&shared));
            let taking =
                connections::take(listener, router, connections::MOST, shared.stop.clone());
            tasks.spawn(async move {
                taking.await.farewell().await;
                Ok(())
            });
        }
        let mut outcome = Ok(());
        while let Some(ended) = tasks.join_next().await {
            match ended {
                Ok(Ok(())) if shared.stop.borrow().is_some() => {}
                // A daemon that accepts and does not begin, or tells nobody, is worse than none: whoever watches
                // over it starts another.
                Ok(Ok(())) => outcome = Err(stands_still("ended by itself")),
                Ok(Err(failed)) => outcome = Err(failed),
                Err(failed) => {
                    error!(%failed, "a part of the daemon has failed");
                    outcome = Err(stands_still("failed"));
                }
            }
            if outcome.is_err() {
                break;
            }
        }
        let drained = drain_runs(&shared.host);
        match outcome {
            Ok(()) => drained.await,
            // Nobody has asked the runs to stop: those that take longer, the next daemon goes on with.
            Err(_) => drop(tokio::time::timeout(LAST_CALLS, drained).await),
        }
        // What the last of them had to tell, the next daemon tells.
        outcome
    }
}

fn stands_still(what: &str) -> OpError {
    OpError::Setup {
        message: format!("a part of the daemon has {what}"),
        hint: "start it again: nothing that it accepted is lost".into(),
    }
}
