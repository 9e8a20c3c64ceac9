//! YAML as a tree whose every node knows where it stands.
//!
//! Roles and scripts are untrusted text, so this reads less than YAML allows. Anchors, aliases, merge
//! keys, tags outside the core schema and second documents are refused by name; size, depth and the
//! number of nodes are limited. Nothing here recurses: the depth of the tree is bounded while it is
//! built.

mod build;
mod fill;
mod interpolate;
mod problem;
mod refuse;
mod scalar;
mod source;

use build::Builder;
pub(crate) use interpolate::is_variable_name;
pub use problem::Problem;
pub(crate) use problem::{Problems, listed, shown};
pub(crate) use scalar::Typed;
use serde_json::Value;
pub(crate) use source::Source;

/// A thousand screens; reading a text this long takes a fraction of a second.
const MAX_BYTES: usize = 1024 * 1024;
/// Ten times what a role with a nested configuration takes, and few enough to recurse over.
const MAX_DEPTH: usize = 64;
/// More than any configuration, few enough that the tree stays small.
const MAX_NODES: usize = 50_000;
/// How long the text may become by its variables.
const MAX_FILLED: usize = 4 * MAX_BYTES;

/// Where something stands in a text; both count from 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// What a text is, for the messages about it.
pub(crate) struct Kind {
    /// `role` or `script`.
    pub(crate) noun: &'static str,
    /// What to write into an empty file.
    pub(crate) begin: &'static str,
}

/// The value of a variable.
pub(crate) type Lookup<'l> = dyn Fn(&str) -> Option<String> + 'l;

/// One value of the text.
#[derive(Debug)]
pub(crate) struct Node {
    /// Where it begins.
    pub(crate) position: Position,
    /// What it is.
    pub(crate) value: NodeValue,
}

impl Node {
    /// The value as JSON. It recurses as deep as the reader let the tree become.
    pub(crate) fn to_json(&self) -> Value {
        match &self.value {
            NodeValue::Sequence(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            NodeValue::Mapping(pairs) => Value::Object(
                pairs.iter().map(|(key, node)| (key.text.clone(), node.to_json())).collect(),
            ),
            // There is a problem then, and the text is not used.
            NodeValue::Broken => Value::Null,
            NodeValue::Scalar(scalar) => scalar.to_json(),
        }
    }
}

/// What a node is.
#[derive(Debug)]
pub(crate) enum NodeValue {
    /// A single value.
    Scalar(Scalar),
    /// A list.
    Sequence(Vec<Node>),
    /// Keys and values, in the order written, no key twice.
    Mapping(Vec<(Key, Node)>),
    /// Something that a problem was noted for. Whoever meets it stays silent, so that one mistake
    /// makes one problem.
    Broken,
}

/// A key of a mapping.
#[derive(Debug)]
pub(crate) struct Key {
    /// Its text; variables are not filled in.
    pub(crate) text: String,
    /// Where it stands.
    pub(crate) position: Position,
}

/// A single value.
#[derive(Debug)]
pub(crate) struct Scalar {
    /// Its text, variables filled in.
    pub(crate) text: String,
    /// What kind of value the text is.
    pub(crate) typed: Typed,
    /// The text before variables were filled in, where it has any. Messages show this one.
    with_variables: Option<String>,
}

impl Scalar {
    /// A value without variables.
    pub(crate) fn plain(text: String, typed: Typed) -> Self {
        Self { text, typed, with_variables: None }
    }

    /// What the author wrote: the only form that may be shown.
    pub(crate) fn written(&self) -> &str {
        self.with_variables.as_deref().unwrap_or(&self.text)
    }

    /// The text, if this is one. A variable's value always is: that it looks like a number is chance.
    pub(crate) fn as_text(&self) -> Option<&str> {
        (self.typed == Typed::Text || self.with_variables.is_some()).then_some(&self.text)
    }

    /// The value as JSON.
    pub(crate) fn to_json(&self) -> Value {
        match self.typed {
            Typed::Null => Value::Null,
            Typed::Bool(flag) => flag.into(),
            Typed::Integer(number) => number.into(),
            Typed::Float(number) => number.into(),
            Typed::Text => self.text.as_str().into(),
        }
    }

    /// Whether any of its text came from a variable.
    pub(crate) fn has_variables(&self) -> bool {
        self.with_variables.is_some()
    }
}

/// Reads the one document of a text. `None`: a problem was noted that leaves no tree to look at.
///
/// `lookup` gives the variables; without it, `${` means nothing here.
pub(crate) fn read(
    text: &str,
    kind: &Kind,
    lookup: Option<&Lookup<'_>>,
    problems: &mut Problems,
) -> Option<Node> {
    let start = Position { line: 1, column: 1 };
    if text.len() > MAX_BYTES {
        let (noun, length) = (kind.noun, text.len());
        let message = format!("the file has {length} bytes; a {noun} may have {MAX_BYTES}");
        problems.add(start, message, format!("move long texts out of the {noun}"));
        return None;
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let source = Source::new(text);
    if let Some((byte, character)) = text.char_indices().find(|(_, c)| is_unprintable(*c)) {
        let code = u32::from(character);
        problems.add(
            source.position_of(byte),
            format!("the file holds the control character U+{code:04X}"),
            "remove it, or save the file as UTF-8 text",
        );
        return None;
    }
    let root = Builder::new(source, kind, lookup, problems).build(text);
    let empty = match &root {
        Some(Node { value: NodeValue::Scalar(scalar), .. }) => scalar.written().is_empty(),
        Some(_) => false,
        None => problems.is_empty(),
    };
    if empty {
        problems.add(start, "the file is empty", kind.begin);
        return None;
    }
    root
}

/// What YAML forbids in a text, plain or quoted.
pub(crate) fn is_unprintable(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' | '\u{85}' => false,
        '\u{fffe}' | '\u{ffff}' => true,
        _ => character.is_control(),
    }
}
