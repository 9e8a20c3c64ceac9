//! The host's own policies: those that `config.toml` names, and the folder of `INITRUNNER_POLICY_DIR`. They
//! hold for every role, beside the role's own.
//!
//! Their files are looked at whenever a role is opened and read when one of them has changed, so a process
//! that lives long picks changes up. It does so whole or not at all: what cannot be read or used leaves the
//! policies in force that were.

use super::error::OpError;
use super::host::Host;
use super::read_policies::{Found, Looked, read_sources};
use crate::domain::clock::Timestamp;
use crate::domain::config::HostConfig;
use crate::domain::role::{PolicyComponent, PolicySpec, Problem, RoleErrors};
use crate::gate::{PolicyOrigin, PolicyParts};
use crate::plugin::{EntryProblem, Source};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// The variable that names a folder of Cedar policies for all roles.
pub const POLICY_DIR: &str = "INITRUNNER_POLICY_DIR";

/// The word for policies that `config.toml` names.
pub(super) const BY_CONFIG: &str = "config.toml";

/// How long a file must have been left alone before its times prove that it did not change: a change within
/// the file system's tick of the reading (up to 10 ms) has the same times.
const SETTLED_US: i64 = 100_000;

/// How often files are read that change while they are read.
const ATTEMPTS: usize = 5;

/// The host's policies, as they were read at one moment.
#[derive(Debug, Default)]
pub(super) struct HostPolicies {
    pub(super) parts: Vec<PolicyParts>,
    /// From where they come.
    pub(super) places: Vec<&'static str>,
}

/// What is known of the host's policies.
#[derive(Default)]
pub(super) struct PolicyWatch(Mutex<Watched>);

#[derive(Default)]
struct Watched {
    read: Option<(Stamp, Arc<HostPolicies>)>,
    /// Those under which a role was opened last.
    good: Option<Arc<HostPolicies>>,
}

/// Everything that was looked at, and the variable.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    folder: Option<String>,
    looked_at: Vec<Looked>,
    settled: bool,
}

impl Host {
    /// The host's policies as they stand now.
    ///
    /// # Errors
    /// What of them cannot be read, where none were in force before.
    pub(super) fn policies(&self) -> Result<Arc<HostPolicies>, OpError> {
        let config = self.config()?;
        let named = (self.options.environment)(POLICY_DIR);
        // Whoever sets it means some policies: a variable in its value that was not set must not mean none.
        if named.as_ref().is_some_and(String::is_empty) {
            return Err(OpError::Config {
                rendered: format!(
                    "`{POLICY_DIR}` is set and empty, so which policies hold is not known\n  hint: let \
                     it name their folder, or do not set it"
                ),
            });
        }
        if config.policies.is_empty() && named.is_none() {
            return Ok(Arc::default());
        }
        let mut watched = self.policy_watch.lock();
        let now = self.clock.now();
        if let Some((stamp, read)) = &watched.read
            && stamp.settled
            && *stamp == stamp.again(&named, now)
        {
            return Ok(Arc::clone(read));
        }
        match read(config, &named, now) {
            Ok((stamp, read)) => {
                // Roles stay open as long as they are the same.
                let known = watched.read.take().map(|(_, known)| known);
                let read = match known {
                    Some(known) if known.is_as(&read) => known,
                    _ => Arc::new(read),
                };
                watched.read = Some((stamp, Arc::clone(&read)));
                Ok(read)
            }
            Err(error) => match &watched.good {
                Some(good) => {
                    (self.options.on_warning)(&format!(
                        "the host's policies were left as they were: {error}"
                    ));
                    Ok(Arc::clone(good))
                }
                None => Err(error),
            },
        }
    }

    /// Notes that a role was opened under these.
    pub(super) fn policies_hold(&self, policies: &Arc<HostPolicies>) {
        self.policy_watch.lock().good = Some(Arc::clone(policies));
    }

    /// The policies under which a role was opened last, where they are others than these.
    pub(super) fn policies_before(
        &self,
        policies: &Arc<HostPolicies>,
    ) -> Option<Arc<HostPolicies>> {
        let good = self.policy_watch.lock().good.clone()?;
        (!Arc::ptr_eq(&good, policies)).then_some(good)
    }
}

impl PolicyWatch {
    fn lock(&self) -> std::sync::MutexGuard<'_, Watched> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stamp {
    fn of(folder: &Option<String>, looked_at: Vec<Looked>, now: Timestamp) -> Self {
        let old = |found: Found| now.0.saturating_sub(found.changed) > SETTLED_US;
        let settled = looked_at.iter().all(|looked| looked.found.is_none_or(old));
        Self { folder: folder.clone(), looked_at, settled }
    }

