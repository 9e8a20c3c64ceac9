//! A component, compiled or fetched from the cache, and checked before anything of it runs.

use super::error::LoadError;
use super::import::{self, Imports};
use super::limits::TOOLS as MOST_TOOLS;
use super::reflect::Reflection;
use super::{Runtime, TOOLS_VERSIONED};
use crate::domain::component::ComponentBytes;
use crate::domain::digest::Digest;
use crate::domain::limit::Limit;
use std::sync::{Arc, PoisonError};
use wasmtime::Engine;
use wasmtime::component::Component;

/// The largest component file: twice the largest that a language runtime gives (Python, 18 MB; with a
/// large library, 40 MB).
pub(super) const LARGEST_COMPONENT: usize = 100 << 20;

/// A compiled component and what it imports.
pub struct Loaded {
    /// The digest of its bytes.
    pub digest: Digest,
    /// What it imports.
    pub imports: Imports,
    pub(super) component: Component,
    /// Its functions, where it does not know this host.
    pub(super) reflection: Option<Arc<Reflection>>,
}

impl Runtime {
    /// Compiles a component, or takes it from memory or disk. The digest must be that of the bytes.
    ///
    /// # Errors
    /// A sentence for bytes that are no component, or one that offers no tools.
    pub fn load(
        &self,
        digest: Digest,
        bytes: &ComponentBytes,
        name: &str,
    ) -> Result<Arc<Loaded>, LoadError> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = loaded.get(&digest) {
            return Ok(Arc::clone(known));
        }
        let mut fresh = self.compile(&self.engine, digest, bytes, name)?;
        if let Err(error) = check_exports(&self.engine, &fresh.component, name, &TOOLS) {
            // One that was made for us, and another version of us, is not guessed at.
            if exports_ours(&self.engine, &fresh.component) {
                return Err(error);
            }
            let bytes = bytes.read().map_err(|error| LoadError::new(error.to_string()))?;
            let reflection = Reflection::of(&self.engine, &fresh.component, &bytes);
            fresh.reflection = Some(Arc::new(usable(reflection, name, error)?));
        }
        let fresh = Arc::new(fresh);
        loaded.insert(digest, Arc::clone(&fresh));
        Ok(fresh)
    }

    /// Compiles a component for an engine, or takes it from disk. What it exports is not looked at yet.
    pub(super) fn compile(
        &self,
        engine: &Engine,
        digest: Digest,
        bytes: &ComponentBytes,
        name: &str,
    ) -> Result<Loaded, LoadError> {
        let cached = self.cache.as_ref().and_then(|cache| cache.get(engine, &digest));
        let component = match cached {
            Some(component) => component,
            None => {
                let bytes = bytes.read().map_err(|error| LoadError::new(error.to_string()))?;
                check_kind(&bytes, name)?;
                (self.on_compile)(name);
                let component = Component::from_binary(engine, &bytes).map_err(|error| {
                    let cause = error.root_cause().to_string();
                    let message = match too_much(&cause) {
                        Some(what) => {
                            format!("`{name}` {what}, which is the most that this host can give")
                        }
                        None => format!("`{name}` is not a valid component: {cause}"),
                    };
                    LoadError::with_hint(message, "build it again, or ask whoever built it")
                })?;
                if let Some(cache) = &self.cache {
                    cache.put(engine, &digest, &component);
                }
                component
            }
        };
        let imports = Imports::of(engine, &component);
        Ok(Loaded { digest, imports, component, reflection: None })
    }
}

impl Loaded {
    /// Its functions that cannot be called, where it does not know this host.
    pub(super) fn left_out(&self) -> Vec<(String, &'static str)> {
        self.reflection.as_ref().map(|found| found.left_out.clone()).unwrap_or_default()
    }
}

/// Whether a component exports anything of this host's contract.
fn exports_ours(engine: &Engine, component: &Component) -> bool {
    component.component_type().exports(engine).any(|(name, _)| name.starts_with("initrunner:"))
}

