//! One value, read as the type it must have.

use super::Position;
use crate::domain::nearest::nearest;
use crate::domain::yaml::{Node, NodeValue, Problems, Scalar, Typed, listed, shown};
use std::ops::RangeInclusive;

/// A value and what to call it.
pub(in crate::domain) struct Field<'n> {
    /// `key`, with its backticks, or a phrase such as "an item of `key`".
    pub(in crate::domain) label: String,
    /// Where its key stands, or the value itself where it has none.
    pub(in crate::domain) key_position: Position,
    /// The value.
    pub(in crate::domain) node: &'n Node,
}

impl<'n> Field<'n> {
    pub(in crate::domain) fn new(label: String, key_position: Position, node: &'n Node) -> Self {
        Self { label, key_position, node }
    }

    /// Whether a problem was noted for the value already.
    pub(in crate::domain) fn is_broken(&self) -> bool {
        matches!(self.node.value, NodeValue::Broken)
    }

    /// Whether nothing stands behind the key.
    pub(in crate::domain) fn is_null(&self) -> bool {
        matches!(&self.node.value, NodeValue::Scalar(scalar) if scalar.typed == Typed::Null)
    }

    /// The value as a scalar, where it is one.
    pub(in crate::domain) fn scalar(&self) -> Option<&'n Scalar> {
        match &self.node.value {
            NodeValue::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The value as text.
    pub(in crate::domain) fn text(&self, problems: &mut Problems) -> Option<&'n Scalar> {
        let scalar = self.scalar();
        if let Some(scalar) = scalar
            && scalar.as_text().is_some()
        {
            return Some(scalar);
        }
        let hint = match scalar {
            Some(scalar) if scalar.typed != Typed::Null => {
                format!("put it in quotes: {}", shown(&format!("\"{}\"", scalar.written())))
            }
            _ => "write a text".to_owned(),
        };
        self.wrong("text", &hint, problems);
        None
    }

    /// The value as text that is not blank.
    pub(in crate::domain) fn filled(&self, problems: &mut Problems) -> Option<&'n Scalar> {
        let scalar = self.text(problems)?;
        if scalar.text.trim().is_empty() {
            let message = format!("{} has no text", self.label);
            problems.add(self.node.position, message, "write one");
            return None;
        }
        Some(scalar)
    }

    /// The value as text of its own.
    pub(in crate::domain) fn string(&self, problems: &mut Problems) -> Option<String> {
        self.text(problems).map(|scalar| scalar.text.clone())
    }

    /// The value as a whole number from 1 to the largest that 32 bits hold.
    pub(in crate::domain) fn positive(&self, problems: &mut Problems) -> Option<u32> {
        if let Some(Scalar { typed: Typed::Integer(number), .. }) = self.scalar()
            && let Ok(number) = u32::try_from(*number)
            && number > 0
        {
            return Some(number);
        }
        let range = format!("a number from 1 to {}", u32::MAX);
        self.wrong("a positive whole number", &self.number_hint(&range), problems);
        None
    }

    /// The value as a number within a range, whole or not.
    pub(in crate::domain) fn number(
        &self,
        range: RangeInclusive<f64>,
        example: &str,
        problems: &mut Problems,
    ) -> Option<f64> {
        let number = self.any_number().filter(|number| range.contains(number));
        if number.is_none() && !self.is_broken() {
            let hint = self.number_hint(&format!("a number such as `{example}`"));
            let wanted = format!("a number from {} to {}", range.start(), range.end());
            self.wrong(&wanted, &hint, problems);
        }
        number
    }

    /// The value as a number above zero, whole or not.
    pub(in crate::domain) fn number_above_zero(&self, problems: &mut Problems) -> Option<f64> {
        let number = self.any_number().filter(|number| number.is_finite() && *number > 0.0);
        if number.is_none() && !self.is_broken() {
            self.wrong("a number above 0", &self.number_hint("a number such as `0.5`"), problems);
        }
        number
    }

    fn any_number(&self) -> Option<f64> {
        match self.scalar()?.typed {
            Typed::Float(number) => Some(number),
            // Beyond 2^53 it is rounded; no limit is that large.
            Typed::Integer(number) => Some(number as f64),
            _ => None,
        }
    }

    /// How to write a number; in quotes, or beside other text, a variable is text.
    pub(in crate::domain) fn number_hint(&self, range: &str) -> String {
        match self.scalar() {
            Some(scalar) if scalar.has_variables() => format!(
                "set the variable to {range}, and write `${{NAME}}` alone, without quotes, on the \
                 line of its key",
            ),
            _ => format!("write {range}"),
        }
    }

    /// The value as one of some words.
    pub(in crate::domain) fn word<T: Copy>(
        &self,
        words: &[(&str, T)],
        problems: &mut Problems,
    ) -> Option<T> {
        let scalar = self.scalar();
        let text = scalar.and_then(Scalar::as_text);
        if let Some((_, meaning)) = words.iter().find(|(word, _)| Some(*word) == text) {
            return Some(*meaning);
        }
        let all = || words.iter().map(|(word, _)| *word);
        // A near word would tell about the value of a variable.
        let near = match scalar {
            Some(scalar) if !scalar.has_variables() => nearest(scalar.written(), all()),
            _ => None,
        };
        let one_of = match words {
            [(word, _)] => format!("`{word}`"),
            _ => format!("one of {}", listed(all())),
        };
        let hint = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write {one_of}"),
        };
        self.wrong(&one_of, &hint, problems);
        None
    }

    /// The value as a list.
    pub(in crate::domain) fn items(&self, hint: &str, problems: &mut Problems) -> Vec<Field<'n>> {
        let NodeValue::Sequence(items) = &self.node.value else {
            self.wrong("a list", hint, problems);
            return Vec::new();
        };
        let label = format!("an item of {}", self.label);
        items.iter().map(|item| Field::new(label.clone(), item.position, item)).collect()
    }

    /// The value as a list of texts.
    pub(in crate::domain) fn texts(&self, problems: &mut Problems) -> Vec<&'n Scalar> {
        self.items("begin each item on its own line with `- `", problems)
            .iter()
            .filter_map(|item| item.text(problems))
            .collect()
    }

    /// Reports a value of the wrong type, unless it was reported as something else before.
    pub(in crate::domain) fn wrong(&self, wanted: &str, hint: &str, problems: &mut Problems) {
        let found = match &self.node.value {
            NodeValue::Broken => return,
            NodeValue::Sequence(_) => "not a list".to_owned(),
            NodeValue::Mapping(_) => "not a mapping".to_owned(),
            NodeValue::Scalar(scalar) if scalar.written().is_empty() => {
                let message = format!("{} is empty; it must be {wanted}", self.label);
                problems.add(self.key_position, message, hint);
                return;
            }
            NodeValue::Scalar(scalar) => format!("not {}", shown(scalar.written())),
        };
        let message = format!("{} must be {wanted}, {found}", self.label);
        problems.add(self.node.position, message, hint);
    }
}
