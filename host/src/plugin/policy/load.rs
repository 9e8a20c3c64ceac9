//! Reading a policy's sources, once for each instance.

use super::bindings::exports::initrunner::plugin::policies::{Source as WireSource, Summary};
use super::bindings::{Decider, DeciderPre};
use super::{INSTANCES, LARGEST_SOURCE, LOADING, LoadedPolicy, MEMORY, PolicyError, Warm, wire};
use crate::domain::digest::Digest;
use crate::domain::policy::{Diagnostic, PolicySource};
use crate::plugin::access::Access;
use crate::plugin::component::{POLICY, check_exports};
use crate::plugin::engine;
use crate::plugin::error::LoadError;
use crate::plugin::import::{self, Linking};
use crate::plugin::limits::CallLimits;
use crate::plugin::state::State;
use crate::plugin::{Runtime, Source};
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use wasmtime::component::Component;
use wasmtime::{Engine, Store};

impl Runtime {
    /// Makes a policy ready: its component compiled, its sources read by a first instance. `tools` is
    /// the JSON array of the tools that it will be asked about.
    ///
    /// # Errors
    /// Why the component or the sources cannot be used.
    pub async fn load_policy(
        &self,
        component: &Source,
        sources: &[PolicySource],
        tools: String,
    ) -> Result<LoadedPolicy, PolicyError> {
        let engine = self.policy_engine()?;
        let loaded = self.compile(engine, component.digest, &component.bytes, &component.name)?;
        check_exports(engine, &loaded.component, &component.name, &POLICY)?;
        let imports = &loaded.imports;
        if let Some(import) = imports.capabilities.iter().chain(&imports.unknown).next() {
            return Err(PolicyError::Component(LoadError::with_hint(
                format!(
                    "the policy `{}` imports `{import}`, and a policy may reach nothing",
                    component.name
                ),
                "what it should know has to be in its sources or in the request",
            )));
        }
        let large = |source: &&PolicySource| source.text.len() > LARGEST_SOURCE;
        if let Some(source) = sources.iter().find(large) {
            return Err(PolicyError::Sources(vec![Diagnostic {
                source: source.name.clone(),
                place: None,
                is_warning: false,
                message: format!("it is larger than {} MiB", LARGEST_SOURCE >> 20),
                hint: Some("split it".into()),
            }]));
        }
        let pre = link(engine, &loaded.component)?;
        let digest = digest(&component.digest, sources, &tools);
        let wire: Vec<WireSource> =
            std::iter::once(wire::tools(tools)).chain(sources.iter().map(wire::source)).collect();
        let (warm, summary) = self.warm(&pre, &component.name, &wire).await?;
        check_names(&component.name, &summary.policies)?;
        Ok(LoadedPolicy {
            name: component.name.clone(),
            digest,
            known: summary.policies.iter().cloned().collect(),
            policies: summary.policies,
            speaks_of_approval: summary.approvals,
            schema: summary.schema,
            warnings: wire::diagnostics(summary.warnings),
            pre,
            sources: wire,
            idle: Mutex::new(vec![warm]),
            turns: Semaphore::new(INSTANCES),
        })
    }

    /// The engine of policies. Their instances stay, so they take no place of the calls'.
    fn policy_engine(&self) -> Result<&Engine, LoadError> {
        let made = self.policies.get_or_init(engine::lasting);
        made.as_ref().map_err(|error| {
            LoadError::new(format!("this machine cannot run policies: {}", error.root_cause()))
        })
    }

    /// Another instance of a policy whose sources were read before.
    pub(super) async fn another(&self, policy: &LoadedPolicy) -> Result<Warm, String> {
        match self.warm(&policy.pre, &policy.name, &policy.sources).await {
            Ok((warm, _)) => Ok(warm),
            Err(PolicyError::Component(error)) => Err(error.message),
            Err(PolicyError::Sources(_)) => {
                Err(format!("the policy `{}` refused sources that it had read before", policy.name))
            }
        }
    }

