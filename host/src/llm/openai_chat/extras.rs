//! What a provider sends besides text and calls, such as its reasoning: kept because some refuse a
//! history without it, and passed back to nobody else.

use super::super::fields::string;
use serde::Serialize;
use serde_json::value::RawValue;

/// The most fields. 64: providers send two or three, and each piece is looked up among them.
const MOST: usize = 64;

/// One such field, put together from its pieces.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Extra {
    /// Pieces of a text are joined.
    Text(String),
    /// Pieces of a list are appended.
    List(Vec<Box<RawValue>>),
    /// Of anything else the last piece counts.
    Other(Box<RawValue>),
}

/// The fields, in the order in which they first came.
#[derive(Debug, Default)]
pub(super) struct Extras(Vec<(String, Extra)>);

impl Extras {
    /// Adds a piece.
    pub(super) fn add(&mut self, name: String, piece: Box<RawValue>) {
        let piece = match piece.get().as_bytes().first() {
            Some(b'"') => string(&piece).map_or(Extra::Other(piece), Extra::Text),
            Some(b'[') => {
                serde_json::from_str(piece.get()).map_or(Extra::Other(piece), Extra::List)
            }
            _ if piece.get() == "null" => return,
            _ => Extra::Other(piece),
        };
        let Some((_, whole)) = self.0.iter_mut().find(|(known, _)| *known == name) else {
            if self.0.len() < MOST {
                self.0.push((name, piece));
            }
            return;
        };
        match (whole, piece) {
            (Extra::Text(whole), Extra::Text(piece)) => whole.push_str(&piece),
            (Extra::List(whole), Extra::List(piece)) => whole.extend(piece),
            (whole, piece) => *whole = piece,
        }
    }

    /// The fields as something that a map can be written from.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, impl Serialize)> {
        self.0.iter().map(|(name, whole)| (name.as_str(), whole))
    }
}
