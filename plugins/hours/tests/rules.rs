//! What rules answer, and what is said of those that cannot be read.

#![expect(clippy::unwrap_used, reason = "what the tests share may fail as tests do")]

use expect_test::{Expect, expect};
use initrunner_hours::decide::decide;
use initrunner_hours::rules::{self, Rules};
use initrunner_sdk::policy::{
    Agent, Counts, Diagnostic, Effects, Question, Request, Reviewer, Source, SourceKind, Subject,
    Summary,
};

const TOOLS: &str = r#"[
    {"name": "shell", "entry": "shell", "plugin": "shell", "tool": "shell", "effects": {"read_only": null}, "parameters": {}},
    {"name": "look", "entry": "look", "plugin": "files", "tool": "look", "effects": {"read_only": true}, "parameters": {}},
    {"name": "send_mail", "entry": "send", "plugin": "mail", "tool": "mail", "parameters": {}}
]"#;

fn load(text: &str) -> Result<(Rules, Summary), Vec<Diagnostic>> {
    let source = |kind, name: &str, text: &str| Source {
        name: name.to_owned(),
        kind,
        text: text.to_owned(),
    };
    rules::read(&[
        source(SourceKind::Tools, "tools", TOOLS),
        source(SourceKind::Policies, "h.toml", text),
    ])
}

/// A request at a moment such as `2026-11-23T08:00:00Z`.
fn at(moment: &str, tool: &str, calls: u32, running_ms: u64) -> Request {
    let time: jiff::Timestamp = moment.parse().unwrap();
    let plugin = if tool == "send_mail" { "mail" } else { tool };
    Request {
        question: Question::Invoke,
        agent: Agent {
            name: "a".to_owned(),
            team: None,
            author: None,
            version: None,
            tags: Vec::new(),
        },
        subject: Subject {
            name: tool.to_owned(),
            entry: tool.to_owned(),
            plugin: plugin.to_owned(),
            tool: tool.to_owned(),
            effects: Effects {
                read_only: None,
                destructive: None,
                idempotent: None,
                open_world: None,
            },
        },
        arguments: "{}".to_owned(),
        requester: "os:alice".to_owned(),
        trigger: "cli".to_owned(),
        time_ms: u64::try_from(time.as_millisecond()).unwrap(),
        isolation: None,
        counts: Counts { requests: 0, tool_calls: calls, calls_of_tool: calls, running_ms },
    }
}

fn words(rules: &Rules, request: &Request) -> String {
    let decision = decide(rules, request);
    let mut words = format!("{:?}", decision.effect).replace("Effect::", "").to_lowercase();
    for reason in decision.reasons {
        words.push_str(&format!(" {}: {}", reason.policy, reason.message.unwrap_or_default()));
    }
    words.extend(decision.errors);
    words
}

#[test]
fn hours_are_those_of_the_zone() {
    let (rules, summary) = load(
        "[[hours]]\nname = \"office\"\nzone = \"Europe/Vienna\"\nfrom = \"09:00\"\nto = \"17:30\"\noutside = \"deny\"\nmessage = \"in the office\"",
    )
    .unwrap();
    assert_eq!(summary.policies, ["office"]);
    assert!(!summary.approvals);
    let no = "deny office: in the office";
    for (moment, answer) in [
        // In winter an hour before UTC, in summer two.
        ("2026-11-23T07:59:59.999Z", no),
        ("2026-11-23T08:00:00Z", "allow"),
        ("2026-11-23T16:29:59.999Z", "allow"),
        ("2026-11-23T16:30:00Z", no),
        ("2026-07-01T07:00:00Z", "allow"),
        ("2026-07-01T15:30:00Z", no),
        // A Saturday.
        ("2026-11-21T10:00:00Z", no),
    ] {
        assert_eq!(words(&rules, &at(moment, "shell", 0, 0)), answer, "{moment}");
    }
    // What only reads is not meant.
    assert_eq!(words(&rules, &at("2026-11-21T10:00:00Z", "look", 0, 0)), "allow");
}

#[test]
fn hours_may_pass_midnight() {
    let (rules, _) = load(
        "[[hours]]\nname = \"night\"\nzone = \"-03:30\"\ndays = [\"sun\"]\nfrom = \"22:00\"\nto = \"06:00\"\ntools = [\"*\"]\nmessage = \"m\"",
    )
    .unwrap();
    for (moment, answer) in [
        ("2026-11-23T01:29:00Z", "ask night: m"),
        ("2026-11-23T01:30:00Z", "allow"),
        ("2026-11-23T09:29:00Z", "allow"),
        ("2026-11-23T09:30:00Z", "ask night: m"),
        ("2026-11-24T02:00:00Z", "ask night: m"),
    ] {
        assert_eq!(words(&rules, &at(moment, "look", 0, 0)), answer, "{moment}");
    }
}

#[test]
fn rates_count_the_calls_of_a_run() {
    let (rules, _) = load("[[rate]]\ntools = [\"send_*\"]\ncalls = 2\nminutes = 10").unwrap();
    let ask =
        |calls, running| words(&rules, &at("2026-11-23T12:00:00Z", "send_mail", calls, running));
    let no = "ask h.toml:rate0: at most 2 calls of this tool in 10 minutes";
    assert_eq!(ask(0, 0), "allow");
    assert_eq!(ask(1, 0), "allow");
    assert_eq!(ask(2, 599_999), no);
    assert_eq!(ask(2, 600_000), "allow");
    assert_eq!(ask(4, 600_000), no);
    assert_eq!(ask(u32::MAX, u64::MAX), "allow");
    assert_eq!(words(&rules, &at("2026-11-23T12:00:00Z", "shell", 9, 0)), "allow");
}

