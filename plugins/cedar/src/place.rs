//! Where something is in a text, and Cedar's errors as diagnostics.

use initrunner_sdk::policy::{Diagnostic, Severity};

/// Line and column, both from 1, of a byte of `text`. Columns are characters.
#[must_use]
pub fn of_byte(text: &str, byte: usize) -> (u32, u32) {
    let before = text.get(..byte).unwrap_or(text);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before.get(start..).unwrap_or_default().chars().count() + 1;
    (number(line), number(column))
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

/// One of Cedar's errors about the text of a source, as a diagnostic. `base` is where the text that
/// Cedar saw begins in the source.
#[must_use]
pub fn diagnose(
    source: &str,
    text: &str,
    base: usize,
    severity: Severity,
    error: &dyn miette::Diagnostic,
) -> Diagnostic {
    let place = start(error).map(|at| of_byte(text, base + at));
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
pub fn each<'e, E: miette::Diagnostic>(
    error: &'e E,
) -> impl Iterator<Item = &'e dyn miette::Diagnostic> {
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
