//! A gate over one role, without a store or a model: what the plugin runtime's tests call.

use initrunner::domain::clock::Timestamp;
use initrunner::domain::config::HostConfig;
use initrunner::domain::ids::{CallId, RunId};
use initrunner::domain::policy::{Circumstances, Counts};
use initrunner::domain::role::{Problem, RoleErrors, parse};
use initrunner::domain::secret::Secrets;
use initrunner::gate::{Gate, OpenRequest, PolicyParts, PolicyProblem, Proposed, Toolset, Verdict};
use initrunner::plugin::egress::EgressOptions;
use initrunner::plugin::policy::PolicyError;
use initrunner::plugin::{CacheFolder, Pool, RoleSite, RuntimeOptions, Source};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A gate, and what it compiled.
pub struct Sandbox {
    /// The gate.
    pub gate: Gate,
    compiled: Arc<Mutex<Vec<String>>>,
}

impl Sandbox {
    /// A gate with a cache folder, or none.
    pub fn new(cache: Option<CacheFolder>) -> Self {
        Self::with_pool(cache, Pool::MANY_RUNS)
    }

    /// A gate whose instances live in this pool.
    pub fn with_pool(cache: Option<CacheFolder>, pool: Pool) -> Self {
        Self::with(cache, pool, Vec::new(), EgressOptions::default(), HostConfig::default())
    }

    /// A gate that keeps these folders for itself.
    pub fn protecting(cache: Option<CacheFolder>, pool: Pool, protected: Vec<PathBuf>) -> Self {
        Self::with(cache, pool, protected, EgressOptions::default(), HostConfig::default())
    }

    /// A gate whose requests leave as these options say.
    pub fn with_egress(cache: Option<CacheFolder>, egress: EgressOptions) -> Self {
        Self::with(cache, Pool::MANY_RUNS, Vec::new(), egress, HostConfig::default())
    }

    /// A gate on a host whose configuration says this.
    pub fn with_config(cache: Option<CacheFolder>, pool: Pool, config: HostConfig) -> Self {
        Self::with(cache, pool, Vec::new(), EgressOptions::default(), config)
    }

    fn with(
        cache: Option<CacheFolder>,
        pool: Pool,
        protected: Vec<PathBuf>,
        egress: EgressOptions,
        config: HostConfig,
    ) -> Self {
        let compiled = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&compiled);
        let options = RuntimeOptions {
            cache,
            protected,
            pool,
            egress,
            config,
            on_compile: Box::new(move |name| told.lock().unwrap().push(name.to_owned())),
            on_failure: Box::new(|_| {}),
        };
        Self { gate: Gate::new(options, [7; 32]).unwrap(), compiled }
    }

    /// How many components were compiled rather than found in the cache.
    pub fn compiled(&self) -> usize {
        self.compiled.lock().unwrap().len()
    }

    /// Opens a role that has these `tools:` (YAML, indented by two).
    ///
    /// # Errors
    /// The problems, rendered.
    pub async fn open(&self, tools: &str, folder: &Path) -> Result<Toolset, String> {
        self.open_with(tools, folder, &[]).await
    }

    /// [`Sandbox::open`], for a role whose declared secrets have these values.
    ///
    /// # Errors
    /// The problems, rendered.
    pub async fn open_with(
        &self,
        tools: &str,
        folder: &Path,
        secrets: &[(&str, &str)],
    ) -> Result<Toolset, String> {
        self.open_all(tools, folder, secrets, &[]).await
    }

    async fn open_all(
        &self,
        tools: &str,
        folder: &Path,
        secrets: &[(&str, &str)],
        policies: &[PolicyParts],
    ) -> Result<Toolset, String> {
        let names: Vec<&str> = secrets.iter().map(|(name, _)| *name).collect();
        let head = match names.is_empty() {
            true => String::new(),
            false => format!("secrets: [{}]\n", names.join(", ")),
        };
        let text =
            format!("name: test\nprompt: p\nmodel: scripted:s.yaml\n{head}tools:\n{tools}\n");
        let value = |name: &str| {
            let found = secrets.iter().find(|(own, _)| *own == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let role = parse(&text, &value).map_err(|errors| errors.render("role.yaml"))?;
        let render = |problems: Vec<initrunner::plugin::EntryProblem>| {
            let problems = problems.into_iter().map(Problem::from).collect();
            RoleErrors { problems }.render("role.yaml")
        };
        let mut sources = Vec::new();
        for entry in &role.entries {
            sources.push(Source::of(entry, folder).map_err(|problem| render(vec![problem]))?);
        }
        let declared = Arc::new(Secrets::of(&role, &value));
        let site = RoleSite { folder, environment: &value, secrets: &declared };
        let request = OpenRequest {
            role: &role,
            role_text: &text,
            sources: &sources,
            site,
            policies: policies.iter().collect(),
        };
        let opened = self.gate.open(request).await;
        opened.map_err(|error| match error.policies.is_empty() {
            true => render(error.entries),
            false => {
                let text = |problem: &PolicyProblem| match &problem.error {
                    PolicyError::Component(error) => {
                        format!("{}: {}; {:?}", problem.label, error.message, error.hint)
                    }
                    PolicyError::Sources(found) => format!("{}: {found:?}", problem.label),
                };
                error.policies.iter().map(text).collect::<Vec<_>>().join("\n")
            }
        })
    }

    /// [`Sandbox::open`], for a role whose calls these decide about.
    ///
    /// # Errors
    /// The problems, rendered.
    pub async fn open_under(
        &self,
        tools: &str,
        folder: &Path,
        policies: &[PolicyParts],
    ) -> Result<Toolset, String> {
        self.open_all(tools, folder, &[], policies).await
    }

    /// Takes one call through the gate and, where it is admitted, invokes it; tells what came of it.
    pub async fn call(&self, tools: &Toolset, tool: &str, arguments: &str) -> String {
        let proposed = proposed(tool, arguments);
        match self.gate.admit(tools, &proposed, None).await.verdict {
            Verdict::Refused(refusal) => format!("refused by {:?}: {}", refusal.by, refusal.result),
            Verdict::Waiting(waiting) => {
                format!(
                    "waiting: {}",
                    waiting.preview.map(|preview| preview.text).unwrap_or_default()
                )
            }
            Verdict::Admitted(admitted) => {
                let outcome = self.gate.invoke(tools, admitted, 1, Duration::MAX, None).await;
                format!("{}: {}", if outcome.succeeded { "ok" } else { "failed" }, outcome.result)
            }
        }
    }
}

/// A first call, at the beginning of time.
pub fn proposed(tool: &str, arguments: &str) -> Proposed {
    Proposed {
        run: RunId::from_random([1; 16]),
        id: CallId::from_random([1; 16]),
        tool: tool.to_owned(),
        arguments: arguments.to_owned(),
        circumstances: Circumstances {
            requester: "os:tester".into(),
            trigger: "cli".into(),
            at: Timestamp(0),
            counts: Counts::default(),
        },
    }
}
