//! Where a database's owners are registered: in files beside it, or in memory with it.

use crate::domain::ids::OwnerId;
use crate::store::owner::{self, Liveness, Living, Owner};
use std::io;
use std::path::PathBuf;

/// The owners of one database.
#[derive(Debug, Clone)]
pub(super) enum Owners {
    /// In this folder.
    Beside(PathBuf),
    /// In this process.
    Here(Living),
}

impl Owners {
    pub(super) fn register(&self, id: OwnerId) -> io::Result<Owner> {
        match self {
            Owners::Beside(folder) => Owner::register(folder, id),
            Owners::Here(living) => Ok(Owner::register_here(living, id)),
        }
    }

    pub(super) fn is_alive(&self, id: &OwnerId) -> Liveness {
        match self {
            Owners::Beside(folder) => owner::is_alive(folder, id),
            Owners::Here(living) => owner::is_alive_here(living, id),
        }
    }

    pub(super) fn sweep(&self) {
        match self {
            Owners::Beside(folder) => owner::sweep(folder),
            Owners::Here(_) => {}
        }
    }
}
