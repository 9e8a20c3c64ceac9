//! What is wrong with a text, collected until the whole file has been read.

use super::Position;
use crate::domain::visible::is_invisible;

/// One thing wrong with a text.
///
/// A problem never holds the value of a variable, which may be a secret: where a value came from
/// `${VAR}`, the message shows the text as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands.
    pub position: Position,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The variable that has no value, where that is the problem. The file itself is fine then.
    pub missing_variable: Option<String>,
}

/// More than anybody reads; without an end, a hostile file would make an answer many times its size.
const MOST_PROBLEMS: usize = 500;

/// The problems found so far.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    found: Vec<Problem>,
}

impl Problems {
    /// Notes a problem with its cure.
    pub(crate) fn add(
        &mut self,
        position: Position,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let (message, hint) = (message.into(), Some(hint.into()));
        self.push(Problem { position, message, hint, missing_variable: None });
    }

    /// Notes a problem.
    pub(crate) fn push(&mut self, problem: Problem) {
        if !self.is_full() {
            self.found.push(problem);
        }
    }

    /// Whether none was found.
    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Whether the next one is dropped, so that there is no use in looking further.
    pub(crate) fn is_full(&self) -> bool {
        self.found.len() >= MOST_PROBLEMS
    }

    /// The problems in the order of the text.
    pub(crate) fn into_sorted(mut self) -> Vec<Problem> {
        let is_full = self.is_full();
        self.found.sort_by_key(|problem| (problem.position.line, problem.position.column));
        if is_full {
            self.found.push(Problem {
                position: self.found.last().map(|problem| problem.position).unwrap_or_default(),
                message: "more problems may follow; they are not shown".into(),
                hint: Some("cure the ones above first".into()),
                missing_variable: None,
            });
        }
        self.found
    }
}

/// The longest piece of a text that a message shows.
const LONGEST_SHOWN: usize = 60;

/// A piece of the text for a message: in backticks, not too long, and with every character visible,
/// so that it cannot speak to the terminal.
pub(crate) fn shown(text: &str) -> String {
    let mut out = String::from("`");
    for (index, character) in text.chars().enumerate() {
        if index == LONGEST_SHOWN {
            out.push('…');
            break;
        }
        match character {
            // Marks that reorder or hide text are as good as control characters.
            _ if is_invisible(character) => out.extend(character.escape_unicode()),
            _ if character.is_control() => out.extend(character.escape_default()),
            _ => out.push(character),
        }
    }
    out.push('`');
    out
}

/// Words in backticks: `a`, `b`.
pub(crate) fn listed<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_short_and_harmless() {
        assert_eq!(shown("plain ü"), "`plain ü`");
        assert_eq!(shown("a\u{1b}[31m\nb\u{202e}"), "`a\\u{1b}[31m\\nb\\u{202e}`");
        assert_eq!(shown(&"x".repeat(1000)).chars().count(), LONGEST_SHOWN + 3);
    }

    #[test]
    fn problems_come_in_the_order_of_the_text_and_have_an_end() {
        let mut problems = Problems::default();
        for line in (1..=MOST_PROBLEMS + 2).rev() {
            problems.add(Position { line, column: 1 }, "wrong", "right");
        }
        let sorted = problems.into_sorted();
        assert_eq!(sorted.len(), MOST_PROBLEMS + 1);
        assert_eq!(sorted[0].position.line, 3);
        assert_eq!(sorted[1].position.line, 4);
        assert!(sorted[MOST_PROBLEMS].message.contains("more problems may follow"));
    }
}
