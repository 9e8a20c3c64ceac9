//! Keys of people and services that ask over HTTP: a name, what its holder may do, and of the key itself
//! the SHA-256 digest alone, which nobody can turn back.
//!
//! ```toml
//! [[key]]
//! name = "ci"
//! roles = ["caller"]
//! sha256 = "0c1e…"
//! ```

use super::config::read_toml::read_toml;
use super::digest::Digest;
use super::role::{Field, Keys, Problem};
use super::yaml::Problems;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// What every key begins with: scanners for leaked keys find it.
const PREFIX: &str = "irk_";

/// What a key's holder may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyRole {
    /// Run roles, and see and cancel the runs that it started.
    Caller,
    /// See what waits, and decide.
    Reviewer,
    /// See and cancel everybody's runs.
    Admin,
}

impl KeyRole {
    /// The words, as a file has them.
    pub const WORDS: [(&'static str, KeyRole); 3] =
        [("caller", Self::Caller), ("reviewer", Self::Reviewer), ("admin", Self::Admin)];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Reviewer => "reviewer",
            Self::Admin => "admin",
        }
    }

    /// The role of this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(known, _)| *known == word).map(|(_, role)| *role)
    }
}

/// One key, as a file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// What its holder is called: `key:NAME` to rules and policies.
    pub name: String,
    /// What its holder may do.
    pub roles: BTreeSet<KeyRole>,
    /// Of what its holder sends.
    pub digest: Digest,
}

/// What a key may be called.
pub const NAME_RULE: &str = "1 to 64 of `a-z`, `0-9`, `.`, `_` and `-`";

/// Whether a key may be called so. The name is a part of `key:NAME`, which roles and policies compare.
pub fn is_key_name(name: &str) -> bool {
    let fits = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-');
    (1..=64).contains(&name.len()) && name.chars().all(fits)
}

impl ApiKey {
    /// A key made of randomness, and what its holder sends: it is kept nowhere.
    pub fn generate(name: &str, roles: BTreeSet<KeyRole>, random: [u8; 32]) -> (Self, String) {
        let secret = format!("{PREFIX}{}", data_encoding::BASE64URL_NOPAD.encode(&random));
        let digest = Digest::of(secret.as_bytes());
        (Self { name: name.to_owned(), roles, digest }, secret)
    }

    /// The lines that a file has of it.
    pub fn to_toml(&self) -> String {
        let words: Vec<String> =
            self.roles.iter().map(|role| format!("\"{}\"", role.as_str())).collect();
        let mut text = String::new();
        let _ = writeln!(text, "[[key]]\nname = \"{}\"", self.name);
        let _ = writeln!(text, "roles = [{}]", words.join(", "));
        let _ = writeln!(text, "sha256 = \"{}\"", self.digest.hex());
        text
    }
}

/// Reads a file of keys.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_api_keys(text: &str) -> Result<Vec<ApiKey>, Vec<Problem>> {
    let mut problems = Problems::default();
    let mut keys: Vec<ApiKey> = Vec::new();
    if let Some(root) = read_toml(text, &mut problems) {
        let root = Field::new("the file of keys".into(), root.position, &root);
        let found = Keys::of(&root, &["key"], &mut problems);
        let hint = "write `[[key]]` on a line of its own";
        let items = found.get("key").map(|field| field.items(hint, &mut problems));
        for item in items.into_iter().flatten() {
            let Some(key) = parse_one(&item, &mut problems) else { continue };
            if keys.iter().any(|other| other.name == key.name) {
                let message = format!("two keys are called `{}`", key.name);
                problems.add(item.node.position, message, "give one of them another name");
            }
            keys.push(key);
        }
    }
    if problems.is_empty() { Ok(keys) } else { Err(problems.into_sorted()) }
}

fn parse_one(item: &Field<'_>, problems: &mut Problems) -> Option<ApiKey> {
    let keys = Keys::of(item, &["name", "roles", "sha256"], problems);
    let name = keys.require("name", "add a line such as `name = \"ci\"`", problems);
    let name = name.and_then(|field| {
        let name = field.filled(problems)?.text.clone();
        if is_key_name(&name) {
            return Some(name);
        }
        problems.add(field.node.position, "this is no name for a key", format!("use {NAME_RULE}"));
        None
    });
    let hint = "add a line such as `roles = [\"caller\"]`";
    let roles = keys.require("roles", hint, problems).map(|field| {
        let words = field.items(hint, problems);
        words.iter().filter_map(|word| word.word(&KeyRole::WORDS, problems)).collect()
    });
    let hint = "make the key with `initrunner key NAME`, which prints this line";
    let digest = keys.require("sha256", hint, problems).and_then(|field| {
        let digest = Digest::parse(&field.filled(problems)?.text);
        if digest.is_none() {
            problems.add(field.node.position, "this is no SHA-256 digest", hint);
        }
        digest
    });
    Some(ApiKey { name: name?, roles: roles?, digest: digest? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::role::RoleErrors;
    use expect_test::{Expect, expect};

    fn check(text: &str, expected: Expect) {
        let said = match parse_api_keys(text) {
            Ok(keys) => keys.iter().map(|key| format!("{} {:?}\n", key.name, key.roles)).collect(),
            Err(problems) => RoleErrors { problems }.render("k"),
        };
        expected.assert_eq(&said);
    }

    #[test]
    fn what_is_written_is_read() {
        let roles = BTreeSet::from([KeyRole::Reviewer, KeyRole::Caller]);
        let (key, secret) = ApiKey::generate("ci", roles, [7; 32]);
        assert_eq!(secret, "irk_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc");
        assert_eq!(key.digest, Digest::of(secret.as_bytes()));
        assert_eq!(parse_api_keys(&key.to_toml()), Ok(vec![key.clone()]));
        assert!(!key.to_toml().contains(&secret));
        check(
            &key.to_toml(),
            expect![[r#"
            ci {Caller, Reviewer}
        "#]],
        );
        check("", expect![]);
    }

    #[test]
    fn what_is_wrong_is_told_where() {
        check(
            "[[key]]\nname = \"C I\"\nroles = [\"caller\", \"boss\"]\nsha256 = \"12\"\n[[key]]\nnmae = 1\n",
            expect![[r#"
                k:2:8: this is no name for a key
                  hint: use 1 to 64 of `a-z`, `0-9`, `.`, `_` and `-`
                k:3:20: an item of `roles` must be one of `caller`, `reviewer`, `admin`, not `boss`
                  hint: write one of `caller`, `reviewer`, `admin`
                k:4:10: this is no SHA-256 digest
                  hint: make the key with `initrunner key NAME`, which prints this line
                k:5:1: the key `roles` is missing
                  hint: add a line such as `roles = ["caller"]`
                k:5:1: the key `sha256` is missing
                  hint: make the key with `initrunner key NAME`, which prints this line
                k:6:1: unknown key `nmae`
                  hint: did you mean `name`?"#]],
        );
        let one = ApiKey::generate("ci", BTreeSet::new(), [7; 32]).0.to_toml();
        check(
            &format!("{one}{one}"),
            expect![[r#"
            k:5:1: two keys are called `ci`
              hint: give one of them another name"#]],
        );
        check(
            "keys = []",
            expect![[r#"
            k:1:1: unknown key `keys`
              hint: did you mean `key`?"#]],
        );
        check(
            "[[key]",
            expect![[r#"
            k:1:7: this is not valid TOML: unclosed array table, expected `]`
              hint: write `[NAME]` or `[[NAME]]` on a line of its own, and lines `key = value` below it"#]],
        );
    }
}
