//! Testing policies by cases: each is asked about as the gate asks about a call of a run, and nothing is
//! called.

use super::error::OpError;
use super::host::Host;
use super::open_role::RoleFile;
use super::read_cases::{FoundCases, read_cases};
use crate::domain::policy::PolicyRecord;
use crate::domain::policy_case::{Expected, PolicyCase};
use crate::domain::role::{Position, Problem, RoleErrors};
use crate::gate::{AssumedIsolation, Gate, PolicyQuery, Toolset};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What came of one file of cases.
#[derive(Debug)]
pub struct TestedFile {
    /// The path, as a person may open it.
    pub path: String,
    /// Each case in the order written; or why the file, or the role that it names, cannot be used.
    pub outcome: Result<Vec<TestedCase>, String>,
}

/// What came of one case.
#[derive(Debug)]
pub struct TestedCase {
    /// Where it begins.
    pub position: Position,
    /// What people call it.
    pub name: String,
    /// What should have come.
    pub expected: Expected,
    /// What each policy said, in the order asked; or why it is no call that anybody is asked about.
    pub came: Result<Vec<PolicyRecord>, String>,
}

impl TestedCase {
    /// Whether what came is what was expected.
    pub fn passed(&self) -> bool {
        self.came.as_ref().is_ok_and(|records| self.expected.is_met_by(records))
    }
}

/// A role's tools under their policies, or why they cannot be had. A role that many files name is opened
/// once, and what is wrong with it is told in full once.
type Roles = BTreeMap<PathBuf, Result<Toolset, String>>;

/// Asks about every case of every file in a folder and those inside it, or of one file.
///
/// # Errors
/// Where the folder cannot be read, or the host's own policies cannot be used. What is wrong with a file is
/// in the answer.
pub async fn test_policies(host: &Host, place: &Path) -> Result<Vec<TestedFile>, OpError> {
    let mut roles = Roles::new();
    let mut tested = Vec::new();
    for FoundCases { path, read } in read_cases(place)? {
        let shown = path.display().to_string();
        let file = match read {
            Ok(file) => file,
            Err(rendered) => {
                tested.push(TestedFile { path: shown, outcome: Err(rendered) });
                continue;
            }
        };
        let role = role_path(&path, &file.role);
        let mut details = None;
        if !roles.contains_key(&role) {
            let opened = match open(host, &role).await {
                Ok(tools) => Ok(tools),
                Err(error @ OpError::Config { .. }) => return Err(error),
                Err(error) => Err(error.to_string()),
            };
            details = opened.as_ref().err().map(|rendered| format!("\n{rendered}"));
            roles.insert(role.clone(), opened);
        }
        let outcome = match roles.get(&role) {
            Some(Ok(tools)) => {
                let gate = host.gate()?;
                let mut cases = Vec::with_capacity(file.cases.len());
                for case in file.cases {
                    cases.push(ask(gate, tools, case).await);
                }
                Ok(cases)
            }
            _ => {
                let name = role.display();
                let problem = Problem {
                    position: file.role_position,
                    message: format!("the role `{name}` cannot be used to test policies"),
                    hint: None,
                    missing_variable: None,
                };
                let rendered = RoleErrors { problems: vec![problem] }.render(&shown);
                Err(format!("{rendered}{}", details.unwrap_or_default()))
            }
        };
        tested.push(TestedFile { path: shown, outcome });
    }
    Ok(tested)
}

/// Where a file of cases finds its role, from here. Folders such as `..` are followed as they are on the
/// disk, and a role that is a link is left one, since its own paths begin where it stands.
fn role_path(cases: &Path, role: &str) -> PathBuf {
    let named = cases.parent().unwrap_or(Path::new("")).join(role);
    let (Some(folder), Some(name)) = (named.parent(), named.file_name()) else { return named };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(folder) = folder.canonicalize() else { return named };
    let path = folder.join(name);
    match std::env::current_dir() {
        Ok(here) => path.strip_prefix(here).map(Path::to_owned).unwrap_or(path),
        Err(_) => path,
    }
}

async fn open(host: &Host, path: &Path) -> Result<Toolset, OpError> {
    let file = RoleFile::read(host, path)?;
    let tools = file.open_tools(host).await?;
    match tools.has_policies() {
        true => Ok(tools),
        false => Err(OpError::Role {
            rendered: format!(
                "{}: neither the role nor this host has a policy\n  \
                 hint: name the role's: `policy: {{sources: [policies/]}}`",
                file.shown
            ),
        }),
    }
}

async fn ask(gate: &Gate, tools: &Toolset, case: PolicyCase) -> TestedCase {
    let PolicyCase { position, name, tool, arguments, circumstances, isolation, .. } = case;
    let query = PolicyQuery {
        tool: &tool,
        arguments: &arguments,
        question: &case.question,
        circumstances: &circumstances,
        isolation: AssumedIsolation::By(&isolation),
    };
    let came = match gate.ask_policies(tools, &query).await {
        Ok(_) if !isolation.is_empty() && !tools.runs_programs(&tool) => {
            Err(format!("`{tool}` runs no programs, so no call of it has an `isolation`"))
        }
        Ok(records) => Ok(records),
        Err(refusal) => Err(refusal.result),
    };
    TestedCase { position, name, expected: case.expected, came }
}
