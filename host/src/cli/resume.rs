//! `initrunner resume`.

use super::answer;
use super::arguments::Resume;
use super::exit::Exit;
use super::output::Output;
use super::progress::Live;
use super::signals;
use crate::ops::{Attended, Host, OpError, resume_run};

pub(super) async fn resume(host: &Host, command: &Resume, output: &Output) -> Exit {
    let mut live = Live::resumed(output, command.json);
    let attended = Attended { reporter: &mut live, stop: signals::listen() };
    let driven = resume_run(host, &command.run_id, attended).await;
    if driven.is_ok() {
        live.open();
    }
    let streamed = live.streamed();
    drop(live);
    match driven {
        Ok(driven) => answer::tell(host, &driven, output, command.json, streamed),
        Err(error @ OpError::MissingVariables { .. }) => {
            output.error(&format!("{error}\nthe run stays interrupted"));
            Exit::Interrupted
        }
        Err(error) => output.failure(&error),
    }
}
