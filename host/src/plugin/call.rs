//! One call into a component: a fresh instance, one time-out around all of it, and a sentence for
//! every way it can end badly.

use super::Runtime;
use super::access::{Access, Reach};
use super::bindings::Guest;
use super::bindings::initrunner::plugin::types;
use super::component::Loaded;
use super::engine::{Ticking, Ticks};
use super::entry::{Linked, LoadedEntry, Pre};
use super::error::CallError;
use super::failure::SandboxFailure;
use super::limits::{CallLimits, DESCRIPTION, TimedBy};
use super::process::Announce;
use super::reflect::Reflection;
use super::state::State;
use crate::domain::approval::{Preview, PreviewFormat};
use crate::domain::canonical;
use crate::domain::limit::Limit;
use crate::domain::secret::Secrets;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::component::{InstancePre, ResourceTableError};
use wasmtime::{CallHook, Engine, Store, UpdateDeadline};

/// What a component is given of one call.
#[derive(Debug, Clone)]
pub struct CallInput {
    /// Our id.
    pub id: String,
    /// From 1.
    pub attempt: u32,
    /// The same for every attempt.
    pub idempotency_key: String,
    /// The component's name of the tool.
    pub tool: String,
    /// Canonical arguments.
    pub arguments: String,
}

/// What a call gave: text for the model. JSON results are canonical text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallResult {
    /// The text, cut at the limit and marked so.
    pub text: String,
}

impl Runtime {
    /// Asks a component what a call would do. Nothing granted can be used to change anything.
    ///
    /// # Errors
    /// [`CallError`]: the component refuses, or broke.
    pub async fn prepare(
        &self,
        entry: &LoadedEntry,
        limits: CallLimits,
        input: CallInput,
    ) -> Result<Preview, CallError> {
        if let Some(reflection) = entry.linked.reflection() {
            return reflection.preview(entry, &input);
        }
        let access = entry.access(&self.protected, None, Reach::Look);
        let hide = |error: CallError| error.map(|text| entry.secrets.redacted(text));
        let (outcome, note) = self
            .with_instance(&entry.linked, limits, access, async |store, guest| {
                let call = wire(input);
                let tools = guest.initrunner_plugin_tools();
                let outcome = tools.call_prepare(&mut *store, &entry.config, &call).await?;
                let said = outcome.as_ref().err().map(words).unwrap_or_default();
                let note = store.data().hint(said);
                Ok((outcome, note))
            })
            .await
            .map_err(hide)?;
        let preview = outcome.map_err(|it| failure(it, note, &entry.secrets))?;
        if preview.text.len() > DESCRIPTION {
            return Err(CallError::Broken(format!(
                "the tool's preview is larger than {DESCRIPTION} bytes, so no person could check it"
            )));
        }
        Ok(Preview {
            format: match preview.format {
                types::PreviewFormat::Plain => PreviewFormat::Plain,
                types::PreviewFormat::Command => PreviewFormat::Command,
                types::PreviewFormat::Sql => PreviewFormat::Sql,
                types::PreviewFormat::Diff => PreviewFormat::Diff,
                types::PreviewFormat::Http => PreviewFormat::Http,
            },
            text: entry.secrets.redacted(preview.text),
        })
    }

    /// Does what the call asks. `announce` is told of each program that it runs, before it runs.
    ///
    /// # Errors
    /// [`CallError`]: the component refuses, failed, or broke.
    pub async fn invoke(
        &self,
        entry: &LoadedEntry,
        limits: CallLimits,
        input: CallInput,
        announce: Option<Announce>,
    ) -> Result<CallResult, CallError> {
        let access = entry.access(&self.protected, announce, Reach::Act);
        let hide = |error: CallError| error.map(|text| entry.secrets.redacted(text));
        if entry.linked.reflection().is_some() {
            let gave = self.call_function(&entry.linked, limits, access, &input).await;
            let text = gave.map_err(hide)?;
            return finished(text, &entry.secrets, &limits);
        }
        let (outcome, note) = self
            .with_instance(&entry.linked, limits, access, async |store, guest| {
                let call = wire(input);
                let tools = guest.initrunner_plugin_tools();
                let outcome = tools.call_invoke(&mut *store, &entry.config, &call).await?;
                let said = outcome.as_ref().err().map(words).unwrap_or_default();
                let note = store.data().hint(said);
                Ok((outcome, note))
            })
            .await
            .map_err(hide)?;
        let content = outcome.map_err(|it| failure(it, note, &entry.secrets))?;
        finished(content, &entry.secrets, &limits)
    }

