//! `initrunner run -i`: a conversation at a terminal.
//!
//! Each message is a run of its own, which begins with everything that was said before. A pause is written
//! down before anybody is asked, so nothing is lost with the terminal, and a decision that is made elsewhere
//! while the question stands is what counts: the conversation goes on with that.

mod answer;
mod ask;
mod change;
mod choose;
mod command;
mod editor;
mod helper;
mod obey;
mod piped;
mod session;
mod settle;
mod unfinished;
mod wait;

use super::arguments::Run;
use super::exit::Exit;
use super::output::Output;
use crate::ops::Host;
use session::Session;

/// Talks until the person leaves or the input ends.
pub(super) async fn repl(host: &Host, command: Run, output: &Output) -> Exit {
    match Session::open(host, command, output).await {
        Ok(mut session) => session.talk().await,
        Err(exit) => exit,
    }
}
