//! `initrunner:host/process`: what a role grants meets what a component asks, and each part of the
//! request can only narrow the grant.

use super::super::access::{Access, Reach};
use super::super::bindings::initrunner::host::process::{
    self as wit, Ending as WitEnding, Error as WitError, Options, Output,
};
use super::super::process::{self, Ending, ProcessCommand, ProcessError, Target};
use super::super::state::State;
use crate::domain::grant::{ProcessGrant, Programs};
use crate::domain::secret::Secrets;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::component::{HasSelf, Linker};

/// The interface's name, without its version.
pub(super) const INTERFACE: &str = "initrunner:host/process";

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wit::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
}

impl wit::Host for State {
    async fn run(
        &mut self,
        program: String,
        arguments: Vec<String>,
        options: Options,
    ) -> wasmtime::Result<Result<Output, WitError>> {
        let allowed = |grant: &ProcessGrant| {
            let Programs::Named(programs) = &grant.programs else { return Ok(()) };
            let mut named = programs.iter().filter(|granted| granted.name == program).peekable();
            let known = named.peek().is_some();
            if named.any(|granted| granted.covers(&arguments)) {
                return Ok(());
            }
            let program = clip(&program);
            Err(WitError::NotGranted(match known {
                true => format!(
                    "the program `{program}` is not granted with these arguments; add a grant whose \
                     `arguments` cover them to `grants: {{process: […]}}` of the entry"
                ),
                false => format!(
                    "the program `{program}` is not granted; add `grants: {{process: [{{program: \
                     {program}}}]}}` to the entry"
                ),
            }))
        };
        let granted = match self.granted_process(allowed) {
            Ok(granted) => granted,
            Err(error) => return Ok(Err(error)),
        };
        let target = Target::Program { name: program, arguments };
        Ok(start(granted, self.deadline, target, options).await)
    }

    async fn run_script(
        &mut self,
        script: String,
        options: Options,
    ) -> wasmtime::Result<Result<Output, WitError>> {
        let allowed = |grant: &ProcessGrant| {
            if grant.scripts {
                return Ok(());
            }
            Err(WitError::NotGranted(
                "scripts are not granted; add `grants: {process: [{script: true}]}` to the entry"
                    .into(),
            ))
        };
        let granted = match self.granted_process(allowed) {
            Ok(granted) => granted,
            Err(error) => return Ok(Err(error)),
        };
        Ok(start(granted, self.deadline, Target::Script(script), options).await)
    }
}

impl State {
    fn granted_process(
        &self,
        allowed: impl FnOnce(&ProcessGrant) -> Result<(), WitError>,
    ) -> Result<(&Access, &ProcessGrant), WitError> {
        let Some(grant) = &self.access.grants.process else {
            return Err(WitError::NotGranted("the role does not grant running programs".into()));
        };
        if self.access.reach != Reach::Act {
            return Err(WitError::NotGranted(
                "nothing may be run while a call is only being prepared".into(),
            ));
        }
        allowed(grant)?;
        Ok((&self.access, grant))
    }
}