#[test]
fn the_strictest_rule_answers() {
    let (rules, _) = load(
        "[[hours]]\nname = \"a\"\nfrom = \"00:00\"\nto = \"00:01\"\nmessage = \"1\"\n[[rate]]\nname = \"b\"\ncalls = 0\nbeyond = \"deny\"\nmessage = \"2\"\n[[rate]]\nname = \"c\"\ncalls = 0\nmessage = \"3\"",
    )
    .unwrap();
    assert_eq!(words(&rules, &at("2026-11-23T12:00:00Z", "shell", 0, 0)), "deny b: 2");
    let mut late = at("2026-11-23T12:00:00Z", "shell", 0, 0);
    late.question = Question::Approve(Reviewer { identity: "os:a".to_owned() });
    assert_eq!(words(&rules, &late), "allow");
    late.question = Question::Invoke;
    late.time_ms = u64::MAX;
    assert!(words(&rules, &late).contains("cannot be told"));
}

#[test]
fn what_cannot_be_read_says_where_and_what_instead() {
    let check = |text: &str, expected: Expect| {
        let found = load(text).unwrap_err();
        let lines: String = found
            .iter()
            .map(|one| {
                let (line, column) = one.place.unwrap();
                format!(
                    "{}:{line}:{column}: {}\n  {}\n",
                    one.source,
                    one.message,
                    one.hint.as_deref().unwrap_or("-")
                )
            })
            .collect();
        expected.assert_eq(&lines);
    };
    let hours = |more: &str| format!("[[hours]]\nfrom = \"09:00\"\nto = \"17:00\"\n{more}");
    check(
        "[[hours]]\nform = \"09:00\"",
        expect![[r#"
        h.toml:2:1: unknown field `form`
          did you mean `from`?
    "#]],
    );
    check(
        "[[hours]]\nfrom = \"09:00\"",
        expect![[r#"
        h.toml:1:1: missing field `to`
          -
    "#]],
    );
    check(
        "[hours",
        expect![[r#"
        h.toml:1:7: unclosed table
          -
    "#]],
    );
    check(
        "[[huors]]",
        expect![[r#"
        h.toml:1:3: unknown field `huors`
          did you mean `hours`?
    "#]],
    );
    check(
        "[[hours]]\nfrom = \"9\"\nto = \"25:00\"",
        expect![[r#"
        h.toml:2:8: `9` is no time of a day
          write hours and minutes, such as `09:00`
    "#]],
    );
    check(
        &hours("zone = \"Europe/Wien\""),
        expect![[r#"
        h.toml:4:8: `Europe/Wien` is no time zone
          write a name such as `Europe/Vienna`, or an offset such as `+01:00`
    "#]],
    );
    check(
        &hours("days = [\"mon\", \"tuesday\"]"),
        expect![[r#"
        h.toml:4:16: `tuesday` is no day
          write `mon`, `tue`, `wed`, `thu`, `fri`, `sat` or `sun`
    "#]],
    );
    check(
        &hours("days = []"),
        expect![[r#"
        h.toml:4:8: there are no days
          name one, or leave `days` out for Monday to Friday
    "#]],
    );
    check(
        &hours("tools = [\"shel\"]"),
        expect![[r#"
        h.toml:4:10: no tool is called `shel`
          did you mean `shell`?
    "#]],
    );
    check(
        &hours("tools = [\"ä\", \"x\"]"),
        expect![[r#"
        h.toml:4:10: no tool is called `ä`
          this role has `shell`, `look`, `send_mail`; a pattern such as `ä*` may fit nothing
    "#]],
    );
    check(
        &hours("outside = \"allow\""),
        expect![[r#"
        h.toml:4:11: `allow` is no answer of `outside`
          write `ask` or `deny`
    "#]],
    );
    check(
        &hours("name = \"\""),
        expect![[r#"
        h.toml:4:8: this is no name of a rule
          write 1 to 128 characters
    "#]],
    );
    check(
        "[[rate]]\ncalls = -1",
        expect![[r#"
        h.toml:2:9: `-1` is too small
          write 0 or more
    "#]],
    );
    check(
        "[[rate]]\ncalls = 1\nminutes = 0",
        expect![[r#"
        h.toml:3:11: `0` is too small
          write 1 or more
    "#]],
    );
    check(
        "[[rate]]\nname = \"a\"\ncalls = 1\n[[rate]]\nname = \"a\"\ncalls = 2",
        expect![[r#"
        h.toml:5:8: two rules are called `a`
          give one of them another `name`
    "#]],
    );
}

#[test]
fn the_page_for_authors_has_an_example_that_loads() {
    let page = include_str!("../../../docs/policies.md");
    let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    // The page's role has other tools.
    let (rules, _) =
        load(&example.replace("refund", "shell").replace("\"mail\"", "\"send_mail\"")).unwrap();
    assert_eq!(rules.rules.len(), 2);
    assert!(words(&rules, &at("2026-11-21T10:00:00Z", "shell", 0, 0)).starts_with("deny office: "));
    let words = words(&rules, &at("2026-11-23T10:00:00Z", "send_mail", 5, 0));
    assert_eq!(words, "ask h.toml:rate0: five mails at a time");
}
