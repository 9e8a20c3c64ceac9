//! Beginning with the runs whose turn has come: so many at a time of each role. A run that waits for people
//! takes no place.

use super::{Shared, stopped};
use crate::domain::ids::RunId;
use crate::ops::{
    Attended, Needs, OpError, RoleFile, cancel_run, check_spent, interrupted_runs, queued_runs,
    recover_run, recover_runs, resume_run, watch_changes,
};
use crate::runner::{Ended, Silent};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedReceiver;
use tracing::{info, warn};

/// The first wait before a run is tried again that was interrupted, as when the model cannot be reached.
const FIRST_WAIT: Duration = Duration::from_secs(5);

/// The longest one. The run keeps its place meanwhile: where a model is down, others would fare no better.
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);

/// How long a run that could not be begun is left alone: long enough for a person to set a variable.
const LEFT_ALONE: Duration = Duration::from_secs(60);

/// At least so often is looked, should nobody have told of a change.
const LOOK: Duration = Duration::from_secs(30);

/// How many runs that nobody drives are looked at at a time.
const MOST_LEFT: usize = 1000;

/// What goes on in this process.
#[derive(Default)]
struct Places {
    /// The runs that go on, by role.
    by_role: HashMap<String, HashSet<RunId>>,
    /// Runs that could not be begun, until when.
    left_alone: HashMap<RunId, Instant>,
    /// Roles that have spent what they may today: told once.
    spent: HashSet<String>,
}

/// A run that nobody drives any more.
pub(super) enum Left {
    /// Its last open call expired. Whoever swept goes on with it, whichever role it is of: nobody else is told.
    Freed(RunId),
    /// Another process died over it.
    Orphaned(RunId),
}

