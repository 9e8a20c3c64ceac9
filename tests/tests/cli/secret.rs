//! No secret value is where it does not belong: every byte that the program writes, prints or sends is
//! searched for each one.

use expect_test::expect;
use initrunner_tests::home::{Home, Ran};
use initrunner_tests::model_stub::{Answer, ModelStub};
use std::path::Path;

/// Declared: a value with characters that every encoding writes differently.
const TOKEN: &str = "tok/en+wi\"th ü & 42=";

/// The model's key.
const KEY: &str = "key-0123456789-0123456789";

/// Undeclared, in the prompt.
const ASKED: &str = "sk-asked0123456789abcdef0123456789";

/// Undeclared, written by the model.
const WRITTEN: &str = "ghp_written0123456789abcdef0123456789abcdef";

/// Undeclared, printed by a program.
const PRINTED: &str = "pr1nted-p4ssw0rd";

/// Prints the declared secret in each form, also in two writes, and the undeclared one.
const PRINTS: &str = r#"#!/bin/sh
printf 'plain %s\n' "$TOKEN"
printf 'base64 '; printf %s "$TOKEN" | base64
printf 'inside '; printf 'x%sy' "$TOKEN" | base64 -w 7
printf 'url '; python3 -c 'import os, urllib.parse; print(urllib.parse.quote_plus(os.environ["TOKEN"]))'
printf 'json '; python3 -c 'import os, json; print(json.dumps(os.environ["TOKEN"]))'
printf 'half '; python3 -u -c '
import os, sys, time
token = os.environ["TOKEN"]
sys.stdout.write(token[:7]); sys.stdout.flush(); time.sleep(0.05); print(token[7:])'
printf 'error %s\n' "$TOKEN" >&2
echo 'postgres://app:pr1nted-p4ssw0rd@db/x'
"#;

/// Every form of a value that the search looks for.
fn forms(value: &str) -> Vec<Vec<u8>> {
    let percent = |keep: &str, hex: fn(u8) -> String| -> String {
        let encode = |byte: u8| match byte {
            _ if byte.is_ascii_alphanumeric() || keep.as_bytes().contains(&byte) => {
                char::from(byte).to_string()
            }
            _ => hex(byte),
        };
        value.bytes().map(encode).collect()
    };
    let json = serde_json::Value::String(value.to_owned()).to_string();
    let twice = serde_json::Value::String(json.clone()).to_string();
    let mut forms = vec![
        value.to_owned(),
        percent("-._~", |byte| format!("%{byte:02X}")),
        percent("-._~", |byte| format!("%{byte:02x}")),
        percent("-._~", |byte| format!("%{byte:02X}")).replace("%20", "+"),
        json.trim_matches('"').to_owned(),
        json.trim_matches('"').replace('ü', "\\u00fc"),
        twice.trim_matches(['"', '\\']).to_owned(),
    ];
    for before in ["", "x", "xy"] {
        let encoded = base64(format!("{before}{value}").as_bytes());
        // Without the characters that hold bits of a neighbour.
        let inner = encoded[before.len() * 2..].trim_end_matches('=');
        let inner = &inner[..inner.len() - 1];
        forms.push(inner.to_owned());
        forms.push(inner.replace('+', "-").replace('/', "_"));
    }
    forms.into_iter().map(String::into_bytes).collect()
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let number = (0..3).fold(0, |sum, at| sum << 8 | u32::from(*group.get(at).unwrap_or(&0)));
        for at in 0..4 {
            let letter = LETTERS[(number >> (18 - 6 * at) & 63) as usize];
            out.push(if at > group.len() { '=' } else { char::from(letter) });
        }
    }
    out
}

/// The form of a value that bytes hold, if any; line ends are not looked at, since tools wrap.
fn found(bytes: &[u8], value: &str) -> Option<String> {
    let joined: Vec<u8> =
        bytes.iter().copied().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
    let form =
        forms(value).into_iter().find(|form| memmem(bytes, form) || memmem(&joined, form))?;
    Some(String::from_utf8_lossy(&form).into_owned())
}

#[track_caller]
fn assert_free(what: &str, bytes: &[u8], values: &[&str]) {
    for value in values {
        if let Some(form) = found(bytes, value) {
            let text = String::from_utf8_lossy(bytes);
            panic!("{what} holds `{form}`, a form of `{value}`:\n{text}");
        }
    }
}

