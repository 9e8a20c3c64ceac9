//! Lines as wide as the place that they are shown in.

use super::Line;
use unicode_width::UnicodeWidthChar;

/// The narrowest place: one character that takes two columns.
const NARROWEST: usize = 2;

/// The lines with none wider than `width` columns, and at least two: what does not fit goes on in further
/// ones, to the letter, so that every character is there in its place.
pub fn wrap(lines: &[Line], width: usize) -> Vec<Line> {
    lines.iter().flat_map(|line| rows(line, width)).collect()
}

pub(super) fn rows(line: &Line, width: usize) -> Vec<Line> {
    let width = width.max(NARROWEST);
    let row = |text: String, continues| Line { kind: line.kind, text, continues };
    let mut rows = Vec::new();
    let (mut text, mut used) = (String::new(), 0);
    for c in line.text.chars() {
        let columns = c.width().unwrap_or(0);
        if used + columns > width {
            rows.push(row(std::mem::take(&mut text), line.continues || !rows.is_empty()));
            used = 0;
        }
        text.push(c);
        used += columns;
    }
    rows.push(row(text, line.continues || !rows.is_empty()));
    rows
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, read, sample};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_too_wide_goes_on_beneath() {
        let line = Line::new(Kind::Command, "ab日本c".into());
        let rows = wrap(&[line], 3);
        let shown: Vec<(&str, bool)> =
            rows.iter().map(|row| (row.text.as_str(), row.continues)).collect();
        assert_eq!(shown, [("ab", false), ("日", true), ("本c", true)]);
    }

    proptest! {
        #[test]
        fn no_row_is_too_wide_and_no_character_is_lost(
            preview in sample::preview(),
            width in 0..60_usize,
        ) {
            let lines = read(preview.as_ref(), "{}");
            let rows = wrap(&lines, width);
            for row in &rows {
                let columns: usize = row.text.chars().map(|c| c.width().unwrap_or(0)).sum();
                prop_assert!(columns <= width.max(NARROWEST), "{row:?}");
            }
            let mut joined: Vec<String> = Vec::new();
            for row in rows {
                match joined.last_mut() {
                    Some(last) if row.continues => last.push_str(&row.text),
                    _ => joined.push(row.text),
                }
            }
            let whole: Vec<String> = lines.into_iter().map(|line| line.text).collect();
            prop_assert_eq!(joined, whole);
        }
    }
}
