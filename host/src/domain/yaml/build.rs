//! The tree, built from the YAML reader's events.

use super::problem::{Problems, shown};
use super::refuse::is_unknown_alias;
use super::source::{Source, position};
use super::{Key, Kind, Lookup, MAX_DEPTH, MAX_NODES, Node, NodeValue, Position, Typed};
use saphyr_parser::{Event, Parser, Span};
use std::collections::BTreeMap;

/// The text ends here for the reader; the problem has been noted.
pub(super) struct Stop;

/// A collection that is still open.
enum Frame {
    Sequence {
        position: Position,
        items: Vec<Node>,
    },
    Mapping {
        position: Position,
        pairs: Vec<(Key, Node)>,
        seen: BTreeMap<String, Position>,
        key: Slot,
    },
}

/// Which half of a pair comes next.
enum Slot {
    /// A key.
    Empty,
    /// The value of this key.
    Key(Key),
    /// A value that is dropped: a problem was noted for its key.
    Dropped,
}

pub(super) struct Builder<'t, 'p> {
    pub(super) source: Source<'t>,
    pub(super) kind: &'p Kind,
    pub(super) lookup: Option<&'p Lookup<'p>>,
    pub(super) problems: &'p mut Problems,
    frames: Vec<Frame>,
    root: Option<Node>,
    nodes: usize,
    pub(super) filled: usize,
}

impl<'t, 'p> Builder<'t, 'p> {
    pub(super) fn new(
        source: Source<'t>,
        kind: &'p Kind,
        lookup: Option<&'p Lookup<'p>>,
        problems: &'p mut Problems,
    ) -> Self {
        let frames = Vec::new();
        Self { source, kind, lookup, problems, frames, root: None, nodes: 0, filled: 0 }
    }

    /// The root of the text's first document, as far as it could be read to its end.
    pub(super) fn build(mut self, text: &str) -> Option<Node> {
        for event in Parser::new_from_str(text) {
            let done = match event {
                Ok((event, span)) => self.event(event, &span),
                // The parser has passed the alias when it says this, so reading goes on: a list of
                // globs like `*.txt` gets all its problems at once.
                Err(error) if is_unknown_alias(&error) => self.alias(error.marker()),
                Err(error) => self.scan_error(&error),
            };
            if let Err(Stop) = done {
                break;
            }
        }
        self.root
    }

    fn event(&mut self, event: Event<'_>, span: &Span) -> Result<(), Stop> {
        let position = position(&span.start);
        match event {
            Event::DocumentStart(_) if self.root.is_some() => {
                let noun = self.kind.noun;
                self.problems.add(
                    position,
                    "a second YAML document begins here",
                    format!(
                        "a {noun} is one document: remove the `---`, or give it a file of its own"
                    ),
                );
                return Err(Stop);
            }
            Event::Alias(_) => self.alias(&span.start)?,
            Event::Scalar(text, style, anchor, tag) => {
                self.enter(position)?;
                self.refuse_anchor(anchor, span);
                let value = if self.expects_key() {
                    self.scalar(text.into_owned(), None, style, tag.as_deref(), position)
                } else {
                    self.filled(text.into_owned(), style, tag.as_deref(), span)
                };
                self.place(Node { position, value });
            }
            Event::SequenceStart(anchor, tag) => {
                self.enter(position)?;
                self.refuse_anchor(anchor, span);
                self.refuse_tag(tag.as_deref(), "seq", position);
                self.frames.push(Frame::Sequence { position, items: Vec::new() });
            }
            Event::MappingStart(anchor, tag) => {
                self.enter(position)?;
                self.refuse_anchor(anchor, span);
                self.refuse_tag(tag.as_deref(), "map", position);
                let (pairs, seen, key) = (Vec::new(), BTreeMap::new(), Slot::Empty);
                self.frames.push(Frame::Mapping { position, pairs, seen, key });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let node = match self.frames.pop() {
                    Some(Frame::Sequence { position, items }) => {
                        Node { position, value: NodeValue::Sequence(items) }
                    }
                    Some(Frame::Mapping { position, pairs, .. }) => {
                        Node { position, value: NodeValue::Mapping(pairs) }
                    }
                    None => return Ok(()),
                };
                self.place(node);
            }
            _ => {}
        }
        Ok(())
    }

    /// Counts a node against the limits.
    pub(super) fn enter(&mut self, position: Position) -> Result<(), Stop> {
        self.nodes += 1;
        if self.problems.is_full() {
            return Err(Stop);
        }
        if self.nodes > MAX_NODES {
            self.problems.add(
                position,
                format!("the file holds more than {MAX_NODES} values"),
                format!("move long lists out of the {}", self.kind.noun),
            );
            return Err(Stop);
        }
        if self.frames.len() >= MAX_DEPTH {
            self.too_deep(position);
            return Err(Stop);
        }
        Ok(())
    }

    pub(super) fn too_deep(&mut self, position: Position) {
        self.problems.add(
            position,
            format!("lists and mappings are nested more than {MAX_DEPTH} deep"),
            "use fewer levels",
        );
    }

    fn expects_key(&self) -> bool {
        matches!(self.frames.last(), Some(Frame::Mapping { key: Slot::Empty, .. }))
    }

    /// Puts a finished node where it belongs.
    pub(super) fn place(&mut self, node: Node) {
        if self.expects_key() {
            let slot = self.key(node);
            if let Some(Frame::Mapping { key, .. }) = self.frames.last_mut() {
                *key = slot;
            }
            return;
        }
        match self.frames.last_mut() {
            None => self.root = Some(node),
            Some(Frame::Sequence { items, .. }) => items.push(node),
            Some(Frame::Mapping { pairs, key, .. }) => {
                if let Slot::Key(key) = std::mem::replace(key, Slot::Empty) {
                    pairs.push((key, node));
                }
            }
        }
    }

