//! One block of an answer: it begins with its fields, and pieces are appended to some of them.

use super::super::exchange::Problem;
use super::super::fields::{Fields, raw_string};
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};

/// The fields that are sent in pieces.
const TEXTS: [&str; 3] = ["text", "thinking", "signature"];

/// A block, as far as it came.
#[derive(Debug)]
pub(super) struct Block {
    /// As it began.
    raw: Box<RawValue>,
    fields: Fields,
    kind: String,
    /// The pieces of each of [`TEXTS`].
    texts: [String; 3],
    /// The pieces of a call's arguments: their exact text.
    input: String,
    /// Whether its end came.
    pub(super) ended: bool,
}

/// One piece of a block.
#[derive(Deserialize)]
pub(super) struct Piece {
    text: Option<String>,
    thinking: Option<String>,
    signature: Option<String>,
    partial_json: Option<String>,
}

impl Block {
    /// A block as it begins, or whole.
    pub(super) fn of(raw: Box<RawValue>) -> serde_json::Result<Self> {
        let fields: Fields = serde_json::from_str(raw.get())?;
        let kind = fields.text("type").unwrap_or_default();
        let texts = TEXTS.map(|name| fields.text(name).unwrap_or_default());
        Ok(Self { raw, fields, kind, texts, input: String::new(), ended: false })
    }

    /// Appends a piece; gives the text in it that people read.
    pub(super) fn append<'p>(&mut self, piece: &'p Piece) -> Option<&'p str> {
        let Piece { text, thinking, signature, partial_json } = piece;
        for (whole, piece) in self.texts.iter_mut().zip([text, thinking, signature]) {
            whole.push_str(piece.as_deref().unwrap_or_default());
        }
        self.input.push_str(partial_json.as_deref().unwrap_or_default());
        text.as_deref()
    }

    /// The text that people read; thinking is none.
    pub(super) fn text(&self) -> &str {
        if self.kind == "text" { &self.texts[0] } else { "" }
    }

    pub(super) fn is_call(&self) -> bool {
        self.kind == "tool_use"
    }

    pub(super) fn id(&self) -> Option<String> {
        self.fields.text("id").filter(|id| !id.is_empty())
    }

    /// The tool of a call.
    pub(super) fn tool(&self) -> Result<String, Problem> {
        let name = self.fields.text("name").filter(|name| !name.is_empty());
        name.ok_or(Problem::Faulty("it calls a tool without naming it"))
    }

    /// The exact text of a call's arguments.
    pub(super) fn arguments(&self) -> String {
        if !self.input.trim().is_empty() {
            return self.input.clone();
        }
        self.fields.get("input").map(|input| input.get().to_owned()).unwrap_or_default()
    }

    /// The block as it is sent back: in its own text if it came whole. `None`: its arguments are no
    /// JSON, which no request can hold.
    pub(super) fn into_raw(mut self) -> Option<Box<RawValue>> {
        let mut changed = false;
        for (name, text) in TEXTS.iter().zip(&self.texts) {
            if self.fields.text(name).unwrap_or_default() != *text {
                self.fields.set(name, raw_string(text));
                changed = true;
            }
        }
        if !self.input.trim().is_empty() {
            self.fields.set("input", RawValue::from_string(self.input.trim().to_owned()).ok()?);
            changed = true;
        }
        if changed { to_raw_value(&self.fields).ok() } else { Some(self.raw) }
    }
}
