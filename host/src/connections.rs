//! Taking connections over HTTP/1.1: bounded in what they may send and how long they may take, until the
//! process is asked to stop.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

/// How long the head of a request may take: whoever sends a byte a second (slow loris) is hung up on.
const HEAD: Duration = Duration::from_secs(10);

/// Bytes of a request's head. Browsers send some 2 KB, and servers commonly take 8 to 32.
const LARGEST_HEAD: usize = 32 << 10;

/// How long answers under way may take once the process was asked to stop. Their runs have been handed
/// back by then; what is left is to write the last lines.
const FAREWELL: Duration = Duration::from_secs(10);

/// After a connection could not be taken, for want of descriptors: the next try at once would spin.
const BREATH: Duration = Duration::from_millis(50);

/// Connections of a daemon at a time: half of the descriptors that a process has on most systems, so that runs have
/// the others; whoever comes then waits. Each may send a body, so that this bounds their memory too.
pub(crate) const MOST: usize = 512;

/// Connections that are still answered.
pub(crate) struct Left(GracefulShutdown);

impl Left {
    /// Waits for their answers, for a while.
    pub(crate) async fn farewell(self) {
        let _ = tokio::time::timeout(FAREWELL, self.0.shutdown()).await;
    }
}

/// Takes connections until `stop` holds a sentence, `most` at a time.
pub(crate) async fn take(
    listener: TcpListener,
    router: Router,
    most: usize,
    mut stop: watch::Receiver<Option<String>>,
) -> Left {
    let service = TowerToHyperService::new(router);
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(most));
    loop {
        let accept = async {
            // It is never closed.
            let place = Arc::clone(&places).acquire_owned().await;
            listener.accept().await.map(|(stream, _)| (stream, place))
        };
        let accepted = tokio::select! {
            biased;
            asked = stop.wait_for(Option::is_some) => {
                drop(asked);
                break;
            }
            accepted = accept => accepted,
        };
        let Ok((stream, place)) = accepted else {
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
            drop(place);
        });
    }
    Left(graceful)
}

/// Why an address cannot be listened on, as a person would say it.
pub(crate) fn why_not(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another program listens there".into(),
        io::ErrorKind::PermissionDenied => "this user may not".into(),
        io::ErrorKind::AddrNotAvailable => "this machine has no such address".into(),
        _ => error.to_string(),
    }
}
