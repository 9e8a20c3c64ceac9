//! Trying policies: nothing is called, and no run is touched.

mod bench;
mod check;
mod schema;
mod test;

use expect_test::Expect;
use initrunner_tests::home::{Home, Ran};

/// A role that needs a key which is not there, two tools, and these policies.
fn with_policies(policy: &str) -> Home {
    let home = Home::new();
    let tools = "tools: [{type: shell, shell: true}, {type: datetime, timezone: UTC}]";
    home.file("role.yaml", format!("name: clerk\nprompt: p\nmodel: openai:m\n{tools}\n{policy}"));
    home
}

fn with_cedar(files: &[(&str, &str)]) -> Home {
    let home = with_policies("policy: {sources: [policies/]}\n");
    std::fs::create_dir(home.work().join("policies")).unwrap();
    for (name, text) in files {
        home.file(&format!("policies/{name}"), text);
    }
    home
}

const ALL: &str = "@id(\"all\")\npermit (principal, action in Action::\"tools:all\", resource);\n";

const RULES: &str = r#"
@id("all")
permit (principal, action in Action::"tools:all", resource);

@id("removing")
@message("removing files needs a person")
@severity("high")
forbid (principal, action == Action::"shell", resource)
when { context.unattended && context.arguments.command like "rm *" };

@id("disk")
@message("nobody formats a disk here")
forbid (principal, action == Action::"shell", resource)
when { context.arguments.command like "mkfs*" };

@id("few")
forbid (principal, action == Action::"shell", resource)
when { context.counts.calls_of_tool >= 10 };

@id("isolated")
forbid (principal, action == Action::"shell", resource)
when { context has isolation && context.isolation.contains("landlock-1") };

@id("late")
forbid (principal, action in Action::"plugin:datetime", resource)
when { context.time >= datetime("2027-01-01") || context.trigger == "cron" };

@id("overflow")
forbid (principal, action in Action::"plugin:datetime", resource)
when { context.counts.running_ms * 9223372036854775807 > 0 };

@id("four-eyes")
@message("somebody else approves")
forbid (principal, action == Action::"approve", resource)
when { principal == context.requester };
"#;

/// What was printed, without digests: they differ from build to build.
fn check(home: &Home, ran: &Ran, expected: Expect) {
    assert!(!home.state().join("audit.db").exists(), "{ran}");
    let text = ran.to_string();
    let stable: Vec<String> = text
        .lines()
        .map(|line| match line.find("sha256:") {
            Some(at) => format!("{}DIGEST", &line[..at]),
            None => line.to_owned(),
        })
        .collect();
    expected.assert_eq(&format!("{}\n", stable.join("\n")));
}
