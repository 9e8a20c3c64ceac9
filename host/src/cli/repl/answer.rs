//! A short answer to a question that may be settled meanwhile: the terminal itself edits the line, so that
//! waiting for it can be given up at any moment.

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::stdio::stdin;
use rustix::termios::{QueueSelector, tcflush};
use std::io;

/// Bytes of an answer that are read at once: as many as a terminal holds of one line.
const LINE: usize = 4096;

/// Drops what was typed before a question was shown: it cannot be the answer to it.
pub(super) fn forget_typed() {
    // Where there is no terminal, nothing was typed.
    let _ = tcflush(stdin(), QueueSelector::IFlush);
}

/// Reads a line; nothing where the person ended the input. Dropping it gives up, and takes nothing from
/// whoever reads next.
///
/// # Errors
/// Where the terminal cannot be read.
pub(super) async fn read_answer() -> io::Result<Option<String>> {
    let (given_up, waiting) = pipe_with(PipeFlags::CLOEXEC)?;
    let read = tokio::task::spawn_blocking(move || wait_and_read(&given_up));
    // Closed when this is dropped, which ends the waiting.
    let _waiting = waiting;
    read.await.map_err(io::Error::other)?
}

fn wait_and_read(given_up: &OwnedFd) -> io::Result<Option<String>> {
    let stdin = stdin();
    loop {
        let mut watched =
            [PollFd::new(given_up, PollFlags::IN), PollFd::from_borrowed_fd(stdin, PollFlags::IN)];
        match poll(&mut watched, None) {
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
        if !watched[0].revents().is_empty() {
            return Ok(None);
        }
        if !watched[1].revents().is_empty() {
            break;
        }
    }
    let mut line = [0; LINE];
    loop {
        match rustix::io::read(stdin, &mut line) {
            Err(Errno::INTR) => {}
            // The terminal is gone.
            Ok(0) | Err(Errno::IO) => return Ok(None),
            Err(error) => return Err(error.into()),
            Ok(read) => {
                let text = String::from_utf8_lossy(&line[..read]);
                return Ok(Some(text.trim().to_owned()));
            }
        }
    }
}