    /// Runs `body` with a fresh instance of a component that offers tools.
    pub(super) async fn with_instance<T>(
        &self,
        linked: &Linked,
        limits: CallLimits,
        access: Access,
        body: impl AsyncFnOnce(&mut Store<State>, &Guest) -> wasmtime::Result<T>,
    ) -> Result<T, CallError> {
        self.with_store(linked, limits, access, async |store| match &*linked.pre {
            Pre::Tools(pre) => {
                let guest = pre.instantiate_async(&mut *store).await?;
                body(store, &guest).await
            }
            Pre::Functions(..) => wasmtime::bail!("it offers no tools"),
        })
        .await
    }

    /// Runs `body` with the state of a call, in which instances are made.
    pub(super) async fn with_store<T>(
        &self,
        linked: &Linked,
        limits: CallLimits,
        access: Access,
        body: impl AsyncFnOnce(&mut Store<State>) -> wasmtime::Result<T>,
    ) -> Result<T, CallError> {
        let _ticking = self.tick(&self.ticks, &self.engine);
        let deadline = Instant::now() + limits.timeout;
        let turn = self.turns.take(linked.component, &limits);
        let _turn = match tokio::time::timeout_at(deadline.into(), turn).await {
            Ok(Ok(turn)) => turn,
            Ok(Err(_)) => return Err(CallError::Broken("the host is shutting down".into())),
            Err(_) => {
                (self.on_failure)(SandboxFailure::NoTurn);
                return Err(no_turn(&limits));
            }
        };
        let waited =
            limits.timeout.saturating_sub(deadline.saturating_duration_since(Instant::now()));
        let mut store = self.store(&self.engine, limits, access);
        store.data_mut().deadline = deadline;
        let ended = tokio::time::timeout_at(deadline.into(), body(&mut store)).await;
        match ended {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                (self.on_failure)(kind(&store, &limits, &error));
                Err(broken(&store, &limits, waited, &error))
            }
            Err(_) => {
                (self.on_failure)(SandboxFailure::Timeout);
                Err(too_slow(&limits, waited, store.data().note()))
            }
        }
    }

    /// Has an engine's clock run for as long as what this gives is held: a guest yields and is timed out by it.
    pub(super) fn tick<'t>(&self, ticks: &'t Ticks, engine: &Engine) -> Ticking<'t> {
        let (ticking, failed) = ticks.begin(engine);
        // Without the thread a spinning guest would never yield; so few resources that a thread cannot be
        // started end the process soon anyway.
        if let Some(error) = failed {
            (self.on_compile)(&format!("no thread for the epoch: {error}"));
        }
        ticking
    }

    /// A store for an instance.
    pub(super) fn store(
        &self,
        engine: &Engine,
        limits: CallLimits,
        access: Access,
    ) -> Store<State> {
        let mut store = Store::new(engine, State::new(limits, access, &self.egress));
        store.limiter(|state| &mut state.usage);
        store.set_hostcall_fuel(limits.host_call_bytes);
        // Each may be lent to one call into the host as well.
        store.set_max_component_handles(limits.handles.saturating_mul(2));
        store.call_hook(|mut context, hook| match hook {
            CallHook::CallingHost => context.data_mut().usage.host_call(),
            _ => Ok(()),
        });
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|context| {
            if Instant::now() >= context.data().deadline {
                return Ok(UpdateDeadline::Interrupt);
            }
            // tokio's own yield lets its timers run first, which a plain wake-up would starve.
            Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
        });
        store
    }
}

