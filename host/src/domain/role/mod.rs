//! A role: what one YAML file says. The types are here; [`parse()`] reads the text.

#[cfg(test)]
pub(in crate::domain) mod check;
mod detect_provider;
mod errors;
mod field;
mod keys;
mod model;
#[cfg(test)]
mod never_panics;
mod parse;
mod parse_approval;
mod parse_entry;
mod parse_grants;
mod parse_model;
mod parse_name;
mod parse_notify;
mod parse_policy;
mod parse_prompt;
mod parse_sampling;
mod parse_secrets;
mod parse_settings;
mod parse_source;
mod parse_trigger;

pub use super::yaml::{Position, Problem};
pub use errors::RoleErrors;
pub(in crate::domain) use field::Field;
pub(in crate::domain) use keys::Keys;
pub use model::{ModelSpec, Provider, Sampling};
pub use parse::parse;
pub use parse_entry::RESERVED;
pub(in crate::domain) use parse_grants::{Place, parse_grants};
pub(in crate::domain) use parse_policy::parse_policies;

use super::approval::ApprovalMode;
use super::budget::{Allowance, Budgets};
use super::grant::{FileGrant, HttpGrant, SecretGrant, SqlGrant};
use super::limit::Limits;
use super::permission::Permissions;
use super::rule::{ApprovalRule, RuleSpec};
use super::trigger::{DaemonLimits, NotifySpec, TriggerSpec};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// One role.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// `[a-z0-9][a-z0-9._-]*`, at most 64 characters.
    pub name: String,
    /// One sentence for people.
    pub description: Option<String>,
    /// Words for finding it.
    pub tags: Vec<String>,
    /// Who wrote it.
    pub author: Option<String>,
    /// Whose it is.
    pub team: Option<String>,
    /// The role's own version.
    pub version: Option<String>,
    /// The system prompt.
    pub prompt: String,
    /// Which model answers.
    pub model: ModelSpec,
    /// Names of the environment variables whose values are secret.
    pub secrets: Vec<String>,
    /// The tools, in the order written.
    pub entries: Vec<Entry>,
    /// Limits on a whole run.
    pub budgets: Budgets,
    /// What its model may use up in a whole run.
    pub allowance: Allowance,
    /// What `approval:` says for the whole role.
    pub approval: RuleSpec,
    /// Who decides about calls before anything else does, in the order written.
    pub policies: Vec<PolicySpec>,
    /// What starts runs by itself.
    pub triggers: Vec<TriggerSpec>,
    /// Who is told of runs.
    pub notices: Vec<NotifySpec>,
    /// How much of it a daemon does.
    pub daemon: DaemonLimits,
}

/// One item of `policy:`. Paths are as written: relative ones begin at the role file's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySpec {
    /// The component that decides.
    pub component: PolicyComponent,
    /// Its policies: files, or folders of them.
    pub sources: Vec<String>,
    /// A file of names and types.
    pub schema: Option<String>,
    /// A file of people, groups and what is known of them.
    pub entities: Option<String>,
    /// Where it stands.
    pub position: Position,
}

impl PolicySpec {
    /// The host's own policies in a folder: Cedar, by every file of it.
    pub fn of_folder(folder: String) -> Self {
        Self {
            component: PolicyComponent::BuiltIn(parse_policy::DEFAULT.to_owned()),
            sources: vec![folder],
            schema: None,
            entities: None,
            position: Position { line: 1, column: 1 },
        }
    }
}

impl PolicyComponent {
    /// Reads a name or a path: a path has a separator or an ending, and the name of a built-in has neither.
    pub fn named(text: &str) -> Self {
        match text.contains(['/', '.', ':']) {
            true => Self::File(text.to_owned()),
            false => Self::BuiltIn(text.to_owned()),
        }
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        match self {
            Self::BuiltIn(name) | Self::File(name) => name,
        }
    }
}

/// Where a policy's component comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyComponent {
    /// One that the program carries.
    BuiltIn(String),
    /// A file.
    File(String),
}

/// Where an entry's component comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntrySource {
    /// A built-in, then an installed plugin, of this name.
    Type(String),
    /// A component file, relative to the role file, or `sha256:…`.
    Component(String),
}

/// One item of `tools:`.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Unique in the role; the type's name where none is given.
    pub name: String,
    /// Its component.
    pub source: EntrySource,
    /// Where the source is named in the text.
    pub source_position: Position,
    /// What holds for each of its tools.
    pub settings: ToolSettings,
    /// What differs for a tool, by the component's name of the tool.
    pub tools: BTreeMap<String, ToolSettings>,
    /// Where each key of `tools` stands.
    pub tools_positions: BTreeMap<String, Position>,
    /// What the role and its `plugins:` say about approval; the settings above are nearer.
    pub inherited: RuleSpec,
    /// What the role grants the component; see [`GrantSpec`].
    pub grants: GrantSpec,
    /// Everything else: the component's own configuration.
    pub config: Map<String, Value>,
    /// Where each top-level key of `config` stands.
    pub config_positions: BTreeMap<String, Position>,
    /// Where the entry begins.
    pub position: Position,
}

