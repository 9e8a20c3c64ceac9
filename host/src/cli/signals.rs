//! Being asked to stop: the first SIGINT or SIGTERM interrupts the run, which can be resumed; the
//! second ends the process at once. In a conversation SIGINT is about what goes on, and never about the
//! process.

use super::exit::Exit;
use std::io;
use std::pin::pin;
use tokio::signal::unix::{Signal, SignalKind, signal};
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

/// What a person asks for by a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// SIGINT: to stop what goes on.
    Stop,
    /// SIGTERM: to leave.
    Leave,
}

/// The signals of a process that outlives what goes on in it.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// Whether the process was asked to leave.
    leaving: bool,
}

impl Signals {
    /// # Errors
    /// Where the system gives none.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            leaving: false,
        })
    }

    /// Whether the process was asked to leave.
    pub(super) fn leaving(&self) -> bool {
        self.leaving
    }

    /// Forgets a SIGINT that nobody waited for: it was about something that is over.
    pub(super) fn forget(&mut self) {
        if let Ok(fresh) = signal(SignalKind::interrupt()) {
            self.interrupt = fresh;
        }
    }

    /// Waits for the next one. May be dropped, and loses none by that.
    pub(super) async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.terminate.recv() => {
                self.leaving = true;
                Asked::Leave
            }
        }
    }

    /// Waits for a drive of a run, and has it stopped through `stop` when that is asked for.
    pub(super) async fn attend<T>(
        &mut self,
        stop: &watch::Sender<Option<String>>,
        drive: impl Future<Output = T>,
    ) -> T {
        self.forget();
        let mut drive = pin!(drive);
        loop {
            let asked = tokio::select! {
                ended = &mut drive => return ended,
                asked = self.next() => asked,
            };
            let sentence = match asked {
                Asked::Stop => "it was stopped (SIGINT)",
                Asked::Leave => "it was stopped (SIGTERM)",
            };
            stop.send_replace(Some(sentence.to_owned()));
        }
    }
}
