//! Which component an entry means: `type: NAME`, `component: FILE`, or in short `NAME: {keys}`.

use super::field::Field;
use super::parse_entry::RESERVED;
use super::{EntrySource, Position};
use crate::domain::nearest::nearest;
use crate::domain::yaml::{Key, Node, NodeValue, Problems, shown};

/// An entry's component, as the entry names it.
pub(super) struct Component {
    pub(super) source: EntrySource,
    /// As it may be shown: variables are not filled in.
    pub(super) written: String,
    pub(super) position: Position,
}

impl Component {
    /// The entry's name where it gives none.
    pub(super) fn name(&self) -> String {
        match &self.source {
            EntrySource::Type(name) => name.clone(),
            EntrySource::Component(place) => stem(place),
        }
    }
}

/// The form of an entry: its component, and its keys. No component: a problem was noted.
pub(super) fn parse_source<'n>(
    item: &Field<'n>,
    problems: &mut Problems,
) -> (Option<Component>, &'n [(Key, Node)]) {
    let pairs = match &item.node.value {
        NodeValue::Mapping(pairs) => pairs.as_slice(),
        // A bare word is the short form without its colon.
        NodeValue::Scalar(scalar) if scalar.as_text().is_some() => {
            let source = item.filled(problems).map(|scalar| Component {
                source: EntrySource::Type(scalar.text.clone()),
                written: scalar.written().to_owned(),
                position: item.node.position,
            });
            return (source, &[]);
        }
        _ => {
            item.wrong("an entry", "write it as `- type: NAME`", problems);
            return (None, &[]);
        }
    };
    let get = |key: &str| pairs.iter().find(|(found, _)| found.text == key);
    match (get("type"), get("component")) {
        (Some(pair), None) => (named(pair, EntrySource::Type, problems), pairs),
        (None, Some(pair)) => (named(pair, EntrySource::Component, problems), pairs),
        (Some((one, _)), Some((other, _))) => {
            let later = if one.position.line > other.position.line { one } else { other };
            let (one, other) = (one.position.line, other.position.line);
            let message = format!(
                "the entry has both `type`, on line {one}, and `component`, on line {other}"
            );
            problems.add(later.position, message, "keep one of the two");
            (None, pairs)
        }
        (None, None) => match pairs {
            [(key, body)] if !RESERVED.contains(&key.text.as_str()) => short(key, body, problems),
            _ => {
                unnamed(item, pairs, problems);
                (None, pairs)
            }
        },
    }
}

/// `type: NAME` or `component: FILE`.
fn named(
    (key, node): &(Key, Node),
    source: fn(String) -> EntrySource,
    problems: &mut Problems,
) -> Option<Component> {
    let field = Field::new(shown(&key.text), key.position, node);
    let scalar = field.filled(problems)?;
    let written = scalar.written().to_owned();
    Some(Component { source: source(scalar.text.clone()), written, position: node.position })
}

/// `NAME: {keys}`.
fn short<'n>(
    key: &'n Key,
    body: &'n Node,
    problems: &mut Problems,
) -> (Option<Component>, &'n [(Key, Node)]) {
    let field = Field::new(shown(&key.text), key.position, body);
    let pairs = match &body.value {
        NodeValue::Mapping(pairs) => pairs.as_slice(),
        _ if field.is_null() || field.is_broken() => &[],
        _ => {
            let message = format!("unknown key {}", shown(&key.text));
            if let Some(near) = nearest(&key.text, ["type", "component"]) {
                problems.add(key.position, message, format!("did you mean `{near}`?"));
            } else {
                let hint = "write `- type: NAME` with the keys beside `type`";
                field.wrong("a mapping of keys", hint, problems);
            }
            return (None, &[]);
        }
    };
    for (inner, _) in pairs {
        if matches!(inner.text.as_str(), "type" | "component") {
            let message = format!("`{}` has no place here", inner.text);
            let hint = format!("the component is {} already; remove this key", shown(&key.text));
            problems.add(inner.position, message, hint);
        }
    }
    let source = EntrySource::Type(key.text.clone());
    (Some(Component { source, written: key.text.clone(), position: key.position }), pairs)
}

/// Neither form: says which one was most likely meant.
fn unnamed(item: &Field<'_>, pairs: &[(Key, Node)], problems: &mut Problems) {
    let free = || pairs.iter().filter(|(key, _)| !RESERVED.contains(&key.text.as_str()));
    for (key, _) in free() {
        if let Some(near) = nearest(&key.text, ["type", "component"]) {
            let message = format!("unknown key {}", shown(&key.text));
            problems.add(key.position, message, format!("did you mean `{near}`?"));
            return;
        }
    }
    let is_empty = |node: &Node| Field::new(String::new(), node.position, node).is_null();
    let hint = match pairs.first() {
        Some((key, node)) if is_empty(node) && !RESERVED.contains(&key.text.as_str()) => {
            let name = shown(&format!("{}:", key.text));
            format!("indent the keys that belong below {name}")
        }
        _ => "add `type: NAME`, or `component: FILE` for a file of your own".to_owned(),
    };
    problems.add(item.node.position, "the entry has neither `type` nor `component`", hint);
}

/// How much of a digest names an entry: enough to tell a role's few components apart.
const DIGEST_SHOWN: usize = 12;

