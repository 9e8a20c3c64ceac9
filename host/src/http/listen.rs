//! Listening, and ending well: connections are bounded in what they may send and how long they may take,
//! and when the process is asked to stop its runs are handed back before it ends.

use super::rate::Rates;
use super::texts::Texts;
use super::{ApiKeys, App, Pages, ServeOptions, router};
use crate::connections;
use crate::domain::ids::RunId;
use crate::ops::{
    Attended, Host, Needs, OpError, Roles, SweepReport, Sweeper, drain_runs, recover_run,
    recover_runs, resume_run,
};
use crate::runner::Silent;
use crate::store::StoreError;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tracing::warn;

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("`{address}` cannot be listened on: {why}; choose another `--port` or `--host`")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        why: String,
    },
    /// Whoever reaches it could do anything.
    #[error(
        "`{0}` is no loopback address, and there are no keys: name a file of them with `--api-key-file`"
    )]
    Open(SocketAddr),
    /// The host cannot work.
    #[error(transparent)]
    Host(#[from] OpError),
}

/// A server that listens.
pub struct Serving {
    listener: TcpListener,
    app: Arc<App>,
    pages: Option<Pages>,
}

/// Listens, without answering yet. `pages` are for people, beside what services ask for.
///
/// # Errors
/// [`ServeError`].
pub async fn serve(
    host: Host,
    roles: Roles,
    keys: ApiKeys,
    mut options: ServeOptions,
    pages: Option<Pages>,
    stop: watch::Receiver<Option<String>>,
) -> Result<Serving, ServeError> {
    let address = options.listen;
    if keys.keyless() && !address.ip().is_loopback() {
        return Err(ServeError::Open(address));
    }
    let listen =
        |error: std::io::Error| ServeError::Listen { address, why: connections::why_not(&error) };
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    options.listen = listener.local_addr().map_err(listen)?;
    let rates = Rates::new(options.rate);
    let texts = Arc::new(Texts::default());
    let app = Arc::new(App { host, roles, keys, options, rates, texts, stop });
    Ok(Serving { listener, app, pages })
}

impl Serving {
    /// Where it listens: the port that the system chose, where none was named.
    pub fn address(&self) -> SocketAddr {
        self.app.options.listen
    }

    /// Answers until the process is asked to stop, and then until what is under way has ended. Runs that a
    /// process before this one left are gone on with; what expires is expired.
    ///
    /// # Errors
    /// Where the database cannot be opened.
    pub async fn run(self) -> Result<(), ServeError> {
        let Self { listener, app, pages } = self;
        let sweeping = {
            let (sweeper, app) = (Sweeper::of(&app.host)?, Arc::clone(&app));
            tokio::spawn(async move {
                let mut told = |swept: Result<SweepReport, StoreError>| match swept {
                    Ok(report) => {
                        let left = report.swept.freed.into_iter().chain(report.adopted);
                        left.for_each(|run| go_on_with(&app, run));
                    }
                    Err(error) => warn!(%error, "what is about to expire cannot be read"),
                };
                sweeper.run(app.stop.clone(), &mut told).await;
            })
        };
        tokio::spawn(go_on(Arc::clone(&app)));
        let left = connections::take(
            listener,
            router(Arc::clone(&app), pages),
            Semaphore::MAX_PERMITS,
            app.stop.clone(),
        )
        .await;
        // First the runs: their clients' answers follow. A call that does not end in time is given up by
        // whoever drives it.
        drain_runs(&app.host).await;
        left.farewell().await;
        sweeping.abort();
        Ok(())
    }
}

/// Goes on with what a process before this one left and that needs nobody.
async fn go_on(app: Arc<App>) {
    let Ok(found) = recover_runs(&app.host).await else { return };
    for run in found.into_iter().filter(|found| found.needs == Needs::Nobody) {
        if app.stop.borrow().is_some() {
            return;
        }
        resume(&app, run.run.run.id.clone());
    }
}

/// Goes on with a run that was left meanwhile, where it needs nobody.
fn go_on_with(app: &Arc<App>, run: RunId) {
    let app = Arc::clone(app);
    tokio::spawn(async move {
        match recover_run(&app.host, &run).await {
            Ok(Some(found)) if found.needs == Needs::Nobody => resume(&app, run),
            Ok(_) => {}
            Err(error) => warn!(%run, %error, "a run that was left cannot be read"),
        }
    });
}

fn resume(app: &Arc<App>, run: RunId) {
    let app = Arc::clone(app);
    tokio::spawn(async move {
        let attended = Attended { reporter: &mut Silent, stop: app.stop.clone() };
        // Somebody else may have been first; what failed is written down.
        let _ = resume_run(&app.host, run.as_str(), attended).await;
    });
}
