//! Roles that were opened for a stored run, kept for the next one: a process that serves many runs
//! would otherwise parse, link and describe the same role for each decision.
//!
//! A kept role is used only for a run whose role text, files, place and components are equal, and only
//! as long as every environment variable that was read for it still has its value, and the host's policies
//! are those that it was opened under.

use super::host::Environment;
use super::host_policies::HostPolicies;
use super::open_role::Opened;
use crate::domain::digest::Digest;
use crate::store::RunRecord;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many roles are kept. One with its tools takes some ten kilobytes beside the compiled component,
/// which is shared; a service has a few dozen roles.
const MOST: usize = 64;

/// What a role was opened from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) text: String,
    pub(super) files: BTreeMap<String, String>,
    pub(super) path: PathBuf,
    /// By entry, then by policy.
    pub(super) components: Vec<Digest>,
}

impl Origin {
    /// What a stored run was made of.
    pub(super) fn of(run: &RunRecord) -> Self {
        Self {
            text: run.role_text.clone(),
            files: run.files.clone(),
            path: run.role_path.clone(),
            components: run.components.clone(),
        }
    }

    /// Whether the run was made of the same.
    pub(super) fn is_of(&self, run: &RunRecord) -> bool {
        self.text == run.role_text
            && self.files == run.files
            && self.path == run.role_path
            && self.components == run.components
    }

    /// The digests of the components, by entry, then by policy.
    pub(super) fn components(&self) -> &[Digest] {
        &self.components
    }
}

struct Kept {
    origin: Origin,
    /// Every variable that was read, and what it was.
    read: BTreeMap<String, Option<String>>,
    opened: Arc<Opened>,
}

/// The roles a host keeps, the one used last in front.
#[derive(Default)]
pub(super) struct KeptRoles(Mutex<VecDeque<Kept>>);

impl KeptRoles {
    /// The role that was opened from the origin that is wanted, unless a variable that it read has changed, or the host's
    /// policies have.
    pub(super) fn find(
        &self,
        is_wanted: impl Fn(&Origin) -> bool,
        environment: &Environment,
        policies: &Arc<HostPolicies>,
    ) -> Option<Arc<Opened>> {
        let mut kept = self.lock();
        let place = kept.iter().position(|one| is_wanted(&one.origin))?;
        let one = kept.remove(place)?;
        let under = &one.opened.under;
        let same =
            Arc::ptr_eq(under, policies) || (under.places.is_empty() && policies.places.is_empty());
        if !same || !one.read.iter().all(|(name, value)| environment(name) == *value) {
            return None;
        }
        let opened = Arc::clone(&one.opened);
        kept.push_front(one);
        Some(opened)
    }

    /// Keeps a role, and forgets the one that was not used for the longest time.
    pub(super) fn keep(&self, origin: Origin, read: Recorder<'_>, opened: &Arc<Opened>) {
        let mut kept = self.lock();
        // Two at a time may have opened the same one.
        kept.retain(|one| one.origin != origin);
        kept.truncate(MOST - 1);
        let read = read.into_read();
        kept.push_front(Kept { origin, read, opened: Arc::clone(opened) });
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The environment, noting what is read.
pub(super) struct Recorder<'e> {
    environment: &'e Environment,
    read: Mutex<BTreeMap<String, Option<String>>>,
}

impl<'e> Recorder<'e> {
    pub(super) fn new(environment: &'e Environment) -> Self {
        Self { environment, read: Mutex::default() }
    }

    /// The environment, some of which was read before.
    pub(super) fn after(
        environment: &'e Environment,
        read: BTreeMap<String, Option<String>>,
    ) -> Self {
        Self { environment, read: Mutex::new(read) }
    }

    /// What was read.
    pub(super) fn into_read(self) -> BTreeMap<String, Option<String>> {
        self.read.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads a variable.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let value = (self.environment)(name);
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.insert(name.to_owned(), value.clone());
        value
    }
}
