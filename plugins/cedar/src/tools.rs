//! The tools that the policies decide about, as the host declares them.
//!
//! The one source of kind `tools` is a JSON array of objects:
//!
//! | member | |
//! |---|---|
//! | `name` | the tool as the model calls it, unique in the array |
//! | `entry` | the entry of the role that offers it |
//! | `plugin` | what the entry names as its `type`, or as its component's file |
//! | `tool` | the component's own name of the tool |
//! | `effects` | `{read_only, destructive, idempotent, open_world}`, each `true`, `false` or `null`; missing means `null` |
//! | `parameters` | the JSON Schema of the arguments |
//!
//! Members that are not listed are left alone.

use initrunner_sdk::policy::{Diagnostic, Effects, Source};
use serde::Deserialize;
use serde_json::Value;

/// One tool.
#[derive(Clone, Debug, Deserialize)]
pub struct Tool {
    /// As the model calls it.
    pub name: String,
    /// The entry that offers it.
    pub entry: String,
    /// The plugin of the entry.
    pub plugin: String,
    /// The component's name of it.
    pub tool: String,
    /// What the component claims.
    #[serde(default)]
    pub effects: Claims,
    /// The JSON Schema of the arguments.
    #[serde(default)]
    pub parameters: Value,
}

/// What a component claims that calling a tool may do.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Claims {
    /// It changes nothing.
    pub read_only: Option<bool>,
    /// It may destroy.
    pub destructive: Option<bool>,
    /// Twice is once.
    pub idempotent: Option<bool>,
    /// It reaches beyond the machine.
    pub open_world: Option<bool>,
}

impl Claims {
    /// Whether it changes nothing. A missing claim means the dangerous reading, here and below.
    #[must_use]
    pub fn read_only(self) -> bool {
        self.read_only == Some(true)
    }

    /// Whether it may destroy.
    #[must_use]
    pub fn destructive(self) -> bool {
        self.destructive != Some(false)
    }

    /// Whether twice is once.
    #[must_use]
    pub fn idempotent(self) -> bool {
        self.idempotent == Some(true)
    }

    /// Whether it reaches beyond the machine.
    #[must_use]
    pub fn open_world(self) -> bool {
        self.open_world != Some(false)
    }

    /// Whether these are the same claims as in a request.
    #[must_use]
    pub fn equal(self, effects: &Effects) -> bool {
        self.read_only == effects.read_only
            && self.destructive == effects.destructive
            && self.idempotent == effects.idempotent
            && self.open_world == effects.open_world
    }
}

/// The group of all tools.
pub const ALL: &str = "tools:all";

/// The action that asks whether a person may approve a call.
pub const APPROVE: &str = "approve";

impl Tool {
    /// The groups that its action is in. Their names have a colon, which no tool's name has.
    #[must_use]
    pub fn groups(&self) -> Vec<String> {
        let mut groups = vec![ALL.to_owned(), format!("plugin:{}", self.plugin)];
        let effects = [
            ("effect:read_only", self.effects.read_only()),
            ("effect:destructive", self.effects.destructive()),
            ("effect:idempotent", self.effects.idempotent()),
            ("effect:open_world", self.effects.open_world()),
        ];
        groups.extend(effects.into_iter().filter(|(_, is)| *is).map(|(name, _)| name.to_owned()));
        groups
    }
}

/// All groups that there are for these tools, whether or not one is in them.
#[must_use]
pub fn groups(tools: &[Tool]) -> Vec<String> {
    let mut groups: Vec<String> =
        [ALL, "effect:read_only", "effect:destructive", "effect:idempotent", "effect:open_world"]
            .map(str::to_owned)
            .to_vec();
    for tool in tools {
        let group = format!("plugin:{}", tool.plugin);
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    groups
}

/// Reads the source.
///
/// # Errors
/// What is wrong with it.
pub fn read(source: &Source) -> Result<Vec<Tool>, Diagnostic> {
    let tools: Vec<Tool> = serde_json::from_str(&source.text).map_err(|error| {
        let place = crate::place::of_json(&error);
        Diagnostic::error(&source.name, place, format!("the list of tools cannot be read: {error}"))
    })?;
    let refuse = |sentence: String, hint: &str| {
        let hint = Some(hint.to_owned());
        Diagnostic { hint, ..Diagnostic::error(&source.name, None, sentence) }
    };
    let mut names = std::collections::HashSet::new();
    for tool in &tools {
        if tool.name == APPROVE {
            return Err(refuse(
                format!(
                    "a tool is called `{APPROVE}`, which is the name of the action by which people approve calls"
                ),
                "give the tool's entry another `name`",
            ));
        }
        // A colon would make it a group.
        if tool.name.is_empty() || tool.name.contains(':') {
            return Err(refuse(
                format!("`{}` is no name of a tool", tool.name),
                "use letters, digits, `_` and `-`",
            ));
        }
        if !names.insert(&tool.name) {
            return Err(refuse(
                format!("two tools are called `{}`", tool.name),
                "give one of their entries another `name`",
            ));
        }
    }
    Ok(tools)
}
