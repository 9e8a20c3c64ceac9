//! Heads, checks and filters of the journal.

use crate::domain::clock::Timestamp;
use crate::domain::ids::RunId;
use data_encoding::HEXLOWER;
use std::fmt;

/// An event of the journal and its code: kept elsewhere, it shows whether the journal was rolled back.
///
/// As text, the number and 64 hexadecimal digits, as in the file of heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalHead {
    /// The event's number; 0 for a journal without events.
    pub sequence: i64,
    /// Its code.
    pub code: [u8; 32],
}

impl JournalHead {
    /// Reads a line; words before the two are skipped, so that a line of the program's own output
    /// will do. `None` for any other text.
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace().rev();
        let (code, sequence) = (words.next()?, words.next()?);
        let code = HEXLOWER.decode(code.as_bytes()).ok()?.try_into().ok()?;
        let sequence = sequence.parse().ok().filter(|sequence| *sequence >= 0)?;
        Some(Self { sequence, code })
    }
}

impl fmt::Display for JournalHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.sequence, HEXLOWER.encode(&self.code))
    }
}

/// What a check of the journal found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalCheck {
    /// Events read.
    pub events: u64,
    /// The last event.
    pub head: JournalHead,
    /// The first thing that does not fit, in words; `None`: everything does.
    pub broken: Option<String>,
    /// The next few.
    pub also: Vec<String>,
    /// How many more there are.
    pub left_out: u64,
}

/// Which events are wanted: those that fit everything that is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Of this run.
    pub run: Option<RunId>,
    /// Not before this moment.
    pub since: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
}
