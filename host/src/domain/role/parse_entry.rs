//! Reads `tools:`, a list of entries.
//!
//! An entry is `type: NAME` or `component: FILE` with its keys beside it, or in short `NAME: {keys}`.
//! The host reserves some keys; the others are the component's configuration, which its own schema
//! judges later.

use super::field::Field;
use super::keys::Keys;
use super::parse_grants::{Place, parse_grants};
use super::parse_settings::{SETTINGS, parse_settings};
use super::parse_source::parse_source;
use super::{Entry, Position, ToolSettings};
use crate::domain::nearest::nearest;
use crate::domain::rule::RuleSpec;
use crate::domain::yaml::{Key, Node, NodeValue, Problems, shown};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The keys of an entry that the host reads; a component can have none of these.
pub const RESERVED: [&str; 9] = [
    "type",
    "name",
    "component",
    "approval",
    "retry_unknown",
    "permissions",
    "grants",
    "limits",
    "tools",
];

/// The keys whose misspelling would leave a call unguarded. A near miss of one is never taken for
/// configuration, even where a component would accept it.
const GUARDS: [&str; 3] = ["approval", "permissions", "tools"];

/// Reads the entries. A key without a value means none.
pub(super) fn parse_entries(field: &Field<'_>, problems: &mut Problems) -> Vec<Entry> {
    if field.is_null() {
        return Vec::new();
    }
    let mut entries = Vec::new();
    // Name → the line it was first given on.
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    for item in field.items("begin each entry with `- `, such as `- type: shell`", problems) {
        let Some((entry, written)) = parse_entry(&item, problems) else { continue };
        let line = entry.position.line;
        if let Some(first) = taken.get(&entry.name) {
            problems.add(
                entry.position,
                format!(
                    "the entries on lines {first} and {line} are both named {}",
                    shown(&written)
                ),
                "give one of them another `name`",
            );
        } else {
            taken.insert(entry.name.clone(), line);
        }
        entries.push(entry);
    }
    entries
}

/// Reads one entry. Beside it, its name as it may be shown. Every part is read, whatever is wrong with
/// the ones before.
fn parse_entry(item: &Field<'_>, problems: &mut Problems) -> Option<(Entry, String)> {
    let (source, pairs) = parse_source(item, problems);
    let get = |key: &'static str| {
        let (found, node) = pairs.iter().find(|(found, _)| found.text == key)?;
        Some(Field::new(format!("`{key}`"), found.position, node))
    };
    let settings = parse_settings(get, problems);
    let grants = get("grants").map(|field| parse_grants(&field, Place::Role, problems));
    let grants = grants.unwrap_or_default();
    let tools = get("tools").map(|field| parse_tools(&field, problems)).unwrap_or_default();
    let config = parse_config(pairs, problems);
    let named = get("name").map(|field| {
        let scalar = field.text(problems)?;
        Some((scalar.text.clone(), scalar.written().to_owned(), field.node.position))
    });
    let source = source?;
    let (name, written, position) = match named {
        Some(named) => named?,
        None => (source.name(), source.written, source.position),
    };
    if !is_entry_name(&name) {
        let message = format!("{} cannot name an entry", shown(&written));
        let hint = "give the entry a `name` of at most 64 letters, digits, `_` and `-`";
        problems.add(position, message, hint);
        return None;
    }
    let entry = Entry {
        name,
        source: source.source,
        source_position: source.position,
        settings,
        tools: tools.0,
        tools_positions: tools.1,
        inherited: RuleSpec::default(),
        grants,
        config: config.0,
        config_positions: config.1,
        position: item.node.position,
    };
    Some((entry, written))
}

/// What the model and people call an entry by: part of the names of tools, which providers limit to
/// these characters.
fn is_entry_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// `tools: {NAME: {approval, retry_unknown, permissions, limits}}`.
fn parse_tools(
    field: &Field<'_>,
    problems: &mut Problems,
) -> (BTreeMap<String, ToolSettings>, BTreeMap<String, Position>) {
    let NodeValue::Mapping(pairs) = &field.node.value else {
        let hint = "write each tool's name with its keys below, such as `approval: required`";
        field.wrong("a mapping of tools", hint, problems);
        return Default::default();
    };
    let (mut tools, mut positions) = (BTreeMap::new(), BTreeMap::new());
    for (key, node) in pairs {
        let field = Field::new(shown(&key.text), key.position, node);
        let keys = Keys::of(&field, &SETTINGS, problems);
        tools.insert(key.text.clone(), parse_settings(|key| keys.get(key), problems));
        positions.insert(key.text.clone(), key.position);
    }
    (tools, positions)
}

/// Everything that the host does not reserve.
fn parse_config(
    pairs: &[(Key, Node)],
    problems: &mut Problems,
) -> (Map<String, Value>, BTreeMap<String, Position>) {
    let (mut config, mut positions) = (Map::new(), BTreeMap::new());
    for (key, node) in pairs {
        if RESERVED.contains(&key.text.as_str()) {
            continue;
        }
        // `tools` is short enough to have neighbours that mean something else; those hold no keys.
        let is_mapping = matches!(node.value, NodeValue::Mapping(_));
        if let Some(near) = nearest(&key.text, GUARDS)
            && (near != "tools" || is_mapping)
        {
            let message = format!("unknown key {}", shown(&key.text));
            problems.add(key.position, message, format!("did you mean `{near}`?"));
            continue;
        }
        config.insert(key.text.clone(), node.to_json());
        positions.insert(key.text.clone(), key.position);
    }
    (config, positions)
}

