//! What a component says of itself, read and checked: claims by untrusted code.

use super::Runtime;
use super::access::Access;
use super::bindings::initrunner::plugin::types;
use super::entry::Linked;
use super::error::{CallError, LoadError};
use super::limits::{CallLimits, DESCRIPTION, TOOLS};
use super::reflect::{Function, Reflection};
use super::schema::{Author, Schema};
use std::collections::BTreeSet;

/// Who a component says it is.
#[derive(Debug)]
pub struct Manifest {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// One sentence.
    pub description: String,
    /// What its configuration may hold.
    pub config_schema: Schema,
}

/// What calling a tool may do, with the dangerous reading of every missing hint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effects {
    /// Changes nothing.
    pub read_only: bool,
    /// May destroy or overwrite.
    pub destructive: bool,
    /// Twice equals once.
    pub idempotent: bool,
    /// Reaches beyond this machine.
    pub open_world: bool,
}

/// One tool, as the component describes it.
#[derive(Debug)]
pub struct Description {
    /// Its name.
    pub name: String,
    /// For the model.
    pub description: String,
    /// Its arguments.
    pub parameters: Schema,
    /// What calling it may do.
    pub effects: Effects,
}

impl Runtime {
    pub(super) async fn manifest(
        &self,
        linked: &Linked,
        name: &str,
        author: Author,
        limits: CallLimits,
    ) -> Result<Manifest, LoadError> {
        if linked.reflection().is_some() {
            return reflected_manifest(name);
        }
        let manifest = self
            .with_instance(linked, limits.describing(), Access::nothing(), async |store, guest| {
                guest.initrunner_plugin_tools().call_manifest(store).await
            })
            .await
            .map_err(|error| unusable(name, "manifest", &error))?;
        if !is_name(&manifest.name) {
            return Err(LoadError::new(format!(
                "the component `{name}` gives itself a name that is not `[a-z][a-z0-9_-]*` of at most 64 characters"
            )));
        }
        if manifest.version.len() > 64 || manifest.description.len() > DESCRIPTION {
            return Err(LoadError::new(format!("the component `{name}` has an overlong manifest")));
        }
        let config_schema = Schema::compile(&manifest.config_schema, author).map_err(|clause| {
            LoadError::new(format!(
                "the component `{name}` has an unusable configuration schema: {clause}"
            ))
        })?;
        Ok(Manifest {
            name: manifest.name,
            version: manifest.version,
            description: manifest.description,
            config_schema,
        })
    }

    /// The tools under a configuration. The outer error is the component's fault, the inner one the
    /// configuration's.
    pub(super) async fn describe(
        &self,
        linked: &Linked,
        name: &str,
        author: Author,
        config: &String,
        limits: CallLimits,
    ) -> Result<Result<Vec<Description>, String>, LoadError> {
        if let Some(reflection) = linked.reflection() {
            return reflected_tools(reflection, name).map(Ok);
        }
        let described = self
            .with_instance(linked, limits.describing(), Access::nothing(), async |store, guest| {
                guest.initrunner_plugin_tools().call_describe(store, config).await
            })
            .await
            .map_err(|error| unusable(name, "describe", &error))?;
        let tools = match described {
            Ok(tools) => tools,
            Err(sentence) => return Ok(Err(sentence.chars().take(500).collect())),
        };
        if tools.is_empty() || tools.len() > TOOLS {
            return Err(LoadError::new(format!(
                "the component `{name}` describes {} tools; it must be 1 to {TOOLS}",
                tools.len()
            )));
        }
        let mut seen = BTreeSet::new();
        let mut descriptions = Vec::with_capacity(tools.len());
        for tool in tools {
            if !is_tool_name(&tool.name) || !seen.insert(tool.name.clone()) {
                return Err(LoadError::new(format!(
                    "the component `{name}` describes a tool whose name is not `[A-Za-z0-9_-]`, at most \
                     64 characters, and unique"
                )));
            }
            if tool.description.len() > DESCRIPTION {
                return Err(LoadError::new(format!(
                    "the component `{name}` has an overlong description"
                )));
            }
            let parameters = Schema::compile(&tool.parameters, author).map_err(|clause| {
                LoadError::new(format!(
                    "the tool `{}` of the component `{name}` has an unusable schema: {clause}",
                    tool.name
                ))
            })?;
            let effects = Effects::of(tool.effects);
            descriptions.push(Description {
                name: tool.name,
                description: tool.description,
                parameters,
                effects,
            });
        }
        Ok(Ok(descriptions))
    }
}

/// Of a component that does not know this host: it has no configuration, and says nothing of itself.
fn reflected_manifest(name: &str) -> Result<Manifest, LoadError> {
    let nothing = r#"{"type": "object", "properties": {}, "additionalProperties": false}"#;
    let config_schema = Schema::compile(nothing, Author::Unknown).map_err(LoadError::new)?;
    Ok(Manifest {
        name: name.to_owned(),
        version: "0.0.0".to_owned(),
        description: "A component whose functions are its tools.".to_owned(),
        config_schema,
    })
}

/// Its functions. Nothing is known of what they do: they are read as dangerous.
fn reflected_tools(reflection: &Reflection, name: &str) -> Result<Vec<Description>, LoadError> {
    let described = |function: &Function| {
        let parameters = Schema::compile(&function.parameters().to_string(), Author::Unknown);
        let parameters = parameters.map_err(|clause| {
            LoadError::new(format!(
                "the function `{}` of the component `{name}` has types that make an unusable schema: \
                 {clause}",
                function.whole_name
            ))
        })?;
        Ok(Description {
            name: function.name.clone(),
            description: function.description.clone(),
            parameters,
            effects: Effects {
                read_only: false,
                destructive: true,
                idempotent: false,
                open_world: true,
            },
        })
    };
    reflection.functions.iter().map(described).collect()
}

impl Effects {
    fn of(hints: types::Effects) -> Self {
        Self {
            read_only: hints.read_only.unwrap_or(false),
            destructive: hints.destructive.unwrap_or(true),
            idempotent: hints.idempotent.unwrap_or(false),
            open_world: hints.open_world.unwrap_or(true),
        }
    }

    /// The words for a person, most dangerous first.
    pub fn words(self) -> Vec<&'static str> {
        let mut words = Vec::new();
        if self.read_only {
            words.push("read-only");
        } else if self.destructive {
            words.push("destructive");
        }
        if self.open_world {
            words.push("open-world");
        }
        if self.idempotent {
            words.push("idempotent");
        }
        words
    }
}

fn unusable(name: &str, what: &str, error: &CallError) -> LoadError {
    LoadError::new(format!("the component `{name}` could not answer `{what}`: {error}"))
}

/// `[a-z][a-z0-9_-]*`, at most 64 characters.
fn is_name(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
}

/// What OpenAI-compatible servers accept as a function's name.
pub(super) fn is_tool_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}
