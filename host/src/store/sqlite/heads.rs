//! The chain's heads, in a file beside the database: one line for each commit that appended events.
//!
//! The chain alone cannot tell that its end was cut off, since what is left is a shorter chain that
//! holds. A line here names an event that must exist.

use super::journal::Head;
use data_encoding::HEXLOWER;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What follows the database's name.
const SUFFIX: &str = ".heads";

/// The file of the database at `path`.
pub(super) fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(SUFFIX);
    name.into()
}

/// Makes the file for a new database. A file that is there already is kept: it may speak of the events
/// of a database that somebody took away.
pub(super) fn create(database: &Path) -> io::Result<()> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(beside(database)).map(|_file| ())
}

/// Appends heads.
#[derive(Debug)]
pub(super) struct Heads {
    path: PathBuf,
    file: Option<File>,
}

impl Heads {
    /// Of the database at `path`.
    pub(super) fn new(database: &Path) -> Self {
        Self { path: beside(database), file: None }
    }

    /// Appends the head of a transaction that is already durable.
    ///
    /// Nothing is reported where that fails: the commit cannot be taken back, and the next line says
    /// more than this one. For the same reason it is not synced: a power cut loses the last lines at
    /// most, never an event, and a line that is missing accuses nobody. A file that was removed is
    /// not made again, so that removing it cannot hide a shortened journal.
    pub(super) fn append(&mut self, head: &Head) {
        if self.file.is_none() {
            self.file = open(&self.path).ok();
        }
        if let Some(file) = &mut self.file {
            let line = format!("{} {}\n", head.sequence, HEXLOWER.encode(&head.mac));
            if file.write_all(line.as_bytes()).is_err() {
                self.file = None;
            }
        }
    }
}

/// Opens the file to append, ending a line that a crash left half-written.
fn open(path: &Path) -> io::Result<File> {
    let mut file = OpenOptions::new().read(true).append(true).open(path)?;
    if file.metadata()?.len() > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    Ok(file)
}

/// Reads every well-formed line, by number. Lines that are not are what a crash leaves; dropping them
/// gives away nothing, since whoever can damage a line can remove it.
pub(super) fn read(database: &Path) -> io::Result<Vec<Head>> {
    let text = std::fs::read(beside(database))?;
    let mut heads: Vec<Head> = String::from_utf8_lossy(&text).lines().filter_map(parse).collect();
    // Processes append after their commits, so lines may be out of order.
    heads.sort_by_key(|head| head.sequence);
    Ok(heads)
}

fn parse(line: &str) -> Option<Head> {
    let (sequence, mac) = line.split_once(' ')?;
    Some(Head {
        sequence: sequence.parse().ok()?,
        mac: HEXLOWER.decode(mac.as_bytes()).ok()?.try_into().ok()?,
    })
}
