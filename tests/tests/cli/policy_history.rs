//! What policies said, read back: every decision is in the journal, `policy explain` tells why, and
//! `policy replay` asks others about past calls.

use crate::{ASKING, FREE, RUNNER};
use expect_test::{Expect, expect};
use initrunner_tests::home::{Home, Ran, until};
use rustix::process::Signal;
use serde_json::Value;

/// Removing is forbidden, touching asks, all else may happen; nobody approves what has `two` in it.
const POLICIES: &str = r#"
@id("everything")
permit (principal, action in Action::"tools:all", resource);

@id("touching")
@message("touching needs a person")
@severity("medium")
forbid (principal, action == Action::"shell", resource)
when { context.unattended && context.arguments.command like "touch*" };

@id("removing")
@message("nothing is removed here")
forbid (principal, action == Action::"shell", resource)
when { context.arguments.command like "rm*" };

@id("not-two")
@message("two is too many")
forbid (principal, action == Action::"approve", resource)
when { context.call has shell && context.call.shell.arguments.command like "*two*" };
"#;

/// Nothing is asked, nothing denied.
const LOOSER: &str = r#"
@id("anything")
permit (principal, action in Action::"tools:all", resource);
"#;

/// What only looks may happen, whatever attends; all else is denied.
const STRICTER: &str = r#"
@id("looking")
permit (principal, action == Action::"shell", resource)
when { context.arguments.command like "echo*" };

@id("second")
@message("one call is enough")
forbid (principal, action in Action::"tools:all", resource)
when { context.counts.tool_calls > 0 };
"#;

/// Two calls in one turn.
const TWICE: &str = r#"
rules:
  - when: "^twice$"
    turn: 0
    calls:
      - {tool: shell, arguments: {command: touch one}}
      - {tool: shell, arguments: {command: touch two}}
  - when: "^nonsense$"
    turn: 0
    calls:
      - {tool: shell, arguments: {comand: ls}}
      - {tool: nothing, arguments: {}}
"#;

fn with_policies(tools: &str, policies: &str) -> Home {
    let home = Home::new();
    role(&home, tools, "policy: {sources: [policies.cedar]}\n");
    home.file("policies.cedar", policies);
    home.file("script.yaml", RUNNER.replacen("\nrules:\n", TWICE, 1));
    home
}

fn role(home: &Home, tools: &str, policy: &str) {
    let head = "name: test\nprompt: p\nmodel: scripted:script.yaml\n";
    home.file("role.yaml", format!("{head}{policy}tools:\n{tools}\n"));
}

fn ask(home: &Home, prompt: &str) -> Ran {
    home.run(["run", "role.yaml", "-p", prompt])
}

/// The events of the newest run that tell of policies: what was asked, and what they said.
fn decided(home: &Home) -> Vec<String> {
    let events = home.json(["audit", "show", &home.last(), "--json"]);
    let events = events.as_array().unwrap().iter();
    let of_policies = events.filter(|event| event["kind"] == "policy_decided");
    let line = |event: &Value| {
        let body = &event["body"];
        assert!(event["tool_call_id"].is_string() && event["at"].is_string(), "{event}");
        assert_eq!(body["digest"].as_str().map(str::len), Some(64), "{event}");
        assert!(body["took_us"].is_u64() && body["counts"].is_array(), "{event}");
        let reasons = body["reasons"].as_array().unwrap().iter();
        let reasons: Vec<&str> = reasons.map(|it| it["policy"].as_str().unwrap()).collect();
        let edited = if body["edited"] == true { " (edited)" } else { "" };
        let text = |key: &str| body[key].as_str().unwrap();
        let (policy, question, effect) = (text("policy"), text("question"), text("effect"));
        let line = format!("{policy}: {question}{edited} {effect} {}", reasons.join(", "));
        line.trim_end().to_owned()
    };
    of_policies.map(line).collect()
}

/// Compares what was added to the journal since `seen` lines were there.
#[track_caller]
fn added(home: &Home, seen: &mut usize, expected: Expect) {
    let all = decided(home);
    expected.assert_eq(&all[*seen..].join("\n"));
    *seen = all.len();
}

fn verifies(home: &Home) {
    let verified = home.run(["audit", "verify"]);
    assert_eq!(verified.code, Some(0), "{verified}");
}

/// The id of the newest run's call at a position.
fn call(home: &Home, index: usize) -> String {
    let shown = home.json(["show", &home.last(), "--json"]);
    shown["calls"][index]["tool_call_id"].as_str().unwrap().to_owned()
}

fn explain(home: &Home, index: usize) -> Ran {
    home.run(["policy", "explain", &home.last(), &call(home, index)])
}

