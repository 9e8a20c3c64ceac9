//! `initrunner run`.

use super::answer;
use super::arguments::Run;
use super::exit::Exit;
use super::output::Output;
use super::progress::Live;
use super::signals;
use crate::ops::{Attended, Host, RunRequest, run_role};

pub(super) async fn run(host: &Host, command: Run, output: &Output) -> Exit {
    let mut live = Live::new(output, command.json);
    // What to ask is there: the command line does not let it be left out.
    let prompt = command.prompt.unwrap_or_default();
    let request = RunRequest { role: command.role, prompt, trigger: "cli".to_owned() };
    let attended = Attended { reporter: &mut live, stop: signals::listen() };
    let driven = run_role(host, request, attended).await;
    let streamed = live.streamed();
    drop(live);
    match driven {
        Ok(driven) => answer::tell(host, &driven, output, command.json, streamed),
        Err(error) => output.failure(&error),
    }
}
