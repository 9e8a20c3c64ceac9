//! From a role file, or from a stored run, to a role whose tools and model are ready.

use super::error::OpError;
use super::host::Host;
use super::host_policies::{HostPolicies, POLICY_DIR};
use super::kept_role::{Origin, Recorder};
use super::read_policies::{keep_host, kept_host, kept_policies, read_policies};
use super::read_text::{read_text, unreadable};
use super::tell_problems::{cannot_open, unusable};
use crate::domain::component::ComponentBytes;
use crate::domain::role::{Role, RoleErrors, parse};
use crate::domain::secret::Secrets;
use crate::gate::{
    Gate, OpenError, OpenRequest, PolicyOrigin, PolicyParts, PolicyProblem, Toolset,
};
use crate::llm::{self, Model, ModelError, ToolSpec};
use crate::plugin::{EntryProblem, RoleSite, Source, carried};
use crate::runner::specs;
use crate::store::{RunRecord, StoredRun};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The largest role file: a role is read by people, and a hundred pages are 300 kB.
const LARGEST_ROLE: u64 = 1 << 20;

/// A role as text, and what it names.
#[derive(Debug, Clone)]
pub struct RoleFile {
    /// The absolute path.
    pub path: PathBuf,
    /// The path as it was given.
    pub shown: String,
    /// The text.
    pub text: String,
    /// Other texts that it names, by the path it names them with.
    pub files: BTreeMap<String, String>,
    /// The role.
    pub role: Role,
    /// The component of each entry.
    pub sources: Vec<Source>,
    /// Who decides about its calls, as the role says.
    pub policies: Vec<PolicyParts>,
    /// The variables that were read with it.
    variables: BTreeMap<String, Option<String>>,
}

/// A role that can be driven.
pub(super) struct Opened {
    pub(super) role: Role,
    pub(super) tools: Toolset,
    /// The tools as the model is told of them.
    pub(super) specs: Vec<ToolSpec>,
    pub(super) model: Box<dyn Model>,
    /// What the role declares secret, with its values of now.
    pub(super) secrets: Arc<Secrets>,
    /// The host's policies that hold for it.
    pub(super) under: Arc<HostPolicies>,
}

impl RoleFile {
    /// Reads a role file and the files it names.
    ///
    /// # Errors
    /// Every problem found in it, or why it cannot be read.
    pub(super) fn read(host: &Host, path: &Path) -> Result<Self, OpError> {
        Self::read_parts(host, path, true)
    }

    /// The same with no policy read, for whoever reads them one by one.
    ///
    /// # Errors
    /// As for [`RoleFile::read`].
    pub(super) fn read_without_policies(host: &Host, path: &Path) -> Result<Self, OpError> {
        Self::read_parts(host, path, false)
    }

    fn read_parts(host: &Host, path: &Path, with_policies: bool) -> Result<Self, OpError> {
        let shown = path.display().to_string();
        let text = read_text(path, LARGEST_ROLE, &shown, "the role")?;
        let path =
            std::path::absolute(path).map_err(|error| unreadable(&shown, "the role", &error))?;
        let recorder = Recorder::new(&*host.options.environment);
        let role = parse(&text, &|name| recorder.get(name));
        let role = role.map_err(|errors| invalid(&errors, &shown))?;
        let variables = recorder.into_read();
        let folder = folder(&path);

        let mut files = BTreeMap::new();
        if let Some(script) = &role.model.script {
            let place = folder.join(script);
            let shown = place.display().to_string();
            files.insert(
                script.clone(),
                read_text(&place, LARGEST_ROLE, &shown, "the model's script")?,
            );
        }
        let mut sources = Vec::with_capacity(role.entries.len());
        let mut problems = Vec::new();
        for entry in &role.entries {
            match Source::of(entry, &folder) {
                Ok(source) => sources.push(source),
                Err(problem) => problems.push(problem),
            }
        }
        let mut policies = Vec::new();
        if with_policies {
            match read_policies(&role, &folder, &mut files) {
                Ok(read) => policies = read,
                Err(found) => problems.extend(found),
            }
        }
        if !problems.is_empty() {
            return Err(unusable(problems, &shown));
        }
        Ok(Self { path, shown, text, files, role, sources, policies, variables })
    }

    /// Makes its tools ready, and checks its model as far as that goes without its key: the sentence
    /// where the key is missing.
    ///
    /// # Errors
    /// Every problem found in its entries, or why its model could not be used with any key.
    pub(super) async fn check(&self, host: &Host) -> Result<(Toolset, Option<String>), OpError> {
        let environment = &*host.options.environment;
        let tools = self.open_tools(host).await?;
        match llm::connect(&self.role.model, &self.files, environment) {
            Ok(_) => Ok((tools, None)),
            Err(error @ ModelError::NoKey { .. }) => Ok((tools, Some(error.to_string()))),
            Err(error) => Err(no_model(error)),
        }
    }

