//! Permissions: which arguments a role allows, by glob, before any person is asked.
//!
//! A rule is `argument=glob` (the first `=` splits; the argument is a dotted path into nested values)
//! or a bare glob, tried on every leaf value. Globs are Python's `fnmatch`; see [`super::fnmatch`].
//! Deny rules are read first, then allow rules, then the default.

use super::fnmatch::Pattern;
use serde_json::Value;

/// What happens where no rule matches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DefaultPermission {
    /// The call goes on.
    #[default]
    Allow,
    /// The call is refused.
    Deny,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// As the role's author wrote it.
    text: String,
    /// The dotted path, where the rule has one.
    argument: Option<Vec<String>>,
    /// What the value must match.
    glob: Pattern,
}

/// The rules of one entry or tool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permissions {
    /// What happens where no rule matches.
    pub default: DefaultPermission,
    /// Rules that let a call go on.
    pub allow: Vec<Rule>,
    /// Rules that refuse it.
    pub deny: Vec<Rule>,
}

/// Why a call is refused. It names the rule and never a value: the text goes to the model and to logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PermissionRefusal {
    /// A deny rule matched.
    #[error("denied by the permission rule `{0}` of this role")]
    Denied(String),
    /// No allow rule matched, and the default denies.
    #[error(
        "denied because no allow rule of this role matches and its permissions default to deny"
    )]
    Default,
}

impl Rule {
    /// Reads a rule; every text is one.
    pub fn parse(text: &str) -> Self {
        let (argument, glob) = match text.split_once('=') {
            Some((path, glob)) => (Some(path.split('.').map(str::to_owned).collect()), glob),
            None => (None, text),
        };
        Self { text: text.to_owned(), argument, glob: Pattern::new(glob) }
    }

    /// The rule as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether any value it speaks about matches.
    pub fn matches(&self, arguments: &Value) -> bool {
        match &self.argument {
            None => any_leaf(arguments, &|text| self.glob.matches(text)),
            Some(path) => at(arguments, path)
                .into_iter()
                .any(|value| any_leaf(value, &|text| self.glob.matches(text))),
        }
    }
}

impl Permissions {
    /// Deny rules, then allow rules, then the default.
    ///
    /// # Errors
    /// [`PermissionRefusal`] naming the rule.
    pub fn check(&self, arguments: &Value) -> Result<(), PermissionRefusal> {
        if let Some(rule) = self.deny.iter().find(|rule| rule.matches(arguments)) {
            return Err(PermissionRefusal::Denied(rule.text.clone()));
        }
        if self.allow.iter().any(|rule| rule.matches(arguments)) {
            return Ok(());
        }
        match self.default {
            DefaultPermission::Allow => Ok(()),
            DefaultPermission::Deny => Err(PermissionRefusal::Default),
        }
    }
}

/// The values at a dotted path. A key may itself hold dots, so every way to read the path counts: a
/// deny rule must not be escaped by the spelling of a key.
fn at<'v>(value: &'v Value, path: &[String]) -> Vec<&'v Value> {
    if path.is_empty() {
        return vec![value];
    }
    match value {
        Value::Object(object) => (1..=path.len())
            .filter_map(|taken| {
                object.get(&path[..taken].join(".")).map(|inner| at(inner, &path[taken..]))
            })
            .flatten()
            .collect(),
        Value::Array(items) => {
            let indexed = path[0].parse::<usize>().ok().and_then(|index| items.get(index));
            indexed.map(|item| at(item, &path[1..])).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// Tries every string, number and boolean in a value; numbers and booleans as JSON text, null never.
fn any_leaf(value: &Value, matches: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => matches(if *flag { "true" } else { "false" }),
        Value::Number(number) => matches(&super::canonical::number_text(number)),
        Value::String(text) => matches(text),
        Value::Array(items) => items.iter().any(|item| any_leaf(item, matches)),
        Value::Object(object) => object.values().any(|item| any_leaf(item, matches)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rules(texts: &[&str]) -> Vec<Rule> {
        texts.iter().map(|text| Rule::parse(text)).collect()
    }

    fn check(
        default: DefaultPermission,
        allow: &[&str],
        deny: &[&str],
        arguments: Value,
    ) -> String {
        let permissions = Permissions { default, allow: rules(allow), deny: rules(deny) };
        match permissions.check(&arguments) {
            Ok(()) => "allowed".into(),
            Err(refusal) => refusal.to_string(),
        }
    }

    use DefaultPermission::{Allow, Deny};

    #[test]
    fn deny_comes_first() {
        let said = check(Allow, &["command=*"], &["command=rm *"], json!({"command": "rm -rf /"}));
        assert_eq!(said, "denied by the permission rule `command=rm *` of this role");
    }

    #[test]
    fn the_default_speaks_last() {
        assert_eq!(check(Allow, &[], &[], json!({})), "allowed");
        assert_eq!(check(Deny, &["command=ls*"], &[], json!({"command": "ls -l"})), "allowed");
        assert!(check(Deny, &["command=ls*"], &[], json!({"command": "cat"})).contains("default"));
    }

    #[test]
    fn a_refusal_never_holds_a_value() {
        let said = check(Allow, &[], &["*hunter2*"], json!({"a": ["x", {"b": "my hunter2!"}]}));
        assert_eq!(said, "denied by the permission rule `*hunter2*` of this role");
        let said = check(Deny, &[], &[], json!({"password": "hunter2"}));
        assert!(!said.contains("hunter2"));
    }

    #[test]
    fn the_first_equals_sign_splits() {
        assert_eq!(check(Deny, &["q=a=b"], &[], json!({"q": "a=b"})), "allowed");
    }

    #[test]
    fn paths_reach_into_nested_values() {
        let arguments = json!({"a": {"b": [{"c": "x"}]}, "d.e": {"f": 1}});
        assert_eq!(check(Deny, &["a.b.0.c=x"], &[], arguments.clone()), "allowed");
        assert_eq!(check(Deny, &["d.e.f=1"], &[], arguments.clone()), "allowed");
        assert_eq!(check(Deny, &["a=x"], &[], arguments.clone()), "allowed");
        assert_ne!(check(Deny, &["a.b.1.c=x"], &[], arguments), "allowed");
    }

    #[test]
    fn numbers_and_booleans_are_json_text_and_null_is_skipped() {
        assert_eq!(check(Deny, &["n=1.5"], &[], json!({"n": 1.5})), "allowed");
        assert_eq!(check(Deny, &["n=1"], &[], json!({"n": 1.0})), "allowed");
        assert_eq!(check(Deny, &["b=true"], &[], json!({"b": true})), "allowed");
        assert_ne!(check(Deny, &["*"], &[], json!({"b": null})), "allowed");
    }
}
