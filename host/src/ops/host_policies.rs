//! The host's own policies: those that `config.toml` names, and the folder of `INITRUNNER_POLICY_DIR`. They
//! hold for every role, beside the role's own.
//!
//! Their files are looked at whenever a role is opened and read when one of them has changed, so a process
//! that lives long picks changes up. It does so whole or not at all: what cannot be read or used leaves the
//! policies in force that were.

use super::error::OpError;
use super::host::Host;
use super::read_policies::read_sources;
use crate::domain::clock::Timestamp;
use crate::domain::config::HostConfig;
use crate::domain::role::{PolicyComponent, PolicySpec, Problem, RoleErrors};
use crate::gate::{PolicyOrigin, PolicyParts};
use crate::plugin::{EntryProblem, Source};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The variable that names a folder of Cedar policies for all roles.
pub(super) const POLICY_DIR: &str = "INITRUNNER_POLICY_DIR";

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

/// The times of everything that was looked at, and the variable.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    folder: Option<String>,
    looked_at: Vec<(PathBuf, Option<[i64; 6]>)>,
    settled: bool,
}

impl Host {
    /// The host's policies as they stand now.
    ///
    /// # Errors
    /// What of them cannot be read, where none were in force before.
    pub(super) fn policies(&self) -> Result<Arc<HostPolicies>, OpError> {
        let config = self.config()?;
        let named = (self.options.environment)(POLICY_DIR).filter(|folder| !folder.is_empty());
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
                let read = Arc::new(read);
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
    fn of(folder: &Option<String>, paths: impl Iterator<Item = PathBuf>, now: Timestamp) -> Self {
        let mut settled = true;
        let looked_at = paths
            .map(|path| {
                let metadata = std::fs::metadata(&path).ok();
                let times = metadata.map(|metadata| {
                    let changed = metadata.ctime() * 1_000_000 + metadata.ctime_nsec() / 1_000;
                    settled &= now.0.saturating_sub(changed) > SETTLED_US;
                    [
                        metadata.dev().cast_signed(),
                        metadata.ino().cast_signed(),
                        metadata.size().cast_signed(),
                        metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec(),
                        metadata.ctime(),
                        metadata.ctime_nsec(),
                    ]
                });
                (path, times)
            })
            .collect();
        Self { folder: folder.clone(), looked_at, settled }
    }

    fn again(&self, folder: &Option<String>, now: Timestamp) -> Self {
        Self::of(folder, self.looked_at.iter().map(|(path, _)| path.clone()), now)
    }

    /// Whether nothing changed between the two.
    fn is_as(&self, later: &Self) -> bool {
        self.looked_at == later.looked_at
    }
}

fn read(
    config: &HostConfig,
    named: &Option<String>,
    now: Timestamp,
) -> Result<(Stamp, HostPolicies), OpError> {
    let home = Path::new(&config.path).parent().unwrap_or(Path::new("/")).to_owned();
    // A first look tells which files there are; the ones between tell whether they stayed as they are.
    let mut before: Option<Stamp> = None;
    for _ in 0..ATTEMPTS {
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
        let after = Stamp::of(named, looked_at.into_iter(), now);
        if after.settled || before.as_ref().is_some_and(|before| before.is_as(&after)) {
            return Ok((after, policies));
        }
        before = Some(after);
    }
    Err(OpError::Config {
        rendered: "the host's policies change while they are read; try again when they are written"
            .into(),
    })
}

fn parts(
    spec: &PolicySpec,
    folder: &Path,
    shown: &str,
) -> Result<(PolicyParts, Vec<PathBuf>), OpError> {
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
    let component = Source::of_policy(&spec.component, folder)
        .map_err(|error| wrong(error.at(spec.position)))?;
    let mut read = read_sources(spec, folder).map_err(wrong)?;
    if let PolicyComponent::File(path) = &spec.component {
        read.looked_at.push(folder.join(path));
    }
    let parts = PolicyParts {
        label: format!("{} of this host", spec.component.as_str()),
        origin: PolicyOrigin::Host,
        component,
        sources: read.sources,
    };
    Ok((parts, read.looked_at))
}
