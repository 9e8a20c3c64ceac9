//! The `shell` tool: runs a command in the role's working directory.
//!
//! Without `shell: true` a command is one program with its arguments: nothing is expanded, joined or
//! redirected, and what a shell would have done is refused with a hint. With it, whatever needs a
//! shell is run by `sh -c`, which the role has to grant apart; a simple command still runs directly.
//!
//! What a command *may* do is decided elsewhere: by the policy, the permissions and the person the role
//! names, and by the isolation the host runs it in. `allowed_commands` is exact for a simple command.
//! For a script both lists are a help, not a boundary.

pub mod report;
pub mod rules;
pub mod scan;
pub mod words;

use initrunner_sdk::{Call, Content, Effects, Failure, Manifest, Plugin, Preview, Tool, process};
use rules::{Config, Plan};
use serde::Deserialize;

/// What the model may say.
const ARGUMENTS_SCHEMA: &str = include_str!("arguments.schema.json");

struct Shell;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    command: String,
}

impl Plugin for Shell {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new(
            "shell",
            env!("CARGO_PKG_VERSION"),
            "Runs commands in a working directory.",
            rules::CONFIG_SCHEMA,
        )
    }

    fn describe(config: Config) -> Result<Vec<Tool>, String> {
        let mut description = if config.shell {
            "Runs a command with `sh` in the working directory and returns its output.".to_owned()
        } else {
            "Runs one program with its arguments in the working directory and returns its output. \
             There is no shell: no pipes, redirections, variables or patterns; quote arguments with \
             spaces."
                .to_owned()
        };
        if let Some(allowed) = &config.allowed_commands {
            description.push_str(&format!(" Allowed commands: {}.", allowed.join(", ")));
        }
        // What a command does, nobody knows before it ran.
        let effects = Effects {
            read_only: Some(false),
            destructive: Some(true),
            idempotent: Some(false),
            open_world: Some(true),
        };
        Ok(vec![Tool::new("shell", &description, ARGUMENTS_SCHEMA, effects)])
    }

    fn prepare(config: Config, call: Call) -> Result<Preview, Failure> {
        let Arguments { command } = call.parse()?;
        config.plan(&command)?;
        // Exactly as given: what is shown is what is run.
        Ok(Preview::command(command))
    }

    fn invoke(config: Config, call: Call) -> Result<Content, Failure> {
        let Arguments { command } = call.parse()?;
        let options = process::Options {
            working_directory: None,
            environment: config.env.clone(),
            timeout_ms: Some(config.timeout_seconds.saturating_mul(1000)),
            max_output_bytes: Some(config.max_output_bytes),
        };
        let output = match config.plan(&command)? {
            Plan::Program(program, arguments) => process::run(&program, &arguments, &options)?,
            Plan::Script => process::run_script(&command, &options)?,
        };
        report::report(&output, config.timeout_seconds, config.max_output_bytes)
    }
}

initrunner_sdk::export!(Shell);
