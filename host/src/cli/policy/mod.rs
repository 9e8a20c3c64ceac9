//! `initrunner policy`: one file per command.

mod bench;
mod check;
mod schema;
mod test;

use super::arguments::Policy;
use super::exit::Exit;
use super::output::Output;
use crate::ops::Host;

pub(super) async fn policy(host: &Host, command: &Policy, output: &Output) -> Exit {
    match command {
        Policy::Check(command) => check::check(host, command, output).await,
        Policy::Bench(command) => bench::bench(host, command, output).await,
        Policy::Schema(command) => schema::schema(host, command, output).await,
        Policy::Test(command) => test::test(host, command, output).await,
    }
}
