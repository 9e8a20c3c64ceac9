//! What every operation works with: the store, the gate, the clock, and who is asking. Each part is
//! made when it is first needed: listing approvals must not start a WebAssembly engine.

use super::drain_runs::Driving;
use super::error::OpError;
use super::home::Home;
use super::host_policies::PolicyWatch;
use super::kept_role::KeptRoles;
use super::random;
use super::read_config::read_config;
use super::system_clock::SystemClock;
use super::watch_journal::Watchers;
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::config::HostConfig;
use crate::domain::ids::OwnerId;
use crate::gate::Gate;
use crate::observe::Observer;
use crate::plugin::egress::EgressOptions;
use crate::plugin::{CacheFolder, Pool, RuntimeOptions};
use crate::store::owner::Owner;
use crate::store::sqlite::{OpenOptions, SqliteStore};
use crate::store::{Store, key};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How a host is set up.
pub struct HostOptions {
    /// The state folder.
    pub home: Home,
    /// Another database than the state folder's.
    pub audit_db: Option<PathBuf>,
    /// Whether runs are written down; otherwise they live in memory, and a pause cannot be resumed.
    pub persist: bool,
    /// Whether the process lives for one run: fewer connections and instances then.
    pub one_run: bool,
    /// Whether it does one thing after the other: the store then works on the thread that asks.
    pub alone: bool,
    /// Who is asking: an authenticated identity, such as `os:alice`.
    pub identity: String,
    /// The environment, for roles' variables and models' keys.
    pub environment: Arc<Environment>,
    /// How long a call that is under way when the process is asked to stop may take to end by itself.
    pub drain: Duration,
    /// Told the name of a component that is about to be compiled.
    pub on_compile: Arc<dyn Fn(&str) + Send + Sync>,
    /// Told what somebody who looks after this process should know, a sentence each.
    pub on_warning: Arc<dyn Fn(&str) + Send + Sync>,
    /// Where what happens is counted, logged and traced.
    pub observer: Arc<Observer>,
}

impl HostOptions {
    /// A process that lives long and serves many, writes everything down in the state folder, and tells
    /// nobody anything.
    pub fn new(
        home: Home,
        identity: impl Into<String>,
        environment: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            home,
            audit_db: None,
            persist: true,
            one_run: false,
            alone: false,
            identity: identity.into(),
            environment: Arc::new(environment),
            drain: Duration::ZERO,
            on_compile: Arc::new(|_| {}),
            on_warning: Arc::new(|_| {}),
            observer: Arc::default(),
        }
    }
}

/// Reads an environment variable.
pub type Environment = dyn Fn(&str) -> Option<String> + Send + Sync;

/// What every operation works with, and who asks for it. A process has one host; several people may ask
/// it, each under an identity of their own.
#[derive(Clone)]
pub struct Host {
    shared: Arc<Shared>,
    /// Who is asking.
    identity: String,
}

/// What is the same whoever asks; nothing of it is for other modules.
pub struct Shared {
    pub(super) options: HostOptions,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) kept_roles: KeptRoles,
    pub(super) policy_watch: PolicyWatch,
    pub(super) watchers: Arc<Watchers>,
    pub(super) driving: Driving,
    config: OnceLock<HostConfig>,
    store: OnceLock<Arc<dyn Store>>,
    gate: OnceLock<Gate>,
    owner: OnceLock<Owner>,
}

impl std::ops::Deref for Host {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

impl Host {
    /// A host. Nothing is opened yet.
    pub fn new(options: HostOptions) -> Self {
        let identity = options.identity.clone();
        let shared = Shared {
            options,
            clock: Arc::new(SystemClock),
            kept_roles: KeptRoles::default(),
            policy_watch: PolicyWatch::default(),
            watchers: Arc::default(),
            driving: Driving::default(),
            config: OnceLock::new(),
            store: OnceLock::new(),
            gate: OnceLock::new(),
            owner: OnceLock::new(),
        };
        Self { shared: Arc::new(shared), identity }
    }

    /// The same host, asked by somebody else: whoever calls this has authenticated them.
    pub fn acting_as(&self, identity: impl Into<String>) -> Self {
        Self { shared: Arc::clone(&self.shared), identity: identity.into() }
    }

    /// Ends the host of a process that is about to exit: waits for the store, and leaves the engine's
    /// address space to the kernel, which takes it back faster than the engine gives it.
    pub fn leave(self) {
        // Where somebody else still works with it, their work goes on.
        let Some(Shared { gate, owner, store, .. }) = Arc::into_inner(self.shared) else { return };
        std::mem::forget(gate);
        drop(owner);
        drop(store);
    }

    /// Whether runs are written down.
    pub fn persists(&self) -> bool {
        self.options.persist
    }

