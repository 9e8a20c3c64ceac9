//! A mapping read by the keys it may have.

use super::Position;
use super::field::Field;
use crate::domain::nearest::nearest;
use crate::domain::yaml::{Key, Node, NodeValue, Problems, listed, shown};

/// A mapping whose unknown keys have been reported.
pub(in crate::domain) struct Keys<'n> {
    /// Where missing keys are reported.
    position: Position,
    pairs: &'n [(Key, Node)],
    /// Valid keys that an unknown one most likely stands for.
    meant: Vec<&'n str>,
    /// Whether the mapping could be read at all.
    broken: bool,
}

impl<'n> Keys<'n> {
    /// Reads a mapping that may have the `valid` keys. What is not a mapping is reported and then has
    /// no keys.
    pub(in crate::domain) fn of(
        field: &Field<'n>,
        valid: &[&'static str],
        problems: &mut Problems,
    ) -> Self {
        Self::of_parted(field, valid, &[], problems)
    }

    /// The same, with the keys that belong elsewhere: (where, keys).
    pub(in crate::domain) fn of_parted(
        field: &Field<'n>,
        valid: &[&'static str],
        elsewhere: &[(&str, &[&str])],
        problems: &mut Problems,
    ) -> Self {
        let position = field.key_position;
        let NodeValue::Mapping(pairs) = &field.node.value else {
            let hint = format!("it may have the keys {}", listed(valid.iter().copied()));
            field.wrong("a mapping of keys", &hint, problems);
            return Self { position, pairs: &[], meant: vec![], broken: true };
        };
        let mut meant = Vec::new();
        for (key, _) in pairs {
            let text = key.text.as_str();
            if valid.contains(&text) {
                continue;
            }
            let place = elsewhere.iter().find(|(_, keys)| keys.contains(&text));
            let hint = if let Some((place, _)) = place {
                meant.push(text);
                format!("it belongs {place}")
            } else if let Some(near) = nearest(text, valid.iter().copied()) {
                meant.push(near);
                format!("did you mean `{near}`?")
            } else {
                format!("the keys here are {}", listed(valid.iter().copied()))
            };
            problems.add(key.position, format!("unknown key {}", shown(text)), hint);
        }
        Self { position, pairs, meant, broken: false }
    }

    /// The value of a key.
    pub(in crate::domain) fn get(&self, key: &'static str) -> Option<Field<'n>> {
        let (found, node) = self.pairs.iter().find(|(found, _)| found.text == key)?;
        Some(Field::new(format!("`{key}`"), found.position, node))
    }

    /// Whether a key is there, or a misspelling of it that was reported.
    pub(in crate::domain) fn has(&self, key: &'static str) -> bool {
        self.get(key).is_some() || self.meant.contains(&key)
    }

    /// The value of a key that must be there.
    pub(in crate::domain) fn require(
        &self,
        key: &'static str,
        hint: &str,
        problems: &mut Problems,
    ) -> Option<Field<'n>> {
        let field = self.get(key);
        if field.is_none() {
            self.missing(key, hint, problems);
        }
        field
    }

    /// Reports that a key is missing, unless a misspelling of it was.
    pub(in crate::domain) fn missing(
        &self,
        key: &'static str,
        hint: &str,
        problems: &mut Problems,
    ) {
        if !self.broken && !self.meant.contains(&key) {
            problems.add(self.position, format!("the key `{key}` is missing"), hint);
        }
    }
}
