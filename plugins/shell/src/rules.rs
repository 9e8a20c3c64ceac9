//! What a role allows, and what becomes of a command under it.

use crate::scan::{Commands, Unreadable, base_name, scan, scan_words};
use crate::words::{Unread, read};
use initrunner_sdk::Failure;
use serde::Deserialize;

/// Seconds a command may take where the role says nothing: long enough for a test suite's first
/// failure, short enough that a hanging command does not use up a run's time.
const TIMEOUT_SECONDS: u32 = 30;

/// Bytes kept of each output stream where the role says nothing: about sixteen thousand tokens, which
/// a model can still read next to the conversation.
const OUTPUT_BYTES: u32 = 65_536;

/// The keys of a role's entry.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where commands run. The host turns it into the grant, relative to the role file.
    #[serde(default, rename = "working_dir")]
    _working_dir: Option<String>,
    /// How long a command may take: at most an hour, which is a build; longer work belongs elsewhere.
    #[serde(default = "timeout_seconds")]
    pub timeout_seconds: u32,
    /// How much of each output stream is kept: at most a megabyte, beyond which no model reads it.
    #[serde(default = "max_output_bytes")]
    pub max_output_bytes: u32,
    /// The only commands that may run.
    #[serde(default)]
    pub allowed_commands: Option<Vec<String>>,
    /// Commands that may not.
    #[serde(default)]
    pub blocked_commands: Vec<String>,
    /// Whether a shell may read the command.
    #[serde(default)]
    pub shell: bool,
    /// Names of environment variables to pass on.
    #[serde(default)]
    pub env: Vec<String>,
}

fn timeout_seconds() -> u32 {
    TIMEOUT_SECONDS
}

fn max_output_bytes() -> u32 {
    OUTPUT_BYTES
}

/// The JSON Schema of [`Config`]. `allowed_commands` may not be an empty list, which would read as
/// "nothing" to some and as "no restriction" to others.
pub const CONFIG_SCHEMA: &str = include_str!("config.schema.json");

/// What a command becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// One program with its arguments.
    Program(String, Vec<String>),
    /// The text as a script.
    Script,
}

impl Config {
    /// Decides how a command runs, or why it does not.
    ///
    /// # Errors
    /// It is broken, needs a shell where there is none, or is not allowed. Nothing was done.
    pub fn plan(&self, command: &str) -> Result<Plan, Failure> {
        let invalid = |text: String| Err(Failure::InvalidArguments(text));
        if command.contains('\0') {
            return invalid(
                "the command holds a NUL character, which no program can be given".to_owned(),
            );
        }
        match read(command) {
            Ok(words) => {
                self.admit(&scan_words(&words).map_err(unreadable)?)?;
                let mut words = words.into_iter();
                let program = words.next().unwrap_or_default();
                Ok(Plan::Program(program, words.collect()))
            }
            Err(Unread::Empty) => invalid("the command is empty".to_owned()),
            Err(Unread::Shell(_)) if self.shell => {
                self.admit(&scan(command).map_err(unreadable)?)?;
                Ok(Plan::Script)
            }
            Err(Unread::Shell(feature)) => {
                let quote = if feature.can_be_quoted() {
                    "quote it if it is meant literally, "
                } else {
                    ""
                };
                Err(Failure::Retry(format!(
                    "{feature} needs a shell, and here a command is one program with its arguments: \
                     {quote}run one program per call, or ask for `shell: true` in the role's tool entry"
                )))
            }
            Err(Unread::Unbalanced(quote)) => {
                invalid(format!("a `{quote}` in the command is not closed"))
            }
            Err(Unread::Backslash) => {
                invalid("the command ends in a backslash that quotes nothing".to_owned())
            }
        }
    }

    /// Holds the commands that were found against the role's lists.
    fn admit(&self, found: &Commands) -> Result<(), Failure> {
        let invalid = |text: String| Err(Failure::InvalidArguments(text));
        let blocks = |word: &&String| {
            self.blocked_commands.iter().any(|it| it == *word || it == base_name(word))
        };
        if let Some(word) = found.sure.iter().chain(&found.perhaps).find(blocks) {
            return invalid(format!("`{word}` is in the role's `blocked_commands`"));
        }
        let Some(allowed) = &self.allowed_commands else { return Ok(()) };
        let list = allowed.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
        if let Some(word) = found.unknown.first() {
            return invalid(format!(
                "which command `{word}` is cannot be told before it runs, and the role's \
                 `allowed_commands` allow only {list}"
            ));
        }
        if let Some(word) = found.sure.iter().find(|word| !allowed.contains(word)) {
            return invalid(format!("`{word}` is not among the role's `allowed_commands`: {list}"));
        }
        Ok(())
    }
}

