//! Files and folders that a role grants: what stands behind the `wasi:filesystem` of one call.
//!
//! Each grant is a folder that the component sees under a name of its own (a *preopen*). wasmtime's
//! implementation resolves paths below it with the kernel's help (`openat2` and `RESOLVE_BENEATH`, or
//! one name after the other where a kernel has none), so that neither `..`, an absolute path, nor a
//! link leads out, also not one that is changed during the call. What it does not do is done here:
//!
//! - a root is opened without following a link in any part of its path ([`root`]);
//! - only regular files and folders are opened, and opening never waits ([`open`]);
//! - a grant of one file gives that file and no other ([`Folder::Single`]);
//! - what is written, listed and held open has limits ([`meter`]);
//! - what was refused is told to the person, with the line that would allow it ([`refuse`]).

mod check;
mod meter;
mod open;
mod refuse;
mod root;

pub(super) use check::check;
pub(super) use meter::{Held, HeldInput, Meter, MeteredOutput};
pub(super) use open::{Opened, Wanted, entries, is_escape, keep_mode, open};
pub(super) use refuse::Refusal;
pub(super) use root::{Root, Single, roots};

use super::access::{Access, Reach};
use crate::domain::grant::Access as Right;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use wasmtime_wasi::FsPerms;
use wasmtime_wasi::filesystem::WasiFilesystemCtx;

/// The files of one call.
pub(super) struct Files {
    /// What may be reached, or nothing.
    pub(super) access: Access,
    /// wasmtime's own part; it has no folders, since those are opened here.
    pub(super) wasi: WasiFilesystemCtx,
    /// What stands behind each open descriptor of the component, by its handle.
    pub(super) places: HashMap<u32, Place>,
    /// How many names each open listing holds, by its handle.
    pub(super) listings: HashMap<u32, usize>,
    /// The limits.
    pub(super) meter: Arc<Meter>,
    /// The sentence for the first thing that was refused.
    refused: Option<String>,
    /// Whether the component asked for its folders and there were none.
    asked_in_vain: bool,
}

/// What stands behind one descriptor.
pub(super) struct Place {
    /// The component's name of it: the grant's, and the path below it.
    pub(super) name: String,
    /// Where it is on this machine, for sentences.
    pub(super) path: PathBuf,
    /// The grant that it belongs to.
    pub(super) grant: PathBuf,
    /// Whether it may be changed.
    pub(super) perms: FsPerms,
    /// What may be named below it.
    pub(super) folder: Folder,
    /// Counts it, until it is closed.
    pub(super) _held: Held,
}

/// What may be named below a descriptor.
#[derive(Clone)]
pub(super) enum Folder {
    /// Whatever is there.
    Whole,
    /// These files and nothing else: each is granted by itself. The descriptor is that of a file, so
    /// whatever is not answered from this list ends in *not a directory*, in the kernel.
    Single(Arc<[Single]>),
}

impl Files {
    pub(super) fn new(access: Access) -> Self {
        Self {
            access,
            wasi: WasiFilesystemCtx::default(),
            places: HashMap::new(),
            listings: HashMap::new(),
            meter: Arc::default(),
            refused: None,
            asked_in_vain: false,
        }
    }

    /// The granted folders, opened, as far as this kind of call may use them.
    pub(super) fn open_roots(&mut self) -> Vec<Root> {
        if self.access.reach == Reach::Nothing {
            return Vec::new();
        }
        self.asked_in_vain = self.access.grants.files.is_empty();
        let may_write = self.access.reach == Reach::Act;
        let (roots, missing) =
            roots(&self.access.grants.files, |right| if may_write { right } else { Right::Read });
        if let Some(sentence) = missing {
            self.refused.get_or_insert(sentence);
        }
        roots
    }

    /// The limit that the call ran into, where it was stopped for it.
    pub(super) fn stopped(&self) -> Option<String> {
        self.meter.stopped()
    }

    /// What to tell a person about a call that failed and `said` why: the first thing it was refused, and
    /// what would allow it.
    pub(super) fn hint(&self, said: &str) -> Option<String> {
        let exceeded = self.meter.exceeded();
        // Where there is no folder, a component's library answers in the host's place, and what was asked
        // is known from its words alone. Some runtimes look for folders whatever they do.
        let in_vain = || self.asked_in_vain && !self.access.configured && refuse::is_of_files(said);
        let none = || in_vain().then(refuse::nothing_granted);
        self.refused.clone().or(exceeded).or_else(none)
    }
}