/// Works until the process is asked to stop. What it began is waited for by others. `left` tells of runs to
/// go on with.
pub(super) async fn work(
    shared: Arc<Shared>,
    mut left: UnboundedReceiver<Left>,
) -> Result<(), OpError> {
    let places = Arc::new(Mutex::new(Places::default()));
    let mut changes = watch_changes(&shared.host)?;
    let mut stop = shared.stop.clone();
    go_on(&shared, &places).await?;
    let mut looked = Instant::now();
    loop {
        changes.borrow_and_update();
        if stop.borrow().is_some() {
            return Ok(());
        }
        // Rarely, since hardly ever there is one; soon, where somebody says so.
        if shared.left.swap(false, Ordering::AcqRel) || looked.elapsed() >= LOOK {
            looked = Instant::now();
            if let Err(error) = pick_up(&shared, &places).await {
                warn!(%error, "what was left cannot be read");
            }
        }
        if let Err(error) = begin(&shared, &places).await {
            warn!(%error, "what waits cannot be read");
        }
        tokio::select! {
            biased;
            () = stopped(&mut stop) => return Ok(()),
            () = shared.work.notified() => {}
            Some(left) = left.recv() => go_on_with(&shared, &places, left).await,
            changed = changes.changed() => if changed.is_err() { return Ok(()) },
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Goes on with the runs of this daemon's roles that a process before it left and that need nobody.
async fn go_on(shared: &Arc<Shared>, places: &Arc<Mutex<Places>>) -> Result<(), OpError> {
    for found in recover_runs(&shared.host).await? {
        let run = &found.run.run;
        if found.needs == Needs::Nobody && shared.roles.find(&run.role_name).is_some() {
            start(shared, places, run.id.clone(), run.role_name.clone());
        }
    }
    Ok(())
}

/// Goes on with runs of this daemon's triggers that somebody left: whose calls expired, whose model could not be
/// reached by whoever approved them, or that could not be written down for a while.
async fn pick_up(shared: &Arc<Shared>, places: &Arc<Mutex<Places>>) -> Result<(), OpError> {
    let roles = shared.roles.served();
    for (run, role, trigger) in
        interrupted_runs(&shared.host, shared.roles.names(), MOST_LEFT).await?
    {
        let Some(file) = roles.get(&role) else { continue };
        // What a person started is theirs to go on with.
        if !file.role.triggers.iter().any(|it| it.name == trigger) {
            continue;
        }
        let most = file.role.daemon.max_concurrent_runs as usize;
        {
            let mut places = lock(places);
            places.left_alone.retain(|_, until| *until > Instant::now());
            let taken = places.by_role.get(&role).is_some_and(|runs| runs.contains(&run));
            if taken || places.left_alone.contains_key(&run) {
                continue;
            }
            if places.by_role.get(&role).is_some_and(|runs| runs.len() >= most) {
                // As soon as one of them has ended: whoever ends says so.
                shared.left.store(true, Ordering::Release);
                continue;
            }
        }
        start(shared, places, run, role);
    }
    Ok(())
}

/// Goes on with a run that was left meanwhile, where it needs nobody.
async fn go_on_with(shared: &Arc<Shared>, places: &Arc<Mutex<Places>>, left: Left) {
    let (Left::Freed(run) | Left::Orphaned(run)) = &left;
    match recover_run(&shared.host, run).await {
        Ok(Some(found)) if found.needs == Needs::Nobody => {
            let role = &found.run.run.role_name;
            if matches!(left, Left::Freed(_)) || shared.roles.find(role).is_some() {
                start(shared, places, run.clone(), role.clone());
            }
        }
        Ok(_) => {}
        Err(error) => warn!(%run, %error, "a run that was left cannot be read"),
    }
}

/// Begins with as many as there are places.
async fn begin(shared: &Arc<Shared>, places: &Arc<Mutex<Places>>) -> Result<(), OpError> {
    // One look for all where nothing waits, which is most of the time.
    if queued_runs(&shared.host, shared.roles.names(), 1).await?.is_empty() {
        return Ok(());
    }
    for (name, file) in shared.roles.served().iter() {
        let (busy, alone) = {
            let mut places = lock(places);
            places.left_alone.retain(|_, until| *until > Instant::now());
            (places.by_role.get(name).map_or(0, HashSet::len), places.left_alone.len())
        };
        let most = file.role.daemon.max_concurrent_runs as usize;
        if busy >= most || is_spent(shared, places, name, file).await? {
            continue;
        }
        // Some of them may be taken already, or left alone.
        let limit = most + alone;
        let mut free = most - busy;
        for (run, role) in queued_runs(&shared.host, vec![name.clone()], limit).await? {
            let taken = {
                let places = lock(places);
                places.left_alone.contains_key(&run)
                    || places.by_role.get(&role).is_some_and(|runs| runs.contains(&run))
            };
            if !taken && free > 0 {
                free -= 1;
                start(shared, places, run, role);
            }
        }
    }
    Ok(())
}

/// Whether a role has spent what it may today: its runs wait for tomorrow.
async fn is_spent(
    shared: &Shared,
    places: &Mutex<Places>,
    role: &str,
    file: &RoleFile,
) -> Result<bool, OpError> {
    match check_spent(&shared.host, &file.role).await? {
        Some(limit) => {
            if lock(places).spent.insert(role.to_owned()) {
                warn!(role, limit, "the role has spent what it may today; its runs wait");
            }
            Ok(true)
        }
        None => {
            lock(places).spent.remove(role);
            Ok(false)
        }
    }
}

fn start(shared: &Arc<Shared>, places: &Arc<Mutex<Places>>, run: RunId, role: String) {
    // It may have been found in two ways.
    if !lock(places).by_role.entry(role.clone()).or_default().insert(run.clone()) {
        return;
    }
    let place = Place { shared: Arc::clone(shared), places: Arc::clone(places), run, role };
    tokio::spawn(place.drive());
}

/// A place that a run has, until this is dropped.
struct Place {
    shared: Arc<Shared>,
    places: Arc<Mutex<Places>>,
    run: RunId,
    role: String,
}

impl Place {
    /// Drives the run until it waits for people, has ended, or cannot go on here.
    async fn drive(self) {
        let (run, role) = (&self.run, self.role.as_str());
        let mut wait = FIRST_WAIT;
        loop {
            let attended = Attended { reporter: &mut Silent, stop: self.shared.stop.clone() };
            let driven = match resume_run(&self.shared.host, run.as_str(), attended).await {
                Ok(driven) => driven,
                // Somebody else was first, or one before it in its conversation goes on.
                Err(OpError::Conflict(_) | OpError::Undecided { .. }) => return,
                Err(error) => {
                    warn!(%run, role, %error, "the run cannot go on; it is tried again in a minute");
                    let until = Instant::now() + LEFT_ALONE;
                    lock(&self.places).left_alone.insert(run.clone(), until);
                    return;
                }
            };
            match driven.ended {
                Ended::Interrupted { stopped: false, reason } => {
                    warn!(%run, role, reason, "the run was interrupted; it is tried again");
                    let mut stop = self.shared.stop.clone();
                    tokio::select! {
                        biased;
                        () = stopped(&mut stop) => return,
                        () = tokio::time::sleep(wait) => {}
                    }
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
                Ended::Paused if !self.shared.host.persists() => return self.give_up().await,
                Ended::Paused => return info!(%run, role, "the run waits for approval"),
                _ => return,
            }
        }
    }

    /// A run that pauses where nothing is kept has nobody who could go on with it.
    async fn give_up(&self) {
        let (run, role) = (&self.run, self.role.as_str());
        warn!(%run, role, "the run waits for approval and cannot be resumed: nothing is kept with --no-audit");
        let note = Some("nobody: nothing is kept".to_owned());
        let _ = cancel_run(&self.shared.host, run.as_str(), note).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(runs) = lock(&self.places).by_role.get_mut(&self.role) {
            runs.remove(&self.run);
        }
        self.shared.work.notify_one();
    }
}

fn lock(places: &Mutex<Places>) -> MutexGuard<'_, Places> {
    places.lock().unwrap_or_else(PoisonError::into_inner)
}
