//! `initrunner audit export`.

use super::arguments::{AuditExport, ExportFormat};
use super::csv;
use super::line::Details;
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::domain::event::Event;
use crate::json;
use crate::ops::{ExportRequest, Host, OpError, export_journal};
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

const COLUMNS: [&str; 9] = [
    "sequence",
    "at",
    "run_id",
    "tool_call_id",
    "kind",
    "authenticated_as",
    "shown_as",
    "decision",
    "body",
];

pub(super) async fn export(host: &Host, command: &AuditExport, output: &Output) -> Exit {
    let request =
        ExportRequest { run: command.run.clone(), since: command.since, until: command.until };
    let head = match command.format {
        ExportFormat::Csv => csv::record(COLUMNS),
        ExportFormat::Jsonl => String::new(),
    };
    let line = |event: &Event| match command.format {
        ExportFormat::Jsonl => format!("{}\n", json::event(event)),
        ExportFormat::Csv => row(event),
    };
    let done = match &command.output {
        None => {
            output.write(&head);
            let take = &mut |event: &Event| {
                output.write(&line(event));
                Ok(())
            };
            export_journal(host, &request, take).await
        }
        Some(path) => to_file(host, &request, path, &head, &line).await,
    };
    match done {
        Ok(count) => {
            output.talk(&format!("{count} events exported."));
            Exit::Done
        }
        Err(error) => output.failure(&error),
    }
}

async fn to_file(
    host: &Host,
    request: &ExportRequest,
    path: &Path,
    head: &str,
    line: &dyn Fn(&Event) -> String,
) -> Result<u64, OpError> {
    let failed = |error: io::Error| cannot_write(path, &error);
    // Private, since it says who did what; and never in the place of a file that is there.
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file: BufWriter<File> = BufWriter::new(made.map_err(failed)?);
    let mut write = |text: &str| file.write_all(text.as_bytes()).map_err(failed);
    write(head)?;
    let exported = export_journal(host, request, &mut |event| write(&line(event))).await;
    let exported = exported.and_then(|count| {
        let synced = file.flush().and_then(|()| file.get_ref().sync_all());
        synced.map(|()| count).map_err(failed)
    });
    if exported.is_err() {
        // Half of an export would pass for a whole one. Why it failed says more than why it stays.
        let _ = std::fs::remove_file(path);
    }
    exported
}

fn cannot_write(path: &Path, error: &io::Error) -> OpError {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::AlreadyExists => OpError::Setup {
            message: format!("the file `{path}` is there already, and nothing was exported"),
            hint: "give another name, or move it away".into(),
        },
        _ => OpError::Setup {
            message: format!("the file `{path}` cannot be written: {error}"),
            hint: "give a path in a folder that you may write to".into(),
        },
    }
}

fn row(event: &Event) -> String {
    let details = Details::of(event);
    csv::record([
        &*event.sequence.to_string(),
        &event.at.to_string(),
        event.run.as_ref().map_or("", |run| run.as_str()),
        event.call.as_ref().map_or("", |call| call.as_str()),
        &event.kind,
        details.who().unwrap_or_default(),
        details.shown_as().unwrap_or_default(),
        details.decision().unwrap_or_default(),
        &event.body,
    ])
}
