//! A text as lines and columns, to find what the YAML reader does not give a place for.

use super::Position;
use saphyr_parser::{Marker, Span};

/// A text, and where its lines begin.
pub(crate) struct Source<'t> {
    text: &'t str,
    /// The byte at which each line begins.
    lines: Vec<usize>,
}

impl<'t> Source<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        let bytes = text.as_bytes();
        let ends = bytes.iter().enumerate().filter(|(index, byte)| match byte {
            b'\n' => true,
            b'\r' => bytes.get(index + 1) != Some(&b'\n'),
            _ => false,
        });
        let lines = std::iter::once(0).chain(ends.map(|(index, _)| index + 1)).collect();
        Self { text, lines }
    }

    /// The text from a mark on.
    pub(super) fn after(&self, mark: &Marker) -> &'t str {
        self.text.get(self.byte(mark)..).unwrap_or_default()
    }

    /// The whole line of a mark.
    pub(super) fn line(&self, mark: &Marker) -> &'t str {
        let line = mark.line().saturating_sub(1);
        let begin = self.lines.get(line).copied().unwrap_or(self.text.len());
        let end = self.lines.get(line + 1).copied().unwrap_or(self.text.len());
        self.text.get(begin..end).unwrap_or_default()
    }

    /// Where each `${` of a span stands.
    pub(super) fn dollars(&self, span: &Span) -> Vec<Position> {
        let range = self.byte(&span.start)..self.byte(&span.end);
        let Some(text) = self.text.get(range) else { return Vec::new() };
        let mut position = position(&span.start);
        let mut found = Vec::new();
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            let next = characters.peek().copied();
            if character == '$' && next == Some('{') {
                found.push(position);
            }
            if character == '\n' || (character == '\r' && next != Some('\n')) {
                position = Position { line: position.line + 1, column: 1 };
            } else {
                position.column += 1;
            }
        }
        found
    }

    /// Where a byte of the text stands.
    pub(crate) fn position_of(&self, byte: usize) -> Position {
        let line = self.lines.partition_point(|begin| *begin <= byte).max(1);
        let begin = self.lines.get(line - 1).copied().unwrap_or_default();
        let column = self.text.get(begin..byte).map_or(0, |before| before.chars().count()) + 1;
        Position { line, column }
    }

    fn byte(&self, mark: &Marker) -> usize {
        let line = self.line(mark);
        let begin = self.lines.get(mark.line().saturating_sub(1)).copied();
        let within = line.char_indices().nth(mark.col()).map_or(line.len(), |(index, _)| index);
        begin.map_or(self.text.len(), |begin| begin + within)
    }
}

/// A mark's place, both counted from 1.
pub(super) fn position(mark: &Marker) -> Position {
    Position { line: mark.line(), column: mark.col() + 1 }
}
