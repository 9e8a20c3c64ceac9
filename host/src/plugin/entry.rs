//! An entry of a role, ready to be called: its component linked with what it was granted, its
//! configuration checked, its tools named for the model.

use super::Runtime;
use super::access::{Access, Reach};
use super::bindings::GuestPre;
use super::carried;
use super::component::Loaded;
use super::error::{EntryProblem, LoadError};
use super::files;
use super::import::{self, Linking};
use super::limits::{CallLimits, check_limits};
use super::manifest::{Description, Effects, Manifest, is_tool_name};
use super::process::{Announce, available_isolation};
use super::reflect::Reflection;
use super::resolve_grants::resolve_grants;
use super::schema::{Author, Schema};
use super::source::Source;
use super::sql;
use super::state::State;
use super::within_config::within_config;
use crate::domain::canonical;
use crate::domain::digest::Digest;
use crate::domain::grant::Grants;
use crate::domain::limit::Ceilings;
use crate::domain::nearest::nearest;
use crate::domain::role::{Entry, EntrySource, Position, RESERVED};
use crate::domain::secret::{Secrets, placeholder};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wasmtime::component::InstancePre;

/// What instances are made from.
pub(super) enum Pre {
    /// Of a component that offers tools.
    Tools(GuestPre<State>),
    /// Of one whose functions are tools.
    Functions(InstancePre<State>, Arc<Reflection>),
}

/// A component linked with what one entry grants it.
pub(super) struct Linked {
    pub(super) pre: Arc<Pre>,
    /// Whose turns its calls take.
    pub(super) component: Digest,
}

/// An entry, ready.
pub struct LoadedEntry {
    /// As the role says it.
    pub entry: Entry,
    /// Its component.
    pub component: Arc<Loaded>,
    /// What it is granted.
    pub grants: Arc<Grants>,
    /// Its tools.
    pub tools: Vec<LoadedTool>,
    /// Its configuration: canonical JSON.
    pub config: String,
    pub(super) linked: Linked,
    environment: Arc<[(String, String)]>,
    pub(super) secrets: Arc<Secrets>,
    configured: bool,
    ceilings: Ceilings,
}

/// One tool of an entry.
#[derive(Debug)]
pub struct LoadedTool {
    /// The component's name of it.
    pub name: String,
    /// The model's name of it.
    pub model_name: String,
    /// For the model.
    pub description: String,
    /// Its arguments.
    pub parameters: Schema,
    /// What calling it may do.
    pub effects: Effects,
}

/// Where a role stands: what its relative paths and its variables mean.
pub struct RoleSite<'a> {
    /// The role file's folder, absolute.
    pub folder: &'a Path,
    /// The environment.
    pub environment: &'a (dyn Fn(&str) -> Option<String> + Sync),
    /// The role's secrets: their variables are passed on as placeholders.
    pub secrets: &'a Arc<Secrets>,
}

impl Runtime {
    /// Makes an entry ready.
    ///
    /// # Errors
    /// Everything that is wrong with it, where in the role.
    pub async fn load_entry(
        &self,
        entry: &Entry,
        source: &Source,
        site: &RoleSite<'_>,
    ) -> Result<LoadedEntry, Vec<EntryProblem>> {
        let fail = |error: LoadError| vec![error.at(entry.source_position)];
        let component = self.load(source.digest, &source.bytes, &source.name).map_err(fail)?;
        let mut grants = resolve_grants(entry, site)?;
        // What follows from the configuration is wrong at its key.
        let configured =
            matches!(&entry.source, EntrySource::Type(name) if carried::find(name).is_some());
        let key = entry.config_positions.get("root").filter(|_| configured);
        let place = key.copied().unwrap_or(entry.source_position);
        files::check(&mut grants.files, &self.protected).map_err(|it| vec![it.at(place)])?;
        sql::keep_out(entry, &grants.sql, &self.protected)?;
        check_limits(entry, &grants, &self.config.ceilings, &self.config.path)?;
        within_config(entry, &grants, &self.config)?;
        component.imports.check(&grants).map_err(fail)?;
        let linked = self.link(&component, Linking::Granted(&grants)).map_err(fail)?;
        let author = Author::of(&source.digest);
        let limits = CallLimits::of(entry, "", &grants, &self.config.ceilings);
        let manifest = self.manifest(&linked, &source.name, author, limits).await.map_err(fail)?;

        let config = Value::Object(entry.config.clone());
        check_config(entry, &manifest.config_schema, &config)?;
        let config = canonical::to_text(&config);
        let described = self.describe(&linked, &source.name, author, &config, limits).await;
        let described = described.map_err(fail)?;
        let described = described.map_err(|sentence| {
            vec![EntryProblem {
                position: entry.position,
                message: format!("the entry `{}` cannot be used: {sentence}", entry.name),
                hint: None,
            }]
        })?;
        let tools = name_tools(entry, &manifest, described)?;
        check_tool_keys(entry, &tools)?;

        let value = |name: &String| match site.secrets.declares(name) {
            true => Some(placeholder(name)),
            false => (site.environment)(name),
        };
        let programs = grants.process.iter().flat_map(|grant| &grant.environment);
        let names: BTreeSet<&String> = grants.env.iter().chain(programs).collect();
        let environment = names
            .into_iter()
            .filter_map(|name| value(name).map(|value| (name.clone(), value)))
            .collect();
        let (entry, secrets) = (entry.clone(), Arc::clone(site.secrets));
        let (grants, ceilings) = (Arc::new(grants), self.config.ceilings);
        Ok(LoadedEntry {
            entry,
            component,
            grants,
            tools,
            config,
            linked,
            environment,
            secrets,
            configured,
            ceilings,
        })
    }

