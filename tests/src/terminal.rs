//! The program at a terminal, as a person has it: keys go in, and what the screen shows is read.
//!
//! The terminal is the kernel's own pseudo-terminal, so that line editing, echo and signals by keys are what
//! they are everywhere; the screen is drawn by a library that knows what terminals do with escape sequences.
//! Needs `setsid` of util-linux, which gives a program a terminal of its own.

use crate::home::{Start, until_within};
use crate::stable::Placeholders;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Columns of the screen.
const COLUMNS: u16 = 100;

/// Lines of the screen: enough for what a test looks at as a whole.
const ROWS: u16 = 60;

/// Longer than anything at a terminal takes on a busy machine; no test waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(30);

/// Ctrl-C.
pub const CTRL_C: &str = "\u{3}";

/// Ctrl-D.
pub const CTRL_D: &str = "\u{4}";

/// Moves to the beginning of the line, and deletes what follows.
pub const CLEAR: &str = "\u{1}\u{b}";

/// Enter.
pub const ENTER: &str = "\r";

/// A program at a terminal; it is killed when this is dropped.
pub struct Terminal {
    child: Child,
    keys: File,
    screen: Arc<Mutex<vt100::Parser>>,
    /// Whether all that was shown is drawn: nobody has the terminal any more.
    read: Arc<AtomicBool>,
    root: PathBuf,
    seen: Arc<Mutex<Placeholders>>,
}

impl Terminal {
    /// Starts a program at a terminal of 60 lines and 100 columns.
    ///
    /// # Panics
    /// There are no pseudo-terminals here.
    pub fn start(start: Start) -> Self {
        Self::sized(start, ROWS, COLUMNS)
    }

    /// The same at a terminal of another size.
    ///
    /// # Panics
    /// As [`Terminal::start`].
    pub fn sized(start: Start, rows: u16, columns: u16) -> Self {
        let near = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
        grantpt(&near).expect("a terminal of ours");
        unlockpt(&near).expect("a terminal that can be opened");
        let name = ptsname(&near, Vec::new()).expect("its name");
        let name = Path::new(std::ffi::OsStr::from_bytes(name.to_bytes())).to_owned();
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&near, size).expect("a terminal of a size");

        let far = || {
            // The session of the program takes it as its own, and not that of the tests.
            let far = OpenOptions::new().read(true).write(true).open(&name);
            Stdio::from(far.expect("the other end"))
        };
        let (program, root, seen) = start.into_parts();
        let mut command = Command::new("setsid");
        // A terminal's program hears when it is gone, though whoever runs the tests be told to ignore that.
        command.args(["--ctty", "env", "--default-signal=HUP"]);
        command.arg(program.get_program()).args(program.get_args()).env_clear();
        for (name, value) in program.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        if let Some(folder) = program.get_current_dir() {
            command.current_dir(folder);
        }
        command.env("TERM", "xterm").stdin(far()).stdout(far()).stderr(far());
        let child = command.spawn().expect("a started program");

