//! What runs do while they are killed. Together the scenarios come past every fail point; a new one of
//! the store or the runner needs a scenario that reaches it.
//!
//! Each tool call of a scenario appends its own word to the file `effects`.

use super::look;
use crate::home::{Home, Start};

/// One story, told by commands.
#[derive(Debug)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    /// `tools:` and budgets. `PROBE` stands for the path of the component for tests.
    role: &'static str,
    /// The model's rules.
    script: &'static str,
    /// The state that the run ends in, if nothing comes between.
    pub(super) end: &'static str,
    pub(super) steps: &'static [Step],
}

/// One command. `RUN` and `CALL0`, `CALL1`, … among its words stand for ids.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) words: &'static [&'static str],
    /// What the command's process does to itself, as part of the story.
    pub(super) orders: &'static str,
    /// The variable that the role passes on to programs.
    mood: &'static str,
}

const fn step(words: &'static [&'static str]) -> Step {
    Step { words, orders: "", mood: "calm" }
}

const RUN: &[&str] = &["run", "role.yaml", "-p", "go"];
const APPROVE: &[&str] = &["approve", "RUN", "--all"];

/// The shell that asks nobody, and the one that asks.
const TOOLS: &str = "\
tools:
  - {type: shell, shell: true}
  - {type: shell, name: asking, shell: true, approval: required}
";

/// What the one scenario decides by that has policies.
const POLICIES: &str = r#"
@id("everything")
permit (principal, action in Action::"tools:all", resource);

@id("asks")
forbid (principal, action == Action::"shell", resource) when { context.unattended };

@id("never")
forbid (principal, action == Action::"shell", resource)
when { context.arguments.command like "reboot*" };

@id("anybody")
permit (principal, action == Action::"approve", resource == Tool::"shell");
"#;

