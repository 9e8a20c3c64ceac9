//! The plugin runtime: the only place that knows wasmtime. It compiles components, checks what they
//! import and runs each call in a fresh instance under limits.
//!
//! [`Runtime`] is not `Clone` and is owned by the gate: nothing else can invoke a tool.

mod access;
#[cfg(feature = "bench")]
mod bare;
mod bindings;
mod cache;
mod call;
pub mod carried;
mod component;
pub mod egress;
mod engine;
mod entry;
mod error;
mod failure;
mod files;
mod import;
mod inspect;
mod limits;
mod log;
mod manifest;
pub mod policy;
pub mod process;
mod reflect;
mod resolve_grants;
mod schema;
mod schema_cost;
mod source;
mod sql;
mod state;
mod turns;
mod within_config;

pub use cache::CacheFolder;
pub use call::{CallInput, CallResult};
pub use component::Loaded;
pub use engine::Pool;
pub use entry::{LoadedEntry, LoadedTool, RoleSite};
pub use error::{CallError, EntryProblem, LoadError};
pub use failure::SandboxFailure;
pub use import::Imports;
pub use inspect::{Inspection, Said};
pub use limits::CallLimits;
pub use manifest::{Description, Effects, Manifest};
pub use schema::Schema;
pub use source::Source;

use crate::domain::config::HostConfig;
use crate::domain::digest::Digest;
use egress::{Egress, EgressOptions};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use turns::Turns;
use wasmtime::Engine;

/// The interface a tool component exports, with the version this host speaks.
const TOOLS_VERSIONED: &str = "initrunner:plugin/tools@0.1.0";

/// How a runtime is set up.
pub struct RuntimeOptions {
    /// Where compiled components are kept; `None`: compiled in each process.
    pub cache: Option<CacheFolder>,
    /// Folders that no granted program may reach: the host's own state.
    pub protected: Vec<PathBuf>,
    /// The pool of instances.
    pub pool: Pool,
    /// How HTTP requests leave the host.
    pub egress: EgressOptions,
    /// How far roles may go on this host.
    pub config: HostConfig,
    /// Told the name of a component that is about to be compiled, which can take seconds.
    pub on_compile: Box<dyn Fn(&str) + Send + Sync>,
    /// Told why a call was ended by the sandbox, each time.
    pub on_failure: Box<dyn Fn(SandboxFailure) + Send + Sync>,
}

impl RuntimeOptions {
    /// A runtime whose roles may go as far as they like, and that tells nobody what it compiles.
    pub fn new(cache: Option<CacheFolder>, pool: Pool) -> Self {
        Self {
            cache,
            protected: Vec::new(),
            pool,
            egress: EgressOptions::default(),
            config: HostConfig::default(),
            on_compile: Box::new(|_| {}),
            on_failure: Box::new(|_| {}),
        }
    }
}

/// Compiles and runs components.
pub struct Runtime {
    engine: Engine,
    cache: Option<CacheFolder>,
    protected: Arc<[PathBuf]>,
    egress: Arc<Egress>,
    on_compile: Box<dyn Fn(&str) + Send + Sync>,
    on_failure: Box<dyn Fn(SandboxFailure) + Send + Sync>,
    loaded: Mutex<HashMap<Digest, Arc<Loaded>>>,
    config: HostConfig,
    turns: Turns,
    ticks: engine::Ticks,
    /// The engine of policies; it is made with the first of them.
    policies: OnceLock<wasmtime::Result<Engine>>,
    policy_ticks: engine::Ticks,
}

impl Runtime {
    /// Makes a runtime.
    ///
    /// # Errors
    /// Where this machine cannot run compiled WebAssembly at all.
    pub fn new(options: RuntimeOptions) -> Result<Self, LoadError> {
        let engine = engine::build(options.pool).map_err(|error| {
            LoadError::new(format!(
                "this machine cannot run WebAssembly components: {}",
                error.root_cause()
            ))
        })?;
        Ok(Self {
            engine,
            cache: options.cache,
            protected: options.protected.into(),
            egress: Arc::new(Egress::new(options.egress)),
            on_compile: options.on_compile,
            on_failure: options.on_failure,
            loaded: Mutex::default(),
            config: options.config,
            turns: Turns::new(options.pool.instances),
            ticks: engine::Ticks::default(),
            policies: OnceLock::new(),
            policy_ticks: engine::Ticks::default(),
        })
    }
}