    /// What the same paths lead to now.
    fn again(&self, folder: &Option<String>, now: Timestamp) -> Self {
        let looked_at = self.looked_at.iter().map(|looked| Looked::again(&looked.path)).collect();
        Self::of(folder, looked_at, now)
    }
}

impl HostPolicies {
    /// Whether they decide by the same.
    fn is_as(&self, other: &Self) -> bool {
        let same = |(a, b): (&PolicyParts, &PolicyParts)| {
            a.label == b.label && a.component.digest == b.component.digest && a.sources == b.sources
        };
        self.places == other.places
            && self.parts.len() == other.parts.len()
            && self.parts.iter().zip(&other.parts).all(same)
    }
}

/// Reads everything until nothing has changed meanwhile: each path still leads to what was opened, and that
/// was left alone for a while, or reads the same twice.
fn read(
    config: &HostConfig,
    named: &Option<String>,
    now: Timestamp,
) -> Result<(Stamp, HostPolicies), OpError> {
    let mut before: Option<(Stamp, HostPolicies)> = None;
    let mut problem = None;
    for _ in 0..ATTEMPTS {
        let (looked_at, policies) = match read_once(config, named) {
            Ok(read) => read,
            // A file can be gone from a folder for the moment in which another takes its place.
            Err(error) => {
                (before, problem) = (None, Some(error));
                continue;
            }
        };
        problem = None;
        let stamp = Stamp::of(named, looked_at, now);
        if stamp.again(named, now).looked_at != stamp.looked_at {
            before = None;
            continue;
        }
        let twice = |(earlier, read): &(Stamp, HostPolicies)| {
            earlier.looked_at == stamp.looked_at && read.is_as(&policies)
        };
        if stamp.settled || before.as_ref().is_some_and(twice) {
            return Ok((stamp, policies));
        }
        before = Some((stamp, policies));
    }
    Err(problem.unwrap_or_else(|| OpError::Config {
        rendered: "the host's policies change while they are read; try again when they are written"
            .into(),
    }))
}

fn read_once(
    config: &HostConfig,
    named: &Option<String>,
) -> Result<(Vec<Looked>, HostPolicies), OpError> {
    let home = Path::new(&config.path).parent().unwrap_or(Path::new("/")).to_owned();
    let mut policies = HostPolicies::default();
    let mut looked_at = Vec::new();
    for spec in &config.policies {
        let found = parts(spec, &home, &config.path)?;
        looked_at.extend(found.1);
        policies.parts.push(found.0);
    }
    if !config.policies.is_empty() {
        policies.places.push(BY_CONFIG);
    }
    if let Some(folder) = named {
        let spec = PolicySpec::of_folder(folder.clone());
        // As every program reads a variable: a relative path begins where it was started.
        let found = parts(&spec, Path::new(""), POLICY_DIR);
        let found = found.map_err(|error| OpError::Config {
            rendered: format!("{error}\n  hint: `{POLICY_DIR}` names the folder"),
        })?;
        looked_at.extend(found.1);
        policies.parts.push(found.0);
        policies.places.push(POLICY_DIR);
    }
    Ok((looked_at, policies))
}

fn parts(
    spec: &PolicySpec,
    folder: &Path,
    shown: &str,
) -> Result<(PolicyParts, Vec<Looked>), OpError> {
    let wrong = |problem: EntryProblem| {
        let problem = Problem {
            position: problem.position,
            message: problem.message,
            hint: problem.hint,
            missing_variable: None,
        };
        let rendered = match shown {
            // It has no lines.
            POLICY_DIR => problem.message,
            path => RoleErrors { problems: vec![problem] }.render(path),
        };
        OpError::Config { rendered }
    };
    // Before it is read.
    let file = match &spec.component {
        PolicyComponent::File(path) => Some(Looked::again(&folder.join(path))),
        PolicyComponent::BuiltIn(_) => None,
    };
    let component = Source::of_policy(&spec.component, folder)
        .map_err(|error| wrong(error.at(spec.position)))?;
    let mut read = read_sources(spec, folder).map_err(wrong)?;
    read.looked_at.extend(file);
    let parts = PolicyParts {
        label: format!("{} of this host", spec.component.as_str()),
        origin: PolicyOrigin::Host,
        component,
        sources: read.sources,
    };
    Ok((parts, read.looked_at))
}
