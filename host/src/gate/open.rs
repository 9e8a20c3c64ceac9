//! Opening a role's tools: every entry loaded, checked and named, before a run begins or resumes.

use super::Gate;
use super::policy::subject;
use crate::domain::approval::Binding;
use crate::domain::digest::Digest;
use crate::domain::policy::{Agent, PolicySource, Subject};
use crate::domain::role::{Position, RetryUnknown, Role};
use crate::plugin::policy::{LoadedPolicy, PolicyError};
use crate::plugin::{EntryProblem, Inspection, LoadError, LoadedEntry, RoleSite, Source};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// What to open.
pub struct OpenRequest<'a> {
    /// The role.
    pub role: &'a Role,
    /// Its text, as stored.
    pub role_text: &'a str,
    /// The component of each entry, in order.
    pub sources: &'a [Source],
    /// Where it stands.
    pub site: RoleSite<'a>,
    /// Who decides about its calls, in order.
    pub policies: Vec<&'a PolicyParts>,
}

/// What one policy is made of.
#[derive(Debug, Clone)]
pub struct PolicyParts {
    /// What people call it.
    pub label: String,
    /// Who names it.
    pub origin: PolicyOrigin,
    /// Its component.
    pub component: Source,
    /// What it decides by.
    pub sources: Vec<PolicySource>,
}

/// Who names a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyOrigin {
    /// The role, here.
    Role(Position),
    /// The host, for every role.
    Host,
}

/// Everything wrong with a role's tools, or with the policies over them.
#[derive(Debug)]
pub struct OpenError {
    /// In the role.
    pub entries: Vec<EntryProblem>,
    /// In what policies are made of.
    pub policies: Vec<PolicyProblem>,
}

/// Why a policy cannot be used.
#[derive(Debug)]
pub struct PolicyProblem {
    /// What people call it.
    pub label: String,
    /// Who names it.
    pub origin: PolicyOrigin,
    /// Why.
    pub error: PolicyError,
}

/// A policy that is asked about the calls of a role.
pub(super) struct Policy {
    /// What people call it.
    pub(super) label: String,
    pub(super) origin: PolicyOrigin,
    pub(super) loaded: LoadedPolicy,
}

/// A role's tools, ready to be called through the gate.
pub struct Toolset {
    entries: Vec<LoadedEntry>,
    /// The model's name → the entry, and the tool within it.
    names: BTreeMap<String, (usize, usize)>,
    role: Digest,
    /// What the bindings of an entry's calls share, made by the first of them.
    bindings: Vec<OnceLock<Binding>>,
    agent: Agent,
    policies: Vec<Policy>,
}

impl Gate {
    /// Loads and checks every entry of a role.
    ///
    /// # Errors
    /// Every problem found, in the order of the text.
    pub async fn open(&self, request: OpenRequest<'_>) -> Result<Toolset, OpenError> {
        let mut entries = Vec::with_capacity(request.sources.len());
        let mut problems = Vec::new();
        for (entry, source) in request.role.entries.iter().zip(request.sources) {
            match self.runtime.load_entry(entry, source, &request.site).await {
                Ok(loaded) => entries.push(loaded),
                Err(found) => problems.extend(found),
            }
        }
        let mut names = BTreeMap::new();
        for (e, entry) in entries.iter().enumerate() {
            for (t, tool) in entry.tools.iter().enumerate() {
                if names.insert(tool.model_name.clone(), (e, t)).is_some() {
                    problems.push(EntryProblem {
                        position: entry.entry.position,
                        message: format!("two tools would be called `{}`", tool.model_name),
                        hint: Some("give one of the entries another `name`".into()),
                    });
                }
            }
        }
        if !problems.is_empty() {
            problems.sort_by_key(|problem| (problem.position.line, problem.position.column));
            return Err(OpenError { entries: problems, policies: Vec::new() });
        }
        let policies = self.load_policies(&entries, &request.policies).await?;
        let bindings = entries.iter().map(|_| OnceLock::new()).collect();
        let role = Digest::of(request.role_text.as_bytes());
        let agent = Agent::of(request.role);
        Ok(Toolset { entries, names, role, bindings, agent, policies })
    }

    /// Puts tools that are open under other policies, and under those alone: for trying policies over tools
    /// that were opened once.
    ///
    /// # Errors
    /// Every policy that cannot be used; the tools stay under the policies they were under.
    pub async fn put_under(
        &self,
        tools: &mut Toolset,
        policies: &[&PolicyParts],
    ) -> Result<(), OpenError> {
        tools.policies = self.load_policies(&tools.entries, policies).await?;
        Ok(())
    }

