//! `initrunner completions`.

use super::arguments::{Arguments, Completions};
use super::exit::Exit;
use super::output::Output;
use clap::CommandFactory;

pub(super) fn completions(command: &Completions, output: &Output) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(command.shell, &mut Arguments::command(), "initrunner", &mut script);
    output.write(&String::from_utf8_lossy(&script));
    Exit::Done
}
