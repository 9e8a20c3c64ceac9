//! When a person must be asked, and what exactly an approval is for.

use super::digest::Digest;
use super::policy::Effect;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Whether calls of an entry need a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalMode {
    /// No person is asked.
    #[default]
    Auto,
    /// A person must approve each call.
    Required,
}

impl ApprovalMode {
    /// The words a role may use.
    pub const WORDS: [&'static str; 2] = ["auto", "required"];
}

/// How a preview is best shown. The same five as in the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PreviewFormat {
    /// Plain text.
    Plain,
    /// A command line.
    Command,
    /// SQL.
    Sql,
    /// A unified diff.
    Diff,
    /// An HTTP request.
    Http,
}

/// What a person sees before deciding: the thing that will happen, from the tool's own `prepare`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// How to show it.
    pub format: PreviewFormat,
    /// Untrusted text: control characters are made visible when it is shown.
    pub text: String,
}

/// What an approval is for: the digests of everything that decides what will happen. If one differs
/// when the approval is to be spent, the call waits again.
///
/// The secret-bearing parts are keyed hashes made by the host; nothing here can be turned back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// Part → digest, as text. The parts are listed in [`BindingPart`].
    pub parts: BTreeMap<BindingPart, String>,
    /// What may be told of a part's contents, by name: no secret is among it. It serves to say what
    /// changed, and is compared for nothing else.
    pub details: Details,
}

/// Part → name → text.
pub type Details = BTreeMap<BindingPart, BTreeMap<String, String>>;

/// The name, among the details of [`BindingPart::Grants`], of how far the programs that a call may run
/// would be isolated: words such as `landlock-7 no-network`, or `none`.
pub const ISOLATION: &str = "process.isolation";

/// The name, among the details of [`BindingPart::Policy`], of the answer that policies came to. The other
/// names are those of the policies that determined it, each with why it wants a person.
pub const ANSWER: &str = "";

/// One thing that an approval is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BindingPart {
    /// The component's bytes.
    Component,
    /// The tool's name.
    Tool,
    /// The canonical arguments.
    Arguments,
    /// What the person saw.
    Preview,
    /// The role's text.
    Role,
    /// The entry's resolved configuration.
    Configuration,
    /// What the entry is granted.
    Grants,
    /// What policies said, and which ones; absent where there are none.
    Policy,
}

impl BindingPart {
    /// The words for a person.
    pub const fn as_str(self) -> &'static str {
        match self {
            BindingPart::Component => "component",
            BindingPart::Tool => "tool",
            BindingPart::Arguments => "arguments",
            BindingPart::Preview => "preview",
            BindingPart::Role => "role",
            BindingPart::Configuration => "configuration",
            BindingPart::Grants => "grants",
            BindingPart::Policy => "policy",
        }
    }
}

impl Binding {
    /// How far the programs that the call may run would be isolated; `None`: it may run none.
    pub fn isolation(&self) -> Option<&str> {
        self.details.get(&BindingPart::Grants)?.get(ISOLATION).map(String::as_str)
    }

    /// Why policies want a person asked, each in its author's words; empty where they do not.
    pub fn policy_reasons(&self) -> Vec<&str> {
        let Some(details) = self.details.get(&BindingPart::Policy) else { return Vec::new() };
        if details.get(ANSWER).is_none_or(|answer| answer != Effect::Ask.as_str()) {
            return Vec::new();
        }
        let others = details.iter().filter(|(name, _)| *name != ANSWER);
        others
            .map(|(_, text)| text.as_str())
            .filter(|text| *text != Effect::Allow.as_str())
            .collect()
    }

    /// The parts that differ between what was approved and what stands now.
    pub fn changed(&self, now: &Binding) -> Vec<BindingPart> {
        let mut parts: Vec<BindingPart> = self
            .parts
            .iter()
            .filter(|(part, digest)| now.parts.get(part) != Some(digest))
            .map(|(part, _)| *part)
            .collect();
        parts.extend(now.parts.keys().filter(|part| !self.parts.contains_key(part)));
        parts
    }

    /// Whether an approval of `self` is for what stands `now`.
    pub fn fits(&self, now: &Binding) -> bool {
        self.parts == now.parts
    }

    /// The names among a part's details whose texts differ, each with the old text and the new.
    pub fn details_changed<'b>(
        &'b self,
        now: &'b Binding,
        part: BindingPart,
    ) -> Vec<(&'b str, Option<&'b str>, Option<&'b str>)> {
        let details = [self.details.get(&part), now.details.get(&part)];
        let names: BTreeSet<&str> = details
            .into_iter()
            .flatten()
            .flat_map(|told| told.keys().map(String::as_str))
            .collect();
        names
            .into_iter()
            .map(|name| {
                let [old, new] = details.map(|told| told?.get(name).map(String::as_str));
                (name, old, new)
            })
            .filter(|(_, old, new)| old != new)
            .collect()
    }

    /// One digest over all parts: equal exactly when nothing differs.
    pub fn digest(&self) -> Digest {
        let mut text = String::new();
        for (part, digest) in &self.parts {
            text.push_str(part.as_str());
            text.push('\n');
            text.push_str(digest);
            text.push('\n');
        }
        Digest::of(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding(parts: &[(BindingPart, &str)]) -> Binding {
        let parts = parts.iter().map(|(p, d)| (*p, (*d).to_owned())).collect();
        Binding { parts, details: Details::new() }
    }

    #[test]
    fn a_binding_names_what_differs() {
        let old = binding(&[(BindingPart::Tool, "a"), (BindingPart::Preview, "b")]);
        let new = binding(&[
            (BindingPart::Tool, "a"),
            (BindingPart::Preview, "c"),
            (BindingPart::Role, "r"),
        ]);
        assert_eq!(old.changed(&old), vec![]);
        assert_eq!(old.changed(&new), vec![BindingPart::Preview, BindingPart::Role]);
        assert_eq!(new.changed(&old), vec![BindingPart::Preview, BindingPart::Role]);
        assert_ne!(old.digest(), new.digest());
        assert!(old.fits(&old) && !old.fits(&new));
    }

    #[test]
    fn what_may_be_told_is_compared_by_name() {
        let told = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(n, t)| ((*n).to_owned(), (*t).to_owned())).collect();
            Binding { parts: BTreeMap::new(), details: [(BindingPart::Grants, pairs)].into() }
        };
        let (old, new) = (told(&[("a", "1"), ("b", "2")]), told(&[("a", "1"), ("c", "3")]));
        assert_eq!(
            old.details_changed(&new, BindingPart::Grants),
            [("b", Some("2"), None), ("c", None, Some("3"))]
        );
        assert_eq!(old.details_changed(&new, BindingPart::Role), []);
        assert!(old.fits(&new), "only digests decide");
    }
}
