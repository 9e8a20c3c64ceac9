//! Opening a role's tools: every entry loaded, checked and named, before a run begins or resumes.

use super::Gate;
use crate::domain::approval::Binding;
use crate::domain::digest::Digest;
use crate::domain::role::{RetryUnknown, Role};
use crate::plugin::{EntryProblem, Inspection, LoadError, LoadedEntry, RoleSite, Source};
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
}

/// Everything wrong with a role's tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenError(pub Vec<EntryProblem>);

/// A role's tools, ready to be called through the gate.
pub struct Toolset {
    entries: Vec<LoadedEntry>,
    /// The model's name → the entry, and the tool within it.
    names: BTreeMap<String, (usize, usize)>,
    role: Digest,
    /// What the bindings of an entry's calls share, made by the first of them.
    bindings: Vec<OnceLock<Binding>>,
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
            return Err(OpenError(problems));
        }
        let bindings = entries.iter().map(|_| OnceLock::new()).collect();
        let role = Digest::of(request.role_text.as_bytes());
        Ok(Toolset { entries, names, role, bindings })
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

    pub(super) fn find(&self, model_name: &str) -> Option<(usize, usize)> {
        self.names.get(model_name).copied()
    }

    /// What the bindings of an entry's calls share.
    pub(super) fn shared_binding(&self, entry: usize, make: impl FnOnce() -> Binding) -> &Binding {
        self.bindings[entry].get_or_init(make)
    }

    pub(super) fn role_digest(&self) -> &Digest {
        &self.role
    }
}
