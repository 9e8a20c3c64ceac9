//! What is wrong with a role, collected until the whole file has been read.

use super::Position;
use std::fmt::Write as _;

/// One thing wrong with a role's text.
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

/// Everything wrong with a role's text, in the order of the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.render("role"))]
pub struct RoleErrors {
    /// Never empty.
    pub problems: Vec<Problem>,
}

impl RoleErrors {
    /// Whether the text is sound and only the environment lacks something. A resumed run then stays
    /// paused instead of failing.
    pub fn only_missing_variables(&self) -> bool {
        self.problems.iter().all(|problem| problem.missing_variable.is_some())
    }

    /// A line `path:line:column: message` for each problem, its hint on the next; editors and
    /// terminals make links of this form. No line break at the end.
    pub fn render(&self, path: &str) -> String {
        let mut text = String::new();
        for problem in &self.problems {
            let Position { line, column } = problem.position;
            if !text.is_empty() {
                text.push('\n');
            }
            let _infallible = write!(text, "{path}:{line}:{column}: {}", problem.message);
            if let Some(hint) = &problem.hint {
                let _infallible = write!(text, "\n  hint: {hint}");
            }
        }
        text
    }
}

/// More than anybody reads; without an end, a hostile file would make an answer many times its size.
const MOST_PROBLEMS: usize = 500;

/// The problems found so far.
#[derive(Debug, Default)]
pub(super) struct Problems {
    found: Vec<Problem>,
}

impl Problems {
    /// Notes a problem with its cure.
    pub(super) fn add(
        &mut self,
        position: Position,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let (message, hint) = (message.into(), Some(hint.into()));
        self.push(Problem { position, message, hint, missing_variable: None });
    }

    /// Notes a problem.
    pub(super) fn push(&mut self, problem: Problem) {
        if !self.is_full() {
            self.found.push(problem);
        }
    }

    /// Whether none was found.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Whether the next one is dropped, so that there is no use in looking further.
    pub(super) fn is_full(&self) -> bool {
        self.found.len() >= MOST_PROBLEMS
    }

    /// The problems in the order of the text.
    pub(super) fn into_errors(mut self) -> RoleErrors {
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
        RoleErrors { problems: self.found }
    }
}

/// The longest piece of a role that a message shows.
const LONGEST_SHOWN: usize = 60;

/// A piece of the role for a message: in backticks, not too long, and with every character visible,
/// so that it cannot speak to the terminal.
pub(super) fn shown(text: &str) -> String {
    let mut out = String::from("`");
    for (index, character) in text.chars().enumerate() {
        if index == LONGEST_SHOWN {
            out.push('…');
            break;
        }
        match character {
            // Marks that reorder or hide text are as good as control characters.
            '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}' => out.extend(character.escape_unicode()),
            _ if character.is_control() => out.extend(character.escape_default()),
            _ => out.push(character),
        }
    }
    out.push('`');
    out
}

/// Words in backticks: `a`, `b`.
pub(super) fn listed<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
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
        let errors = problems.into_errors();
        assert_eq!(errors.problems.len(), MOST_PROBLEMS + 1);
        assert!(errors.render("r.yaml").starts_with("r.yaml:3:1: wrong\n  hint: right\nr.yaml:4:"));
        assert!(errors.to_string().contains("more problems may follow"));
    }
}
