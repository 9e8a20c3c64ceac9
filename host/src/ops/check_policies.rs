//! Checking the policies over a role's tools: each by itself, so that what is wrong with one hides nothing
//! of another.

use super::error::OpError;
use super::host::Host;
use super::open_role::RoleFile;
use super::read_policies::read_policy;
use crate::domain::digest::Digest;
use crate::domain::role::Position;
use crate::gate::{PolicyOrigin, PolicyParts, PolicyProblem, Toolset};
use crate::plugin::EntryProblem;
use crate::plugin::policy::PolicyError;
use std::path::Path;

/// The policies over one role's tools.
#[derive(Debug)]
pub struct CheckedPolicies {
    /// The role's name.
    pub role: String,
    /// Each policy component, the host's first, in the order asked.
    pub policies: Vec<CheckedPolicy>,
}

/// One policy component, with its sources.
#[derive(Debug)]
pub struct CheckedPolicy {
    /// What people call it.
    pub label: String,
    /// Whether the host names it, for every role.
    pub of_host: bool,
    /// Errors and warnings.
    pub findings: Vec<Finding>,
    /// What was loaded; `None` where there is an error.
    pub loaded: Option<PolicySummary>,
}

/// A policy component that can be asked.
#[derive(Debug)]
pub struct PolicySummary {
    /// The names of its policies.
    pub policies: Vec<String>,
    /// Whether one of them speaks of who may approve.
    pub speaks_of_approval: bool,
    /// Of the component and everything that it decides by.
    pub digest: Digest,
}

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

/// Opens a role's tools and loads every policy over them, the host's and the role's.
///
/// # Errors
/// Where the role itself or its tools cannot be used: what is wrong with policies is in the answer.
pub async fn check_policies(host: &Host, path: &Path) -> Result<CheckedPolicies, OpError> {
    let file = RoleFile::read_without_policies(host, path)?;
    let mut tools = file.open_bare_tools(host).await?;
    let mut policies = Vec::new();
    match host.policies() {
        Ok(of_host) => {
            let config = host.config()?;
            let home = Path::new(&config.path).parent().unwrap_or(Path::new(""));
            for (number, parts) in of_host.parts.iter().enumerate() {
                // Those that the configuration names come first; a variable's begin where we are.
                let folder = if number < config.policies.len() { home } else { Path::new("") };
                policies.push(check(host, &mut tools, parts, folder, &file).await?);
            }
        }
        Err(error) => policies.push(CheckedPolicy {
            label: "policies of this host".into(),
            of_host: true,
            findings: vec![Finding::of_text(error.to_string())],
            loaded: None,
        }),
    }
    let folder = file.folder();
    for spec in &file.role.policies {
        policies.push(match read_policy(spec, &folder) {
            Ok(parts) => {
                let shown = Path::new(&file.shown).parent().unwrap_or(Path::new(""));
                check(host, &mut tools, &parts, shown, &file).await?
            }
            Err(found) => CheckedPolicy {
                label: spec.component.as_str().to_owned(),
                of_host: false,
                findings: found.into_iter().map(|it| Finding::of_role(it, &file)).collect(),
                loaded: None,
            },
        });
    }
    Ok(CheckedPolicies { role: file.role.name, policies })
}

/// Loads one policy whose sources' names begin at `folder`, as a person may open them from here.
async fn check(
    host: &Host,
    tools: &mut Toolset,
    parts: &PolicyParts,
    folder: &Path,
    file: &RoleFile,
) -> Result<CheckedPolicy, OpError> {
    let label = parts.label.clone();
    let of_host = parts.origin == PolicyOrigin::Host;
    if let Err(error) = host.gate()?.put_under(tools, &[parts]).await {
        let problems = error.policies.into_iter();
        let findings = problems.flat_map(|problem| findings_of(problem, folder, file)).collect();
        return Ok(CheckedPolicy { label, of_host, findings, loaded: None });
    }
    let mut findings = Vec::new();
    let mut loaded = None;
    for (_, _, policy) in tools.loaded_policies() {
        findings.extend(policy.warnings.iter().map(|it| Finding::of_source(it, folder)));
        loaded = Some(PolicySummary {
            policies: policy.policies.clone(),
            speaks_of_approval: policy.speaks_of_approval,
            digest: policy.digest,
        });
    }
    Ok(CheckedPolicy { label, of_host, findings, loaded })
}

fn findings_of(problem: PolicyProblem, folder: &Path, file: &RoleFile) -> Vec<Finding> {
    let PolicyProblem { label, origin, error } = problem;
    match (error, origin) {
        (PolicyError::Sources(found), _) => {
            found.iter().map(|it| Finding::of_source(it, folder)).collect()
        }
        (PolicyError::Component(error), PolicyOrigin::Role(position)) => {
            let problem = EntryProblem { position, message: error.message, hint: error.hint };
            vec![Finding::of_role(problem, file)]
        }
        (PolicyError::Component(error), PolicyOrigin::Host) => vec![Finding {
            hint: error.hint,
            ..Finding::of_text(format!("the policy `{label}` cannot be used: {}", error.message))
        }],
    }
}

impl Finding {
    fn of_text(message: String) -> Self {
        Self { file: None, place: None, is_warning: false, message, hint: None }
    }

    fn of_role(problem: EntryProblem, file: &RoleFile) -> Self {
        let EntryProblem { position: Position { line, column }, message, hint } = problem;
        let (file, place) = (Some(file.shown.clone()), Some((line, column)));
        Self { file, place, is_warning: false, message, hint }
    }

    fn of_source(found: &crate::domain::policy::Diagnostic, folder: &Path) -> Self {
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
