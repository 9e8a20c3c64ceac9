//! What a person reads of a call before deciding about it: lines, each with what it is.
//!
//! A component or a model chose the text, so nothing of it is taken at its word: every invisible character
//! is written out, no line of it is wider than the place it is shown in, what is left out is left out
//! behind what a person has to see, and how much that is stands in its place. Terminals, HTTP and chats
//! show what is made here, and add colours and marks of their own.

mod bound;
mod clip;
mod read;
mod wrap;

pub use bound::bounded;
pub use clip::{Clipped, clip};
pub use read::{is_in_lines, one_line, read};
pub use wrap::wrap;

use super::approval::Preview;

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text, or the arguments where the tool says nothing of its own.
    Plain,
    /// A command line.
    Command,
    /// SQL, and the values beside it.
    Sql,
    /// What a file will have.
    Added,
    /// What a file will no longer have.
    Removed,
    /// What stays, around a change.
    Context,
    /// What a part of a diff is about.
    Heading,
    /// The method and the URL of a request.
    Request,
    /// A header of a request.
    Header,
    /// The body of a request.
    Body,
    /// Ours: how much is left out in this place.
    Left,
}

/// A line. It holds no control character and nothing invisible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it is.
    pub kind: Kind,
    /// Its text.
    pub text: String,
    /// Whether it is the rest of the line before it, which was too wide.
    pub continues: bool,
}

impl Line {
    fn new(kind: Kind, text: String) -> Self {
        Self { kind, text, continues: false }
    }
}

/// All of it as one text, a line after the other.
pub fn text(preview: Option<&Preview>, arguments: &str) -> String {
    let lines: Vec<String> = read(preview, arguments).into_iter().map(|line| line.text).collect();
    lines.join("\n")
}

#[cfg(test)]
pub(crate) mod sample {
    //! Previews that somebody made up to deceive, for the properties of this folder.

    use super::super::approval::{Preview, PreviewFormat};
    use proptest::prelude::*;

    /// Any format, with text in which what deceives is as frequent as letters.
    pub(crate) fn preview() -> impl Strategy<Value = Option<Preview>> {
        let format = prop_oneof![
            Just(PreviewFormat::Plain),
            Just(PreviewFormat::Command),
            Just(PreviewFormat::Sql),
            Just(PreviewFormat::Diff),
            Just(PreviewFormat::Http),
        ];
        let part = prop_oneof![
            "[ -~]{0,30}",
            "\\PC{0,6}",
            any::<char>().prop_map(String::from),
            Just("\n".to_owned()),
            Just("\n\n\n".to_owned()),
            Just("\t".to_owned()),
            Just("\u{1b}[2J\u{202e}\u{200b}\r\u{9b}\u{7f}".to_owned()),
            Just("\n@@ -1,2 +3 @@\n-a\n+b\n".to_owned()),
            Just("-- statement:\n".to_owned()),
            Just("日本語 🙂 e\u{301}\u{302}".to_owned()),
            Just("x".repeat(500)),
        ];
        let text = prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat());
        prop::option::of((format, text).prop_map(|(format, text)| Preview { format, text }))
    }
}