    async fn warm(
        &self,
        pre: &DeciderPre<State>,
        name: &str,
        sources: &[WireSource],
    ) -> Result<(Warm, Summary), PolicyError> {
        let limits = self.policy_limits(LOADING);
        let engine = self.policy_engine()?;
        let _ticking = self.tick(&self.policy_ticks, engine);
        let mut store = self.store(engine, limits, Access::nothing());
        store.data_mut().stand_still();
        let load = async {
            let decider: Decider = pre.instantiate_async(&mut store).await?;
            let loaded =
                decider.initrunner_plugin_policies().call_load(&mut store, sources).await?;
            Ok::<_, wasmtime::Error>((decider, loaded))
        };
        let ended = tokio::time::timeout(limits.timeout, load).await;
        let cannot = |why: String| {
            LoadError::new(format!("the policy `{name}` could not read its sources: {why}"))
        };
        let (decider, loaded) = match ended {
            Ok(Ok(ended)) => ended,
            Ok(Err(error)) => return Err(cannot(went_wrong(&store, &error, LOADING)).into()),
            Err(_) => return Err(cannot(too_slow(LOADING)).into()),
        };
        match loaded {
            Ok(summary) => Ok((Warm { store, decider, answers: 0 }, summary)),
            Err(found) => {
                let mut found = wire::diagnostics(found);
                if found.iter().all(|it| it.is_warning) {
                    found.push(Diagnostic {
                        source: name.to_owned(),
                        place: None,
                        is_warning: false,
                        message: "it refuses its sources and does not say why".into(),
                        hint: None,
                    });
                }
                Err(PolicyError::Sources(found))
            }
        }
    }
}

impl Runtime {
    /// What an instance may use until `timeout`.
    fn policy_limits(&self, timeout: Duration) -> CallLimits {
        CallLimits { timeout, memory: MEMORY, ..CallLimits::new(&self.config.ceilings) }
    }
}

/// What went wrong in an instance, as the end of a sentence about it.
pub(super) fn went_wrong(store: &Store<State>, error: &wasmtime::Error, time: Duration) -> String {
    let trap = error.downcast_ref::<wasmtime::Trap>();
    if trap == Some(&wasmtime::Trap::Interrupt) {
        return too_slow(time);
    }
    let state = store.data();
    if let Some(note) = &state.usage.note {
        // What follows is about the limits of a role, which are not a policy's.
        return note.split(';').next().unwrap_or_default().to_owned();
    }
    let cause = match trap {
        Some(wasmtime::Trap::UnreachableCodeReached) => "it gave up".to_owned(),
        Some(wasmtime::Trap::StackOverflow) => "its call stack overflowed".to_owned(),
        Some(trap) => format!("it crashed: {trap}"),
        None => format!("it crashed: {}", error.root_cause()),
    };
    match state.log.summary() {
        Some(line) => format!("{cause}; it printed `{line}`"),
        None => cause,
    }
}

/// The same for one that took too long.
pub(super) fn too_slow(time: Duration) -> String {
    format!("it took longer than {} s", time.as_secs())
}

fn link(engine: &Engine, component: &Component) -> Result<DeciderPre<State>, LoadError> {
    let linker = import::linker(engine, Linking::Still);
    linker.and_then(|linker| linker.instantiate_pre(component)).and_then(DeciderPre::new).map_err(
        |error| {
            LoadError::with_hint(
                format!("the policy does not fit this host's contract: {error:#}"),
                "build it against wit/policy.wit of this version",
            )
        },
    )
}

/// A store's clock for its next call.
pub(super) fn wind(store: &mut Store<State>, timeout: Duration) {
    let state = store.data_mut();
    state.deadline = Instant::now() + timeout;
    state.usage.restart();
    // What it printed about one question is no part of a sentence about another.
    state.log.clear();
    store.set_epoch_deadline(1);
}

/// Everything that the answers depend on, beside the request.
fn digest(component: &Digest, sources: &[PolicySource], tools: &str) -> Digest {
    // Each part with its length before it, so that no two lists of parts read the same.
    let mut bytes = component.as_bytes().to_vec();
    let mut part = |text: &str| {
        bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    };
    part(tools);
    for source in sources {
        part(&format!("{:?}", source.kind));
        part(&source.name);
        part(&source.text);
    }
    Digest::of(&bytes)
}

/// Decisions cite policies by name, in sentences and in the journal.
fn check_names(component: &str, names: &[String]) -> Result<(), LoadError> {
    let unique: BTreeSet<&String> = names.iter().collect();
    let fits = |name: &String| (1..=256).contains(&name.len());
    if unique.len() < names.len() || !names.iter().all(fits) {
        return Err(LoadError::new(format!(
            "the policy `{component}` gives its policies names that are not unique or not 1 to 256 bytes \
             long"
        )));
    }
    Ok(())
}
