//! What is wrong with a role, for a person.

use super::{Position, Problem};
use std::fmt::Write as _;

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
