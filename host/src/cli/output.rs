//! The only place that prints: data on standard output, talk on standard error, colour only on a
//! terminal.

use super::exit::Exit;
use crate::domain::visible;
use crate::ops::OpError;
use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Bytes of a list that are written at once: as much as a pipe holds (pipe(7)).
const PART: usize = 64 << 10;

/// Where things are printed.
#[derive(Debug, Clone)]
pub(super) struct Output(Arc<Streams>);

#[derive(Debug)]
struct Streams {
    /// Whether a person watches standard output.
    data_terminal: bool,
    /// Whether a person watches standard error.
    talk_terminal: bool,
    colour: bool,
    /// Whether something could not be written to standard output.
    lost: AtomicBool,
}

/// How a word stands out.
#[derive(Debug, Clone, Copy)]
pub(super) enum Style {
    /// Important.
    Bold,
    /// Wrong.
    Red,
    /// Right.
    Green,
    /// Waiting.
    Yellow,
}

impl Output {
    pub(super) fn new() -> Self {
        let data_terminal = std::io::stdout().is_terminal();
        // https://no-color.org
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self(Arc::new(Streams {
            data_terminal,
            talk_terminal: std::io::stderr().is_terminal(),
            colour: wanted && data_terminal,
            lost: AtomicBool::new(false),
        }))
    }

    /// Whether a person watches what is streamed.
    pub(super) fn is_live(&self) -> bool {
        self.0.data_terminal && self.0.talk_terminal
    }

    /// Whether a person watches standard output.
    pub(super) fn is_terminal(&self) -> bool {
        self.0.data_terminal
    }

    /// Lines of the terminal; nothing where there is none.
    pub(super) fn rows(&self) -> Option<usize> {
        let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
        (size.ws_row > 0).then_some(size.ws_row.into())
    }

    /// Columns of the terminal; nothing where there is none, and lines may be as long as they are.
    pub(super) fn columns(&self) -> Option<usize> {
        let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
        (size.ws_col > 0).then_some(size.ws_col.into())
    }

    /// Columns of the terminal; 100 where there is none, so that a table in a file stays readable.
    pub(super) fn width(&self) -> usize {
        let terminal = || self.columns();
        let named = || std::env::var("COLUMNS").ok()?.parse().ok().filter(|width| *width > 0);
        terminal().or_else(named).unwrap_or(100)
    }

    /// A word that stands out, on a terminal.
    pub(super) fn styled(&self, style: Style, text: &str) -> String {
        if !self.0.colour {
            return text.to_owned();
        }
        // ECMA-48 SGR parameters.
        let code = match style {
            Style::Bold => 1,
            Style::Red => 31,
            Style::Green => 32,
            Style::Yellow => 33,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// Data, with a line end.
    pub(super) fn data(&self, text: &str) {
        self.write(&format!("{text}\n"));
    }

    /// A JSON array, with a line end: a part after the other, since there may be ten thousand and the
    /// memory for all at once costs more than making them.
    pub(super) fn list(&self, items: impl Iterator<Item = impl serde::Serialize>) {
        let mut stdout = std::io::stdout().lock();
        let mut part = vec![b'['];
        let write = || -> std::io::Result<()> {
            for (n, item) in items.enumerate() {
                if n > 0 {
                    part.push(b',');
                }
                serde_json::to_writer(&mut part, &item)?;
                if part.len() >= PART {
                    stdout.write_all(&part)?;
                    part.clear();
                }
            }
            part.extend_from_slice(b"]\n");
            stdout.write_all(&part)?;
            stdout.flush()
        };
        self.written(write());
    }

    /// Data as it is.
    pub(super) fn write(&self, text: &str) {
        let mut stdout = std::io::stdout().lock();
        self.written(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()));
    }

    fn written(&self, written: std::io::Result<()>) {
        // Whoever closed the pipe wants no more, and the run goes on regardless.
        if let Err(error) = written
            && error.kind() != ErrorKind::BrokenPipe
            && !self.0.lost.swap(true, Ordering::Relaxed)
        {
            self.error(&format!(
                "standard output cannot be written: {error}; make room, or write elsewhere"
            ));
        }
    }

    /// What an exit code becomes where standard output was lost: nobody may take half a list for all
    /// of it. A code that says more than *done* stays.
    pub(super) fn whole(&self, exit: Exit) -> Exit {
        match exit {
            Exit::Done if self.0.lost.load(Ordering::Relaxed) => Exit::Failed,
            exit => exit,
        }
    }

    /// Where the log goes, which is talk.
    pub(super) fn log(&self) -> std::io::Stderr {
        std::io::stderr()
    }

    /// Whether talk leads to the system's journal (systemd.exec(5), `$JOURNAL_STREAM`), and not to a terminal or
    /// a file of somebody who was started from there.
    pub(super) fn to_journal(&self) -> bool {
        let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
        rustix::fs::fstat(std::io::stderr())
            .is_ok_and(|file| stream == format!("{}:{}", file.st_dev, file.st_ino))
    }

    /// Talk.
    pub(super) fn talk(&self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }

    /// Says what went wrong. The sentence may quote what a person typed or a model wrote.
    pub(super) fn error(&self, sentence: &str) {
        let word = if self.0.colour && self.0.talk_terminal {
            self.styled(Style::Red, "error:")
        } else {
            "error:".to_owned()
        };
        self.talk(&format!("{word} {}", visible::lines(sentence)));
    }

    /// Says why an operation gave nothing, and gives its exit code.
    pub(super) fn failure(&self, error: &OpError) -> Exit {
        self.error(&error.to_string());
        Exit::of_error(error)
    }

    /// Says what is wrong with the command line, or gives the help that was asked for.
    pub(super) fn usage(&self, error: &clap::Error) -> Exit {
        if error.use_stderr() {
            self.talk(visible::lines(&error.to_string()).trim_end());
            Exit::Usage
        } else {
            self.write(&error.to_string());
            Exit::Done
        }
    }
}