    /// Makes its tools ready under the host's policies and its own. Its model is not looked at.
    ///
    /// # Errors
    /// Every problem found in its entries, or in the policies.
    pub(super) async fn open_tools(&self, host: &Host) -> Result<Toolset, OpError> {
        let environment = &*host.options.environment;
        let secrets = Arc::new(Secrets::of(&self.role, environment));
        let now = host.policies()?;
        Ok(open_tools(host, self.openable(), environment, &secrets, now).await?.0)
    }

    /// Makes its tools ready under no policy, for whoever tries policies over them: nothing may be called
    /// with these. Its model is not looked at.
    ///
    /// # Errors
    /// Every problem found in its entries.
    pub(super) async fn open_bare_tools(&self, host: &Host) -> Result<Toolset, OpError> {
        let environment = &*host.options.environment;
        let secrets = Arc::new(Secrets::of(&self.role, environment));
        let none = HostPolicies::default();
        let what = Openable { policies: &[], ..self.openable() };
        let opened = open_under(host.gate()?, what, environment, &secrets, &none).await;
        opened.map_err(|error| cannot_open(error, Some(&self.shown)))
    }

    /// What keeps it from being opened, as sentences.
    pub(super) fn cannot_open(&self, error: OpenError) -> OpError {
        cannot_open(error, Some(&self.shown))
    }

    /// What is wrong with what it names, as sentences.
    pub(super) fn unusable(&self, problems: Vec<EntryProblem>) -> OpError {
        unusable(problems, &self.shown)
    }

    /// The folder that the role's relative paths begin at.
    pub(super) fn folder(&self) -> PathBuf {
        folder(&self.path)
    }

    /// Makes its tools and its model ready; what is ready is kept for the next run of the same role.
    ///
    /// # Errors
    /// Every problem found in its entries, or why its model cannot be used.
    pub(super) async fn open(&self, host: &Host) -> Result<Arc<Opened>, OpError> {
        let host_policies = host.policies()?;
        let environment = &*host.options.environment;
        let origin = Origin {
            text: self.text.clone(),
            files: self.files_of_run(host)?,
            path: self.path.clone(),
            components: self.components().map(|source| source.digest).collect(),
        };
        if let Some(opened) =
            host.kept_roles.find(|kept| *kept == origin, environment, &host_policies)
        {
            return Ok(opened);
        }
        // Its variables were filled in when it was read.
        let recorder = Recorder::after(environment, self.variables.clone());
        let environment = |name: &str| recorder.get(name);
        let opened = open(host, self.openable(), &environment, host_policies).await?;
        let opened = Arc::new(opened);
        host.kept_roles.keep(origin, recorder, &opened);
        Ok(opened)
    }

    /// The components of its entries, then those of its policies.
    pub(super) fn components(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().chain(self.policies.iter().map(|policy| &policy.component))
    }

    /// The texts that a run keeps: those it names, and from where the host's policies come now.
    ///
    /// # Errors
    /// What of the host's policies cannot be read.
    pub(super) fn files_of_run(&self, host: &Host) -> Result<BTreeMap<String, String>, OpError> {
        let mut files = self.files.clone();
        keep_host(&mut files, &host.policies()?.places);
        Ok(files)
    }

    fn openable(&self) -> Openable<'_> {
        let Self { path, shown, text, files, sources, role, policies, variables: _ } = self;
        Openable { role, text, files, sources, policies, path, shown }
    }
}

/// A stored run's role, its variables resolved again, from the stored text and components alone.
///
/// # Errors
/// A missing variable, by name, or a sealed value that cannot be opened; nothing is spent.
pub(super) async fn open_stored(
    host: &Host,
    stored: &mut StoredRun,
) -> Result<Arc<Opened>, OpError> {
    let store = host.store()?;
    // Whether everything that was sealed can be opened is known before anything is spent.
    if stored.holds_secrets() {
        store.load_to_drive(&stored.run.id).await?;
    }
    let run = &stored.run;
    let host_policies = host.policies()?;
    check_host_policies(run, &host_policies)?;
    let environment = &*host.options.environment;
    let wanted = |origin: &Origin| origin.is_of(run);
    if let Some(opened) = host.kept_roles.find(wanted, environment, &host_policies) {
        return Ok(opened);
    }
    let origin = Origin::of(run);
    let recorder = Recorder::new(&*host.options.environment);
    let environment = |name: &str| recorder.get(name);
    let shown = run.role_path.display().to_string();
    let role = parse(&run.role_text, &environment).map_err(|errors| invalid(&errors, &shown))?;
    let names = role.entries.iter().map(|entry| &*entry.name);
    let names = names.chain(role.policies.iter().map(|policy| policy.component.as_str()));
    let mut sources = Vec::with_capacity(origin.components().len());
    for (name, digest) in names.zip(origin.components()) {
        let bytes = match carried::with_digest(digest) {
            Some(bytes) => bytes,
            None => store.component(digest).await?.map(ComponentBytes::from).ok_or_else(|| {
                OpError::Setup {
                    message: format!("the component of `{name}` ({digest}) is no longer stored"),
                    hint: format!("end the run with `initrunner cancel {}`", run.id),
                }
            })?,
        };
        sources.push(Source { name: name.to_owned(), digest: *digest, bytes });
    }
    let of_policies = sources.split_off(role.entries.len().min(sources.len()));
    if of_policies.len() != role.policies.len() {
        return Err(OpError::Setup {
            message: "the run was stored without the policies of its role".into(),
            hint: format!("end the run with `initrunner cancel {}`", run.id),
        });
    }
    let policies = kept_policies(&role, of_policies, &run.files);
    let what = Openable {
        role: &role,
        text: &run.role_text,
        files: &run.files,
        sources: &sources,
        policies: &policies,
        path: &run.role_path,
        shown: &shown,
    };
    let opened = Arc::new(open(host, what, &environment, host_policies).await?);
    host.kept_roles.keep(origin, recorder, &opened);
    Ok(opened)
}