fn unreadable(error: Unreadable) -> Failure {
    Failure::InvalidArguments(match error {
        Unreadable::Unbalanced(what) => format!("a `{what}` in the command is not closed"),
        Unreadable::TooDeep => "the command nests scripts too deeply".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn config(value: Value) -> Config {
        serde_json::from_value(value).expect("a configuration")
    }

    #[track_caller]
    fn refused(config: &Config, command: &str) -> String {
        match config.plan(command) {
            Err(Failure::InvalidArguments(text) | Failure::Retry(text)) => text,
            other => panic!("{command}: {other:?}"),
        }
    }

    #[track_caller]
    fn program(config: &Config, command: &str) -> Vec<String> {
        match config.plan(command) {
            Ok(Plan::Program(program, arguments)) => [vec![program], arguments].concat(),
            other => panic!("{command}: {other:?}"),
        }
    }

    #[test]
    fn the_defaults_are_those_of_the_schema() {
        let config = config(json!({}));
        let schema: Value = serde_json::from_str(CONFIG_SCHEMA).expect("a schema");
        let default = |key: &str| schema["properties"][key]["default"].clone();
        assert_eq!(json!(config.timeout_seconds), default("timeout_seconds"));
        assert_eq!(json!(config.max_output_bytes), default("max_output_bytes"));
        assert_eq!(json!(config.shell), default("shell"));
    }

    #[test]
    fn without_a_shell_a_command_is_one_program() {
        let config = config(json!({}));
        assert_eq!(program(&config, "rm -rf '/tmp/a b'"), ["rm", "-rf", "/tmp/a b"]);
        assert_eq!(
            refused(&config, "ls | wc"),
            "`|` needs a shell, and here a command is one program with its arguments: quote it if it \
             is meant literally, run one program per call, or ask for `shell: true` in the role's tool \
             entry"
        );
        assert!(refused(&config, "cd /x").starts_with("`cd` needs a shell"));
        assert!(!refused(&config, "cd /x").contains("quote"));
        assert!(refused(&config, "ls *.rs").contains("`*`"));
        assert_eq!(refused(&config, " "), "the command is empty");
        assert_eq!(refused(&config, "a 'b"), "a `'` in the command is not closed");
        assert!(refused(&config, "a\\").contains("backslash"));
        assert!(refused(&config, "a\0").contains("NUL"));
    }

    #[test]
    fn with_a_shell_only_what_needs_it_is_a_script() {
        let config = config(json!({ "shell": true }));
        assert_eq!(program(&config, "ls -l"), ["ls", "-l"]);
        for script in ["ls | wc", "cd x", "ls *", "echo $HOME", "a\nb", "A=1 b"] {
            assert_eq!(config.plan(script), Ok(Plan::Script), "{script}");
        }
        assert_eq!(refused(&config, "ls | 'x"), "a `'` in the command is not closed");
        assert_eq!(refused(&config, ""), "the command is empty");
    }

    #[test]
    fn blocked_commands_are_found() {
        for shell in [false, true] {
            let config = config(json!({ "shell": shell, "blocked_commands": ["rm", "/opt/x"] }));
            let expected = |word: &str| format!("`{word}` is in the role's `blocked_commands`");
            assert_eq!(refused(&config, "rm x"), expected("rm"));
            assert_eq!(refused(&config, "/bin/rm x"), expected("/bin/rm"));
            assert_eq!(refused(&config, "'r'm x"), expected("rm"));
            assert_eq!(refused(&config, "sudo -u root rm x"), expected("rm"));
            assert_eq!(refused(&config, "sh -c 'ls; rm x'"), expected("rm"));
            assert_eq!(refused(&config, "/opt/x"), expected("/opt/x"));
            assert_eq!(program(&config, "echo rm"), ["echo", "rm"]);
        }
        let config = config(json!({ "shell": true, "blocked_commands": ["rm"] }));
        for script in ["ls && rm x", "echo $(rm x)", "a | xargs rm", "if a; then /bin/rm b; fi"] {
            assert!(refused(&config, script).contains("blocked_commands"), "{script}");
        }
        assert_eq!(config.plan("$x y"), Ok(Plan::Script));
    }

    #[test]
    fn only_allowed_commands_run() {
        let allowed = config(json!({ "allowed_commands": ["ls", "git"] }));
        assert_eq!(program(&allowed, "ls -l"), ["ls", "-l"]);
        assert_eq!(
            refused(&allowed, "rm x"),
            "`rm` is not among the role's `allowed_commands`: `ls`, `git`"
        );
        // Somebody else's `git`.
        assert!(refused(&allowed, "./git").contains("not among"));

        let allowed =
            config(json!({ "shell": true, "allowed_commands": ["ls", "wc", "xargs", "echo"] }));
        assert_eq!(allowed.plan("ls *.rs | wc -l"), Ok(Plan::Script));
        assert_eq!(allowed.plan("ls | xargs -n 1 echo"), Ok(Plan::Script));
        assert!(refused(&allowed, "ls | xargs rm").contains("`rm`"));
        assert!(refused(&allowed, "ls; cd x").contains("`cd`"));
        for script in ["$x", "ls; $(echo rm) x", "`echo rm`", "eval ls", "\"$x\" | wc"] {
            refused(&allowed, script);
        }
        assert!(refused(&allowed, "$x a").contains("cannot be told"));
    }
}