/// What a call gave, as the model reads it.
fn finished(
    content: types::Content,
    secrets: &Secrets,
    limits: &CallLimits,
) -> Result<CallResult, CallError> {
    match content {
        types::Content::Text(text) => {
            Ok(CallResult { text: cut(secrets.redacted(text), limits.output) })
        }
        types::Content::Json(text) => {
            if text.len() > limits.output {
                return Err(CallError::Broken(format!(
                    "the tool's JSON result is larger than {} bytes, and half of it would be of no use; {}",
                    limits.output,
                    limits.more(Limit::MaxOutputBytes)
                )));
            }
            let value = canonical::parse(&text).map_err(|error| {
                let sentence = format!("the tool's result is not usable JSON: {error}");
                CallError::Broken(secrets.redacted(sentence))
            })?;
            let redacted = secrets.redact_json(&value);
            Ok(CallResult { text: canonical::to_text(redacted.as_ref().unwrap_or(&value)) })
        }
    }
}

impl Linked {
    pub(super) fn new(pre: InstancePre<State>, component: &Loaded) -> wasmtime::Result<Self> {
        let pre = match &component.reflection {
            None => Pre::Tools(super::bindings::GuestPre::new(pre)?),
            Some(reflection) => Pre::Functions(pre, Arc::clone(reflection)),
        };
        Ok(Self { pre: Arc::new(pre), component: component.digest })
    }

    /// Its functions, where it does not know this host.
    pub(super) fn reflection(&self) -> Option<&Arc<Reflection>> {
        match &*self.pre {
            Pre::Tools(_) => None,
            Pre::Functions(_, reflection) => Some(reflection),
        }
    }
}

pub(super) fn wire(input: CallInput) -> types::Call {
    types::Call {
        id: input.id,
        attempt: input.attempt,
        idempotency_key: input.idempotency_key,
        tool: input.tool,
        arguments: input.arguments,
    }
}

/// A failure's own words.
fn words(failure: &types::Failure) -> &str {
    match failure {
        types::Failure::InvalidArguments(text)
        | types::Failure::Retry(text)
        | types::Failure::Failed(text) => text,
    }
}

/// What the component says went wrong, and beneath it what the host knows of that: standard interfaces
/// tell a component a code and no more, and the cure is in the host's sentence.
fn failure(failure: types::Failure, note: Option<String>, secrets: &Secrets) -> CallError {
    // Untrusted text, and bounded like any other result.
    let cut = |text| {
        let mut told = cut(secrets.redacted(text), DESCRIPTION);
        if let Some(note) = &note {
            told.push_str("\n(the host says: ");
            told.push_str(&secrets.redact(note));
            told.push(')');
        }
        told
    };
    match failure {
        types::Failure::InvalidArguments(text) => CallError::InvalidArguments(cut(text)),
        types::Failure::Retry(text) => CallError::Retry(cut(text)),
        types::Failure::Failed(text) => CallError::Failed(cut(text)),
    }
}

fn too_slow(limits: &CallLimits, waited: Duration, note: Option<String>) -> CallError {
    let seconds = limits.timeout.as_secs_f32();
    // What nobody would notice is not worth a word.
    let waiting = match waited >= Duration::from_millis(100) {
        true => format!(", {:.1} s of which it waited for its turn,", waited.as_secs_f32()),
        false => String::new(),
    };
    let told = match limits.timed_by {
        TimedBy::Limit => format!(
            "the tool took longer than its {seconds} s{waiting} and was stopped; {}",
            limits.more(Limit::TimeoutSeconds)
        ),
        TimedBy::Budget => format!(
            "the tool took longer than the {seconds:.1} s that were left of the run's time and was \
             stopped; `budgets: {{max_wall_time: N}}` in the role allows more"
        ),
        TimedBy::Contract => {
            format!("it took longer than the {seconds} s that a component has to describe itself")
        }
    };
    CallError::Broken(match note {
        Some(note) => format!("{told}; before that, {note}"),
        None => told,
    })
}

/// The sentence for a call that got no turn: nothing of it has happened.
fn no_turn(limits: &CallLimits) -> CallError {
    let seconds = limits.timeout.as_secs_f32();
    CallError::Broken(format!(
        "the tool was not started: for {seconds} s, other calls had all the places that there are (its \
         plugin has {}; {})",
        limits.concurrent_calls,
        limits.more(Limit::MaxConcurrentCalls)
    ))
}

