//! A component, compiled or fetched from the cache, and checked before anything of it runs.

use super::error::LoadError;
use super::import::{self, Imports};
use super::{Runtime, TOOLS_VERSIONED};
use crate::domain::digest::Digest;
use crate::domain::limit::Limit;
use std::sync::{Arc, PoisonError};
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
}

impl Runtime {
    /// Compiles a component, or takes it from memory or disk. The digest must be that of the bytes.
    ///
    /// # Errors
    /// A sentence for bytes that are no component, or one that offers no tools.
    pub fn load(&self, digest: Digest, bytes: &[u8], name: &str) -> Result<Arc<Loaded>, LoadError> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = loaded.get(&digest) {
            return Ok(Arc::clone(known));
        }
        let fresh = Arc::new(self.compile(digest, bytes, name)?);
        loaded.insert(digest, Arc::clone(&fresh));
        Ok(fresh)
    }

    fn compile(&self, digest: Digest, bytes: &[u8], name: &str) -> Result<Loaded, LoadError> {
        let cached = self.cache.as_ref().and_then(|cache| cache.get(&self.engine, &digest));
        let component = match cached {
            Some(component) => component,
            None => {
                check_kind(bytes, name)?;
                (self.on_compile)(name);
                let component = Component::from_binary(&self.engine, bytes).map_err(|error| {
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
                    cache.put(&self.engine, &digest, &component);
                }
                component
            }
        };
        let imports = Imports::of(&self.engine, &component);
        self.check_exports(&component, name)?;
        Ok(Loaded { digest, imports, component })
    }

    fn check_exports(&self, component: &Component, name: &str) -> Result<(), LoadError> {
        let kind = component.component_type();
        let exports: Vec<&str> = kind.exports(&self.engine).map(|(name, _)| name).collect();
        let tools = exports.iter().find(|export| {
            export.split_once('@').is_some_and(|(interface, _)| interface == import::TOOLS)
        });
        match tools {
            Some(tools)
                if tools
                    .split_once('@')
                    .is_some_and(|(_, version)| import::is_contract(version)) =>
            {
                Ok(())
            }
            Some(tools) => Err(import::other_version(tools)),
            None => {
                let listed = match exports.as_slice() {
                    [] => "nothing".to_owned(),
                    some => {
                        some.iter().take(5).map(|e| format!("`{e}`")).collect::<Vec<_>>().join(", ")
                    }
                };
                Err(LoadError::with_hint(
                    format!("`{name}` offers no tools: it exports {listed}"),
                    format!("a tool component exports `{TOOLS_VERSIONED}`; see wit/plugin.wit"),
                ))
            }
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