/// What may be set per entry and per tool. `None`: the entry's, then the default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ToolSettings {
    /// Who must approve.
    pub approval: Option<RuleSpec>,
    /// What becomes of a call whose outcome is unknown.
    pub retry_unknown: Option<RetryUnknown>,
    /// Which arguments are allowed.
    pub permissions: Option<Permissions>,
    /// How much one call may use.
    pub limits: Limits,
}

/// What becomes of a call that was started and whose outcome is not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RetryUnknown {
    /// A person chooses.
    #[default]
    Ask,
    /// The host tries it again, where the tool calls itself idempotent too.
    Auto,
}

/// The `grants:` key of an entry. Paths are as written: relative ones begin at the role file's folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GrantSpec {
    /// `process: [{program, arguments, network} | {script: true, network}]`.
    pub process: Vec<ProcessGrantSpec>,
    /// `http: [{scheme, host, ports, methods, path, networks}]`.
    pub http: Vec<HttpGrant>,
    /// `files: [{path, access, as}]`.
    pub files: Vec<FileGrant>,
    /// `sql: [{name, url, access}]`.
    pub sql: Vec<SqlGrant>,
    /// `secrets: [{name, host, header}]`.
    pub secrets: Vec<SecretGrant>,
    /// `env: [NAME]`.
    pub env: Vec<String>,
}

/// One item of `grants.process`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessGrantSpec {
    /// One program.
    Program {
        /// Its name on the fixed `PATH`.
        name: String,
        /// A glob for each argument; `None`: any arguments.
        arguments: Option<Vec<String>>,
        /// Whether it may use the network.
        network: bool,
    },
    /// Scripts, with `sh -c`.
    Script {
        /// Whether they may use the network.
        network: bool,
    },
}

impl Role {
    /// The environment variables whose values are secret: the ones that it declares, and the models'
    /// keys.
    pub fn secret_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.secrets.iter().map(String::as_str).collect();
        let models = self.model.all().flat_map(ModelSpec::key_variables);
        let triggers = self.triggers.iter().flat_map(TriggerSpec::secret_variables);
        let notices = self.notices.iter().flat_map(NotifySpec::secret_variables);
        for key in models.chain(triggers).chain(notices) {
            if !names.contains(&key) {
                names.push(key);
            }
        }
        names
    }
}

impl Entry {
    /// The plugin, as policies see it: what the role names.
    pub fn plugin(&self) -> &str {
        match &self.source {
            EntrySource::Type(name) | EntrySource::Component(name) => name,
        }
    }

    /// Whether a person is asked about calls of one of its tools.
    pub fn approval_of(&self, tool: &str) -> ApprovalMode {
        self.approval_rule(tool).mode
    }

    /// Who must approve calls of one of its tools: key by key what the tool says, else the entry, else
    /// the plugin's default, else the role's.
    pub fn approval_rule(&self, tool: &str) -> ApprovalRule {
        let own = self.tools.get(tool).and_then(|settings| settings.approval.as_ref());
        let places = [own, self.settings.approval.as_ref()];
        let nothing = RuleSpec::default();
        let [tool, entry] = places.map(|place| place.unwrap_or(&nothing));
        tool.over(&entry.over(&self.inherited)).resolve()
    }

    /// What becomes of a call of one of its tools whose outcome is not known.
    pub fn retry_unknown_of(&self, tool: &str) -> RetryUnknown {
        let own = self.tools.get(tool).and_then(|settings| settings.retry_unknown);
        own.or(self.settings.retry_unknown).unwrap_or_default()
    }

    /// The permissions that one of its tools must pass: the entry's *and* the tool's own, so that a
    /// per-tool rule tightens and never loosens.
    pub fn permissions_of(&self, tool: &str) -> impl Iterator<Item = &Permissions> {
        let own = self.tools.get(tool).and_then(|settings| settings.permissions.as_ref());
        self.settings.permissions.iter().chain(own)
    }

    /// The limits of one of its tools: the tool's own, else the entry's, key by key.
    pub fn limits_of(&self, tool: &str) -> Limits {
        let mut limits = self.settings.limits.clone();
        limits
            .extend(self.tools.get(tool).into_iter().flat_map(|settings| settings.limits.clone()));
        limits
    }
}
