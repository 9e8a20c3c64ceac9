//! The runs that stopped before their end, and what each needs to go on.

use super::approve_run::question;
use super::error::OpError;
use super::host::Host;
use super::open_role::open_stored;
use crate::domain::ids::RunId;
use crate::domain::tool_call::CallState;
use crate::runner::retriable;
use crate::store::StoredRun;

/// The most runs looked at: each is read whole, and nobody goes through more of them by hand.
const MOST: usize = 1000;

/// What a run needs to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Needs {
    /// Nobody: it can be resumed.
    Nobody,
    /// So many decisions.
    Decisions(usize),
    /// A choice about each call of unknown outcome: the questions. So many further calls wait.
    Choices(Vec<String>, usize),
}

/// A run that stopped before its end.
pub struct Recovered {
    /// The run.
    pub run: StoredRun,
    /// Whether its owner was found dead just now.
    pub adopted: bool,
    /// What it needs.
    pub needs: Needs,
}

/// Adopts the runs of dead owners and tells of every run that has not ended and that nobody drives,
/// oldest first.
///
/// # Errors
/// Where the database cannot be read or written.
pub async fn recover_runs(host: &Host) -> Result<Vec<Recovered>, OpError> {
    let store = host.store()?;
    let adopted = store.adopt_orphans(host.clock.now()).await?;
    let mut runs = Vec::new();
    for id in store.unfinished(MOST).await? {
        let mut run = store.load_run(&id).await?;
        // Somebody else may have gone on with it, or ended it.
        if run.run.owner.is_none() && !run.run.state.is_final() {
            let needs = needs(host, &mut run).await;
            runs.push(Recovered { adopted: adopted.contains(&id), needs, run });
        }
    }
    Ok(runs)
}

/// What one run needs that a sweep found left; `None` where somebody drives it, or it has ended.
///
/// # Errors
/// Where the database cannot be read, or has no such run any more.
pub async fn recover_run(host: &Host, id: &RunId) -> Result<Option<Recovered>, OpError> {
    let mut run = host.store()?.load_run(id).await?;
    if run.run.owner.is_some() || run.run.state.is_final() {
        return Ok(None);
    }
    let needs = needs(host, &mut run).await;
    Ok(Some(Recovered { adopted: false, needs, run }))
}

async fn needs(host: &Host, run: &mut StoredRun) -> Needs {
    let count = |state| run.calls.iter().filter(|call| call.state == state).count();
    let (waiting, unknown) = (count(CallState::Waiting), count(CallState::Unknown));
    match (waiting, unknown) {
        (0, 0) => return Needs::Nobody,
        (waiting, 0) => return Needs::Decisions(waiting),
        _ => {}
    }
    // The role may say that the host tries again by itself. Where it cannot be opened here, a person
    // has to look in any case.
    if let Ok(opened) = open_stored(host, run).await
        && retriable(&opened.tools, run).is_some()
    {
        return Needs::Nobody;
    }
    let unknown = run.calls.iter().filter(|call| call.state == CallState::Unknown);
    Needs::Choices(unknown.map(question).collect(), waiting)
}
