//! Calling a function of a component that does not know this host.

use super::{Function, NoValue, Reflection, named, write};
use crate::domain::approval::{Preview, PreviewFormat};
use crate::domain::canonical;
use crate::plugin::Runtime;
use crate::plugin::access::Access;
use crate::plugin::bindings::initrunner::plugin::types::Content;
use crate::plugin::call::CallInput;
use crate::plugin::entry::{Linked, LoadedEntry, Pre};
use crate::plugin::error::CallError;
use crate::plugin::limits::{CallLimits, DESCRIPTION};
use serde_json::Value;
use wasmtime::component::Val;

impl Reflection {
    /// What a person sees: the function and each argument, since nothing of the component says what it would do.
    ///
    /// # Errors
    /// Where the arguments are no values of the function's types, or too large to be looked through.
    pub(in crate::plugin) fn preview(
        &self,
        entry: &LoadedEntry,
        input: &CallInput,
    ) -> Result<Preview, CallError> {
        let (function, arguments) = self.called(input)?;
        values(function, &arguments)?;
        let mut text = function.whole_name.clone();
        for (name, value) in arguments.as_object().into_iter().flatten() {
            text.push_str(&format!("\n{name}: {}", canonical::to_text(value)));
        }
        if text.len() > DESCRIPTION {
            return Err(CallError::Broken(format!(
                "the arguments are larger than {DESCRIPTION} bytes, so no person could check them"
            )));
        }
        Ok(Preview { format: PreviewFormat::Plain, text: entry.secrets.redacted(text) })
    }

    /// The function that a call is of, and its arguments.
    fn called(&self, input: &CallInput) -> Result<(&Function, Value), CallError> {
        let unknown = || CallError::Broken(format!("the component has no tool `{}`", input.tool));
        let function = self.find(&input.tool).ok_or_else(unknown)?;
        // The gate has read them as canonical JSON before.
        Ok((function, serde_json::from_str(&input.arguments).unwrap_or_default()))
    }
}

impl Runtime {
    /// Calls a function in a fresh instance. What it gives is JSON; a text stays one. The error of a `result` is
    /// a failure.
    ///
    /// # Errors
    /// [`CallError`]: the arguments are no values, or the component failed or broke.
    pub(in crate::plugin) async fn call_function(
        &self,
        linked: &Linked,
        limits: CallLimits,
        access: Access,
        input: &CallInput,
    ) -> Result<Content, CallError> {
        let Pre::Functions(pre, reflection) = &*linked.pre else {
            return Err(CallError::Broken("the component offers tools of its own".into()));
        };
        let (function, arguments) = reflection.called(input)?;
        let params = values(function, &arguments)?;
        let gave = self.with_store(linked, limits, access, async |store| {
            let instance = pre.instantiate_async(&mut *store).await?;
            let Some(called) = instance.get_func(&mut *store, function.index) else {
                wasmtime::bail!("the function is not there");
            };
            // Overwritten by what the function gives.
            let mut gave = vec![Val::Bool(false); usize::from(function.result.is_some())];
            called.call_async(&mut *store, &params, &mut gave).await?;
            Ok(gave.pop())
        });
        let gave = gave.await?;
        let json = |value: &Val| {
            let shape = function.result.as_ref()?;
            write(shape, value)
        };
        match gave {
            None => Ok(Content::Json("null".into())),
            Some(Val::String(text)) => Ok(Content::Text(text)),
            Some(value) => {
                let unusable =
                    || CallError::Broken("the function gave a value that has no JSON".into());
                let mut json = json(&value).ok_or_else(unusable)?;
                match value {
                    Val::Result(Ok(_)) => Ok(content(json["ok"].take())),
                    Val::Result(Err(_)) => Err(CallError::Failed(match json["err"].take() {
                        Value::Null => "the function failed and does not say why".into(),
                        Value::String(text) => text,
                        other => canonical::to_text(&other),
                    })),
                    _ => Ok(Content::Json(json.to_string())),
                }
            }
        }
    }
}

fn content(json: Value) -> Content {
    match json {
        Value::String(text) => Content::Text(text),
        other => Content::Json(other.to_string()),
    }
}

/// # Errors
/// [`CallError::InvalidArguments`]: nothing was done.
fn values(function: &Function, arguments: &Value) -> Result<Vec<Val>, CallError> {
    let none = serde_json::Map::new();
    let named = named(&function.params, arguments.as_object().unwrap_or(&none));
    let named = named.map_err(|NoValue { at, clause }| {
        CallError::InvalidArguments(format!("`{at}`: {clause}"))
    })?;
    Ok(named.into_iter().map(|(_, value)| value).collect())
}
