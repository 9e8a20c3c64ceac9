//! `initrunner policy`: one file per command.

mod check;

use super::arguments::Policy;
use super::exit::Exit;
use super::output::Output;
use crate::ops::Host;

pub(super) async fn policy(host: &Host, command: &Policy, output: &Output) -> Exit {
    match command {
        Policy::Check(command) => check::check(host, command, output).await,
    }
}