    pub(super) fn link(
        &self,
        component: &Loaded,
        linking: Linking<'_>,
    ) -> Result<Linked, LoadError> {
        import::linker(&self.engine, linking)
            .and_then(|linker| linker.instantiate_pre(&component.component))
            .and_then(|pre| Linked::new(pre, component))
            .map_err(|error| {
                LoadError::with_hint(
                    format!("the component does not fit this host's contract: {error:#}"),
                    "build it against wit/plugin.wit of this version",
                )
            })
    }
}

impl LoadedEntry {
    /// What one call of a tool may use.
    pub fn limits(&self, tool: &str) -> CallLimits {
        CallLimits::of(&self.entry, tool, &self.grants, &self.ceilings)
    }

    /// The environment that it and its programs may be passed, resolved: it may hold secrets that are not
    /// declared.
    pub fn environment(&self) -> &[(String, String)] {
        &self.environment
    }

    /// How far this machine can isolate the programs that it may run, in words such as
    /// `landlock-7 no-network`; of the least isolated. `None`: it may run none.
    pub fn isolation(&self) -> Option<String> {
        let grant = self.grants.process.as_ref()?;
        Some(available_isolation(grant.is_online()))
    }

    /// What one call may reach.
    pub(super) fn access(
        &self,
        protected: &Arc<[PathBuf]>,
        announce: Option<Announce>,
        reach: Reach,
    ) -> Access {
        Access {
            grants: Arc::clone(&self.grants),
            environment: Arc::clone(&self.environment),
            secrets: Arc::clone(&self.secrets),
            protected: Arc::clone(protected),
            configured: self.configured,
            announce,
            reach,
        }
    }
}

/// Checks the component's own keys, each problem at its key.
fn check_config(entry: &Entry, schema: &Schema, config: &Value) -> Result<(), Vec<EntryProblem>> {
    let place = |key: &str| entry.config_positions.get(key).copied().unwrap_or(entry.position);
    let known: Vec<&str> = schema.properties().collect();
    let mut problems = Vec::new();
    let closed = schema.source().get("additionalProperties") == Some(&Value::Bool(false));
    for key in entry.config.keys().filter(|key| closed && !known.contains(&key.as_str())) {
        let hint = match nearest(key, known.iter().copied().chain(RESERVED)) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "this tool has no configuration".into(),
            None => format!("it knows {}", list(&known)),
        };
        problems.push(EntryProblem {
            position: place(key),
            message: format!("the tool `{}` has no key `{key}`", entry.name),
            hint: Some(hint),
        });
    }
    if problems.is_empty() {
        for (path, clause) in schema.problems(config) {
            let key = path.split('/').nth(1).unwrap_or_default();
            let at = if path.is_empty() {
                String::new()
            } else {
                format!(" at `{}`", path.trim_start_matches('/'))
            };
            problems.push(EntryProblem {
                position: place(key),
                message: format!(
                    "the configuration of `{}` does not fit{at}: {clause}",
                    entry.name
                ),
                hint: None,
            });
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// NAME where the component's only tool is called like the plugin, else NAME_tool.
fn name_tools(
    entry: &Entry,
    manifest: &Manifest,
    described: Vec<Description>,
) -> Result<Vec<LoadedTool>, Vec<EntryProblem>> {
    let alone = described.len() == 1 && described[0].name == manifest.name;
    let mut tools = Vec::with_capacity(described.len());
    let mut problems = Vec::new();
    for tool in described {
        let model_name =
            if alone { entry.name.clone() } else { format!("{}_{}", entry.name, tool.name) };
        if !is_tool_name(&model_name) {
            problems.push(EntryProblem {
                position: entry.position,
                message: format!("the tool name `{model_name}` is longer than 64 characters"),
                hint: Some("give the entry a shorter `name`".into()),
            });
        }
        tools.push(LoadedTool {
            name: tool.name,
            model_name,
            description: tool.description,
            parameters: tool.parameters,
            effects: tool.effects,
        });
    }
    if problems.is_empty() { Ok(tools) } else { Err(problems) }
}

/// A per-tool setting for a tool that does not exist would silently protect nothing.
fn check_tool_keys(entry: &Entry, tools: &[LoadedTool]) -> Result<(), Vec<EntryProblem>> {
    let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
    let unknown = entry.tools.keys().filter(|key| !names.contains(&key.as_str()));
    let problems: Vec<EntryProblem> = unknown
        .map(|key| EntryProblem {
            position: entry.tools_positions.get(key).copied().unwrap_or(Position::default()),
            message: format!("`{}` has no tool `{key}`", entry.name),
            hint: Some(match nearest(key, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("its tools are {}", list(&names)),
            }),
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