/// A name made of a component's place: the file's name without its folder and ending.
fn stem(place: &str) -> String {
    if let Some(digest) = place.strip_prefix("sha256:") {
        return format!("sha256-{}", digest.get(..DIGEST_SHOWN).unwrap_or(digest));
    }
    let file = place.trim_end_matches('/').rsplit(['/', '\\']).next().unwrap_or_default();
    // The version of an image, `name:1.0` or `name@sha256:…`.
    let file = if place.starts_with("oci://") {
        file.split([':', '@']).next().unwrap_or_default()
    } else {
        file
    };
    let stem = match file.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => file,
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let name: String = stem
        .chars()
        .take(64)
        .flat_map(char::to_lowercase)
        .map(|c| if fits(c) { c } else { '-' })
        .collect();
    name.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::check::check_tools;
    use super::stem;
    use expect_test::expect;

    #[test]
    fn each_form_names_a_component() {
        check_tools(
            r#"  - type: shell
  - sql: {dsn: x}
  - http:
  - component: ./My Tool.wasm
  - files:
      name: other
      approval: required
  - bare
"#,
            expect![[r#"
                - shell Type("shell") at 5:5, source at 5:11
                - sql Type("sql") at 6:5, source at 6:5
                  config dsn = "x" at 6:11
                - http Type("http") at 7:5, source at 7:5
                - my-tool Component("./My Tool.wasm") at 8:5, source at 8:16
                - other Type("files") at 9:5, source at 9:5
                  approval {"mode":"required"}
                - bare Type("bare") at 12:5, source at 12:5"#]],
        );
    }

    #[test]
    fn an_entry_without_a_component_is_told_apart() {
        check_tools(
            r#"  - tpye: shell
  - shell:
    working_dir: .
  - name: x
  - {}
  - approval: required
    tpye: shell
  - []
  - 5
  -
  - working_dir: .
    timeout: 5
"#,
            expect![[r#"
            r:5:5: unknown key `tpye`
              hint: did you mean `type`?
            r:6:5: the entry has neither `type` nor `component`
              hint: indent the keys that belong below `shell:`
            r:8:5: the entry has neither `type` nor `component`
              hint: add `type: NAME`, or `component: FILE` for a file of your own
            r:9:5: the entry has neither `type` nor `component`
              hint: add `type: NAME`, or `component: FILE` for a file of your own
            r:11:5: unknown key `tpye`
              hint: did you mean `type`?
            r:12:5: an item of `tools` must be an entry, not a list
              hint: write it as `- type: NAME`
            r:13:5: an item of `tools` must be an entry, not `5`
              hint: write it as `- type: NAME`
            r:14:4: an item of `tools` is empty; it must be an entry
              hint: write it as `- type: NAME`
            r:15:5: the entry has neither `type` nor `component`
              hint: add `type: NAME`, or `component: FILE` for a file of your own"#]],
        );
        check_tools(
            r#"  - type: a
    component: b
  - shell: {type: x}
  - shell: [a]
  - shell: text
  - type:
  - type: ""
  - component: 5
  - component: "..."
"#,
            expect![[r#"
                r:6:5: the entry has both `type`, on line 5, and `component`, on line 6
                  hint: keep one of the two
                r:7:13: `type` has no place here
                  hint: the component is `shell` already; remove this key
                r:8:12: `shell` must be a mapping of keys, not a list
                  hint: write `- type: NAME` with the keys beside `type`
                r:9:12: `shell` must be a mapping of keys, not `text`
                  hint: write `- type: NAME` with the keys beside `type`
                r:10:5: `type` is empty; it must be text
                  hint: write a text
                r:11:11: `type` has no text
                  hint: write one
                r:12:16: `component` must be text, not `5`
                  hint: put it in quotes: `"5"`
                r:13:16: `...` cannot name an entry
                  hint: give the entry a `name` of at most 64 letters, digits, `_` and `-`"#]],
        );
    }

    #[test]
    fn problems_beside_a_missing_component_are_reported_too() {
        check_tools(
            r#"  - aproval: required
    limits: 5
"#,
            expect![[r#"
                r:5:5: the entry has neither `type` nor `component`
                  hint: add `type: NAME`, or `component: FILE` for a file of your own
                r:5:5: unknown key `aproval`
                  hint: did you mean `approval`?
                r:6:13: `limits` must be a mapping of keys, not `5`
                  hint: it may have the keys `timeout_seconds`, `memory_mb`, `max_output_bytes`, `max_log_bytes`, `max_host_calls`, `max_host_call_bytes`, `max_handles`, `max_table_elements`, `max_tables`, `max_memories`, `max_instances`, `max_concurrent_calls`"#]],
        );
    }

    #[test]
    fn a_component_is_called_like_its_file() {
        for (place, name) in [
            ("./x.wasm", "x"),
            ("My Tool.v2.wasm", "my-tool-v2"),
            ("../a/b", "b"),
            ("a\\b.wasm", "b"),
            (".hidden", "hidden"),
            ("oci://ghcr.io/me/tool:1.0", "tool"),
            ("oci://ghcr.io/me/tool@sha256:abc", "tool"),
            ("sha256:0123456789abcdef0123", "sha256-0123456789ab"),
            ("dir/", "dir"),
            ("///", ""),
            ("…", ""),
        ] {
            assert_eq!(stem(place), name, "{place}");
        }
    }
}