fn memmem(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

/// Searches every file of a folder, those of linked folders too.
#[track_caller]
fn assert_folder_free(folder: &Path, values: &[&str], seen: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            // The components' machine code is shared by all tests and made from no run.
            if entry.file_name() != "cache" {
                assert_folder_free(&path, values, seen);
            }
            continue;
        }
        seen.push(entry.file_name().into_string().unwrap());
        assert_free(&path.display().to_string(), &std::fs::read(&path).unwrap(), values);
    }
}

#[test]
fn the_search_finds_what_the_program_prints() {
    let home = Home::new();
    let script = home.file("prints.sh", PRINTS);
    let output = std::process::Command::new("sh").arg(script).env("TOKEN", TOKEN).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    for begins in ["plain ", "base64 ", "url ", "json ", "half "] {
        let line = printed.lines().find(|line| line.starts_with(begins)).unwrap();
        assert!(found(line.as_bytes(), TOKEN).is_some(), "{line}");
    }
    assert!(found(&output.stderr, TOKEN).is_some());
    let inside = format!("x{TOKEN}y");
    let wrapped = base64(inside.as_bytes()).as_bytes().chunks(7).collect::<Vec<_>>().join(&b'\n');
    assert!(found(&wrapped, TOKEN).is_some());
    assert_eq!(found(b"plain", TOKEN), None);
}