async fn start(
    (access, grant): (&Access, &ProcessGrant),
    deadline: Instant,
    target: Target,
    options: Options,
) -> Result<Output, WitError> {
    keep_off_the_command_line(&access.secrets, &target)?;
    let mut environment = Vec::new();
    for name in &options.environment {
        if !grant.environment.contains(name) {
            return Err(WitError::NotGranted(format!(
                "the environment variable `{}` is not granted",
                clip(name)
            )));
        }
        // A granted variable that is not set is left out, as a shell would.
        environment
            .extend(access.environment.iter().filter(|(granted, _)| granted == name).cloned());
    }
    let asked = options.timeout_ms.unwrap_or(grant.timeout_ms).min(grant.timeout_ms);
    let kept =
        options.max_output_bytes.unwrap_or(grant.max_output_bytes).min(grant.max_output_bytes);
    let network = match (&grant.programs, &target) {
        (Programs::Named(programs), Target::Program { name, arguments }) => {
            programs.iter().any(|it| it.name == *name && it.network && it.covers(arguments))
        }
        _ => grant.network,
    };
    let command = ProcessCommand {
        target,
        working_directory: directory(
            &grant.working_directory,
            options.working_directory.as_deref(),
        )?,
        within: grant.working_directory.clone(),
        read: grant.read.clone(),
        write: grant.write.clone(),
        network,
        environment,
        secrets: Arc::clone(&access.secrets),
        timeout: Duration::from_millis(asked.into()),
        max_output_bytes: kept as usize,
        protected: access.protected.to_vec(),
        supervisor: None,
    };
    let remaining = deadline.saturating_duration_since(Instant::now());
    let output = process::run_announced(command, remaining, access.announce.as_ref())
        .await
        .map_err(|error| match error {
            ProcessError::NotFound(text) => WitError::NotFound(access.secrets.redacted(text)),
            ProcessError::Invalid(text) => WitError::Invalid(access.secrets.redacted(text)),
            ProcessError::Failed(text) => WitError::Failed(access.secrets.redacted(text)),
        })?;
    Ok(Output {
        ending: match output.ending {
            Ending::Exited(code) => WitEnding::Exited(code),
            Ending::Signalled(signal) => WitEnding::Signalled(signal),
            Ending::TimedOut => WitEnding::TimedOut,
        },
        stdout: output.stdout,
        stdout_truncated: output.stdout_truncated,
        stderr: output.stderr,
        stderr_truncated: output.stderr_truncated,
        elapsed_ms: u32::try_from(output.elapsed.as_millis()).unwrap_or(u32::MAX),
        isolation: output.isolation,
    })
}

/// Refuses a secret's placeholder in what every process of the machine can read.
fn keep_off_the_command_line(secrets: &Secrets, target: &Target) -> Result<(), WitError> {
    let named = match target {
        Target::Program { name, arguments } => {
            std::iter::once(name).chain(arguments).find_map(|text| secrets.named_in(text))
        }
        Target::Script(script) => secrets.named_in(script),
    };
    named.map_or(Ok(()), |name| {
        Err(WitError::Invalid(format!(
            "the secret `{name}` cannot be part of a command, which other processes can read; have it \
             passed as an environment variable (for a shell tool, the role's entry lists it under `env`) \
             and read it from there"
        )))
    })
}

/// A path inside the granted directory. Only plain names: `..` and absolute paths would leave it.
fn directory(granted: &Path, asked: Option<&str>) -> Result<PathBuf, WitError> {
    let Some(asked) = asked else { return Ok(granted.to_owned()) };
    let inside = Path::new(asked)
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !inside {
        return Err(WitError::NotGranted(format!(
            "the directory `{}` is outside the granted one",
            clip(asked)
        )));
    }
    Ok(granted.join(asked))
}

/// Untrusted text inside a sentence: short, on one line.
fn clip(text: &str) -> String {
    text.chars().take(80).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_no_part_of_a_command() {
        let secrets = Secrets::new([("KEY".to_owned(), "hunter2-hunter2".to_owned())]);
        let refused = |target| keep_off_the_command_line(&secrets, &target).is_err();
        let program = |words: [&str; 2]| Target::Program {
            name: words[0].to_owned(),
            arguments: vec!["-x".to_owned(), words[1].to_owned()],
        };
        assert!(refused(program(["curl", "Bearer {{secret:KEY}}"])));
        assert!(refused(program(["{{secret:KEY}}", "x"])));
        assert!(refused(Target::Script("echo {{secret:KEY}}".to_owned())));
        assert!(!refused(Target::Script("echo $KEY {{secret:OTHER}}".to_owned())));
    }

    #[test]
    fn a_directory_stays_inside_the_granted_one() {
        let granted = Path::new("/work/role");
        let check = |asked| directory(granted, asked).map(|path| path.display().to_string()).ok();
        assert_eq!(check(None).as_deref(), Some("/work/role"));
        assert_eq!(check(Some("a/b")).as_deref(), Some("/work/role/a/b"));
        assert_eq!(check(Some("./a")).as_deref(), Some("/work/role/./a"));
        assert_eq!(check(Some("../a")), None);
        assert_eq!(check(Some("a/../../b")), None);
        assert_eq!(check(Some("/etc")), None);
    }
}
