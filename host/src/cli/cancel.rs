//! `initrunner cancel`.

use super::arguments::Cancel;
use super::exit::Exit;
use super::output::Output;
use crate::ops::{Host, cancel_run};

pub(super) async fn cancel(host: &Host, command: Cancel, output: &Output) -> Exit {
    match cancel_run(host, &command.run_id, command.resolved_by).await {
        Ok(run) => {
            output.data(&format!("Run {} cancelled.", run.run.id));
            Exit::Done
        }
        Err(error) => output.failure(&error),
    }
}
