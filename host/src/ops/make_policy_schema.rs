//! The schema that policies over a role's tools are checked against.

use super::error::OpError;
use super::host::Host;
use super::open_role::RoleFile;
use super::read_policies::{read_policy, read_schema};
use crate::domain::role::{PolicyComponent, PolicySpec};
use crate::gate::{PolicyOrigin, PolicyParts};
use crate::plugin::Source;
use std::path::Path;

/// The schema of one policy component.
#[derive(Debug)]
pub struct PolicySchema {
    /// What people call the component.
    pub label: String,
    /// The line of the role that names it; `None` where the role names none.
    pub line: Option<usize>,
    /// The schema, in the component's language.
    pub text: String,
}

/// Makes the schema of every policy component that a role names and that has such a thing: from the role's
/// tools, and from the schema sources that the role names. Of a role that names none, that of Cedar. What
/// is wrong with Cedar policies themselves does not matter: they are not read.
///
/// # Errors
/// Where the role, its tools or its schema sources cannot be used, or no component has a schema.
pub async fn make_policy_schema(host: &Host, path: &Path) -> Result<Vec<PolicySchema>, OpError> {
    let file = RoleFile::read_without_policies(host, path)?;
    let mut tools = file.open_bare_tools(host).await?;
    let folder = file.folder();
    let mut specs: Vec<(PolicySpec, Option<usize>)> =
        file.role.policies.iter().map(|spec| (spec.clone(), Some(spec.position.line))).collect();
    if specs.is_empty() {
        specs.push((
            PolicySpec { sources: Vec::new(), ..PolicySpec::of_folder(String::new()) },
            None,
        ));
    }
    let mut schemas = Vec::new();
    for (spec, line) in &specs {
        let parts = match &spec.component {
            PolicyComponent::BuiltIn(name) if name == "cedar" => read_cedar(spec, &folder),
            _ => read_policy(spec, &folder),
        };
        let parts = parts.map_err(|found| file.unusable(found))?;
        let opened = host.gate()?.put_under(&mut tools, &[&parts]).await;
        opened.map_err(|error| file.cannot_open(error))?;
        for (label, _, policy) in tools.loaded_policies() {
            if let Some(text) = &policy.schema {
                let (label, text) = (label.to_owned(), text.clone());
                schemas.push(PolicySchema { label, line: *line, text });
            }
        }
    }
    if schemas.is_empty() {
        let names: Vec<String> =
            specs.iter().map(|(spec, _)| format!("`{}`", spec.component.as_str())).collect();
        return Err(OpError::Setup {
            message: format!("the policy component {} has no schema", names.join(", ")),
            hint: "only a component that checks its policies against one has such a thing, as `cedar` \
                   does"
                .into(),
        });
    }
    Ok(schemas)
}

/// Cedar with the schema sources alone: its author needs the schema to get the policies right.
fn read_cedar(
    spec: &PolicySpec,
    folder: &Path,
) -> Result<PolicyParts, Vec<crate::plugin::EntryProblem>> {
    let component = Source::of_policy(&spec.component, folder);
    let component = component.map_err(|error| error.at(spec.position));
    match (component, read_schema(spec, folder)) {
        (Ok(component), Ok(sources)) => Ok(PolicyParts {
            label: spec.component.as_str().to_owned(),
            origin: PolicyOrigin::Role(spec.position),
            component,
            sources,
        }),
        (component, sources) => Err(component.err().into_iter().chain(sources.err()).collect()),
    }
}