/// # Errors
/// Where there is nothing to call.
fn usable(
    reflection: Reflection,
    name: &str,
    no_tools: LoadError,
) -> Result<Reflection, LoadError> {
    match (reflection.functions.len(), reflection.left_out.first()) {
        (0, None) => Err(no_tools),
        (0, Some((function, why))) => Err(LoadError::with_hint(
            format!(
                "`{name}` has no function that can be called with JSON: `{function}`, for example: {why}"
            ),
            "have it export functions of plain values, or the interface of wit/plugin.wit",
        )),
        (1..=MOST_TOOLS, _) => Ok(reflection),
        (count, _) => Err(LoadError::with_hint(
            format!(
                "`{name}` exports {count} functions, and a plugin has at most {MOST_TOOLS} tools"
            ),
            "split it, or have it export the interface of wit/plugin.wit",
        )),
    }
}

/// What a component is for, by what it exports.
pub(super) struct Kind {
    /// The interface, without its version.
    interface: &'static str,
    /// The same with the version that this host speaks.
    versioned: &'static str,
    /// What it does, after the component's name, where it does not.
    lacks: &'static str,
    /// Such a component, and where its contract is.
    kind: &'static str,
    contract: &'static str,
}

/// A component that offers tools.
pub(super) const TOOLS: Kind = Kind {
    interface: import::TOOLS,
    versioned: TOOLS_VERSIONED,
    lacks: "offers no tools",
    kind: "a tool component",
    contract: "wit/plugin.wit",
};

/// A component that decides about calls.
pub(super) const POLICY: Kind = Kind {
    interface: "initrunner:plugin/policies",
    versioned: "initrunner:plugin/policies@0.1.0",
    lacks: "is no policy",
    kind: "a policy",
    contract: "wit/policy.wit",
};

/// Checks that a component is of a kind.
pub(super) fn check_exports(
    engine: &Engine,
    component: &Component,
    name: &str,
    kind: &Kind,
) -> Result<(), LoadError> {
    let exports: Vec<String> =
        component.component_type().exports(engine).map(|(name, _)| name.to_owned()).collect();
    let found = exports.iter().find_map(|export| {
        let (interface, version) = export.split_once('@')?;
        (interface == kind.interface).then_some((export, version))
    });
    match found {
        Some((_, version)) if import::is_contract(version) => Ok(()),
        Some((export, _)) => Err(import::other_version(export)),
        None => {
            let listed: Vec<String> = exports.iter().take(5).map(|it| format!("`{it}`")).collect();
            let listed = if listed.is_empty() { "nothing".to_owned() } else { listed.join(", ") };
            let Kind { versioned, lacks, kind, contract, .. } = kind;
            Err(LoadError::with_hint(
                format!("`{name}` {lacks}: it exports {listed}"),
                format!("{kind} exports `{versioned}`; see {contract}"),
            ))
        }
    }
}

/// What a component has more of than any call may have, where that is why it cannot be compiled: the pool
/// says so in its own words, which tests watch.
fn too_much(cause: &str) -> Option<String> {
    let made_of = |what, limit: Limit| format!("is made of more than {} {what}", limit.most());
    if cause.contains("core module instances, which exceeds") {
        Some(made_of("core instances", Limit::MaxInstances))
    } else if cause.contains("linear memories, which exceeds")
        || cause.contains("defined memories count")
    {
        Some(made_of("memories", Limit::MaxMemories))
    } else if cause.contains("tables, which exceeds") || cause.contains("defined tables count") {
        Some(made_of("tables", Limit::MaxTables))
    } else if cause.contains("minimum element size") {
        Some(format!("needs a table of more than {} elements", Limit::MaxTableElements.most()))
    } else if cause.contains("instance allocation for this") {
        // wasmtime's own default for what it keeps of one instance.
        Some("needs more than 1 MiB of the host's own memory for each instance".into())
    } else {
        None
    }
}

/// Tells the usual mistakes apart before the compiler gives its own words.
fn check_kind(bytes: &[u8], name: &str) -> Result<(), LoadError> {
    // The preamble: `\0asm`, then a version; components have layer 1 in its upper half
    // (component-model, Binary.md).
    match bytes.get(..8) {
        Some([0, b'a', b's', b'm', _, _, 1, 0]) => Ok(()),
        Some([0, b'a', b's', b'm', _, _, 0, 0]) => Err(LoadError::with_hint(
            format!("`{name}` is a core WebAssembly module, not a component"),
            "build it for wasm32-wasip2, or wrap it with `wasm-tools component new`",
        )),
        _ => Err(LoadError::with_hint(
            format!("`{name}` is not WebAssembly"),
            "give the path of a `.wasm` component",
        )),
    }
}