pub(super) const SCENARIOS: [Scenario; 12] = [
    Scenario {
        name: "turns",
        end: "completed",
        role: TOOLS,
        script: r#"
rules:
  - turn: 0
    calls:
      - {tool: asking, arguments: {command: "echo a >> effects"}}
      - {tool: shell, arguments: {command: "echo b >> effects"}}
      - {tool: asking, arguments: {command: "echo c >> effects"}}
  - turn: 1
    from: tool
    when: "(?s).*"
    calls:
      - {tool: asking, arguments: {command: "echo d >> effects"}}
  - {turn: 2, from: tool, when: "(?s).*", reply: "Done."}
"#,
        steps: &[step(RUN), step(APPROVE), step(APPROVE)],
    },
    Scenario {
        // Programs that take long enough to be killed before, in and after what they do.
        name: "slow",
        end: "completed",
        role: TOOLS,
        script: r#"
rules:
  - turn: 0
    calls:
      - {tool: asking, arguments: {command: "sleep 0.01; echo a >> effects; sleep 0.01"}}
      - {tool: shell, arguments: {command: "sleep 0.01; echo b >> effects; sleep 0.01"}}
  - {turn: 1, from: tool, when: "(?s).*", reply: "Done."}
"#,
        steps: &[step(RUN), step(APPROVE)],
    },
    Scenario {
        name: "cancelled",
        end: "cancelled",
        role: TOOLS,
        script: r#"
rules:
  - turn: 0
    calls:
      - {tool: asking, arguments: {command: "echo a >> effects"}}
  - {turn: 1, from: tool, when: "(?s).*", reply: "Done."}
"#,
        // Nothing is that old, so that what is looked for afterwards is there.
        steps: &[
            step(RUN),
            step(&["cancel", "RUN"]),
            step(&["audit", "prune", "--older-than", "30d"]),
        ],
    },
    Scenario {
        name: "interrupted",
        end: "completed",
        role: TOOLS,
        // The model takes its time between words, so that the signal comes first.
        script: r#"
delay_ms: 100
rules:
  - turn: 0
    calls:
      - {tool: shell, arguments: {command: "echo a >> effects"}}
  - {turn: 1, from: tool, when: "(?s).*", reply: "Quite done."}
"#,
        steps: &[
            Step { words: RUN, orders: "runner.ask_model.before:interrupt:2", mood: "calm" },
            step(&["resume", "RUN"]),
        ],
    },
    Scenario {
        name: "failed",
        end: "failed",
        role: "\
budgets: {max_requests: 1}
tools:
  - {type: shell, shell: true}
  - {type: shell, name: asking, shell: true, approval: required}
",
        script: r#"
rules:
  - turn: 0
    calls:
      - {tool: asking, arguments: {command: "echo a >> effects"}}
  - {turn: 1, from: tool, when: "(?s).*", reply: "Done."}
"#,
        steps: &[step(RUN), step(APPROVE)],
    },
    Scenario {
        // What was approved is no longer what would happen: the call waits again.
        name: "changed",
        end: "completed",
        role: "\
tools:
  - {type: shell, name: asking, shell: true, approval: required, env: [MOOD]}
",
        script: r#"
rules:
  - turn: 0
    calls:
      - {tool: asking, arguments: {command: "echo a >> effects"}}
  - {turn: 1, from: tool, when: "(?s).*", reply: "Done."}
"#,
        steps: &[Step { words: RUN, orders: "", mood: "upset" }, step(APPROVE), step(APPROVE)],
    },
    Scenario {
        name: "adopted",
        end: "completed",
        role: TOOLS,
        script: r#"
rules:
  - turn: 0
    calls:
      - {tool: shell, arguments: {command: "echo a >> effects"}}
  - {turn: 1, from: tool, when: "(?s).*", reply: "Done."}
"#,
        steps: &[
            Step { words: RUN, orders: "runner.invoke.started", mood: "calm" },
            step(&["pending"]),
            step(&["approve", "RUN", "--tool-call-id", "CALL0", "--retry"]),
        ],
    },
    Scenario {
        // Nothing happens whose result the model could be told with.
        name: "denied",
        end: "completed",
        role: TOOLS,
        script: r#"
rules:
  - turn: 0
    calls:
      - {tool: asking, arguments: {command: "echo a >> effects"}}
  - {turn: 1, from: tool, when: "(?s).*", reply: "Done."}
"#,
        steps: &[step(RUN), step(&["approve", "RUN", "--all", "--deny"])],
    },
    Scenario {
        name: "edited",
        end: "completed",
        role: TOOLS,
        script: r#"
rules:
  - turn: 0
    calls:
      - {tool: asking, arguments: {command: "echo a >> effects"}}
  - {turn: 1, from: tool, when: "(?s).*", reply: "Done."}
"#,
        steps: &[
            step(RUN),
            step(&[
                "approve",
                "RUN",
                "--tool-call-id",
                "CALL0",
                "--set",
                "command=echo e >> effects",
            ]),
        ],
    },
    Scenario {
        // The model asks for something that waits, and for something that takes longer than that may.
        name: "expired",
        end: "completed",
        role: "\
tools:
  - {type: shell, shell: true}
  - {type: shell, name: asking, shell: true, approval: {mode: required, expires_after: 1s}}
",
        script: r#"
rules:
  - turn: 0
    calls:
      - {tool: asking, arguments: {command: "echo a >> effects"}}
      - {tool: shell, arguments: {command: "sleep 1.1; echo b >> effects"}}
  - {turn: 1, from: tool, when: "(?s).*", reply: "Done."}
"#,
        steps: &[step(RUN), step(&["sweep"])],
    },
    Scenario {
        // A policy asks for a person, refuses what the person would make of the call, and is asked again.
        name: "policed",
        end: "completed",
        role: "\
policy: {sources: [policies.cedar]}
tools:
  - {type: shell, shell: true}
",
        script: r#"
rules:
  - turn: 0
    calls:
      - {tool: shell, arguments: {command: "echo a >> effects"}}
  - {turn: 1, from: tool, when: "(?s).*", reply: "Done."}
"#,
        steps: &[
            step(RUN),
            step(&["approve", "RUN", "--tool-call-id", "CALL0", "--set", "command=reboot"]),
            step(APPROVE),
        ],
    },
    Scenario {
        // Of a call that may be repeated nobody is asked whether it happened.
        name: "repeated",
        end: "completed",
        role: "\
tools:
  - component: PROBE
    name: probe
    describe: idempotent
    grants: {process: [{script: true}]}
    approval: required
    retry_unknown: auto
",
        script: r#"
rules:
  - turn: 0
    calls:
      - {tool: probe, arguments: {do: script, text: "echo a >> effects"}}
  - {turn: 1, from: tool, when: "(?s).*", reply: "Done."}
"#,
        steps: &[
            step(RUN),
            Step { words: APPROVE, orders: "runner.invoke.invoked", mood: "calm" },
            step(&["recover", "--resume"]),
        ],
    },
];

impl Scenario {
    /// A state folder, and the role beside it.
    pub(super) fn home(&self) -> Home {
        let home = Home::new();
        let tools = self.role.replace("PROBE", &crate::probe().to_string_lossy());
        let role = format!("name: test\nprompt: p\nmodel: scripted:script.yaml\n{tools}");
        home.file("role.yaml", role);
        home.file("script.yaml", self.script);
        home.file("policies.cedar", POLICIES);
        home
    }
}

impl Step {
    /// The command, by the program with fail points or by the shipped one.
    pub(super) fn start(&self, home: &Home, failing: bool) -> Start {
        let run = look::newest_run(home).unwrap_or_default();
        let calls = look::calls_of_newest(home);
        let word = |word: &&'static str| match *word {
            "RUN" => run.clone(),
            word => match word.strip_prefix("CALL").and_then(|n| n.parse::<usize>().ok()) {
                Some(n) => calls.get(n).cloned().unwrap_or_default(),
                None => word.to_owned(),
            },
        };
        let words: Vec<String> = self.words.iter().map(word).collect();
        let words = words.iter().map(String::as_str);
        let start = if failing { home.failing(words) } else { home.command(words) };
        start.env("MOOD", self.mood)
    }
}
