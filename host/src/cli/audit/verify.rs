//! `initrunner audit verify`.

use super::arguments::AuditVerify;
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::domain::visible;
use crate::json;
use crate::ops::{Host, verify_journal};

pub(super) async fn verify(host: &Host, command: &AuditVerify, output: &Output) -> Exit {
    let check = match verify_journal(host, command.head.as_deref()).await {
        Ok(check) => check,
        Err(error) => return output.failure(&error),
    };
    let exit = if check.broken.is_none() { Exit::Done } else { Exit::Failed };
    if command.json {
        output.data(&json::check(&check).to_string());
        return exit;
    }
    let Some(broken) = check.broken else {
        output.data(&format!("The journal holds: {} events.", check.events));
        output.data(&format!("Head: {}", check.head));
        return exit;
    };
    output.error(&format!("the journal does not hold: {broken}"));
    for finding in &check.also {
        output.talk(&format!("  also: {}", visible::one_line(finding)));
    }
    if check.left_out > 0 {
        output.talk(&format!("  and {} more", check.left_out));
    }
    exit
}