    /// The state folder.
    pub fn home(&self) -> &Path {
        self.options.home.path()
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What is counted, logged and traced of this process.
    pub fn observer(&self) -> &Arc<Observer> {
        &self.options.observer
    }

    /// Who is asking.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Where what a person types in conversations is kept; nothing where nothing is.
    pub fn history_file(&self) -> Option<PathBuf> {
        self.options.persist.then(|| self.options.home.history())
    }

    fn database(&self) -> PathBuf {
        self.options.audit_db.clone().unwrap_or_else(|| self.options.home.database())
    }

    /// The store, opened when first asked for.
    ///
    /// # Errors
    /// Where the database cannot be opened.
    pub(super) fn store(&self) -> Result<&Arc<dyn Store>, OpError> {
        if let Some(store) = self.store.get() {
            return Ok(store);
        }
        let opened = if self.options.persist {
            if self.options.audit_db.is_none() {
                self.options.home.make()?;
            }
            SqliteStore::open(OpenOptions {
                one_connection: self.options.one_run,
                alone: self.options.alone,
                clock: Arc::clone(&self.clock),
                ..OpenOptions::new(self.database(), self.options.home.keys())
            })?
        } else {
            SqliteStore::in_memory_with(Arc::clone(&self.clock))?
        };
        Ok(self.store.get_or_init(|| Arc::new(opened)))
    }

    /// The host's configuration, read when first asked for.
    ///
    /// # Errors
    /// Where it cannot be used.
    pub(super) fn config(&self) -> Result<&HostConfig, OpError> {
        if let Some(config) = self.config.get() {
            return Ok(config);
        }
        let config = read_config(&self.options.home)?;
        Ok(self.config.get_or_init(|| config))
    }

    /// The gate, with its engine, made when first asked for.
    ///
    /// # Errors
    /// Where the host's configuration cannot be used, or this machine cannot run components.
    pub(super) fn gate(&self) -> Result<&Gate, OpError> {
        if let Some(gate) = self.gate.get() {
            return Ok(gate);
        }
        if self.options.persist {
            self.options.home.make()?;
        }
        let config = self.config()?.clone();
        let keys = self.options.home.keys();
        // Without a key of its own on disk a host still runs: it compiles anew, and its approvals hold
        // for this process only, as its runs do.
        let kept = match key::load_or_create(&keys.join("host.key")) {
            Ok(key) => Some(key),
            Err(error) if self.options.persist => {
                return Err(OpError::Setup {
                    message: format!("the state folder's key cannot be used: {error}"),
                    hint: format!("make `{}` readable and writable for this user", keys.display()),
                });
            }
            Err(_) => None,
        };
        let mut protected = vec![self.options.home.path().to_owned()];
        // Absolute first: a name without a folder lies in the present one.
        if let Some(path) = &self.options.audit_db
            && let Ok(path) = std::path::absolute(path)
        {
            protected.extend(path.parent().map(Path::to_owned));
        }
        let on_compile = Arc::clone(&self.options.on_compile);
        let observer = Arc::clone(&self.options.observer);
        let options = RuntimeOptions {
            cache: kept.map(|key| CacheFolder { folder: self.options.home.cache(), key }),
            protected,
            pool: if self.options.one_run { Pool::ONE_RUN } else { Pool::MANY_RUNS },
            egress: EgressOptions::default(),
            config,
            on_compile: Box::new(move |name| on_compile(name)),
            on_failure: Box::new(move |why| observer.metrics().sandbox_failed(why.word())),
        };
        let gate = Gate::new(options, kept.unwrap_or_else(random::thirty_two))?;
        Ok(self.gate.get_or_init(|| gate))
    }

    /// This process as an owner of runs, registered when it first drives one.
    ///
    /// # Errors
    /// Where its lock file cannot be made.
    pub(super) fn owner(&self) -> Result<OwnerId, OpError> {
        if let Some(owner) = self.owner.get() {
            return Ok(owner.id().clone());
        }
        let id = OwnerId::from_random(random::sixteen());
        let owner = self.store()?.register_owner(id)?;
        Ok(self.owner.get_or_init(|| owner).id().clone())
    }
}

/// Checks that a database which was named is there, for whatever only makes sense with one: whoever
/// mistypes a path should not read that there are no runs.
///
/// # Errors
/// What is missing of it.
pub fn check_named_database(path: &Path) -> Result<(), OpError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let message = match folder {
        _ if path.exists() => return Ok(()),
        Some(folder) if !folder.is_dir() => {
            format!("there is no database `{}`: its folder does not exist", path.display())
        }
        _ => format!("there is no database `{}`", path.display()),
    };
    let hint = "correct the path; `initrunner run` would make a new one there".into();
    Err(OpError::Setup { message, hint })
}
