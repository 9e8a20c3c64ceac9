//! `initrunner audit show`.

use super::arguments::AuditShow;
use super::line::Details;
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::ops::{Host, show_journal};
use serde_json::Value;

pub(super) async fn show(host: &Host, command: &AuditShow, output: &Output) -> Exit {
    let (_, events) = match show_journal(host, &command.run_id).await {
        Ok(found) => found,
        Err(error) => return output.failure(&error),
    };
    if command.json {
        let events: Vec<Value> = events.iter().map(crate::json::event).collect();
        output.data(&Value::Array(events).to_string());
        return Exit::Done;
    }
    for event in &events {
        let call = event.call.as_ref().map(|call| format!("  {call}")).unwrap_or_default();
        let details = Details::of(event).in_words();
        let gap = if details.is_empty() { "" } else { "  " };
        let (sequence, at, kind) = (event.sequence, event.at, &event.kind);
        output.data(&format!("{sequence:6}  {at}  {kind}{call}{gap}{details}"));
    }
    Exit::Done
}
