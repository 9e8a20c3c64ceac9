//! The line that a person types at. The editor blocks until the line is finished, so it has a thread of its
//! own; what is asked of it goes there one after the other.

use super::helper::{Typing, Words};
use rustix::process::{Signal, getpid, kill_process};
use rustyline::ExternalPrinter;
use rustyline::config::{BellStyle, CompletionType, Config};
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;
use tokio::sync::oneshot;

/// How many lines the history keeps: a thousand are months of typing, and read in a millisecond.
const HISTORY: usize = 1000;

/// How long an editor that is told to give up may take to put the terminal right: it does so at once,
/// unless the terminal has none of what it needs; then there is nothing to put right.
const PATIENCE: Duration = Duration::from_secs(1);

/// What came of asking for a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// It was finished.
    Text(String),
    /// Ctrl-C.
    Interrupted,
    /// Ctrl-D on an empty line, or the terminal is gone.
    End,
}

enum Request {
    Read { line: Wanted, answer: oneshot::Sender<Line> },
    Remember { text: String, answer: oneshot::Sender<Result<(), String>> },
}

/// A line that is asked for.
pub(super) struct Wanted {
    /// What stands before it.
    pub(super) prompt: String,
    /// What it begins with, to be edited.
    pub(super) initial: String,
    /// Whether it is a message, of several lines if need be.
    pub(super) message: bool,
}

/// Asks for lines.
pub(super) struct Editor {
    requests: mpsc::Sender<Request>,
    /// Never used, and kept: while there is one, the editor waits for signals as well as for keys.
    _printer: Option<Box<dyn ExternalPrinter + Send>>,
}

type Rustyline = rustyline::Editor<Typing, FileHistory>;

impl Editor {
    /// Starts the editor. The history is read from `history` and kept there.
    ///
    /// # Errors
    /// A sentence, where there is no terminal to edit at.
    pub(super) fn start(history: Option<PathBuf>, words: Words) -> Result<Self, String> {
        let none = |error: &dyn std::fmt::Display| format!("nothing can be typed here: {error}");
        let config = Config::builder()
            .max_history_size(HISTORY)
            .map_err(|error| none(&error))?
            .completion_type(CompletionType::List)
            .bell_style(BellStyle::None)
            .build();
        let mut editor: Rustyline =
            rustyline::Editor::with_config(config).map_err(|error| none(&error))?;
        editor.set_helper(Some(Typing { words, message: true }));
        if let Some(history) = history.as_ref().filter(|path| path.exists()) {
            // One that cannot be read is none; it is told when it cannot be written either.
            let _ = editor.load_history(history);
        }
        let printer = editor.create_external_printer().ok();
        let printer = printer.map(|printer| Box::new(printer) as Box<dyn ExternalPrinter + Send>);
        let (requests, asked) = mpsc::channel();
        std::thread::Builder::new()
            .name("line-editor".into())
            .spawn(move || serve(editor, history, &asked))
            .map_err(|error| none(&error))?;
        Ok(Self { requests, _printer: printer })
    }

    /// Reads a line. Whoever does not wait for it calls [`Editor::give_up`] before anything else is shown.
    pub(super) async fn read(&self, line: Wanted) -> Line {
        let (answer, read) = oneshot::channel();
        let asked = self.requests.send(Request::Read { line, answer });
        match asked {
            Ok(()) => read.await.unwrap_or(Line::End),
            Err(_) => Line::End,
        }
    }

    /// Keeps a line for the next time.
    ///
    /// # Errors
    /// Why its file cannot be written.
    pub(super) async fn remember(&self, text: String) -> Result<(), String> {
        let (answer, kept) = oneshot::channel();
        match self.requests.send(Request::Remember { text, answer }) {
            Ok(()) => kept.await.unwrap_or(Ok(())),
            Err(_) => Ok(()),
        }
    }

    /// Has a line that is being read end as if by Ctrl-C, which puts the terminal right.
    pub(super) async fn give_up(&self, reading: impl Future<Output = Line>) {
        // While it reads, the editor takes this signal as the key, and nobody else does.
        let _ = kill_process(getpid(), Signal::INT);
        let _ = tokio::time::timeout(PATIENCE, reading).await;
    }
}

fn serve(mut editor: Rustyline, history: Option<PathBuf>, asked: &mpsc::Receiver<Request>) {
    while let Ok(request) = asked.recv() {
        // Whoever asked may be gone.
        match request {
            Request::Read { line, answer } => drop(answer.send(read(&mut editor, &line))),
            Request::Remember { text, answer } => {
                drop(answer.send(remember(&mut editor, text, history.as_ref())));
            }
        }
    }
}

fn read(editor: &mut Rustyline, line: &Wanted) -> Line {
    if let Some(typing) = editor.helper_mut() {
        typing.message = line.message;
    }
    match editor.readline_with_initial(&line.prompt, (&line.initial, "")) {
        Ok(text) => Line::Text(text),
        Err(ReadlineError::Interrupted) => Line::Interrupted,
        Err(_) => Line::End,
    }
}

fn remember(editor: &mut Rustyline, text: String, file: Option<&PathBuf>) -> Result<(), String> {
    let added = editor.add_history_entry(text).unwrap_or(false);
    match file {
        // The library makes the file, and keeps it, readable for its owner alone.
        Some(file) if added => editor.append_history(file).map_err(|error| {
            format!("what you type is not kept: `{}` cannot be written: {error}", file.display())
        }),
        _ => Ok(()),
    }
}
