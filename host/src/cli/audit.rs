//! `initrunner audit`.

use super::arguments::Audit;
use super::exit::Exit;
use super::output::Output;
use crate::ops::{Host, verify_journal};

pub(super) async fn audit(host: &Host, command: &Audit, output: &Output) -> Exit {
    match command {
        Audit::Verify => verify(host, output).await,
    }
}

async fn verify(host: &Host, output: &Output) -> Exit {
    let check = match verify_journal(host).await {
        Ok(check) => check,
        Err(error) => return output.failure(&error),
    };
    match check.broken {
        None => {
            output.data(&format!("The journal holds: {} events.", check.events));
            Exit::Done
        }
        Some(broken) => {
            output.error(&format!("the journal does not hold: {broken}"));
            Exit::Failed
        }
    }
}
