//! The processes that drive runs, and whether one is still alive.
//!
//! A process that drives runs holds an operating-system lock on its owner file. The kernel frees it
//! the moment the process dies, however it dies, so nobody has to guess from elapsed time: a laptop
//! that slept for a night still owns its runs, and a killed process owns nothing.

use crate::domain::ids::OwnerId;
use crate::fail_point;
use std::collections::BTreeSet;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The folder of the owner files, inside the database's folder.
const FOLDER: &str = "owners";

/// What follows the owner's id in its file's name.
const SUFFIX: &str = ".lock";

/// How often a registration starts over after a sweep removed its file between creation and lock.
/// Twice in a row is already unlikely; ten means that something else removes files here.
const ATTEMPTS: usize = 10;

/// A process's registration as a driver of runs: in force until it is dropped or the process ends.
///
/// The lock does not pass to programs that the process starts: the file is opened close-on-exec.
#[derive(Debug)]
pub struct Owner {
    id: OwnerId,
    hold: Hold,
}

#[derive(Debug)]
enum Hold {
    /// The lock lives as long as the open file.
    File { path: PathBuf, _locked: File },
    /// Stores in memory have one process: a name in a set says as much as a lock.
    Memory(Living),
}

/// The owners of a store in memory.
pub(super) type Living = Arc<Mutex<BTreeSet<OwnerId>>>;

/// Whether an owner still drives its runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Liveness {
    /// It does.
    Alive {
        /// Its process, where its file says so: for people, never decided upon.
        pid: u32,
    },
    /// Its process ended, or it gave up its runs.
    Dead,
}

impl Owner {
    /// Registers `id` beside the database in `folder`. Costs one small file and no sync: after a power
    /// cut every owner is dead, whether its file survived or not.
    ///
    /// # Errors
    /// What the operating system says where the file cannot be made.
    pub fn register(folder: &Path, id: OwnerId) -> io::Result<Self> {
        let folder = folder.join(FOLDER);
        let path = folder.join(format!("{id}{SUFFIX}"));
        for _ in 0..ATTEMPTS {
            let mut file = match create(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
                    create(&path)?
                }
                other => other?,
            };
            fail_point::reach("store.owner.file_made");
            // Waits only for somebody who is looking whether this very file is locked.
            file.lock()?;
            if file.metadata()?.nlink() > 0 {
                file.set_len(0)?;
                writeln!(file, "pid {}", std::process::id())?;
                fail_point::reach("store.owner.registered");
                return Ok(Self { id, hold: Hold::File { path, _locked: file } });
            }
        }
        Err(io::Error::other("the owner file keeps being removed by another program"))
    }

    /// Registers `id` in a store that lives in memory.
    pub(super) fn register_here(living: &Living, id: OwnerId) -> Self {
        lock(living).insert(id.clone());
        Self { id, hold: Hold::Memory(Arc::clone(living)) }
    }

    /// The id that claims are made with.
    pub fn id(&self) -> &OwnerId {
        &self.id
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        match &self.hold {
            // Removed while the lock is still held, so that nobody finds the file between the two. A
            // file that stays behind is harmless: unlocked means dead.
            Hold::File { path, .. } => {
                fail_point::reach("store.owner.leaving");
                drop(std::fs::remove_file(path));
            }
            Hold::Memory(living) => drop(lock(living).remove(&self.id)),
        }
    }
}

/// Whether the owner registered beside the database in `folder` is alive: its file exists and
/// somebody holds its lock. Where the operating system refuses to tell, it counts as alive: taking
/// over a run that is still driven would be worse than leaving one alone.
pub fn is_alive(folder: &Path, id: &OwnerId) -> Liveness {
    probe(&folder.join(FOLDER).join(format!("{id}{SUFFIX}")))
}

/// Removes the files of dead owners beside the database in `folder`. Whatever goes wrong is left for
/// the next time: the files only take space.
pub(super) fn sweep(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder.join(FOLDER)) else { return };
    for entry in entries.flatten() {
        if !entry.file_name().to_string_lossy().ends_with(SUFFIX) {
            continue;
        }
        let path = entry.path();
        if let Ok(file) = File::open(&path)
            && file.try_lock().is_ok()
        {
            // Still locked here: a process registering under this name finds its file gone and makes
            // another.
            drop(std::fs::remove_file(&path));
        }
    }
}

/// The owner's process in a store in memory.
pub(super) fn is_alive_here(living: &Living, id: &OwnerId) -> Liveness {
    if lock(living).contains(id) {
        Liveness::Alive { pid: std::process::id() }
    } else {
        Liveness::Dead
    }
}

fn create(path: &Path) -> io::Result<File> {
    // The standard library opens every file close-on-exec.
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn probe(path: &Path) -> Liveness {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Liveness::Dead,
        Err(_) => return Liveness::Alive { pid: 0 },
    };
    match file.try_lock() {
        Ok(()) => Liveness::Dead,
        Err(TryLockError::Error(_)) | Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            drop(file.read_to_string(&mut text));
            let pid = text.trim().strip_prefix("pid ").and_then(|pid| pid.parse().ok());
            Liveness::Alive { pid: pid.unwrap_or(0) }
        }
    }
}

fn lock(living: &Living) -> MutexGuard<'_, BTreeSet<OwnerId>> {
    // A set of names has no half-done state that a panic elsewhere could have left.
    living.lock().unwrap_or_else(PoisonError::into_inner)
}
