//! Where something is in a text, and Cedar's errors as diagnostics.

use initrunner_sdk::policy::{Diagnostic, Severity};

/// Where the lines of a text begin. Ten thousand policies make as many places.
#[derive(Debug)]
pub struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    /// Finds them.
    #[must_use]
    pub fn new(text: &'t str) -> Self {
        let after =
            text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(after).collect() }
    }

    /// Line and column, both from 1, of a byte. Columns are characters.
    #[must_use]
    pub fn of_byte(&self, byte: usize) -> (u32, u32) {
        // Within a character, or beyond the end: the end.
        let byte = if self.text.is_char_boundary(byte) { byte } else { self.text.len() };
        let line = self.starts.partition_point(|start| *start <= byte);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let column = self.text.get(start..byte).unwrap_or_default().chars().count() + 1;
        (number(line), number(column))
    }
}

/// Line and column of one byte. For many of a text, there are [`Lines`].
#[must_use]
pub fn of_byte(text: &str, byte: usize) -> (u32, u32) {
    Lines::new(text).of_byte(byte)
}

/// The place that an error about JSON tells, if it tells one.
#[must_use]
pub fn of_json(error: &serde_json::Error) -> Option<(u32, u32)> {
    (error.line() > 0).then(|| (number(error.line()), number(error.column().max(1))))
}

fn number(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Where one of Cedar's errors begins, in bytes.
#[must_use]
pub fn start(error: &dyn miette::Diagnostic) -> Option<usize> {
    error.labels()?.next().map(|label| label.offset())
}

/// One of Cedar's errors about the text of a source, as a diagnostic.
#[must_use]
pub fn diagnose(
    source: &str,
    lines: &Lines<'_>,
    severity: Severity,
    error: &dyn miette::Diagnostic,
) -> Diagnostic {
    let place = start(error).map(|at| lines.of_byte(at));
    Diagnostic {
        source: source.to_owned(),
        place,
        severity,
        message: sentence(error),
        hint: hint(error),
    }
}

/// An error with its causes, as one line.
#[must_use]
pub fn sentence(error: &dyn miette::Diagnostic) -> String {
    let mut sentence = error.to_string();
    let mut cause = error.source();
    // Cedar repeats the cause in what is around it, now and then.
    while let Some(error) = cause {
        let text = error.to_string();
        if !sentence.contains(&text) {
            sentence.push_str(": ");
            sentence.push_str(&text);
        }
        cause = error.source();
    }
    sentence.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What Cedar says would help: its help, or what its parser expected.
fn hint(error: &dyn miette::Diagnostic) -> Option<String> {
    let help = error.help().map(|help| help.to_string());
    let help = help.or_else(|| {
        let label = error.labels()?.next()?;
        label.label().map(str::to_owned)
    })?;
    Some(help.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// All the errors of one attempt to parse.
pub fn each(error: &impl miette::Diagnostic) -> impl Iterator<Item = &dyn miette::Diagnostic> {
    let first: &dyn miette::Diagnostic = error;
    std::iter::once(first).chain(first.related().into_iter().flatten())
}

#[cfg(test)]
mod tests {
    use super::of_byte;

    #[test]
    fn columns_are_characters_and_both_begin_at_one() {
        for (text, byte, place) in [
            ("", 0, (1, 1)),
            ("ab", 1, (1, 2)),
            ("a\nb", 2, (2, 1)),
            ("ä\nöx", 5, (2, 2)),
            ("a", 9, (1, 2)),
            // The second byte of a character is no place: the end of the text is.
            ("ö", 1, (1, 2)),
        ] {
            assert_eq!(of_byte(text, byte), place, "{text:?} {byte}");
        }
    }
}
