//! What keeps a role or a policy from being used, as a person reads it: file, line and column in front, as
//! compilers say it.

use super::error::OpError;
use crate::domain::policy::Diagnostic;
use crate::domain::role::{Position, Problem, RoleErrors};
use crate::gate::{OpenError, PolicyOrigin, PolicyProblem};
use crate::plugin::EntryProblem;
use crate::plugin::policy::PolicyError;
use std::path::Path;

/// Something about a policy, for its author.
#[derive(Debug)]
pub struct Finding {
    /// The file, as a person may open it; `None` where no file is at fault.
    pub file: Option<String>,
    /// Where in it.
    pub place: Option<(usize, usize)>,
    /// Whether the policy can be used in spite of it.
    pub is_warning: bool,
    /// One sentence.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

/// What is wrong with one policy, whose sources' names begin at `folder`. `role` is the role that names it,
/// as a person may open it; where none does, there is no line to point at.
pub(super) fn findings_of(
    problem: PolicyProblem,
    folder: &Path,
    role: Option<&str>,
) -> Vec<Finding> {
    let PolicyProblem { label, origin, error } = problem;
    match (error, origin, role) {
        (PolicyError::Sources(found), ..) => {
            found.iter().map(|it| Finding::of_source(it, folder)).collect()
        }
        (PolicyError::Component(error), PolicyOrigin::Role(position), Some(role)) => {
            vec![Finding::of_role(error.at(position), role)]
        }
        (PolicyError::Component(error), ..) => vec![Finding {
            hint: error.hint,
            ..Finding::of_text(format!("the policy `{label}` cannot be used: {}", error.message))
        }],
    }
}

/// Everything that keeps a role from being opened, as sentences. `role` as for [`findings_of`].
pub(super) fn cannot_open(error: OpenError, role: Option<&str>) -> OpError {
    if !error.entries.is_empty() {
        return unusable(error.entries, role.unwrap_or_default());
    }
    let beside_role = role.and_then(|role| Path::new(role).parent()).unwrap_or(Path::new(""));
    let of_host = error.policies.iter().any(|problem| problem.origin == PolicyOrigin::Host);
    let findings = error.policies.into_iter().flat_map(|problem| {
        let folder = match problem.origin {
            PolicyOrigin::Role(_) => beside_role,
            PolicyOrigin::Host => Path::new(""),
        };
        findings_of(problem, folder, role)
    });
    let rendered: Vec<String> = findings.map(|finding| finding.render()).collect();
    let rendered = rendered.join("\n");
    match of_host {
        true => OpError::Config { rendered },
        false => OpError::Role { rendered },
    }
}

/// What is wrong with a role, or with what it names, as sentences.
pub(super) fn unusable(problems: Vec<EntryProblem>, shown: &str) -> OpError {
    let problems = problems.into_iter().map(Problem::from).collect();
    OpError::Role { rendered: RoleErrors { problems }.render(shown) }
}

impl Finding {
    pub(super) fn of_text(message: String) -> Self {
        Self { file: None, place: None, is_warning: false, message, hint: None }
    }

    pub(super) fn of_role(problem: EntryProblem, role: &str) -> Self {
        let EntryProblem { position: Position { line, column }, message, hint } = problem;
        let (file, place) = (Some(role.to_owned()), Some((line, column)));
        Self { file, place, is_warning: false, message, hint }
    }

    pub(super) fn of_source(found: &Diagnostic, folder: &Path) -> Self {
        Self {
            file: Some(folder.join(&found.source).display().to_string()),
            place: found.place.map(|(line, column)| (line as usize, column as usize)),
            is_warning: found.is_warning,
            message: found.message.clone(),
            hint: found.hint.clone(),
        }
    }

    /// `FILE:LINE:COLUMN: message`, and the hint on a line of its own.
    pub fn render(&self) -> String {
        let Self { file, place, is_warning, message, hint } = self;
        let file = file.as_deref().map(|file| match place {
            Some((line, column)) => format!("{file}:{line}:{column}: "),
            None => format!("{file}: "),
        });
        let warning = if *is_warning { "warning: " } else { "" };
        let hint = hint.as_ref().map(|hint| format!("\n  hint: {hint}"));
        let (file, hint) = (file.unwrap_or_default(), hint.unwrap_or_default());
        format!("{file}{warning}{message}{hint}")
    }
}