#[test]
fn every_decision_is_in_the_journal() {
    let home = with_policies(FREE, POLICIES);
    let seen = &mut 0;
    // A turn, with two calls that wait.
    ask(&home, "twice");
    added(
        &home,
        seen,
        expect![[r#"
        cedar: invoke ask touching
        cedar: invoke ask touching"#]],
    );
    let (run, first, second) = (home.last(), call(&home, 0), call(&home, 1));
    // Both approved: the first may be, the second may not, and nothing is decided.
    let refused = home.run(["approve", &run, "--all"]);
    assert_eq!(refused.code, Some(1), "{refused}");
    added(
        &home,
        seen,
        expect![[r#"
        cedar: approve allow
        cedar: approve deny not-two"#]],
    );
    // An edit to what may not happen; one to what this person may not approve; one that holds.
    let edit = |command: &str| {
        let command = format!("command={command}");
        let words = ["--tool-call-id", &second, "--keep-others", "--set", &command];
        home.run(["approve", &run].into_iter().chain(words)).code
    };
    assert_eq!(edit("rm x"), Some(1));
    added(&home, seen, expect!["cedar: invoke (edited) deny removing"]);
    assert_eq!(edit("touch two2"), Some(1));
    added(
        &home,
        seen,
        expect![[r#"
        cedar: invoke (edited) ask touching
        cedar: approve (edited) deny not-two"#]],
    );
    assert_eq!(edit("touch three"), Some(2));
    added(
        &home,
        seen,
        expect![[r#"
        cedar: invoke (edited) ask touching
        cedar: approve (edited) allow"#]],
    );
    // A decision about a version that is not there.
    let words = ["--tool-call-id", &first, "--version-shown", "99"];
    assert_eq!(home.run(["approve", &run].into_iter().chain(words)).code, Some(3));
    added(&home, seen, expect!["cedar: approve allow"]);
    // One that comes too late, since a denial needs no policy and is first.
    let late = home
        .failing(["approve", &run, "--all"])
        .env("INITRUNNER_FAIL_POINT", "store.owner.registered:stop")
        .start();
    let stat = format!("/proc/{}/stat", late.id());
    until("it has stopped, about to decide", || {
        let stat = std::fs::read_to_string(&stat).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, after)| after.starts_with('T'))
    });
    let words = ["--tool-call-id", &first, "--deny", "--keep-others"];
    // The run goes on with the call that was approved before, which is asked about again, and starts.
    home.run(["approve", &run].into_iter().chain(words)).check(expect![[r#"
        Resumed.
        Error: A person denied this call; it was not executed.
        = 0
    "#]]);
    added(&home, seen, expect!["cedar: invoke ask touching"]);
    late.signal(Signal::CONT);
    assert_eq!(late.wait().code, Some(3));
    added(&home, seen, expect!["cedar: approve allow"]);
    assert!(home.work().join("three").exists() && !home.work().join("one").exists());
    verifies(&home);
}

#[test]
fn a_call_that_is_refused_when_its_run_goes_on_is_in_the_journal_too() {
    let home = with_policies(FREE, LOOSER);
    role(&home, ASKING, "");
    let host = home.root().join("host");
    std::fs::create_dir(&host).unwrap();
    std::fs::write(host.join("p.cedar"), LOOSER).unwrap();
    let run = |words: &[&str]| {
        let words = home.command(words.iter().copied());
        words.env("INITRUNNER_POLICY_DIR", &host.display().to_string()).run()
    };
    let seen = &mut 0;
    run(&["run", "role.yaml", "-p", "run touch one"]);
    added(&home, seen, expect!["cedar of this host: invoke allow anything"]);
    std::fs::write(host.join("p.cedar"), POLICIES.replace("touch*", "touch two*")).unwrap();
    run(&["run", "role.yaml", "-p", "run touch two"]);
    *seen = 0;
    added(&home, seen, expect!["cedar of this host: invoke ask touching"]);
    let stricter = POLICIES.replace("rm*", "touch*").replace("*two*", "*three*");
    std::fs::write(host.join("p.cedar"), stricter).unwrap();
    assert_eq!(run(&["approve", &home.last(), "--all"]).code, Some(0));
    added(
        &home,
        seen,
        expect![[r#"
        cedar of this host: approve allow
        cedar of this host: invoke deny removing"#]],
    );
    explain(&home, 0).check(expect![[r#"
        CALL2__________  shell  of RUN2____________
          TIME_______________________  may it happen? ask
            the run had made 1 request, 0 tool calls (0 of this tool), in SECONDS s
            isolation of its programs: ISOLATION
            cedar of this host: ask  (sha256:DIGEST, MICROSECONDS)
              touching needs a person (policy `touching`, severity medium)
          TIME_______________________  the call: waiting
          TIME_______________________  a person is asked
          TIME_______________________  may os:USER approve it? allow
            the run had made 1 request, 0 tool calls (0 of this tool), in SECONDS s
            isolation of its programs: ISOLATION
            cedar of this host: allow  (sha256:DIGEST, MICROSECONDS)
              no policy spoke against it
          TIME_______________________  approved by os:USER
          TIME_______________________  may it happen? deny
            the run had made 1 request, 0 tool calls (0 of this tool), in SECONDS s
            isolation of its programs: ISOLATION
            cedar of this host: deny  (sha256:DIGEST, MICROSECONDS)
              nothing is removed here (policy `removing`)
          TIME_______________________  refused by policy
        = 0
    "#]]);
    verifies(&home);
}

#[test]
fn the_commands_explain_themselves() {
    let home = Home::new();
    home.run(["policy", "explain", "--help"]).check(expect![[r#"
        Say why a call was let through, asked about or refused

        Usage: initrunner policy explain [OPTIONS] <RUN_ID> <TOOL_CALL_ID>

        Arguments:
          <RUN_ID>        The run: its id, or at least four characters of its beginning; a pruned one too,
                          as far as it is kept
          <TOOL_CALL_ID>  The call: its id, or at least four characters of its beginning

        Options:
              --audit-db <PATH>  Use this database instead of the state folder's
              --json             Print one JSON object instead of text
          -h, --help             Print help
        = 0
    "#]]);
    home.run(["policy", "replay", "--help"]).check(expect![[r#"
        Say what a role's policies, or others in their place, would have answered to past calls

        Usage: initrunner policy replay [OPTIONS] <ROLE>

        Arguments:
          <ROLE>  The role file; calls of all runs of roles of its name are looked at

        Options:
              --audit-db <PATH>             Use this database instead of the state folder's
              --since <TIME>                Leave out older calls: a time, or how long ago (`7d`, `12h`)
              --sources <PATH>              Ask these files or folders in the place of the role's own
                                            policies. May be given several times
              --component <NAME|FILE.wasm>  The component that reads them: a built-in's name, or a file
                                            [default: cedar]
              --schema <PATH>               A schema for them
              --entities <PATH>             Entities for them
              --all                         List every call, not only those that would be answered
                                            differently
              --json                        Print one JSON object instead of text
          -h, --help                        Print help
        = 0
    "#]]);
}

#[test]
fn why_a_call_happened_or_not() {
    let home = with_policies(FREE, POLICIES);
    ask(&home, "run echo hi");
    explain(&home, 0).check(expect![[r#"
        CALL___________  shell  of RUN_____________
          TIME_______________________  may it happen? allow
            the run had made 1 request, 0 tool calls (0 of this tool), in SECONDS s
            isolation of its programs: ISOLATION
            cedar: allow  (sha256:DIGEST, MICROSECONDS)
              policy `everything`
          TIME_______________________  the call: ready
          TIME_______________________  started, attempt 1
          TIME_______________________  a program of it is started
          TIME_______________________  succeeded
        = 0
    "#]]);
    ask(&home, "run rm x");
    explain(&home, 0).check(expect![[r#"
        CALL2__________  shell  of RUN2____________
          TIME_______________________  may it happen? deny
            the run had made 1 request, 0 tool calls (0 of this tool), in SECONDS s
            isolation of its programs: ISOLATION
            cedar: deny  (sha256:DIGEST, MICROSECONDS)
              nothing is removed here (policy `removing`)
          TIME_______________________  the call: refused by policy
        = 0
    "#]]);
    ask(&home, "run touch two");
    let run = home.last();
    home.run(["approve", &run, "--all"]);
    let (edit, call) = (["--set", "command=touch three"], call(&home, 0));
    home.run(["approve", &run, "--tool-call-id", &call].into_iter().chain(edit));
    // The role is not needed for it, and neither is the run's row.
    std::fs::remove_file(home.work().join("role.yaml")).unwrap();
    std::fs::remove_file(home.work().join("policies.cedar")).unwrap();
    explain(&home, 0).check(expect![[r#"
        CALL3__________  shell  of RUN3____________
          TIME_______________________  may it happen? ask
            the run had made 1 request, 0 tool calls (0 of this tool), in SECONDS s
            isolation of its programs: ISOLATION
            cedar: ask  (sha256:DIGEST, MICROSECONDS)
              touching needs a person (policy `touching`, severity medium)
          TIME_______________________  the call: waiting
          TIME_______________________  a person is asked
          TIME_______________________  may os:USER approve it? deny
            the run had made 1 request, 0 tool calls (0 of this tool), in SECONDS s
            isolation of its programs: ISOLATION
            cedar: deny  (sha256:DIGEST, MICROSECONDS)
              two is too many (policy `not-two`)
          TIME_______________________  may it happen as it was to be changed? ask
            the run had made 1 request, 0 tool calls (0 of this tool), in SECONDS s
            isolation of its programs: ISOLATION
            cedar: ask  (sha256:DIGEST, MICROSECONDS)
              touching needs a person (policy `touching`, severity medium)
          TIME_______________________  may os:USER approve it as it was to be changed? allow
            the run had made 1 request, 0 tool calls (0 of this tool), in SECONDS s
            isolation of its programs: ISOLATION
            cedar: allow  (sha256:DIGEST, MICROSECONDS)
              no policy spoke against it
          TIME_______________________  a person is asked
          TIME_______________________  changed by os:USER
          TIME_______________________  approved by os:USER
          TIME_______________________  may it happen? ask
            the run had made 1 request, 0 tool calls (0 of this tool), in SECONDS s
            isolation of its programs: ISOLATION
            cedar: ask  (sha256:DIGEST, MICROSECONDS)
              touching needs a person (policy `touching`, severity medium)
          TIME_______________________  started, attempt 1
          TIME_______________________  a program of it is started
          TIME_______________________  succeeded
        = 0
    "#]]);
    // Beginnings of ids will do.
    let json = home.json(["policy", "explain", &run[..14], &call[..12], "--json"]);
    let steps = json["steps"].as_array().unwrap();
    assert_eq!((&json["run_id"], &json["tool"]), (&run.clone().into(), &"shell".into()));
    assert_eq!(json["unasked"], Value::Null);
    assert_eq!(steps[0]["question"], "invoke");
    assert_eq!(steps[0]["effect"], "ask");
    assert_eq!(steps[0]["answers"][0]["reasons"][0]["policy"], "touching");
    assert_eq!(steps[0]["answers"][0]["reasons"][0]["severity"], "medium");
    assert_eq!(steps[0]["counts"]["requests"], 1);
    assert_eq!(steps[1]["state"], "waiting");
    verifies(&home);

    home.run(["audit", "prune", "--older-than", "0d"]);
    home.run(["policy", "explain", &run, &call]).check(expect![[r#"
        CALL3__________  of RUN3____________
          what policies said of it was pruned with its run
          TIME_______________________  a person is asked
          TIME_______________________  a person is asked
          TIME_______________________  changed by os:USER
          TIME_______________________  approved by os:USER
        = 0
    "#]]);
    verifies(&home);
}

#[test]
fn a_call_that_no_policy_was_asked_about() {
    let home = with_policies(FREE, POLICIES);
    ask(&home, "nonsense");
    explain(&home, 0).check(expect![[r#"
        CALL___________  shell  of RUN_____________
          no policy was asked: there is no such tool, or the arguments do not fit it
          TIME_______________________  the call: refused by arguments
        = 0
    "#]]);
    explain(&home, 1).check(expect![[r#"
        CALL2__________  nothing  of RUN_____________
          no policy was asked: there is no such tool, or the arguments do not fit it
          TIME_______________________  the call: refused by arguments
        = 0
    "#]]);
    role(&home, FREE, "");
    ask(&home, "run echo hi");
    explain(&home, 0).check(expect![[r#"
        CALL3__________  shell  of RUN2____________
          no policy was asked: the run had none
          TIME_______________________  the call: ready
          TIME_______________________  started, attempt 1
          TIME_______________________  a program of it is started
          TIME_______________________  succeeded
        = 0
    "#]]);
    let unknown = ["policy", "explain", &home.last(), "call_aaaaaaaaaa"];
    home.run(unknown).check(expect![[r#"
        ! error: run RUN2____________ has no call `CALL4__________`; `initrunner show RUN2____________` lists them
        = 4
    "#]]);
    home.run(["policy", "explain", "run_aaaaaaaaaaaa", "call_aaaaaaaaaa"]).check(expect![[r#"
        ! error: there is no run `RUN3____________`; `initrunner runs` lists them
        = 4
    "#]]);
}

/// Runs of each kind, under the first policies: allowed, denied, asked and approved, edited, waiting.
fn past() -> Home {
    let home = with_policies(FREE, POLICIES);
    ask(&home, "run echo hi");
    ask(&home, "run rm x");
    ask(&home, "run touch one");
    home.run(["approve", &home.last(), "--all"]);
    ask(&home, "run touch two");
    let (run, call) = (home.last(), call(&home, 0));
    let words = ["--tool-call-id", &call, "--set", "command=echo edited"];
    assert_eq!(home.run(["approve", &run].into_iter().chain(words)).code, Some(0));
    ask(&home, "twice");
    ask(&home, "nonsense");
    home
}

fn replay(home: &Home, words: &[&str]) -> Ran {
    let command = ["policy", "replay", "role.yaml"];
    home.command(command.into_iter().chain(words.iter().copied())).env("COLUMNS", "140").run()
}

#[test]
fn what_other_policies_would_have_answered() {
    let home = past();
    home.file("looser.cedar", LOOSER);
    home.file("stricter.cedar", STRICTER);
    let before = home.json(["runs", "--json"]);
    // Nothing changed, so nothing differs.
    replay(&home, &[]).check(expect![[r#"
        6 calls of 5 runs of `test`: none would be answered differently.
        Not asked about: 1 call of tools that the role does not have now.
        Not asked about: 1 call whose arguments do not fit their tool as it is now.
        = 0
    "#]]);
    replay(&home, &["--all"]).check(expect![[r#"
        ┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━━┳━━━━━━━━━━┳━━━━━━━━━━━━┓
        ┃ time                ┃ run_id           ┃ tool_call_id    ┃ tool  ┃ was   ┃ would be ┃ because    ┃
        ┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━━╇━━━━━━━━━━╇━━━━━━━━━━━━┩
        │ TIME_______________ │ RUN3____________ │ CALL5__________ │ shell │ allow │ allow    │ everything │
        │ TIME_______________ │ RUN2____________ │ CALL6__________ │ shell │ deny  │ deny     │ removing   │
        │ TIME_______________ │ RUN_____________ │ CALL___________ │ shell │ ask   │ ask      │ touching   │
        │ TIME_______________ │ RUN4____________ │ CALL2__________ │ shell │ ask   │ ask      │ touching   │
        │ TIME_______________ │ RUN5____________ │ CALL3__________ │ shell │ ask   │ ask      │ touching   │
        │ TIME_______________ │ RUN5____________ │ CALL4__________ │ shell │ ask   │ ask      │ touching   │
        └─────────────────────┴──────────────────┴─────────────────┴───────┴───────┴──────────┴────────────┘
        6 calls of 5 runs of `test`: none would be answered differently.
        Not asked about: 1 call of tools that the role does not have now.
        Not asked about: 1 call whose arguments do not fit their tool as it is now.
        = 0
    "#]]);
    replay(&home, &["--sources", "looser.cedar"]).check(expect![[r#"
        ┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━┳━━━━━━━━━━┳━━━━━━━━━━┓
        ┃ time                ┃ run_id           ┃ tool_call_id    ┃ tool  ┃ was  ┃ would be ┃ because  ┃
        ┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━╇━━━━━━━━━━╇━━━━━━━━━━┩
        │ TIME_______________ │ RUN2____________ │ CALL6__________ │ shell │ deny │ allow    │ anything │
        │ TIME_______________ │ RUN_____________ │ CALL___________ │ shell │ ask  │ allow    │ anything │
        │ TIME_______________ │ RUN4____________ │ CALL2__________ │ shell │ ask  │ allow    │ anything │
        │ TIME_______________ │ RUN5____________ │ CALL3__________ │ shell │ ask  │ allow    │ anything │
        │ TIME_______________ │ RUN5____________ │ CALL4__________ │ shell │ ask  │ allow    │ anything │
        └─────────────────────┴──────────────────┴─────────────────┴───────┴──────┴──────────┴──────────┘
        6 calls of 5 runs of `test`: 5 would be answered differently (4 ask → allow, 1 deny → allow).
        Not asked about: 1 call of tools that the role does not have now.
        Not asked about: 1 call whose arguments do not fit their tool as it is now.
        = 0
    "#]]);
    replay(&home, &["--sources", "stricter.cedar"]).check(expect![[r#"
        ┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━┳━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
        ┃ time                ┃ run_id           ┃ tool_call_id    ┃ tool  ┃ was ┃ would be ┃ because                       ┃
        ┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━╇━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┩
        │ TIME_______________ │ RUN_____________ │ CALL___________ │ shell │ ask │ deny     │ no policy of cedar permits it │
        │ TIME_______________ │ RUN4____________ │ CALL2__________ │ shell │ ask │ deny     │ no policy of cedar permits it │
        │ TIME_______________ │ RUN5____________ │ CALL3__________ │ shell │ ask │ deny     │ no policy of cedar permits it │
        │ TIME_______________ │ RUN5____________ │ CALL4__________ │ shell │ ask │ deny     │ second                        │
        └─────────────────────┴──────────────────┴─────────────────┴───────┴─────┴──────────┴───────────────────────────────┘
        6 calls of 5 runs of `test`: 4 would be answered differently (4 ask → deny).
        Not asked about: 1 call of tools that the role does not have now.
        Not asked about: 1 call whose arguments do not fit their tool as it is now.
        = 0
    "#]]);
    let json = replay(&home, &["--sources", "looser.cedar", "--json"]).json();
    assert_eq!(json["calls"], 6);
    assert_eq!(json["unfit_arguments"], 1);
    assert_eq!(json["unknown_tools"], 1);
    assert_eq!(json["listed"].as_array().unwrap().len(), 5);
    assert_eq!(json["listed"][0]["was"], "deny");
    assert_eq!(json["listed"][0]["would_be"], "allow");
    assert_eq!(json["listed"][0]["answers"][0]["reasons"][0]["policy"], "anything");
    replay(&home, &["--since", "2199-01-01T00:00:00Z"]).check(expect![[r#"
        0 calls of 0 runs of `test`: none would be answered differently.
        = 0
    "#]]);
    // Other rules by other means.
    home.file("hours.toml", "[[rate]]\ntools = [\"shell\"]\ncalls = 1\nbeyond = \"deny\"\n");
    replay(&home, &["--component", "hours", "--sources", "hours.toml"]).check(expect![[r#"
        ┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━┳━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━┓
        ┃ time                ┃ run_id           ┃ tool_call_id    ┃ tool  ┃ was  ┃ would be ┃ because          ┃
        ┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━╇━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━┩
        │ TIME_______________ │ RUN2____________ │ CALL6__________ │ shell │ deny │ allow    │                  │
        │ TIME_______________ │ RUN_____________ │ CALL___________ │ shell │ ask  │ allow    │                  │
        │ TIME_______________ │ RUN4____________ │ CALL2__________ │ shell │ ask  │ allow    │                  │
        │ TIME_______________ │ RUN5____________ │ CALL3__________ │ shell │ ask  │ allow    │                  │
        │ TIME_______________ │ RUN5____________ │ CALL4__________ │ shell │ ask  │ deny     │ hours.toml:rate0 │
        └─────────────────────┴──────────────────┴─────────────────┴───────┴──────┴──────────┴──────────────────┘
        6 calls of 5 runs of `test`: 5 would be answered differently (3 ask → allow, 1 ask → deny, 1 deny → allow).
        Not asked about: 1 call of tools that the role does not have now.
        Not asked about: 1 call whose arguments do not fit their tool as it is now.
        = 0
    "#]]);
    // The host's stay.
    let host = home.root().join("host");
    std::fs::create_dir(&host).unwrap();
    std::fs::write(host.join("p.cedar"), STRICTER).unwrap();
    home.command(["policy", "replay", "role.yaml", "--sources", "looser.cedar"])
        .env("INITRUNNER_POLICY_DIR", &host.display().to_string())
        .env("COLUMNS", "140")
        .run()
        .check(expect![[r#"
            ┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━┳━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
            ┃ time                ┃ run_id           ┃ tool_call_id    ┃ tool  ┃ was ┃ would be ┃ because                                    ┃
            ┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━╇━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┩
            │ TIME_______________ │ RUN_____________ │ CALL___________ │ shell │ ask │ deny     │ no policy of cedar of this host permits it │
            │ TIME_______________ │ RUN4____________ │ CALL2__________ │ shell │ ask │ deny     │ no policy of cedar of this host permits it │
            │ TIME_______________ │ RUN5____________ │ CALL3__________ │ shell │ ask │ deny     │ no policy of cedar of this host permits it │
            │ TIME_______________ │ RUN5____________ │ CALL4__________ │ shell │ ask │ deny     │ second                                     │
            └─────────────────────┴──────────────────┴─────────────────┴───────┴─────┴──────────┴────────────────────────────────────────────┘
            6 calls of 5 runs of `test`: 4 would be answered differently (4 ask → deny).
            Not asked about: 1 call of tools that the role does not have now.
            Not asked about: 1 call whose arguments do not fit their tool as it is now.
            = 0
        "#]]);
    assert_eq!(home.json(["runs", "--json"]), before);
    verifies(&home);

    home.run(["audit", "prune", "--older-than", "0d"]);
    replay(&home, &["--sources", "looser.cedar"]).check(expect![[r#"
        ┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━┳━━━━━━━━━━┳━━━━━━━━━━┓
        ┃ time                ┃ run_id           ┃ tool_call_id    ┃ tool  ┃ was ┃ would be ┃ because  ┃
        ┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━╇━━━━━━━━━━╇━━━━━━━━━━┩
        │ TIME_______________ │ RUN5____________ │ CALL3__________ │ shell │ ask │ allow    │ anything │
        │ TIME_______________ │ RUN5____________ │ CALL4__________ │ shell │ ask │ allow    │ anything │
        └─────────────────────┴──────────────────┴─────────────────┴───────┴─────┴──────────┴──────────┘
        2 calls of 1 run of `test`: 2 would be answered differently (2 ask → allow).
        = 0
    "#]]);
}

#[test]
fn runs_without_policies_and_roles_without_tools() {
    let home = with_policies(FREE, POLICIES);
    role(&home, FREE, "");
    ask(&home, "run echo hi");
    ask(&home, "run rm x");
    replay(&home, &["--all"]).check(expect![[r#"
        ┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━┳━━━━━━━━━━┳━━━━━━━━━┓
        ┃ time                ┃ run_id           ┃ tool_call_id    ┃ tool  ┃ was  ┃ would be ┃ because ┃
        ┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━╇━━━━━━━━━━╇━━━━━━━━━┩
        │ TIME_______________ │ RUN_____________ │ CALL___________ │ shell │ none │ allow    │         │
        │ TIME_______________ │ RUN2____________ │ CALL2__________ │ shell │ none │ allow    │         │
        └─────────────────────┴──────────────────┴─────────────────┴───────┴──────┴──────────┴─────────┘
        2 calls of 2 runs of `test`: none would be answered differently.
        ! note: the role `test` has no policies, and this host has none: nothing would be objected to
        = 0
    "#]]);
    replay(&home, &["--sources", "policies.cedar"]).check(expect![[r#"
        ┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━┳━━━━━━━━━━┳━━━━━━━━━━┓
        ┃ time                ┃ run_id           ┃ tool_call_id    ┃ tool  ┃ was  ┃ would be ┃ because  ┃
        ┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━╇━━━━━━━━━━╇━━━━━━━━━━┩
        │ TIME_______________ │ RUN2____________ │ CALL2__________ │ shell │ none │ deny     │ removing │
        └─────────────────────┴──────────────────┴─────────────────┴───────┴──────┴──────────┴──────────┘
        2 calls of 2 runs of `test`: 1 would be answered differently (1 none → deny).
        = 0
    "#]]);
    role(&home, "  - {type: datetime}", "");
    replay(&home, &[]).check(expect![[r#"
        0 calls of 0 runs of `test`: none would be answered differently.
        Not asked about: 2 calls of tools that the role does not have now.
        ! note: the role `test` has no policies, and this host has none: nothing would be objected to
        = 0
    "#]]);
}

#[test]
fn secrets_in_the_arguments_are_tokens_and_a_note_says_so() {
    let home = with_policies(FREE, POLICIES);
    ask(&home, "run echo ghp_written0123456789abcdef0123456789abcdef");
    let token = r#"permit (principal, action == Action::"shell", resource)
        when { context.arguments.command like "*ghp_*" };"#;
    home.file("token.cedar", token);
    replay(&home, &["--sources", "token.cedar"]).check(expect![[r#"
        ┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━━┳━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
        ┃ time                ┃ run_id           ┃ tool_call_id    ┃ tool  ┃ was   ┃ would be ┃ because                       ┃
        ┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━━╇━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┩
        │ TIME_______________ │ RUN_____________ │ CALL___________ │ shell │ allow │ deny     │ no policy of cedar permits it │
        └─────────────────────┴──────────────────┴─────────────────┴───────┴───────┴──────────┴───────────────────────────────┘
        1 call of 1 run of `test`: 1 would be answered differently (1 allow → deny).
        ! note: of 1 call, secrets in the arguments are tokens now: policies that look at their values may have answered differently
        = 0
    "#]]);
}

#[test]
fn what_cannot_be_used_for_a_replay() {
    let home = with_policies(FREE, POLICIES);
    ask(&home, "run echo hi");
    home.file("bad.cedar", "permit (principal, action == Action::\"shel\", resource);\n");
    replay(&home, &["--sources", "bad.cedar"]).check(expect![[r#"
        ! error: bad.cedar:1:30: for policy `bad.cedar:policy0`, unrecognized action `Action::"shel"`
        !   hint: did you mean `Action::"shell"`?
        = 65
    "#]]);
    replay(&home, &["--sources", "nothing/"]).check(expect![[r#"
        ! error: the policies' file `nothing/` cannot be read: there is no such file
        !   hint: a relative path begins at the folder of the file that names it
        = 65
    "#]]);
    replay(&home, &["--sources", "policies.cedar", "--component", "cedr"]).check(expect![[r#"
        ! error: there is no policy component `cedr`
        !   hint: did you mean `cedar`?
        = 65
    "#]]);
    replay(&home, &["--schema", "x"]).check(expect![[r#"
        ! error: the following required arguments were not provided:
        !   --sources <PATH>
        !
        ! Usage: initrunner policy replay --sources <PATH> --schema <PATH> <ROLE>
        !
        ! For more information, try '--help'.
        = 64
    "#]]);
    replay(&home, &["--since", "yesterday"]).check(expect![[r#"
        ! error: invalid value 'yesterday' for '--since <TIME>': `yesterday` is no time; write one like `TIME________________`, or how long ago like `30d` or `12h`
        !
        ! For more information, try '--help'.
        = 64
    "#]]);
    home.run(["policy", "replay", "missing.yaml"]).check(expect![[r#"
        ! error: the role `missing.yaml` cannot be read: there is no such file
        = 65
    "#]]);
    // Others in the place of the role's own: those are not even read.
    std::fs::remove_file(home.work().join("policies.cedar")).unwrap();
    replay(&home, &[]).check(expect![[r#"
        ! error: role.yaml:4:9: the policies' file `policies.cedar` cannot be read: there is no such file
        !   hint: a relative path begins at the folder of the file that names it
        = 65
    "#]]);
    home.file("looser.cedar", LOOSER);
    assert_eq!(replay(&home, &["--sources", "looser.cedar"]).code, Some(0));
}

#[test]
fn what_was_written_down_is_read_as_text_and_never_trusted() {
    let home = past();
    home.file("looser.cedar", LOOSER);
    let (run, call) = (home.last(), call(&home, 0));
    ask(&home, "run touch one");
    let (waiting, its) = (home.last(), self::call(&home, 0));
    let bodies = [
        "{}",
        "[]",
        "nothing",
        r#"{"policy":"p","question":"invoke","counts":[1,2],"effect":"allow"}"#,
        r#"{"counts":[1,99999999999,0,0],"digest":"","effect":"maybe","errors":0,"question":7}"#,
    ];
    for body in bodies {
        let sql = "UPDATE events SET body = ?1 WHERE kind IN ('policy_decided', 'turn_recorded')";
        home.database().execute(sql, [body]).unwrap();
        for words in [
            ["policy", "explain", &run, &call],
            ["policy", "explain", &waiting, &its],
            ["policy", "replay", "role.yaml", "--all"],
        ] {
            let ran = home.run(words);
            assert!(ran.code.is_some_and(|code| code <= 4), "{ran}");
            assert!(!ran.stderr.contains("panicked"), "{ran}");
        }
    }
    home.run(["policy", "explain", &waiting, &its]).check(expect![[r#"
        CALL7__________  shell  of RUN7____________
          TIME_______________________  event 65 says what a policy answered, in a way that this version cannot read
          TIME_______________________  a person is asked
        = 0
    "#]]);
    replay(&home, &["--sources", "looser.cedar"]).check(expect![[r#"
        7 calls of 6 runs of `test`: none would be answered differently.
        Not asked about: 1 call of tools that the role does not have now.
        Not asked about: 1 call whose arguments do not fit their tool as it is now.
        ! note: of 7 calls it cannot be read what policies said then; `initrunner audit verify` tells whether somebody changed it
        = 0
    "#]]);
    // Escape sequences move no cursor.
    let hostile = r#"{"policy":"\u001b[2K","question":"approve","reviewer":"\u202eann","counts":[1,0,0,0],
        "isolation":["\u001b]0;x"],"effect":"deny","reasons":[{"policy":"\u0007","message":"\u200b","severity":"\r"}],
        "errors":["\u001b[1A"],"digest":"0000000000000000000000000000000000000000000000000000000000000000","took_us":1}"#;
    let sql = "UPDATE events SET body = ?1 WHERE kind = 'policy_decided'";
    home.database().execute(sql, [hostile]).unwrap();
    home.run(["policy", "explain", &waiting, &its]).check(expect![[r#"
        CALL7__________  shell  of RUN7____________
          TIME_______________________  may \u{202e}ann approve it? deny
            the run had made 1 request, 0 tool calls (0 of this tool), in SECONDS s
            isolation of its programs: \x1b]0;x
            \x1b[2K: deny  (sha256:DIGEST, MICROSECONDS)
              error: \x1b[1A
              \u{200b} (policy `\x07`, severity \r)
          TIME_______________________  a person is asked
        = 0
    "#]]);
}
