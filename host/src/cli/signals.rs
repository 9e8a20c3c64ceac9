//! Being asked to stop: the first SIGINT or SIGTERM interrupts the run, which can be resumed; the
//! second ends the process at once.

use super::exit::Exit;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Starts listening. The receiver gets a sentence when the process is asked to stop.
pub(super) fn listen() -> watch::Receiver<Option<String>> {
    let (sender, receiver) = watch::channel(None);
    let streams = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    if let (Ok(mut interrupt), Ok(mut terminate)) = streams {
        tokio::spawn(async move {
            loop {
                let word = tokio::select! {
                    _ = interrupt.recv() => "it was stopped (SIGINT)",
                    _ = terminate.recv() => "it was stopped (SIGTERM)",
                };
                if sender.borrow().is_some() {
                    // Asked twice: whatever was written down is enough.
                    std::process::exit(Exit::Sigint.code().into());
                }
                sender.send_replace(Some(word.into()));
            }
        });
    }
    receiver
}