    /// Has every policy read its sources.
    async fn load_policies(
        &self,
        entries: &[LoadedEntry],
        parts: &[&PolicyParts],
    ) -> Result<Vec<Policy>, OpenError> {
        if parts.is_empty() {
            return Ok(Vec::new());
        }
        let tools = declared_tools(entries);
        let mut policies = Vec::with_capacity(parts.len());
        let mut problems = Vec::new();
        for parts in parts {
            let PolicyParts { label, origin, component, sources } = parts;
            match self.runtime.load_policy(component, sources, tools.clone()).await {
                Ok(loaded) => {
                    policies.push(Policy { label: label.clone(), origin: *origin, loaded })
                }
                Err(error) => {
                    problems.push(PolicyProblem { label: label.clone(), origin: *origin, error });
                }
            }
        }
        match problems.is_empty() {
            true => Ok(policies),
            false => Err(OpenError { entries: Vec::new(), policies: problems }),
        }
    }

    /// Looks at a component without trusting it; its tools are those under `config`.
    ///
    /// # Errors
    /// A sentence where it is no tool component, or the configuration does not fit it.
    pub async fn inspect(
        &self,
        source: &Source,
        config: Option<&serde_json::Value>,
    ) -> Result<Inspection, LoadError> {
        self.runtime.inspect(source, config).await
    }
}

/// The tools of a role, as `wit/policy.wit` has them declared to policies: what a request says of a tool
/// never differs from this.
fn declared_tools(entries: &[LoadedEntry]) -> String {
    let tools: Vec<Value> = entries
        .iter()
        .flat_map(|entry| entry.tools.iter().map(move |tool| (entry, tool)))
        .map(|(entry, tool)| {
            let Subject { name, entry, plugin, tool: own, effects } = subject(entry, tool);
            let [read_only, destructive, idempotent, open_world] = effects;
            json!({
                "name": name,
                "entry": entry,
                "plugin": plugin,
                "tool": own,
                "effects": {
                    "read_only": read_only,
                    "destructive": destructive,
                    "idempotent": idempotent,
                    "open_world": open_world,
                },
                "parameters": tool.parameters.source(),
            })
        })
        .collect();
    Value::Array(tools).to_string()
}

#[cfg(feature = "bench")]
impl Gate {
    /// The first tool's component, called without the gate or the host's limits: a baseline.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn bare(&self, tools: &Toolset, arguments: &str) -> Result<bool, String> {
        let entry = &tools.entries[0];
        let input = crate::plugin::CallInput {
            id: "call_aaaaaaaaaa".into(),
            attempt: 1,
            idempotency_key: "call_aaaaaaaaaa".into(),
            tool: entry.tools[0].name.clone(),
            arguments: arguments.to_owned(),
        };
        self.runtime.bare(entry, input).await.map_err(|error| error.to_string())
    }
}

impl Toolset {
    /// The entries, in the role's order.
    pub fn entries(&self) -> &[LoadedEntry] {
        &self.entries
    }

    /// The names that the model calls tools by.
    pub fn model_names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// Whether the host itself may try a call of a tool again whose outcome is unknown: the role says so,
    /// and the component says that trying twice is trying once. Neither is enough alone.
    pub fn retries_unknown(&self, model_name: &str) -> bool {
        self.find(model_name).is_some_and(|(entry, tool)| {
            let entry = &self.entries[entry];
            let tool = &entry.tools[tool];
            tool.effects.idempotent
                && entry.entry.retry_unknown_of(&tool.name) == RetryUnknown::Auto
        })
    }

    /// The JSON Schema of a tool's arguments, by the model's name of the tool.
    pub fn parameters(&self, model_name: &str) -> Option<&serde_json::Value> {
        let (entry, tool) = self.find(model_name)?;
        Some(self.entries[entry].tools[tool].parameters.source())
    }

    /// Whether a call of a tool may run programs, by the model's name of the tool.
    pub fn runs_programs(&self, model_name: &str) -> bool {
        self.find(model_name).is_some_and(|(entry, _)| self.entries[entry].isolation().is_some())
    }

    pub(super) fn find(&self, model_name: &str) -> Option<(usize, usize)> {
        self.names.get(model_name).copied()
    }

    pub(super) fn policies(&self) -> &[Policy] {
        &self.policies
    }

    pub(super) fn agent(&self) -> &Agent {
        &self.agent
    }

    /// Each policy with what people call it and who names it, in the order asked.
    pub fn loaded_policies(&self) -> impl Iterator<Item = (&str, PolicyOrigin, &LoadedPolicy)> {
        self.policies.iter().map(|policy| (policy.label.as_str(), policy.origin, &policy.loaded))
    }

    /// Whether any policy is asked about its calls.
    pub fn has_policies(&self) -> bool {
        !self.policies.is_empty()
    }

    /// Whether some policy speaks of who may approve.
    pub fn speaks_of_approval(&self) -> bool {
        self.policies.iter().any(|policy| policy.loaded.speaks_of_approval)
    }

    /// What the bindings of an entry's calls share.
    pub(super) fn shared_binding(&self, entry: usize, make: impl FnOnce() -> Binding) -> &Binding {
        self.bindings[entry].get_or_init(make)
    }

    pub(super) fn role_digest(&self) -> &Digest {
        &self.role
    }
}