    /// A node in the place of a key.
    fn key(&mut self, node: Node) -> Slot {
        let position = node.position;
        let scalar = match node.value {
            NodeValue::Scalar(scalar) => scalar,
            NodeValue::Broken => return Slot::Dropped,
            NodeValue::Sequence(_) | NodeValue::Mapping(_) => {
                let hint = "put the key in quotes if it begins with `[` or `{`";
                self.problems.add(position, "a key must be a single word or text", hint);
                return Slot::Dropped;
            }
        };
        let text = scalar.text;
        if scalar.typed != Typed::Text {
            if text.is_empty() {
                self.problems.add(position, "a key is missing", "write one before the `:`");
            } else {
                let hint = format!("put it in quotes: {}", shown(&format!("\"{text}\"")));
                self.problems.add(position, format!("the key {} is not text", shown(&text)), hint);
            }
            return Slot::Dropped;
        }
        if text == "<<" {
            let hint = "write the keys out";
            self.problems.add(position, "merge keys (`<<`) are not supported", hint);
            return Slot::Dropped;
        }
        let Some(Frame::Mapping { seen, .. }) = self.frames.last_mut() else {
            return Slot::Dropped;
        };
        if let Some(first) = seen.get(&text) {
            let (line, again) = (first.line, position.line);
            let places = if line == again {
                format!("both times on line {line}")
            } else {
                format!("on line {line} and again on line {again}")
            };
            let message = format!("the key {} is given twice, {places}", shown(&text));
            self.problems.add(position, message, "keep one of the two");
            return Slot::Dropped;
        }
        seen.insert(text.clone(), position);
        Slot::Key(Key { text, position })
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::role::check::{check, check_tools, said};
    use expect_test::expect;

    #[test]
    fn keys_are_text_and_stand_once() {
        check(
            r#"name: x
prompt: p
name: y
model: openai:m
1: a
true: b
~: c
: d
[a, b]: e
{c: d}: f
<<: {g: h}
? complex
: value
"prompt": q
"#,
            expect![[r#"
                r:3:1: the key `name` is given twice, on line 1 and again on line 3
                  hint: keep one of the two
                r:5:1: the key `1` is not text
                  hint: put it in quotes: `"1"`
                r:6:1: the key `true` is not text
                  hint: put it in quotes: `"true"`
                r:7:1: the key `~` is not text
                  hint: put it in quotes: `"~"`
                r:8:1: a key is missing
                  hint: write one before the `:`
                r:9:1: a key must be a single word or text
                  hint: put the key in quotes if it begins with `[` or `{`
                r:10:1: a key must be a single word or text
                  hint: put the key in quotes if it begins with `[` or `{`
                r:11:1: merge keys (`<<`) are not supported
                  hint: write the keys out
                r:12:3: unknown key `complex`
                  hint: the keys here are `name`, `description`, `tags`, `author`, `team`, `version`, `prompt`, `role`, `model`, `secrets`, `approval`, `plugins`, `policy`, `tools`, `budgets`, `triggers`, `notify`, `daemon`
                r:14:1: the key `prompt` is given twice, on line 2 and again on line 14
                  hint: keep one of the two"#]],
        );
        check_tools(
            r#"  - type: a
    k: {l: {m: 1, m: 2}}
    type: b
"#,
            expect![[r#"
                r:6:19: the key `m` is given twice, both times on line 6
                  hint: keep one of the two
                r:7:5: the key `type` is given twice, on line 5 and again on line 7
                  hint: keep one of the two"#]],
        );
    }

    #[test]
    fn size_depth_and_number_are_limited() {
        let deep = |n: usize| format!("  - {{type: a, k: {}{}}}\n", "[".repeat(n), "]".repeat(n));
        check_tools(
            &deep(62),
            expect![[r#"
            r:5:79: lists and mappings are nested more than 64 deep
              hint: use fewer levels"#]],
        );
        check_tools(
            &deep(100_000),
            expect![[r#"
            r:5:272: lists and mappings are nested more than 64 deep
              hint: use fewer levels"#]],
        );
        check(
            &"- ".repeat(100_000),
            expect![[r#"
            r:1:129: lists and mappings are nested more than 64 deep
              hint: use fewer levels"#]],
        );
        check(
            &"- a\n".repeat(60_000),
            expect![[r#"
            r:50000:3: the file holds more than 50000 values
              hint: move long lists out of the role"#]],
        );
        check(
            &"# a\n".repeat(300_000),
            expect![[r#"
            r:1:1: the file has 1200000 bytes; a role may have 1048576
              hint: move long texts out of the role"#]],
        );
        check(
            "name: x\nprompt: a\u{0}b",
            expect![[r#"
            r:2:10: the file holds the control character U+0000
              hint: remove it, or save the file as UTF-8 text"#]],
        );
        check(
            "name: x\nprompt: ü\u{1b}[31m",
            expect![[r#"
            r:2:10: the file holds the control character U+001B
              hint: remove it, or save the file as UTF-8 text"#]],
        );
        assert_eq!(said(&"- *a\n".repeat(10_000)).lines().count(), 2 * 501);
        let nested = format!("name: {}{}", "[".repeat(63), "]".repeat(63));
        assert!(!said(&nested).contains("nested more than"));
    }
}
