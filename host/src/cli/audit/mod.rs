//! `initrunner audit`: one file per command.

pub(super) mod arguments;
mod csv;
mod export;
mod line;
mod list;
mod prune;
mod show;
mod verify;

use super::exit::Exit;
use super::output::Output;
use crate::ops::Host;
use arguments::Audit;

pub(super) async fn audit(host: &Host, command: &Audit, output: &Output) -> Exit {
    match command {
        Audit::List(command) => list::list(host, command, output).await,
        Audit::Show(command) => show::show(host, command, output).await,
        Audit::Export(command) => export::export(host, command, output).await,
        Audit::Verify(command) => verify::verify(host, command, output).await,
        Audit::Prune(command) => prune::prune(host, command, output).await,
    }
}
