//! Looking at a component before trusting it.

use super::error::OpError;
use super::host::Host;
use crate::domain::canonical;
use crate::plugin::{Inspection, LoadError, Source};
use serde_json::Value;
use std::path::Path;

/// What a component says and asks for; nothing is granted to it. `component` is a file, or the type of a
/// built-in. Its tools are those under `config`, a JSON object, or under none.
///
/// # Errors
/// Where it is no tool component, or `config` does not fit it.
pub async fn inspect_component(
    host: &Host,
    component: &Path,
    config: Option<&str>,
) -> Result<Inspection, OpError> {
    // A file in the same folder is named `./shell`.
    let named = component.to_str().filter(|name| !name.contains(['/', '.']));
    let source = match named.map(Source::built_in) {
        Some(Ok(source)) => source,
        Some(Err(error)) if !component.exists() => return Err(error.into()),
        _ => Source::file(component)?,
    };
    let config = config.map(read).transpose()?;
    let found = host.gate()?.inspect(&source, config.as_ref()).await?;
    if let (Some(config), Ok(said)) = (&config, &found.said) {
        said.manifest.config_schema.check(config).map_err(|clause| LoadError {
            message: format!("the configuration does not fit `{}`: {clause}", source.name),
            hint: None,
        })?;
    }
    Ok(found)
}

fn read(text: &str) -> Result<Value, OpError> {
    let wrong = |message: String| OpError::Setup {
        message,
        hint: "write the keys of an entry as JSON, such as `{\"working_dir\": \".\"}`".into(),
    };
    let value = canonical::parse(text)
        .map_err(|error| wrong(format!("the configuration is not JSON: {error}")))?;
    match value {
        Value::Object(_) => Ok(value),
        _ => Err(wrong("the configuration is not a JSON object".into())),
    }
}
