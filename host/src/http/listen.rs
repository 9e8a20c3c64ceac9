//! Listening, and ending well: connections are bounded in what they may send and how long they may take,
//! and when the process is asked to stop its runs are handed back before it ends.

use super::rate::Rates;
use super::{ApiKeys, App, ServeOptions, ServedRoles, router};
use crate::ops::{Attended, Host, Needs, OpError, Sweeper, drain_runs, recover_runs, resume_run};
use crate::runner::Silent;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// How long the head of a request may take: whoever sends a byte a second (slow loris) is hung up on.
const HEAD: Duration = Duration::from_secs(10);

/// Bytes of a request's head. Browsers send some 2 KB, and servers commonly take 8 to 32.
const LARGEST_HEAD: usize = 32 << 10;

/// How long answers under way may take once the process was asked to stop. Their runs have been handed
/// back by then; what is left is to write the last lines.
const FAREWELL: Duration = Duration::from_secs(10);

/// After a connection could not be taken, for want of descriptors: the next try at once would spin.
const BREATH: Duration = Duration::from_millis(50);

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
}

/// Listens, without answering yet.
///
/// # Errors
/// [`ServeError`].
pub async fn serve(
    host: Host,
    roles: ServedRoles,
    keys: ApiKeys,
    mut options: ServeOptions,
    stop: watch::Receiver<Option<String>>,
) -> Result<Serving, ServeError> {
    let address = options.listen;
    if keys.keyless() && !address.ip().is_loopback() {
        return Err(ServeError::Open(address));
    }
    let listen = |error: std::io::Error| ServeError::Listen {
        address,
        why: match error.kind() {
            std::io::ErrorKind::AddrInUse => "another program listens there".into(),
            std::io::ErrorKind::PermissionDenied => "this user may not".into(),
            std::io::ErrorKind::AddrNotAvailable => "this machine has no such address".into(),
            _ => error.to_string(),
        },
    };
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    options.listen = listener.local_addr().map_err(listen)?;
    let rates = Rates::new(options.rate);
    let app = Arc::new(App { host, roles, keys, options, rates, stop });
    Ok(Serving { listener, app })
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
        let Self { listener, app } = self;
        let mut stop = app.stop.clone();
        let sweeping = {
            let (sweeper, stop) = (Sweeper::of(&app.host)?, app.stop.clone());
            tokio::spawn(async move { sweeper.run(stop, &mut |_| {}).await })
        };
        tokio::spawn(go_on(Arc::clone(&app)));
        let service = TowerToHyperService::new(router(Arc::clone(&app)));
        let graceful = GracefulShutdown::new();
        loop {
            let accepted = tokio::select! {
                biased;
                asked = stop.wait_for(Option::is_some) => {
                    drop(asked);
                    break;
                }
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else {
                tokio::time::sleep(BREATH).await;
                continue;
            };
            // Events are small, and each is waited for.
            let _ = stream.set_nodelay(true);
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD)
                .max_buf_size(LARGEST_HEAD)
                .serve_connection(TokioIo::new(stream), service.clone());
            let connection = graceful.watch(connection);
            tokio::spawn(async move {
                // A client that goes away ends its connection and nothing else.
                let _ = connection.await;
            });
        }
        drop(listener);
        // First the runs: their clients' answers follow. A call that does not end in time is given up by
        // whoever drives it.
        drain_runs(&app.host).await;
        let _ = tokio::time::timeout(FAREWELL, graceful.shutdown()).await;
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
        let app = Arc::clone(&app);
        tokio::spawn(async move {
            let attended = Attended { reporter: &mut Silent, stop: app.stop.clone() };
            // Somebody else may have been first; what failed is written down.
            let _ = resume_run(&app.host, run.run.run.id.as_str(), attended).await;
        });
    }
}
