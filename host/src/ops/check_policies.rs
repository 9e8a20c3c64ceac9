//! Checking the policies over a role's tools: each by itself, so that what is wrong with one hides nothing
//! of another.

use super::error::OpError;
use super::host::Host;
use super::open_role::RoleFile;
use super::read_policies::read_policy;
use super::tell_problems::{Finding, findings_of};
use crate::domain::digest::Digest;
use crate::gate::{PolicyOrigin, PolicyParts, Toolset};
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
                findings: found.into_iter().map(|it| Finding::of_role(it, &file.shown)).collect(),
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
        let findings =
            problems.flat_map(|problem| findings_of(problem, folder, Some(&file.shown))).collect();
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