        let keys = File::from(near);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(rows, columns, 0)));
        let (mut shown, drawn) = (keys.try_clone().expect("another handle"), Arc::clone(&screen));
        let read = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&read);
        drop(command);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // EIO once the program has closed its end.
            while let Ok(count @ 1..) = shown.read(&mut bytes) {
                drawn.lock().unwrap_or_else(PoisonError::into_inner).process(&bytes[..count]);
            }
            over.store(true, Ordering::Release);
        });
        Self { child, keys, screen, read, root, seen }
    }

    /// Types, and waits for nothing.
    ///
    /// # Panics
    /// The terminal is gone.
    pub fn keys(&self, text: &str) {
        (&self.keys).write_all(text.as_bytes()).expect("a terminal that takes keys");
    }

    /// Types a line, once `prompt` stands before the cursor and nothing behind it, as a person does: each
    /// key is seen before the next. Keys that come at once may be taken for one paste.
    ///
    /// # Panics
    /// It does not in a minute.
    #[track_caller]
    pub fn line(&self, prompt: &str, text: &str) {
        self.asked(prompt);
        if !text.is_empty() {
            self.key(text);
        }
        self.key(ENTER);
    }

    /// Types, and waits until that has moved the cursor.
    ///
    /// # Panics
    /// It does not in a minute.
    #[track_caller]
    pub fn key(&self, text: &str) {
        let before = self.drawn().screen().cursor_position();
        self.keys(text);
        self.shows(text, |screen| screen.cursor_position() != before);
    }

    /// Waits until `prompt` stands before the cursor: the program asks.
    ///
    /// # Panics
    /// It does not in a minute; with what the screen shows.
    #[track_caller]
    pub fn asked(&self, prompt: &str) {
        self.shows(prompt, |screen| {
            let (row, column) = screen.cursor_position();
            let before = screen.rows(0, column).nth(row.into()).unwrap_or_default();
            let before = format!("{before:width$}", width = usize::from(column));
            before == prompt
        });
    }

    /// Waits until the screen shows a text.
    ///
    /// # Panics
    /// It does not in a minute; with what it shows.
    #[track_caller]
    pub fn told(&self, text: &str) {
        self.shows(text, |screen| screen.contents().contains(text));
    }

    #[track_caller]
    fn shows(&self, what: &str, holds: impl Fn(&vt100::Screen) -> bool) {
        let looked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            until_within(PATIENCE, what, || holds(self.drawn().screen()));
        }));
        assert!(
            looked.is_ok(),
            "waited in vain for {what:?}; the screen shows:\n{}",
            self.screen()
        );
    }

    /// What the screen shows, with stable ids.
    pub fn screen(&self) -> String {
        let drawn = self.drawn();
        let rows: Vec<String> = drawn
            .screen()
            .rows(0, drawn.screen().size().1)
            .map(|row| row.trim_end().to_owned())
            .collect();
        drop(drawn);
        let text = rows.join("\n").trim_end().to_owned() + "\n";
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // Whether a component is compiled depends on the tests before, and how far a wheel has turned on
        // chance.
        let turns = |line: &str| line.starts_with(|c| ('\u{2800}'..='\u{28ff}').contains(&c));
        let shown = seen.hide(&text, &self.root);
        let lines = shown.split_inclusive('\n');
        lines.filter(|line| !line.starts_with("Compiling the component") && !turns(line)).collect()
    }

    /// Compares the screen.
    #[track_caller]
    pub fn check(&self, expected: expect_test::Expect) {
        expected.assert_eq(&self.screen());
    }

    /// Whether the terminal is as it was before a line editor had it: it edits lines itself, shows what is
    /// typed, and turns Ctrl-C into a signal.
    ///
    /// # Panics
    /// The terminal is gone.
    pub fn is_plain(&self) -> bool {
        let modes = tcgetattr(&self.keys).expect("a terminal").local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
            && !self.drawn().screen().bracketed_paste()
    }

    /// Sends a signal to the program.
    ///
    /// # Panics
    /// It has ended.
    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(id.expect("a process id"), signal).expect("a running process");
    }

    /// Waits until the program ends; gives its exit code, and nothing where a signal ended it.
    ///
    /// # Panics
    /// It does not end in a minute.
    #[track_caller]
    pub fn ends(&mut self) -> Option<i32> {
        let mut status: Option<ExitStatus> = None;
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            until_within(PATIENCE, "the program ends", || {
                status = self.child.try_wait().expect("a child of ours");
                status.is_some()
            });
        }));
        assert!(ended.is_ok(), "it does not end; the screen shows:\n{}", self.screen());
        // What it wrote last is still on its way.
        until_within(PATIENCE, "the terminal is let go of", || self.read.load(Ordering::Acquire));
        let status = status.expect("an ended program");
        assert!(status.code().is_some() || status.signal().is_some());
        status.code()
    }

    fn drawn(&self) -> std::sync::MutexGuard<'_, vt100::Parser> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