fn calls(command: &str) -> Answer {
    let arguments = serde_json::json!({ "command": command }).to_string();
    let call = serde_json::json!({"choices": [{"index": 0, "delta": {"content": "I shall.", "tool_calls": [
        {"index": 0, "id": "c1", "type": "function", "function": {"name": "shell", "arguments": arguments}}
    ]}, "finish_reason": null}]});
    Answer::stream()
        .event(&call.to_string())
        .event(r#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#)
        .event("[DONE]")
}

/// A home with a role whose model is `stub`.
fn home(stub: &ModelStub) -> Home {
    let home = Home::new();
    let model = format!(
        "{{provider: openai, name: m, base_url: \"{}\", api_key_env: KEY}}",
        stub.base_url()
    );
    home.file(
        "role.yaml",
        format!(
            "name: test\nprompt: The token is ${{TOKEN}}.\nmodel: {model}\nsecrets: [TOKEN]\n\
             tools: [{{type: shell, shell: true, approval: required, env: [TOKEN]}}]\n"
        ),
    );
    home.file("prints.sh", PRINTS);
    home
}

fn run(home: &Home, words: &[&str]) -> Ran {
    home.command(words.iter().copied()).env("TOKEN", TOKEN).env("KEY", KEY).run()
}

/// Runs a command and searches what it prints.
#[track_caller]
fn searched(home: &Home, words: &[&str]) -> Ran {
    let ran = run(home, words);
    let everything = format!("{}{}{}", ran.raw, ran.stderr, ran.compiled.concat());
    let values = [TOKEN, KEY, ASKED, WRITTEN, PRINTED];
    assert_free(&format!("the output of {words:?}"), everything.as_bytes(), &values);
    ran
}

#[test]
fn no_byte_that_is_written_printed_or_sent_is_a_secret() {
    let command = format!("sh prints.sh && : {WRITTEN} && printf %s \"$TOKEN\" > token");
    let reminder = format!("The keys were {ASKED}, {WRITTEN} and {TOKEN}.");
    let stub = ModelStub::serve(vec![
        calls(&command),
        Answer::text(&reminder),
        calls(&command),
        Answer::text("As you wish."),
    ]);
    let home = home(&stub);
    let all = [TOKEN, KEY, ASKED, WRITTEN, PRINTED];
    let inspect = || {
        for words in [
            &["pending"][..],
            &["pending", "--json"],
            &["runs"],
            &["runs", "--json"],
            &["show", "RUN"],
            &["show", "RUN", "--json"],
            &["audit", "verify"],
        ] {
            searched(&home, words);
        }
        let mut seen = Vec::new();
        assert_folder_free(&home.state(), &all, &mut seen);
        for name in ["audit.db", "audit.db.heads", "seal.key"] {
            assert!(seen.iter().any(|file| file == name), "{name} of {seen:?}");
        }
        seen
    };

    let prompt = format!("print it with {ASKED} and {TOKEN}");
    let ran = searched(&home, &["run", "role.yaml", "-p", &prompt]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.raw.contains(": [sealed:"), "{ran}");
    inspect();

    let ran = searched(&home, &["approve", "RUN", "--all"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.raw.contains("and {{secret:TOKEN}}."), "{ran}");
    inspect();
    // The program had the value, and the call was made as it was written.
    assert_eq!(std::fs::read_to_string(home.work().join("token")).unwrap(), TOKEN);

    // Another one stays paused; a WAL that is not yet part of the database is searched with it.
    let ran = searched(&home, &["run", "role.yaml", "-p", &prompt, "--json"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    let reader = home.database();
    reader.query_row("SELECT count(*) FROM runs", [], |row| row.get::<_, i64>(0)).unwrap();
    let rows = |sql: &str| reader.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let seen = inspect();
    assert!(seen.iter().any(|file| file == "audit.db-wal"), "{seen:?}");
    assert_eq!(rows("SELECT count(DISTINCT run_id) FROM sealed"), 1);
    let reason = format!("not with {ASKED} and {TOKEN}");
    let ran = searched(&home, &["approve", "RUN2", "--all", "--deny", "--reason", &reason]);
    assert_eq!(ran.code, Some(0), "{ran}");
    inspect();
    assert_eq!(rows("SELECT count(*) FROM sealed"), 0);

    // The model has what it wrote and what it needs, and no declared secret but its key.
    let requests = stub.requests();
    assert_eq!(requests.len(), 4);
    for request in &requests {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(KEY), "{head}");
        assert_free("a request", body.as_bytes(), &[TOKEN, KEY]);
        assert!(body.contains("The token is {{secret:TOKEN}}."), "{body}");
        assert!(body.contains(ASKED), "{body}");
    }
    for undeclared in [ASKED, WRITTEN, PRINTED] {
        assert!(requests[1].contains(undeclared), "{undeclared}: {}", requests[1]);
    }
    assert!(requests[3].contains("not with sk-asked"), "{}", requests[3]);
    let body: serde_json::Value = serde_json::from_str(&stub.bodies()[1]).unwrap();
    let messages = body["messages"].as_array().unwrap();
    expect![[r#"
        plain {{secret:TOKEN}}
        base64 {{secret:TOKEN}}
        inside eH{{secret:TOKEN}}Xk=
        url {{secret:TOKEN}}
        json "{{secret:TOKEN}}"
        half {{secret:TOKEN}}
        postgres://app:pr1nted-p4ssw0rd@db/x
        stderr:
        error {{secret:TOKEN}}"#]]
    .assert_eq(messages.last().unwrap()["content"].as_str().unwrap());
}

#[test]
fn who_watches_at_a_terminal_sees_no_secret() {
    let answer = format!("The keys were {ASKED}, {WRITTEN} and {TOKEN}.");
    let stub = ModelStub::serve(vec![calls(&format!("echo {WRITTEN}")), Answer::text(&answer)]);
    let home = home(&stub);
    let watched = |words: &[&str]| {
        let start = home.on_terminal(words.iter().copied()).env("TOKEN", TOKEN).env("KEY", KEY);
        let ran = start.run();
        assert_free("the terminal", ran.raw.as_bytes(), &[TOKEN, KEY, ASKED, WRITTEN]);
        ran
    };
    assert_eq!(watched(&["run", "role.yaml", "-p", "x"]).code, Some(2));
    let ran = watched(&["approve", "RUN", "--all"]);
    assert!(ran.raw.contains("[redacted], [redacted] and {{secret:TOKEN}}."), "{ran}");
}

#[test]
fn a_secret_is_no_part_of_a_command_line() {
    let stub = ModelStub::serve(vec![calls("echo {{secret:TOKEN}} > leaked"), Answer::text("Oh.")]);
    let home = home(&stub);
    assert_eq!(run(&home, &["run", "role.yaml", "-p", "x"]).code, Some(2));
    assert_eq!(run(&home, &["approve", "RUN", "--all"]).code, Some(0));
    assert!(!home.work().join("leaked").exists());
    let told = &stub.bodies()[1];
    assert!(told.contains("the secret `TOKEN` cannot be part of a command"), "{told}");
}

/// A run that is paused with a sealed value.
fn paused() -> (ModelStub, Home) {
    let stub =
        ModelStub::serve(vec![calls(&format!("echo {WRITTEN} >> written")), Answer::text("Done.")]);
    let home = home(&stub);
    assert_eq!(run(&home, &["run", "role.yaml", "-p", "x"]).code, Some(2));
    (stub, home)
}

#[test]
fn a_run_does_not_go_on_without_the_key_of_its_sealed_values() {
    let (_stub, home) = paused();
    let key = home.state().join("keys/seal.key");
    let bytes = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    run(&home, &["approve", "RUN", "--all"]).check(expect![[r#"
        ! error: run RUN_____________ cannot go on: the key `FOLDER/state/keys/seal.key` that its values are sealed with is missing; restore the state folder's database and keys from one backup, or end the run with `initrunner cancel RUN_____________`
        = 1
    "#]]);
    // Another key is none.
    std::fs::write(&key, [1; 32]).unwrap();
    let ran = run(&home, &["approve", "RUN", "--all"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    // Nothing was decided, and nothing was done.
    assert!(!home.work().join("written").exists());
    assert_eq!(run(&home, &["pending", "--json"]).json()[0]["state"], "waiting");
    std::fs::write(&key, bytes).unwrap();
    assert_eq!(run(&home, &["approve", "RUN", "--all"]).code, Some(0));
    assert_eq!(
        std::fs::read_to_string(home.work().join("written")).unwrap(),
        format!("{WRITTEN}\n")
    );
}

#[test]
fn the_key_of_a_value_in_an_earlier_turn_is_needed_too() {
    let write = calls(&format!("echo {WRITTEN} >> written"));
    let stub = ModelStub::serve(vec![write, calls("touch second"), Answer::text("Done.")]);
    let home = home(&stub);
    assert_eq!(run(&home, &["run", "role.yaml", "-p", "x"]).code, Some(2));
    assert_eq!(run(&home, &["approve", "RUN", "--all"]).code, Some(2));
    let key = home.state().join("keys/seal.key");
    let bytes = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    let ran = run(&home, &["approve", "RUN", "--all"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stderr.contains("cannot go on: the key"), "{ran}");
    assert_eq!(run(&home, &["pending", "--json"]).json()[0]["state"], "waiting");
    assert!(!home.work().join("second").exists());
    std::fs::write(&key, bytes).unwrap();
    assert_eq!(run(&home, &["approve", "RUN", "--all"]).code, Some(0));
    assert!(home.work().join("second").exists());
}

#[test]
fn a_sealed_value_that_was_changed_is_never_used() {
    for change in [
        "UPDATE sealed SET box = CAST(substr(box, 1, 40) || x'00' || substr(box, 42) AS BLOB)",
        "UPDATE sealed SET token = '[sealed:0000000000000000]'",
        "DELETE FROM sealed",
    ] {
        let (_stub, home) = paused();
        assert_eq!(home.database().execute(change, []).unwrap(), 1, "{change}");
        let ran = run(&home, &["approve", "RUN", "--all"]);
        assert_eq!(ran.code, Some(1), "{ran}");
        assert!(ran.stderr.contains("cannot go on: its sealed value"), "{ran}");
        assert!(!home.work().join("written").exists(), "{change}");
        assert_eq!(run(&home, &["pending", "--json"]).json()[0]["state"], "waiting");
        assert_eq!(run(&home, &["cancel", "RUN"]).code, Some(0));
    }
}

#[test]
fn a_secret_that_is_missing_or_short_is_refused_by_name() {
    let (_stub, home) = paused();
    let with = |words: &[&str], token: Option<&str>| {
        let start = home.command(words.iter().copied()).env("KEY", KEY);
        token.into_iter().fold(start, |start, token| start.env("TOKEN", token)).run()
    };
    with(&["validate", "role.yaml"], Some(TOKEN)).check(expect![[r#"
        The role `test` is valid: 1 tool.
          shell  (destructive, open-world, approval required)
        = 0
    "#]]);
    with(&["validate", "role.yaml"], Some("hunter2")).check(expect![[r#"
        ! error: role.yaml:4:11: the variable `TOKEN` has fewer than 8 characters, too few for a secret
        !   hint: a text so short occurs by chance, so it cannot be hidden: use a longer value, or take it out of `secrets`
        = 65
    "#]]);
    with(&["approve", "RUN", "--all"], None).check(expect![[r#"
        ! error: FOLDER/work/role.yaml:2:22: the variable `TOKEN` is not set
        !   hint: set it in the environment, or write `${TOKEN:-default}`
        ! FOLDER/work/role.yaml:4:11: the variable `TOKEN` is not set
        !   hint: set it in the environment, or take it out of `secrets`
        ! the run stays paused, and no decision was recorded
        = 2
    "#]]);
    assert!(!home.work().join("written").exists());
    // Another value is no other call: what was approved names the secret.
    let ran = with(&["approve", "RUN", "--all"], Some("another-value"));
    assert_eq!(ran.code, Some(0), "{ran}");
}