/// A run that was started under the host's policies never goes on without them.
fn check_host_policies(run: &RunRecord, now: &HostPolicies) -> Result<(), OpError> {
    let gone = kept_host(&run.files).find(|place| !now.places.contains(place));
    match gone {
        None => Ok(()),
        Some(place) => Err(OpError::Setup {
            message: format!(
                "run {} was started under policies of this host that are not there now",
                run.id
            ),
            hint: match place {
                POLICY_DIR => format!("set `{POLICY_DIR}` to their folder again"),
                _ => format!("name them in `{place}` again, below `[[policy]]`"),
            },
        }),
    }
}

/// A role and all that opening it takes.
#[derive(Clone, Copy)]
struct Openable<'a> {
    role: &'a Role,
    text: &'a str,
    files: &'a BTreeMap<String, String>,
    sources: &'a [Source],
    policies: &'a [PolicyParts],
    path: &'a Path,
    shown: &'a str,
}

async fn open(
    host: &Host,
    what: Openable<'_>,
    environment: &(dyn Fn(&str) -> Option<String> + Sync),
    host_policies: Arc<HostPolicies>,
) -> Result<Opened, OpError> {
    let secrets = Arc::new(Secrets::of(what.role, environment));
    let (tools, under) = open_tools(host, what, environment, &secrets, host_policies).await?;
    let model = llm::connect(&what.role.model, what.files, environment).map_err(no_model)?;
    let model = llm::redacted(model, &secrets);
    let specs = specs(&tools);
    Ok(Opened { role: what.role.clone(), tools, specs, model, secrets, under })
}

async fn open_tools(
    host: &Host,
    what: Openable<'_>,
    environment: &(dyn Fn(&str) -> Option<String> + Sync),
    secrets: &Arc<Secrets>,
    current: Arc<HostPolicies>,
) -> Result<(Toolset, Arc<HostPolicies>), OpError> {
    let gate = host.gate()?;
    let error = match open_under(gate, what, environment, secrets, &current).await {
        Ok(tools) => {
            host.policies_hold(&current);
            return Ok((tools, current));
        }
        Err(error) => error,
    };
    // A change of the host's policies that this role cannot be opened under leaves them as they were.
    let of_host = |problem: &PolicyProblem| problem.origin == PolicyOrigin::Host;
    if error.entries.is_empty()
        && error.policies.iter().all(of_host)
        && let Some(before) = host.policies_before(&current)
        && let Ok(tools) = open_under(gate, what, environment, secrets, &before).await
    {
        let why = cannot_open(error, Some(what.shown));
        (host.options.on_warning)(&format!("the host's policies were left as they were: {why}"));
        return Ok((tools, before));
    }
    Err(cannot_open(error, Some(what.shown)))
}

async fn open_under(
    gate: &Gate,
    what: Openable<'_>,
    environment: &(dyn Fn(&str) -> Option<String> + Sync),
    secrets: &Arc<Secrets>,
    of_host: &HostPolicies,
) -> Result<Toolset, OpenError> {
    let folder = folder(what.path);
    let site = RoleSite { folder: &folder, environment, secrets };
    let request = OpenRequest {
        role: what.role,
        role_text: what.text,
        sources: what.sources,
        site,
        policies: of_host.parts.iter().chain(what.policies).collect(),
    };
    gate.open(request).await
}

fn folder(path: &Path) -> PathBuf {
    path.parent().map(Path::to_owned).unwrap_or_else(|| PathBuf::from("/"))
}

fn invalid(errors: &RoleErrors, shown: &str) -> OpError {
    let rendered = errors.render(shown);
    if errors.only_missing_variables() {
        OpError::MissingVariables { rendered }
    } else {
        OpError::Role { rendered }
    }
}

/// A missing key is a missing variable: setting it is all that the run needs.
fn no_model(error: ModelError) -> OpError {
    match error {
        ModelError::NoKey { .. } => OpError::MissingVariables { rendered: error.to_string() },
        error => error.into(),
    }
}
