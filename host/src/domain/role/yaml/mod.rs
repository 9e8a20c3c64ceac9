//! YAML as a tree whose every node knows where it stands.
//!
//! A role is untrusted text, so this reads less than YAML allows. Anchors, aliases, merge keys, tags
//! outside the core schema and second documents are refused by name; size, depth and the number of
//! nodes are limited. Nothing here recurses: the depth of the tree is bounded while it is built.

mod build;
mod fill;
mod refuse;
mod scalar;
mod source;

use super::Position;
use super::problem::Problems;
use build::Builder;
pub(super) use scalar::Typed;
use source::Source;

/// A role of a thousand screens; reading one this long takes a fraction of a second.
const MAX_BYTES: usize = 1024 * 1024;
/// Ten times what a role with a nested configuration takes.
const MAX_DEPTH: usize = 64;
/// More than any configuration, few enough that the tree stays small.
const MAX_NODES: usize = 50_000;
/// How long the text may become by its variables.
const MAX_FILLED: usize = 4 * MAX_BYTES;

/// One value of the text.
#[derive(Debug)]
pub(super) struct Node {
    /// Where it begins.
    pub(super) position: Position,
    /// What it is.
    pub(super) value: NodeValue,
}

/// What a node is.
#[derive(Debug)]
pub(super) enum NodeValue {
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
pub(super) struct Key {
    /// Its text; variables are not filled in.
    pub(super) text: String,
    /// Where it stands.
    pub(super) position: Position,
}

/// A single value.
#[derive(Debug)]
pub(super) struct Scalar {
    /// Its text, variables filled in.
    pub(super) text: String,
    /// What kind of value the text is.
    pub(super) typed: Typed,
    /// The text before variables were filled in, where it has any. Messages show this one.
    with_variables: Option<String>,
}

impl Scalar {
    /// What the author wrote: the only form that may be shown.
    pub(super) fn written(&self) -> &str {
        self.with_variables.as_deref().unwrap_or(&self.text)
    }

    /// The text, if this is one. A variable's value always is: that it looks like a number is chance.
    pub(super) fn as_text(&self) -> Option<&str> {
        (self.typed == Typed::Text || self.with_variables.is_some()).then_some(&self.text)
    }

    /// Whether any of its text came from a variable.
    pub(super) fn has_variables(&self) -> bool {
        self.with_variables.is_some()
    }
}

/// Reads the one document of a text. `None`: a problem was noted that leaves no tree to look at.
pub(super) fn read(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
    problems: &mut Problems,
) -> Option<Node> {
    let start = Position { line: 1, column: 1 };
    if text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes; a role may have {MAX_BYTES}", text.len());
        problems.add(start, message, "move long texts out of the role");
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
    let root = Builder::new(source, lookup, problems).build(text);
    let empty = match &root {
        Some(Node { value: NodeValue::Scalar(scalar), .. }) => scalar.written().is_empty(),
        Some(_) => false,
        None => problems.is_empty(),
    };
    if empty {
        let hint = "a role needs at least `name`, `prompt` and `model`";
        problems.add(start, "the file is empty", hint);
        return None;
    }
    root
}

/// What YAML forbids in a text, plain or quoted.
fn is_unprintable(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' | '\u{85}' => false,
        '\u{fffe}' | '\u{ffff}' => true,
        _ => character.is_control(),
    }
}
