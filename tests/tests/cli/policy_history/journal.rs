//! Every decision of a policy is in the journal, those included that come to nothing.

use super::{LOOSER, POLICIES, ask, call, explain, role, verifies, with_policies};
use crate::{ASKING, FREE};
use expect_test::{Expect, expect};
use initrunner_tests::home::{Home, until};
use rustix::process::Signal;
use serde_json::Value;

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