/// What ended a call, in the order in which [`broken`] looks for it.
fn kind(store: &Store<State>, limits: &CallLimits, error: &wasmtime::Error) -> SandboxFailure {
    if error.downcast_ref() == Some(&wasmtime::Trap::Interrupt) {
        return SandboxFailure::Timeout;
    }
    let state = store.data();
    match state.note().is_some() || over(limits, error).is_some() {
        true if state.usage.out_of_memory => SandboxFailure::Memory,
        true => SandboxFailure::Limit,
        false => SandboxFailure::Trap,
    }
}

/// The sentence for a guest that trapped. A limit that it ran into says more than the trap that
/// followed; a panic's message says more than `unreachable`.
fn broken(
    store: &Store<State>,
    limits: &CallLimits,
    waited: Duration,
    error: &wasmtime::Error,
) -> CallError {
    let trap = error.downcast_ref::<wasmtime::Trap>();
    if trap == Some(&wasmtime::Trap::Interrupt) {
        return too_slow(limits, waited, store.data().note());
    }
    if let Some(note) = store.data().note().or_else(|| over(limits, error)) {
        return CallError::Broken(format!("the tool was stopped: {note}"));
    }
    let cause = match trap {
        Some(wasmtime::Trap::StackOverflow) => {
            "its call stack overflowed (a function calls itself without end)".to_owned()
        }
        Some(wasmtime::Trap::MemoryOutOfBounds) => {
            "it used memory that it does not have, as when its call stack overflows".to_owned()
        }
        Some(wasmtime::Trap::UnreachableCodeReached) => "it gave up".to_owned(),
        Some(trap) => trap.to_string(),
        None => match error.downcast_ref::<wasmtime_wasi::I32Exit>() {
            Some(exit) => format!("it ended itself with status {} instead of answering", exit.0),
            None => error.root_cause().to_string(),
        },
    };
    let printed =
        store.data().log.summary().map(|line| format!("; it printed `{line}`")).unwrap_or_default();
    let hint = store.data().hint(&printed);
    let hint = hint.map(|hint| format!("\n(the host says: {hint})")).unwrap_or_default();
    CallError::Broken(format!("the tool crashed: {cause}{printed}{hint}"))
}

/// The sentence for a limit that wasmtime itself counts.
fn over(limits: &CallLimits, error: &wasmtime::Error) -> Option<String> {
    // These have no type of their own; tests watch that the texts stay what they are.
    let text = error.root_cause().to_string();
    let full = matches!(error.downcast_ref(), Some(ResourceTableError::Full));
    if full || text.contains("store handle limit exceeded") {
        return Some(format!(
            "it held more than {} handles at once; {}",
            limits.handles,
            limits.more(Limit::MaxHandles)
        ));
    }
    if text.contains("fuel allocated for hostcalls has been exhausted") {
        return Some(format!(
            "it passed more than {} bytes to the host at once; {}",
            limits.host_call_bytes,
            limits.more(Limit::MaxHostCallBytes)
        ));
    }
    [
        ("instance count too high", "core instances", limits.instances, Limit::MaxInstances),
        ("memory count too high", "memories", limits.memories, Limit::MaxMemories),
        ("table count too high", "tables", limits.tables, Limit::MaxTables),
    ]
    .into_iter()
    .find(|(said, ..)| text.contains(said))
    .map(|(_, what, most, limit)| {
        format!("it is made of more than {most} {what}; {}", limits.more(limit))
    })
}

/// Cuts text at a character and says so.
fn cut(mut text: String, limit: usize) -> String {
    if text.len() <= limit {
        return text;
    }
    let mut end = limit;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    // What was cut off may be many times what is kept, and a run keeps its results.
    text.shrink_to_fit();
    text.push_str(&format!("\n[output truncated at {limit} bytes]"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_at_a_character() {
        assert_eq!(cut("abc".into(), 3), "abc");
        assert_eq!(cut("aéb".into(), 2), "a\n[output truncated at 2 bytes]");
    }
}
