//! Changing a call before approving it.

use crate::{ASKING, RUNNER};
use expect_test::{Expect, expect};
use initrunner_tests::home::{Home, Ran, Running};
use initrunner_tests::model_stub::{Answer, ModelStub};
use serde_json::json;

/// A run that waits with `rm -rf ./scratch`.
fn waiting(tools: &str) -> Home {
    let home = Home::with_role(tools, RUNNER);
    for folder in ["scratch", "scratch/old", "scratch/new"] {
        std::fs::create_dir(home.work().join(folder)).unwrap();
    }
    home.run(["run", "role.yaml", "-p", "run rm -rf ./scratch"]);
    home
}

fn edit(home: &Home, words: &[&str]) -> Ran {
    home.run(["approve", "RUN", "--tool-call-id", "CALL"].into_iter().chain(words.iter().copied()))
}

/// An edit that is refused: nothing has changed, and the call still waits.
#[track_caller]
fn refused(home: &Home, words: &[&str], expected: Expect) {
    let before = home.json(["show", "RUN", "--json"]);
    edit(home, words).check(expected);
    assert_eq!(home.json(["show", "RUN", "--json"]), before);
}

#[test]
fn what_happens_is_what_the_person_made_of_it_and_the_model_is_told() {
    let home = waiting(ASKING);
    edit(&home, &["--set", "command=rm -rf ./scratch/old", "--resolved-by", "Alice"])
        .check(expect![[r#"
            Resumed.
            Result: A person changed this call's arguments before approving it: from {"command":"rm -rf ./scratch"} to {"command":"rm -rf ./scratch/old"}. Result: (no output)
            = 0
        "#]]);
    assert!(!home.work().join("scratch/old").exists());
    assert!(home.work().join("scratch/new").exists());

    // The model's own message stays as it was.
    let story = home.json(["show", "RUN", "--json"]);
    let call = &story["calls"][0];
    assert_eq!(call["arguments"], json!({"command": "rm -rf ./scratch/old"}));
    assert_eq!(call["proposed_arguments"], json!({"command": "rm -rf ./scratch"}));
    assert_eq!(call["result"], "(no output)");
    let change = &call["edits"][0];
    assert_eq!(change["from"], json!({"command": "rm -rf ./scratch"}));
    assert_eq!((&change["to"], &change["resolved_by"]), (&call["arguments"], &json!("Alice")));
    let kinds: Vec<&str> = story["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["kind"].as_str().unwrap())
        .collect();
    assert!(kinds.contains(&"approval_edited"), "{kinds:?}");
    let stored: (String, String) = home
        .database()
        .query_row(
            "SELECT arguments, (SELECT message FROM messages ORDER BY n LIMIT 1) FROM pending_approvals
             WHERE decision = 'edited'",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    assert_eq!(stored.0, r#"{"command":"rm -rf ./scratch"}"#);
    assert!(stored.1.contains("rm -rf ./scratch") && !stored.1.contains("scratch/old"));

    let shown = home.run(["show", "RUN"]);
    let calls = shown.stdout.split("\n\n").find(|part| part.starts_with("Tool calls")).unwrap();
    expect![[r#"
        Tool calls
          CALL___________  succeeded  shell  rm -rf ./scratch/old
            edited by Alice (os:USER) at TIME_______________________
              was {"command":"rm -rf ./scratch"}
              is  {"command":"rm -rf ./scratch/old"}
            approve by Alice (os:USER) at TIME_______________________"#]]
    .assert_eq(calls);
    assert_eq!(home.run(["audit", "verify"]).code, Some(0));
}

#[test]
fn the_model_reads_both_versions_as_data_beside_its_own_message() {
    let call = r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"shell","arguments":"{\"command\":\"echo model\"}"}}]},"finish_reason":"tool_calls"}]}"#;
    let stub = ModelStub::serve(vec![
        Answer::stream().event(call).event("[DONE]"),
        Answer::text("I see."),
    ]);
    let home = Home::new();
    let model = format!("{{provider: openai, name: m, base_url: \"{}\"}}", stub.base_url());
    let tools = "tools: [{type: shell, approval: required}]";
    home.file("role.yaml", format!("name: test\nprompt: p\nmodel: {model}\n{tools}\n"));
    home.run(["run", "role.yaml", "-p", "go"]);
    assert_eq!(edit(&home, &["--set", "command=echo person"]).code, Some(0));
    let body: serde_json::Value = serde_json::from_str(&stub.bodies()[1]).unwrap();
    let messages = body["messages"].as_array().unwrap();
    let [.., asked, told] = &messages[..] else { panic!("{body}") };
    assert_eq!(asked["tool_calls"][0]["function"]["arguments"], r#"{"command":"echo model"}"#);
    assert_eq!(
        told["content"],
        "A person changed this call's arguments before approving it: from {\"command\":\"echo model\"} to \
         {\"command\":\"echo person\"}. Result: person"
    );
}

#[test]
fn all_arguments_may_be_given_as_json_or_in_a_file() {
    let home = waiting(ASKING);
    edit(&home, &["--arguments", r#"{ "command": "echo \u0061" }"#]).check(expect![[r#"
        Resumed.
        Result: A person changed this call's arguments before approving it: from {"command":"rm -rf ./scratch"} to {"command":"echo a"}. Result: a
        = 0
    "#]]);
    let home = waiting(ASKING);
    home.file("new.json", "{\"command\": \"echo from a file\"}\n");
    edit(&home, &["--arguments", "@new.json"]).check(expect![[r#"
        Resumed.
        Result: A person changed this call's arguments before approving it: from {"command":"rm -rf ./scratch"} to {"command":"echo from a file"}. Result: from a file
        = 0
    "#]]);
}

#[test]
fn an_edit_that_changes_nothing_is_an_approval() {
    for words in [
        ["--set", "command=rm -rf ./scratch"],
        ["--arguments", r#"{"command":"rm -rf ./scratch"}"#],
    ] {
        let home = waiting(ASKING);
        let ran = edit(&home, &words);
        assert_eq!(ran.stdout, "Resumed.\nResult: (no output)\n", "{ran}");
        let call = &home.json(["show", "RUN", "--json"])["calls"][0];
        assert_eq!(
            (&call["decision"]["decision"], &call["edits"]),
            (&json!("approve"), &json!([]))
        );
    }
}

#[test]
fn what_is_no_edit_is_refused_with_a_sentence() {
    let home = waiting(ASKING);
    refused(
        &home,
        &["--set", "comand=ls"],
        expect![[r#"
        ! error: call CALL___________ was not changed: the tool's schema names no argument `comand`; did you mean `command`?
        = 1
    "#]],
    );
    refused(
        &home,
        &["--set", "command=a", "--set", "command=b"],
        expect![[r#"
        ! error: call CALL___________ was not changed: `--set` changes `command` and `command`, and one holds the other; set each key once
        = 1
    "#]],
    );
    refused(
        &home,
        &["--arguments", "{"],
        expect![[r#"
        ! error: call CALL___________ was not changed: the JSON cannot be used: EOF while parsing an object at line 1 column 1
        = 1
    "#]],
    );
    refused(
        &home,
        &["--arguments", ""],
        expect![[r#"
        ! error: call CALL___________ was not changed: the arguments are empty; write `{}` for none
        = 1
    "#]],
    );
    refused(
        &home,
        &["--arguments", "[]"],
        expect![[r#"
        ! error: call CALL___________ was not changed: the arguments are not a JSON object
        = 1
    "#]],
    );
    refused(
        &home,
        &["--arguments", r#"{"command":1}"#],
        expect![[r#"
        ! error: call CALL___________ was not changed: the call would be refused by arguments: Invalid arguments: at `/command`: the value is not of type "string"
        = 1
    "#]],
    );
    refused(
        &home,
        &["--arguments", r#"{"command":"a","command":"b"}"#],
        expect![[r#"
        ! error: call CALL___________ was not changed: the JSON cannot be used: a key occurs twice in one object at line 1 column 29
        = 1
    "#]],
    );
    refused(
        &home,
        &["--arguments", "@missing.json"],
        expect![[r#"
        ! error: call CALL___________ was not changed: the file `missing.json` cannot be read: there is no such file
        = 1
    "#]],
    );
    refused(
        &home,
        &["--set", "command=ls", "--version-shown", "99"],
        expect![[r#"
        ! error: call CALL___________ was asked about anew at TIME_______________________ since it was shown; look again with `initrunner show RUN_____________`, then decide
        = 3
    "#]],
    );
}

#[test]
fn an_edit_passes_the_whole_gate() {
    let tools = "  - {type: shell, approval: required, blocked_commands: [sudo], permissions: {allow: [\"command=rm *\", \"command=sudo *\"], default: deny}}";
    let home = waiting(tools);
    refused(
        &home,
        &["--set", "command=touch x"],
        expect![[r#"
        ! error: call CALL___________ was not changed: the call would be refused by permission: This call is denied because no allow rule of this role matches and its permissions default to deny.
        = 1
    "#]],
    );
    refused(
        &home,
        &["--set", "command=sudo rm x"],
        expect![[r#"
        ! error: call CALL___________ was not changed: the call would be refused by component: Invalid arguments: `sudo` is in the role's `blocked_commands`
        = 1
    "#]],
    );
    refused(
        &home,
        &["--set", "command=rm x | y"],
        expect![[r#"
        ! error: call CALL___________ was not changed: the call would be refused by component: Nothing was done: `|` needs a shell, and here a command is one program with its arguments: quote it if it is meant literally, run one program per call, or ask for `shell: true` in the role's tool entry
        = 1
    "#]],
    );
    assert_eq!(edit(&home, &["--set", "command=rm -r ./scratch/new"]).code, Some(0));
    assert!(!home.work().join("scratch/new").exists());
}

#[test]
fn an_edit_is_for_one_call_and_is_no_denial() {
    let home = waiting(ASKING);
    for words in [
        &["approve", "RUN", "--all", "--set", "command=ls"][..],
        &["approve", "RUN", "--tool-call-id", "CALL", "--deny", "--set", "command=ls"],
        &["approve", "RUN", "--tool-call-id", "CALL", "--retry", "--arguments", "{}"],
        &["approve", "RUN", "--tool-call-id", "CALL", "--set", "command=a", "--arguments", "{}"],
        &["approve", "RUN", "--tool-call-id", "CALL", "--set", "command"],
        &["approve", "RUN", "--tool-call-id", "CALL", "--set", "=ls"],
    ] {
        let ran = home.run(words.iter().copied());
        assert_eq!(ran.code, Some(64), "{ran}");
    }
}

#[test]
fn an_edit_denies_the_other_calls_unless_they_are_kept() {
    let script = r#"
rules:
  - turn: 0
    calls:
      - {tool: shell, arguments: {command: "touch a"}}
      - {tool: shell, arguments: {command: "touch b"}}
  - {from: tool, when: "(?s).*", reply: "Done."}
"#;
    for keep in [true, false] {
        let home = Home::with_role(ASKING, script);
        home.run(["run", "role.yaml", "-p", "go"]);
        let words = ["--set", "command=touch c", "--keep-others"];
        let ran = edit(&home, if keep { &words } else { &words[..2] });
        assert_eq!(ran.code, Some(if keep { 2 } else { 0 }), "{ran}");
        let calls = &home.json(["show", "RUN", "--json"])["calls"];
        let states = [&calls[0]["state"], &calls[1]["state"]];
        let expected = if keep { ["approved", "waiting"] } else { ["succeeded", "denied"] };
        assert_eq!(states, expected);
        assert_eq!(home.work().join("c").exists(), !keep);
        assert!(!home.work().join("a").exists() && !home.work().join("b").exists());
    }
}

#[test]
fn an_edit_that_needs_another_person_is_shown_to_them() {
    let rule = format!("{{reviewers: [\"{}\", os:bob], quorum: 2}}", initrunner::ops::identity());
    let home = waiting(&format!("  - {{type: shell, approval: {rule}}}"));
    edit(&home, &["--set", "command=rm -rf ./scratch/old"]).check(expect![[r#"
        Recorded.
        Run RUN_____________ paused — 1 tool call awaiting approval.
          CALL___________  shell  rm -rf ./scratch/old
            edited by os:USER (os:USER) at TIME_______________________
              was {"command":"rm -rf ./scratch"}
              is  {"command":"rm -rf ./scratch/old"}
            1 of 2 approvals (os:USER); os:bob may approve

        Resume with: initrunner approve RUN_____________ --all
        = 2
    "#]]);
    assert!(home.work().join("scratch/old").exists());
}

#[test]
fn of_those_who_edit_and_those_who_approve_one_is_first() {
    let home = Home::with_role(ASKING, RUNNER);
    home.run(["run", "role.yaml", "-p", "run echo model >> count"]);
    let start = |n: i32| {
        let name = format!("person-{n}");
        let set = format!("command=echo {name} >> count");
        let words =
            ["approve", "RUN", "--tool-call-id", "CALL", "--resolved-by", &name, "--set", &set];
        home.command(words.into_iter().take(if n % 2 == 0 { 6 } else { 8 })).start()
    };
    let people: Vec<Running> = (0..8).map(start).collect();
    let ran: Vec<Ran> = people.into_iter().map(Running::wait).collect();
    let call = &home.json(["show", "RUN", "--json"])["calls"][0];
    let first = call["resolved_by"].as_str().unwrap();
    for ran in ran.iter().filter(|ran| ran.code != Some(0)) {
        assert_eq!(ran.code, Some(3), "{ran}");
        // Also where the winner had changed the call before it was looked at.
        assert!(ran.stderr.contains(&format!("by {first} at")), "{ran}");
    }
    assert_eq!(ran.iter().filter(|ran| ran.code == Some(0)).count(), 1);
    let edited = first.trim_start_matches("person-").parse::<i32>().unwrap() % 2 == 1;
    let expected = if edited { format!("{first}\n") } else { "model\n".into() };
    assert_eq!(std::fs::read_to_string(home.work().join("count")).unwrap(), expected);
}
