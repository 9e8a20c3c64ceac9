//! Keys, and asking without one.

use super::{COMPLETIONS, Table};
use crate::roles::{self, ASKING, FREE, asked};
use expect_test::expect;
use initrunner_tests::home::Home;
use initrunner_tests::http_client::Request;
use initrunner_tests::serve::Server;
use serde_json::{Value, json};

/// A key of a name and these roles: what its holder sends, and its lines in the file.
fn key(home: &Home, name: &str, roles: &[&str]) -> (String, String) {
    let words = ["key", name].into_iter().chain(roles.iter().flat_map(|role| ["--role", role]));
    let ran = home.run(words);
    let secret = ran.stderr.split_whitespace().find(|word| word.starts_with("irk_"));
    (secret.unwrap_or_else(|| panic!("no key in {ran}")).to_owned(), ran.raw)
}

#[test]
fn keys_open_what_their_roles_say() {
    let home = roles::home();
    let (caller, calls) = key(&home, "caller", &["caller"]);
    let (other, others) = key(&home, "other", &["caller"]);
    let (reviewer, reviews) = key(&home, "reviewer", &["reviewer"]);
    let file = home.file("keys.toml", format!("{calls}\n{others}\n{reviews}"));
    let server = Server::with(&home, ".", &["--api-key-file", "keys.toml"]);
    let mut table = Table::of(home);
    let send = |key: &str, method: &str, path: &str, body: Option<Value>| {
        let mut request = Request::new(server.address(), method, path);
        if !key.is_empty() {
            request = request.header("Authorization", key);
        }
        match body {
            Some(body) => request.json(body.to_string()).send(),
            None => request.send(),
        }
    };
    let [caller, other, reviewer] = [caller, other, reviewer].map(|key| format!("Bearer {key}"));
    let hello = || Some(asked(FREE, "hello"));
    table.row("no key", &send("", "GET", "/v1/models", None));
    table.row("no key, a body", &send("", "POST", COMPLETIONS, hello()));
    table.row("a wrong key", &send("Bearer irk_x", "POST", COMPLETIONS, hello()));
    table.row("an empty key", &send("Bearer ", "POST", COMPLETIONS, hello()));
    table.row("another scheme", &send("Basic eDp5", "POST", COMPLETIONS, hello()));
    table.row("no text", &send("Bearer \u{e9}", "POST", COMPLETIONS, hello()));
    table.row("no key, no such path", &send("", "GET", "/v1/nothing", None));
    table.row("a caller calls", &send(&caller, "POST", COMPLETIONS, hello()));
    table.row("a reviewer calls", &send(&reviewer, "POST", COMPLETIONS, hello()));
    let answer = send(&caller, "POST", COMPLETIONS, Some(asked(ASKING, "run echo x"))).json();
    let run = answer["run_id"].as_str().unwrap();
    let call = answer["pending_approvals"][0]["tool_call_id"].as_str().unwrap();
    let (approvals, runs) = (format!("/v1/approvals/{run}"), format!("/v1/runs/{run}"));
    let yes = || Some(json!({call: true}));
    table.row("a caller looks at its run", &send(&caller, "GET", &runs, None));
    table.row("another caller looks at it", &send(&other, "GET", &runs, None));
    table.row("the same at what waits", &send(&other, "GET", &approvals, None));
    table.row("a reviewer looks at it", &send(&reviewer, "GET", &approvals, None));
    table.row("a caller sees the queue", &send(&caller, "GET", "/v1/approvals", None));
    table.row("a reviewer sees the queue", &send(&reviewer, "GET", "/v1/approvals", None));
    table.row("a caller decides", &send(&caller, "POST", &approvals, yes()));
    let cancel = format!("{runs}/cancel");
    table.row("another caller cancels", &send(&other, "POST", &cancel, Some(json!({}))));
    table.row("a reviewer cancels", &send(&reviewer, "POST", &cancel, Some(json!({}))));
    table.row("a reviewer decides", &send(&reviewer, "POST", &approvals, yes()));
    table.row("a reviewer decides again", &send(&reviewer, "POST", &approvals, yes()));

    // The file is read again when it has changed.
    std::fs::write(&file, format!("{calls}\n{reviews}")).unwrap();
    table.row("a key that was taken away", &send(&other, "GET", "/v1/models", None));
    table.row("one that was not", &send(&caller, "GET", "/v1/models", None));
    std::fs::write(&file, "colour").unwrap();
    table.row("a file that is none", &send(&caller, "GET", "/v1/models", None));
    std::fs::remove_file(&file).unwrap();
    table.row("no file", &send(&caller, "GET", "/v1/models", None));
    std::fs::write(&file, calls).unwrap();
    table.row("a file again", &send(&caller, "GET", "/v1/models", None));
    table.check(expect![[r#"
        no key                                 401 no_key [-] a key is needed; send it as `Authorization: Bearer …`
        no key, a body                         401 no_key [-] a key is needed; send it as `Authorization: Bearer …`
        a wrong key                            401 unknown_key [-] this key is not known
        an empty key                           401 unusable_key [-] `Authorization` is no bearer key; send `Authorization: Bearer …`
        another scheme                         401 unusable_key [-] `Authorization` is no bearer key; send `Authorization: Bearer …`
        no text                                401 unusable_key [-] `Authorization` is no bearer key; send `Authorization: Bearer …`
        no key, no such path                   401 no_key [-] a key is needed; send it as `Authorization: Bearer …`
        a caller calls                         200
        a reviewer calls                       403 not_permitted [-] key:reviewer has not the role `caller`
        a caller looks at its run              200
        another caller looks at it             404 unknown_run [-] there is no run `RUN_____________`; `initrunner runs` lists them
        the same at what waits                 404 unknown_run [-] there is no run `RUN_____________`; `initrunner runs` lists them
        a reviewer looks at it                 200
        a caller sees the queue                403 not_permitted [-] key:caller has not the role `reviewer`
        a reviewer sees the queue              200
        a caller decides                       403 not_permitted [-] key:caller has not the role `reviewer`
        another caller cancels                 404 unknown_run [-] there is no run `RUN_____________`; `initrunner runs` lists them
        a reviewer cancels                     403 not_permitted [-] key:reviewer has not the role `admin`
        a reviewer decides                     200
        a reviewer decides again               409 already_decided [-] call CALL___________ was already decided: approve by key:reviewer at TIME_______________________ {"tool_call_id":"CALL___________","decision":"approve","resolved_by":"key:reviewer","resolved_at":"TIME_______________________","run_id":"RUN_____________"}
        a key that was taken away              401 unknown_key [-] this key is not known
        one that was not                       200
        a file that is none                    503 no_keys [-] the server cannot tell keys from one another now: its log says why
        no file                                503 no_keys [-] the server cannot tell keys from one another now: its log says why
        a file again                           200
    "#]]);
}

#[test]
fn without_a_key_this_machine_calls_and_does_no_more() {
    let home = roles::home();
    let server = Server::start(&home, ".");
    let mut table = Table::of(home);
    let bare = |method: &str, path: &str| Request::new(server.address(), method, path);
    let answer = bare("POST", COMPLETIONS).json(asked(ASKING, "run echo x").to_string()).send();
    table.row("calling", &answer);
    let answer = answer.json();
    let run = format!("/v1/approvals/{}", answer["run_id"].as_str().unwrap());
    let call = answer["pending_approvals"][0]["tool_call_id"].as_str().unwrap();
    let yes = json!({call: true}).to_string();
    table.row("looking at its run", &bare("GET", &run).send());
    table.row("the queue", &bare("GET", "/v1/approvals").send());
    table.row("every run", &bare("GET", "/v1/runs").send());
    table.row("deciding", &bare("POST", &run).json(&yes).send());
    let claim = bare("POST", &run).header("X-Resolved-By", "the boss").json(&yes).send();
    table.row("deciding as the boss", &claim);
    let other = bare("POST", &run).header("Authorization", "Bearer sk-x").json(&yes).send();
    table.row("deciding with any key", &other);
    table.row("deciding with the key", &server.post(&run, &yes));
    table.check(expect![[r#"
        calling                                200
        looking at its run                     200
        the queue                              401 no_key [-] this takes a key with the role `reviewer`; send it as `Authorization: Bearer …`
        every run                              200
        deciding                               401 no_key [-] this takes a key with the role `reviewer`; send it as `Authorization: Bearer …`
        deciding as the boss                   401 no_key [-] this takes a key with the role `reviewer`; send it as `Authorization: Bearer …`
        deciding with any key                  401 no_key [-] this takes a key with the role `reviewer`; send it as `Authorization: Bearer …`
        deciding with the key                  200
    "#]]);
}