#[cfg(test)]
mod tests {
    use super::super::check::check_tools;
    use expect_test::expect;

    #[test]
    fn an_entry_holds_what_the_host_reads_and_the_configuration() {
        check_tools(
            r#"  - type: filesystem
    name: files
    root: ./data
    approval: auto
    permissions: {default: deny, allow: ["path=src/*"], deny: ["*.env"]}
    limits: {timeout_seconds: 5, memory_mb: 64, max_output_bytes: 1000}
    grants: {process: [{program: git}, {script: true}]}
    tools:
      write:
        approval: required
        permissions: {deny: ["path=/etc/*"]}
        limits: {timeout_seconds: 1}
      read: {}
    nested: {a: [1, 2.5, null, yes, true, 0x10, "5"], "b c": ~}
"#,
            expect![[r#"
                - files Type("filesystem") at 5:5, source at 5:11
                  default Deny allow ["path=src/*"] deny ["*.env"]
                  limits timeout_seconds=5 memory_mb=64 max_output_bytes=1000
                  read at 17:7
                  write at 13:7
                    approval {"mode":"required"}
                    default Allow allow [] deny ["path=/etc/*"]
                    limits timeout_seconds=1
                  [Program { name: "git", arguments: None, network: false }, Script { network: false }]
                  config root = "./data" at 7:5
                  config nested = {"a":[1,2.5,null,"yes",true,16,"5"],"b c":null} at 18:5"#]],
        );
    }

    #[test]
    fn configuration_takes_variables() {
        check_tools(
            r#"  - type: sql
    a: ${NUMBER}
    b: "${NUMBER}"
    c: ${NUMBER}s
    d: ${YES}
    e: ${EMPTY}
    f: ${YAML}
    g: ["$${WORD}", $]
    ${WORD}: key
"#,
            expect![[r#"
                - sql Type("sql") at 5:5, source at 5:11
                  config a = 5 at 6:5
                  config b = "5" at 7:5
                  config c = "5s" at 8:5
                  config d = true at 9:5
                  config e = null at 10:5
                  config f = "[a, {b: c}]\n---\n" at 11:5
                  config g = ["${WORD}","$"] at 12:5
                  config ${WORD} = "key" at 13:5"#]],
        );
    }

    #[test]
    fn names_are_unique() {
        check_tools(
            r#"  - type: shell
  - type: sql
  - shell
  - type: sql
    name: shell
"#,
            expect![[r#"
            r:7:5: the entries on lines 5 and 7 are both named `shell`
              hint: give one of them another `name`
            r:8:5: the entries on lines 5 and 8 are both named `shell`
              hint: give one of them another `name`"#]],
        );
        check_tools(
            r#"  - type: ${SECRET}
  - type: x
    name: ${SECRET}
"#,
            expect![[r#"
            r:5:11: `${SECRET}` cannot name an entry
              hint: give the entry a `name` of at most 64 letters, digits, `_` and `-`
            r:7:11: `${SECRET}` cannot name an entry
              hint: give the entry a `name` of at most 64 letters, digits, `_` and `-`"#]],
        );
        check_tools(
            r#"  - type: x
    name: ${WORD}
  - type: word
"#,
            expect![[r#"
            r:7:5: the entries on lines 5 and 7 are both named `word`
              hint: give one of them another `name`"#]],
        );
        check_tools(
            r#"  - type: a.b
  - {type: a.b, name: ok}
  - {type: x, name: 5}
  - {type: x, name: }
"#,
            expect![[r#"
                r:5:11: `a.b` cannot name an entry
                  hint: give the entry a `name` of at most 64 letters, digits, `_` and `-`
                r:7:21: `name` must be text, not `5`
                  hint: put it in quotes: `"5"`
                r:8:15: `name` is empty; it must be text
                  hint: write a text"#]],
        );
    }

    #[test]
    fn guards_are_not_misspelled() {
        check_tools(
            r#"  - type: shell
    aproval: required
    permission: {default: deny}
    Approval: required
    limit: 10
    tool: {write: {approval: required}}
    pools: 5
"#,
            expect![[r#"
                r:6:5: unknown key `aproval`
                  hint: did you mean `approval`?
                r:7:5: unknown key `permission`
                  hint: did you mean `permissions`?
                r:8:5: unknown key `Approval`
                  hint: did you mean `approval`?
                r:10:5: unknown key `tool`
                  hint: did you mean `tools`?"#]],
        );
    }

    #[test]
    fn a_tool_has_the_three_settings_only() {
        check_tools(
            r#"  - type: fs
    tools:
      write: {grants: {}, aproval: required}
      read: required
      other:
"#,
            expect![[r#"
                r:7:15: unknown key `grants`
                  hint: the keys here are `approval`, `permissions`, `limits`, `retry_unknown`
                r:7:27: unknown key `aproval`
                  hint: did you mean `approval`?
                r:8:13: `read` must be a mapping of keys, not `required`
                  hint: it may have the keys `approval`, `permissions`, `limits`, `retry_unknown`
                r:9:7: `other` is empty; it must be a mapping of keys
                  hint: it may have the keys `approval`, `permissions`, `limits`, `retry_unknown`"#]],
        );
        check_tools(
            r#"  - type: fs
    tools: [write]
"#,
            expect![[r#"
            r:6:12: `tools` must be a mapping of tools, not a list
              hint: write each tool's name with its keys below, such as `approval: required`"#]],
        );
    }
}
