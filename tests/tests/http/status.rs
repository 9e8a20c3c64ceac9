//! What a request is refused with. Each test is a table: what was sent, the status, OpenAI's `code`, what
//! it is about, and the sentence. With `--nocapture` they are printed.

use crate::roles::{self, ASKING, FREE, ask, asked, paused, paused_of};
use expect_test::{Expect, expect};
use initrunner_tests::home::{Home, until};
use initrunner_tests::http_client::{Answer, Request, Wire};
use initrunner_tests::serve::Server;
use initrunner_tests::stable::Placeholders;
use serde_json::{Value, json};
use std::fmt::Write as _;

const COMPLETIONS: &str = "/v1/chat/completions";

/// A table that is being made.
struct Table {
    text: String,
    seen: Placeholders,
    home: Home,
}

impl Table {
    fn of(home: Home) -> Self {
        Self { text: String::new(), seen: Placeholders::default(), home }
    }

    /// Adds a line; a status of 0 stands for a connection that was closed without a word. Whatever a client
    /// sends is not the server's failure: a 500 is a fault of ours.
    #[track_caller]
    fn row(&mut self, what: &str, answer: &Answer) {
        assert_ne!(answer.status, 500, "{what}: {}", answer.text());
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let mut line = format!("{what:<38} {}", answer.status);
        if let Value::Object(mut error) = said["error"].clone() {
            let mut take = |key: &str| match error.shift_remove(key) {
                Some(Value::String(text)) => text,
                _ => "-".to_owned(),
            };
            let (message, code, param) = (take("message"), take("code"), take("param"));
            take("type");
            let _ = write!(line, " {code} [{param}] {message}");
            if !error.is_empty() {
                let _ = write!(line, " {}", Value::Object(error));
            }
        } else if answer.status >= 400 {
            let _ = write!(line, " {}", answer.text());
        }
        let line = self.seen.hide(&line, self.home.root());
        println!("{line}");
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    #[track_caller]
    fn check(self, expected: Expect) {
        expected.assert_eq(&self.text);
    }
}

/// A request for a completion with these keys besides.
fn with(more: Value) -> Value {
    let mut body = asked(FREE, "hello");
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

#[test]
fn bodies_that_mean_nothing() {
    let home = roles::home();
    let server = Server::start(&home, ".");
    let mut table = Table::of(home);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let in_key = format!(r#"{{"model":{deep}}}"#);
    let twice = format!(r#"{{"model":"{FREE}","model":"{ASKING}","messages":[]}}"#);
    let bodies: [(&str, &[u8]); 14] = [
        ("nothing", b""),
        ("blanks", b" \n "),
        ("half an object", b"{"),
        ("no JSON", b"hello"),
        ("a list", b"[]"),
        ("a text", b"\"x\""),
        ("null", b"null"),
        ("no UTF-8", b"{\"model\":\"\xff\"}"),
        ("half a surrogate pair", br#"{"model":"\ud800"}"#),
        ("a number that no program holds", br#"{"model":1e999}"#),
        ("two objects", b"{}{}"),
        ("a key twice", twice.as_bytes()),
        ("a deep list", deep.as_bytes()),
        ("a deep list in a key", in_key.as_bytes()),
    ];
    for path in [COMPLETIONS, "/v1/approvals/run_aaaaaaaaaaaa"] {
        for (what, body) in bodies {
            table.row(&format!("{} {what}", &path[3..9]), &server.post(path, body));
        }
    }
    table.check(expect![[r#"
        /chat/ nothing                         400 invalid_request [body] the body is empty; send a JSON object
        /chat/ blanks                          400 invalid_request [body] the body is empty; send a JSON object
        /chat/ half an object                  400 invalid_request [body] the body: the JSON cannot be used: EOF while parsing an object at line 1 column 1
        /chat/ no JSON                         400 invalid_request [body] the body: the JSON cannot be used: expected value at line 1 column 1
        /chat/ a list                          400 invalid_request [body] the body is no JSON object
        /chat/ a text                          400 invalid_request [body] the body is no JSON object
        /chat/ null                            400 invalid_request [body] the body is no JSON object
        /chat/ no UTF-8                        400 invalid_request [body] the body is not text in UTF-8
        /chat/ half a surrogate pair           400 invalid_request [body] the body: the JSON cannot be used: unexpected end of hex escape at line 1 column 17
        /chat/ a number that no program holds  400 invalid_request [body] the body: the JSON cannot be used: number out of range at line 1 column 14
        /chat/ two objects                     400 invalid_request [body] the body: the JSON cannot be used: trailing characters at line 1 column 3
        /chat/ a key twice                     400 invalid_request [body] the body: the JSON cannot be used: a key occurs twice in one object at line 1 column 32
        /chat/ a deep list                     400 invalid_request [body] the body: the JSON cannot be used: recursion limit exceeded at line 1 column 128
        /chat/ a deep list in a key            400 invalid_request [body] the body: the JSON cannot be used: recursion limit exceeded at line 1 column 136
        /appro nothing                         400 invalid_request [body] the body is empty; send a JSON object
        /appro blanks                          400 invalid_request [body] the body is empty; send a JSON object
        /appro half an object                  400 invalid_request [body] the body: the JSON cannot be used: EOF while parsing an object at line 1 column 1
        /appro no JSON                         400 invalid_request [body] the body: the JSON cannot be used: expected value at line 1 column 1
        /appro a list                          400 invalid_request [body] the body is no JSON object
        /appro a text                          400 invalid_request [body] the body is no JSON object
        /appro null                            400 invalid_request [body] the body is no JSON object
        /appro no UTF-8                        400 invalid_request [body] the body is not text in UTF-8
        /appro half a surrogate pair           400 invalid_request [body] the body: the JSON cannot be used: unexpected end of hex escape at line 1 column 17
        /appro a number that no program holds  400 invalid_request [body] the body: the JSON cannot be used: number out of range at line 1 column 14
        /appro two objects                     400 invalid_request [body] the body: the JSON cannot be used: trailing characters at line 1 column 3
        /appro a key twice                     400 invalid_request [body] the body: the JSON cannot be used: a key occurs twice in one object at line 1 column 32
        /appro a deep list                     400 invalid_request [body] the body: the JSON cannot be used: recursion limit exceeded at line 1 column 128
        /appro a deep list in a key            400 invalid_request [body] the body: the JSON cannot be used: recursion limit exceeded at line 1 column 136
    "#]]);
}

#[test]
fn completions_that_cannot_be_given() {
    let home = roles::home();
    // A model that answers nothing: that is not the client's fault, and not the server's.
    home.file("silent.script.yaml", "rules:\n  - {when: \"^never$\", reply: \"x\"}\n");
    home.file("silent.yaml", "name: silent\nprompt: p\nmodel: scripted:silent.script.yaml\n");
    let server = Server::start(&home, ".");
    let mut table = Table::of(home);
    let mut row = |what: &str, body: Value| {
        table.row(what, &server.post(COMPLETIONS, body.to_string()));
    };
    row("all is well", with(json!({})));
    row("no model", json!({"messages": []}));
    row("model: a number", with(json!({"model": 1})));
    row("model: null", with(json!({"model": null})));
    row("model: unknown", with(json!({"model": "gpt-4\u{7}"})));
    row("model: a path", with(json!({"model": "../free"})));
    row("no messages", json!({"model": FREE}));
    row("messages: an object", with(json!({"messages": {}})));
    row("messages: none", with(json!({"messages": []})));
    row("messages: a text", with(json!({"messages": ["hello"]})));
    let many = vec![json!({"role": "user", "content": "x"}); 1001];
    row("messages: 1,001", with(json!({"messages": many})));
    row("messages: 1,000", with(json!({"messages": many[1..]})));
    let message = |message: Value| with(json!({"messages": [message]}));
    row("message: no role", message(json!({"content": "x"})));
    row("message: unknown role", message(json!({"role": "king", "content": "x"})));
    row("message: no content", message(json!({"role": "user"})));
    row("message: content null", message(json!({"role": "user", "content": null})));
    row("message: content a number", message(json!({"role": "user", "content": 1})));
    let part = |part: Value| message(json!({"role": "user", "content": [part]}));
    row("message: a part of text", part(json!({"type": "text", "text": "x"})));
    row("message: a part without a text", part(json!({"type": "text"})));
    row("message: a part that is an image", part(json!({"type": "image_url", "image_url": {}})));
    row("message: the assistant's, last", message(json!({"role": "assistant", "content": "x"})));
    row("message: the system's, last", message(json!({"role": "system", "content": "x"})));
    let tool = json!({"role": "tool", "tool_call_id": "call_1", "content": "done"});
    row("message: a tool's", message(tool));
    let call = json!({"id": "call_1", "type": "function", "function": {"name": "shell", "arguments": "{}"}});
    row("message: calls", message(json!({"role": "assistant", "tool_calls": [call]})));
    row("tools", with(json!({"tools": [{"type": "function", "function": {"name": "f"}}]})));
    row("tools: none", with(json!({"tools": []})));
    row("tools: an object", with(json!({"tools": {}})));
    row("tool_choice", with(json!({"tool_choice": "auto"})));
    row("functions", with(json!({"functions": [{"name": "f"}]})));
    row("n: 1", with(json!({"n": 1})));
    row("n: 2", with(json!({"n": 2})));
    row("n: 0", with(json!({"n": 0})));
    row("n: a text", with(json!({"n": "1"})));
    row("stream: a text", with(json!({"stream": "yes"})));
    row("stream: null", with(json!({"stream": null})));
    row("stream_options: a text", with(json!({"stream_options": "x"})));
    row("stream_options: unknown", with(json!({"stream_options": {"colour": 1}})));
    row("an option of sampling", with(json!({"temperature": 0.5})));
    row("the same, null", with(json!({"temperature": null})));
    row("a format of answers", with(json!({"response_format": {"type": "json_object"}})));
    row("a key that nobody knows", with(json!({"colour\u{1b}[31m": "red"})));
    row("a key that says nothing here", with(json!({"user": "somebody"})));
    row("a model that fails", with(json!({"model": "silent"})));
    let header = |name: &str, value: &[u8]| {
        let request = server.request("POST", COMPLETIONS).header(name, value);
        request.json(with(json!({})).to_string()).send()
    };
    table.row("X-Finish-Reason: length", &header("X-Finish-Reason", b"length"));
    table.row("X-Resolved-By: 201 letters", &header("X-Resolved-By", &[b'x'; 201]));
    table.row("X-Resolved-By: no text", &header("X-Resolved-By", b"\xff"));
    table.check(expect![[r#"
        all is well                            200
        no model                               400 invalid_request [model] `model` is the name of a role, as a text
        model: a number                        400 invalid_request [model] `model` is the name of a role, as a text
        model: null                            400 invalid_request [model] `model` is the name of a role, as a text
        model: unknown                         404 model_not_found [model] there is no model `gpt-4\x07`; this server has `asking`, `free`, `silent`
        model: a path                          404 model_not_found [model] there is no model `../free`; this server has `asking`, `free`, `silent`
        no messages                            400 invalid_request [messages] `messages` is a list of messages
        messages: an object                    400 invalid_request [messages] `messages` is a list of messages
        messages: none                         400 invalid_request [messages] the last message is the user's, and it is not
        messages: a text                       400 invalid_request [messages[0]] `messages[0]` is an object with `role` and `content`
        messages: 1,001                        400 invalid_request [messages] there are more than 1000 messages
        messages: 1,000                        200
        message: no role                       400 invalid_request [messages[0]] `messages[0].role` is `user`, `assistant` or `system`, and not ``
        message: unknown role                  400 invalid_request [messages[0]] `messages[0].role` is `user`, `assistant` or `system`, and not `king`
        message: no content                    400 invalid_request [messages[0]] `messages[0].content` is a text, or a list of parts of text
        message: content null                  400 invalid_request [messages[0]] `messages[0].content` is a text, or a list of parts of text
        message: content a number              400 invalid_request [messages[0]] `messages[0].content` is a text, or a list of parts of text
        message: a part of text                200
        message: a part without a text         400 invalid_request [messages[0]] `messages[0].content` is a text, or a list of parts of text
        message: a part that is an image       400 invalid_request [messages[0]] `messages[0].content` is a text, or a list of parts of text
        message: the assistant's, last         400 invalid_request [messages] the last message is the user's, and it is not
        message: the system's, last            400 invalid_request [messages] the last message is the user's, and it is not
        message: a tool's                      422 unprocessable [messages[0]] results of tools come from this server and not from its clients: send texts alone
        message: calls                         422 unprocessable [messages[0]] results of tools come from this server and not from its clients: send texts alone
        tools                                  400 invalid_request [tools] `tools` cannot be given: the tools are those of the role
        tools: none                            200
        tools: an object                       400 invalid_request [tools] `tools` cannot be given: the tools are those of the role
        tool_choice                            400 invalid_request [tool_choice] `tool_choice` cannot be given: the tools are those of the role
        functions                              400 invalid_request [functions] `functions` cannot be given: the tools are those of the role
        n: 1                                   200
        n: 2                                   400 invalid_request [n] `n` is 1: a run has one answer
        n: 0                                   400 invalid_request [n] `n` is 1: a run has one answer
        n: a text                              400 invalid_request [n] `n` is 1: a run has one answer
        stream: a text                         400 invalid_request [stream] `stream` is `true` or `false`
        stream: null                           200
        stream_options: a text                 400 invalid_request [stream_options] `stream_options` is an object
        stream_options: unknown                400 invalid_request [stream_options] `stream_options.colour` is not known
        an option of sampling                  400 invalid_request [temperature] `temperature` cannot be given here: the role's `model` says it
        the same, null                         200
        a format of answers                    400 invalid_request [response_format] `response_format` cannot be given here: the role's `model` says it
        a key that nobody knows                400 invalid_request [colour\x1b[31m] `colour\x1b[31m` is not known
        a key that says nothing here           200
        a model that fails                     502 run_failed [-] the script `silent.script.yaml` has no rule for the user message `hello`; add a rule that matches it, or a `fallback` {"run_id":"RUN_____________","resumable":false}
        X-Finish-Reason: length                400 invalid_request [X-Finish-Reason] `X-Finish-Reason` is `pending` or `stop`
        X-Resolved-By: 201 letters             400 invalid_request [X-Resolved-By] `X-Resolved-By` is no visible text of at most 200 characters
        X-Resolved-By: no text                 400 invalid_request [X-Resolved-By] `X-Resolved-By` is no visible text of at most 200 characters
    "#]]);
}

#[test]
fn decisions_that_do_not_count() {
    let home = roles::home();
    roles::role(&home, "short", "approval: {mode: required, expires_after: 1s}");
    roles::role(&home, "others", "approval: {mode: required, reviewers: [\"key:somebody\"]}");
    let server = Server::start(&home, ".");
    let mut table = Table::of(home);
    let (run, calls) = paused(&server, "both echo x");
    let decide = |run: &str, body: Value| server.post(run, body.to_string());
    let [one, two] = &calls[..] else { panic!("two calls: {calls:?}") };

    let nobody = "/v1/approvals/run_aaaaaaaaaaaa";
    table.row("a run that is not there", &decide(nobody, json!({one: true})));
    table.row("no id of a run", &decide("/v1/approvals/x%2Fy", json!({one: true})));
    table.row("nothing", &decide(&run, json!({})));
    for said in [json!("true"), json!(1), json!(null), json!([true])] {
        let what = format!("{said}");
        table.row(&what, &decide(&run, json!({one: said, two: true})));
    }
    for said in [
        json!({}),
        json!({"decision": "yes"}),
        json!({"decision": true}),
        json!({"decision": "approve", "colour": 1}),
        json!({"decision": "approve", "reason": "why not"}),
        json!({"decision": "deny", "reason": 1}),
        json!({"decision": "deny", "arguments": {}}),
        json!({"decision": "approve", "arguments": "{}"}),
        json!({"decision": "approve", "version": "1"}),
        json!({"decision": "approve", "arguments": {"colour": 1}}),
        json!({"decision": "approve", "version": 999}),
        json!({"decision": "retry"}),
    ] {
        let what = format!("{said}");
        table.row(&what, &decide(&run, json!({one: said, two: true})));
    }
    table.row("one of two", &decide(&run, json!({one: true})));
    let (three, strange) = ("call_aaaaaaaaaa", "call\u{1b}[2J");
    table
        .row("a call that is not there", &decide(&run, json!({one: true, two: true, three: true})));
    table.row("a call of that name", &decide(&run, json!({one: true, strange: true})));
    // None of all this has decided anything.
    let shown = server.get(&run).json();
    assert_eq!(shown["pending_approvals"].as_array().map(Vec::len), Some(2), "{shown}");

    table.row("both", &decide(&run, json!({one: true, two: false})));
    table.row("both again", &decide(&run, json!({one: true, two: false})));
    table.row("the other way", &decide(&run, json!({one: false, two: true})));

    let (run, calls) = paused(&server, "run echo x");
    let cancel = run.replace("approvals", "runs") + "/cancel";
    table.row("cancelling", &server.post(&cancel, "{}"));
    table.row("cancelling again", &server.post(&cancel, "{}"));
    table.row("a run that was cancelled", &decide(&run, json!({&calls[0]: true})));

    let (run, calls) = paused_of(&server, "others", "run echo x");
    table.row("somebody else's to decide", &decide(&run, json!({&calls[0]: true})));

    let (run, calls) = paused_of(&server, "short", "run echo x");
    until("the call expires", || {
        let shown = server.get(&run).json();
        shown["pending_approvals"].as_array().is_none_or(Vec::is_empty)
    });
    table.row("too late", &decide(&run, json!({&calls[0]: true})));
    table.check(expect![[r#"
        a run that is not there                404 unknown_run [-] there is no run `RUN_____________`; `initrunner runs` lists them {"run_id":"RUN_____________"}
        no id of a run                         404 unknown_run [-] there is no run `x/y`; `initrunner runs` lists them
        nothing                                400 invalid_request [body] no decision is in the body: `{"CALL": true}`
        "true"                                 400 invalid_request [CALL___________] a decision is `true`, `false` or an object, and not a text
        1                                      400 invalid_request [CALL___________] a decision is `true`, `false` or an object, and not a number
        null                                   400 invalid_request [CALL___________] a decision is `true`, `false` or an object, and not null
        [true]                                 400 invalid_request [CALL___________] a decision is `true`, `false` or an object, and not a list
        {}                                     400 invalid_request [CALL___________] `decision` is one of `approve`, `deny`, `retry`, `report_unknown`
        {"decision":"yes"}                     400 invalid_request [CALL___________] `decision` is one of `approve`, `deny`, `retry`, `report_unknown`
        {"decision":true}                      400 invalid_request [CALL___________] `decision` is a text, and not a boolean
        {"decision":"approve","colour":1}      400 invalid_request [CALL___________] unknown key `colour`; there are `decision`, `reason`, `arguments`, `version`
        {"decision":"approve","reason":"why not"} 400 invalid_request [CALL___________] only a denial has a `reason`
        {"decision":"deny","reason":1}         400 invalid_request [CALL___________] `reason` is a text, and not a number
        {"decision":"deny","arguments":{}}     400 invalid_request [CALL___________] only an approval has other `arguments`
        {"decision":"approve","arguments":"{}"} 400 invalid_request [CALL___________] `arguments` is an object, and not a text
        {"decision":"approve","version":"1"}   400 invalid_request [CALL___________] `version` is a whole number, and not a text
        {"decision":"approve","arguments":{"colour":1}} 422 edit_refused [-] call CALL___________ was not changed: the call would be refused by arguments: Invalid arguments: Additional properties are not allowed ('colour' was unexpected); "command" is a required property {"run_id":"RUN2____________"}
        {"decision":"approve","version":999}   409 changed [-] call CALL___________ was asked about anew at TIME_______________________ since it was shown; look again with `initrunner show RUN2____________`, then decide {"tool_call_id":"CALL___________","edited_by":null,"at":"TIME_______________________","run_id":"RUN2____________"}
        {"decision":"retry"}                   409 wrong_state [-] call CALL___________ is waiting {"run_id":"RUN2____________"}
        one of two                             422 decisions_do_not_fit [-] a decision is missing for CALL2__________; decide each call that waits, and no other {"missing":["CALL2__________"],"unknown":[],"run_id":"RUN2____________"}
        a call that is not there               422 decisions_do_not_fit [-] run RUN2____________ has no call `CALL3__________`; decide each call that waits, and no other {"missing":[],"unknown":["CALL3__________"],"run_id":"RUN2____________"}
        a call of that name                    422 decisions_do_not_fit [-] a decision is missing for CALL2__________, and run RUN2____________ has no call `call\x1b[2J`; decide each call that waits, and no other {"missing":["CALL2__________"],"unknown":["call\u001b[2J"],"run_id":"RUN2____________"}
        both                                   200
        both again                             409 already_decided [-] call CALL2__________ was already decided: deny by key:local at TIME_______________________ {"tool_call_id":"CALL2__________","decision":"deny","resolved_by":"key:local","resolved_at":"TIME_______________________","run_id":"RUN2____________"}
        the other way                          409 already_decided [-] call CALL2__________ was already decided: deny by key:local at TIME_______________________ {"tool_call_id":"CALL2__________","decision":"deny","resolved_by":"key:local","resolved_at":"TIME_______________________","run_id":"RUN2____________"}
        cancelling                             200
        cancelling again                       409 cancelled [-] run RUN3____________ was cancelled by key:local at TIME_______________________ {"resolved_by":"key:local","resolved_at":"TIME_______________________"}
        a run that was cancelled               409 already_decided [-] call CALL4__________ was already decided: deny by key:local at TIME_______________________ {"tool_call_id":"CALL4__________","decision":"deny","resolved_by":"key:local","resolved_at":"TIME_______________________","run_id":"RUN3____________"}
        somebody else's to decide              403 not_a_reviewer [-] key:local may not decide about call CALL5__________: key:somebody may {"tool_call_id":"CALL5__________","run_id":"RUN4____________"}
        too late                               410 expired [-] call CALL6__________ expired at TIME_______________________; it was not executed {"tool_call_id":"CALL6__________","at":"TIME_______________________","run_id":"RUN5____________"}
    "#]]);
}

#[test]
fn nothing_is_decided_where_nothing_is_kept() {
    let home = roles::home();
    let server = Server::with(&home, ".", &["--no-audit"]);
    let answer = ask(&server, ASKING, "run echo x").json();
    assert_eq!(answer["resumable"], false, "{answer}");
    let mut table = Table::of(home);
    let run = answer["run_id"].as_str().unwrap();
    let body = json!({answer["pending_approvals"][0]["tool_call_id"].as_str().unwrap(): true});
    table.row("deciding", &server.post(&format!("/v1/approvals/{run}"), body.to_string()));
    table.row("deciding elsewhere", &server.post("/v1/approvals/x", body.to_string()));
    table.row("showing", &server.get(&format!("/v1/runs/{run}")));
    table.row("listing", &server.get("/v1/runs"));
    table.row("the queue", &server.get("/v1/approvals"));
    table.check(expect![[r#"
        deciding                               501 not_persisted [-] this run is not persisted (`--no-audit`), so it cannot be resumed
        deciding elsewhere                     501 not_persisted [-] this run is not persisted (`--no-audit`), so it cannot be resumed
        showing                                200
        listing                                200
        the queue                              200
    "#]]);
}

#[test]
fn what_is_not_there() {
    let home = roles::home();
    let server = Server::start(&home, ".");
    let mut table = Table::of(home);
    for path in [
        "/v1/models/nobody",
        "/v1/models/%00",
        "/v1/models/%ff",
        "/v1/runs/run_aaaaaaaaaaaa",
        "/v1/runs/x",
        "/v1/runs/%ff",
        "/v1/runs?limit=x",
        "/v1/runs?limit=-1",
        "/v1/runs?colour=red",
        "/v1/approvals/run_aaaaaaaaaaaa",
        "/v1/approvals/%ff",
        "/v1/approvals?limit=x",
        "/v1/approvals?colour=red",
        "/v1/nothing",
        "/v1/chat/completions/",
        "/",
        "//v1/models",
        "/v1/../v1/models",
        COMPLETIONS,
    ] {
        table.row(&format!("GET {path}"), &server.get(path));
    }
    for (method, path) in [
        ("DELETE", "/v1/runs/run_aaaaaaaaaaaa"),
        ("PUT", COMPLETIONS),
        ("PATCH", "/v1/approvals/run_aaaaaaaaaaaa"),
        ("POST", "/v1/models"),
        ("POST", "/v1/runs/run_aaaaaaaaaaaa/cancel"),
        ("POST", "/v1/nothing"),
        ("COOK", "/v1/models"),
    ] {
        let answer = server.request(method, path).json("{}").send();
        table.row(&format!("{method} {path}"), &answer);
    }
    table.check(expect![[r#"
        GET /v1/models/nobody                  404 model_not_found [model] there is no model `nobody`; this server has `asking`, `free`
        GET /v1/models/%00                     404 model_not_found [model] there is no model `\x00`; this server has `asking`, `free`
        GET /v1/models/%ff                     400 invalid_request [path] the path is not text in UTF-8
        GET /v1/runs/RUN_____________          404 unknown_run [-] there is no run `RUN_____________`; `initrunner runs` lists them
        GET /v1/runs/x                         404 unknown_run [-] there is no run `x`; `initrunner runs` lists them
        GET /v1/runs/%ff                       400 invalid_request [path] the path is not text in UTF-8
        GET /v1/runs?limit=x                   400 invalid_request [limit] `limit` is a number from 1 to 1000
        GET /v1/runs?limit=-1                  400 invalid_request [limit] `limit` is a number from 1 to 1000
        GET /v1/runs?colour=red                400 invalid_request [colour] `colour` is not known; there are `after`, `limit`, `order`, `requester`, `role`, `since`, `state`, `until`
        GET /v1/approvals/RUN_____________     404 unknown_run [-] there is no run `RUN_____________`; `initrunner runs` lists them
        GET /v1/approvals/%ff                  400 invalid_request [path] the path is not text in UTF-8
        GET /v1/approvals?limit=x              400 invalid_request [limit] `limit` is a number from 1 to 1000
        GET /v1/approvals?colour=red           400 invalid_request [colour] `colour` is not known; there are `after`, `limit`, `order`, `requester`, `role`, `run`, `since`, `state`, `tool`, `until`
        GET /v1/nothing                        404 unknown_path [-] there is nothing at this path
        GET /v1/chat/completions/              404 unknown_path [-] there is nothing at this path
        GET /                                  404 unknown_path [-] there is nothing at this path
        GET //v1/models                        404 unknown_path [-] there is nothing at this path
        GET /v1/../v1/models                   404 unknown_path [-] there is nothing at this path
        GET /v1/chat/completions               405 method_not_allowed [-] this path does not take this method
        DELETE /v1/runs/RUN_____________       405 method_not_allowed [-] this path does not take this method
        PUT /v1/chat/completions               405 method_not_allowed [-] this path does not take this method
        PATCH /v1/approvals/RUN_____________   405 method_not_allowed [-] this path does not take this method
        POST /v1/models                        405 method_not_allowed [-] this path does not take this method
        POST /v1/runs/RUN_____________/cancel  404 unknown_run [-] there is no run `RUN_____________`; `initrunner runs` lists them
        POST /v1/nothing                       404 unknown_path [-] there is nothing at this path
        COOK /v1/models                        405 method_not_allowed [-] this path does not take this method
    "#]]);
}

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

#[test]
fn doors_that_pages_of_others_find_shut() {
    let home = roles::home();
    let arguments = ["--cors-origin", "https://ours.example"];
    let server = Server::with(&home, ".", &arguments);
    let mut table = Table::of(home);
    let port = server.address().port();
    let body = asked(FREE, "hello").to_string();
    let post = || server.request("POST", COMPLETIONS);
    for host in [
        format!("localhost:{port}"),
        format!("127.0.0.1:{port}"),
        format!("[::1]:{port}"),
        "LOCALHOST".into(),
        "127.8.8.8".into(),
        "evil.example".into(),
        format!("evil.example:{port}"),
        "localhost.evil.example".into(),
        "127.0.0.1.evil.example".into(),
        "[::1".into(),
        "192.168.1.1".into(),
        String::new(),
    ] {
        let shown = host.replace(&port.to_string(), "PORT");
        table.row(
            &format!("Host: {shown}"),
            &server.request("GET", "/v1/models").host(&host).send(),
        );
    }
    for origin in [
        server.url(""),
        "https://ours.example".into(),
        "https://ours.example.evil".into(),
        "http://ours.example".into(),
        "http://evil.example".into(),
        format!("http://127.0.0.1:{}", port ^ 1),
        "null".into(),
        String::new(),
    ] {
        let shown =
            origin.replace(&port.to_string(), "PORT").replace(&(port ^ 1).to_string(), "OTHER");
        let answer = post().header("Origin", &origin).json(&body).send();
        table.row(&format!("Origin: {shown}"), &answer);
    }
    for kind in [
        "application/json",
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "text/plain; application/json",
        "",
    ] {
        let answer = post().header("Content-Type", kind).body(&body).send();
        table.row(&format!("Content-Type: {kind}"), &answer);
    }
    table.row("no Content-Type", &post().body(&body).send());
    table.check(expect![[r#"
        Host: localhost:PORT                   200
        Host: 127.0.0.1:PORT                   200
        Host: [::1]:PORT                       200
        Host: LOCALHOST                        200
        Host: 127.8.8.8                        200
        Host: evil.example                     403 foreign_host [-] this server listens on the loopback address: ask it as `localhost` or `127.0.0.1`
        Host: evil.example:PORT                403 foreign_host [-] this server listens on the loopback address: ask it as `localhost` or `127.0.0.1`
        Host: localhost.evil.example           403 foreign_host [-] this server listens on the loopback address: ask it as `localhost` or `127.0.0.1`
        Host: 127.0.0.1.evil.example           403 foreign_host [-] this server listens on the loopback address: ask it as `localhost` or `127.0.0.1`
        Host: [::1                             200
        Host: 192.168.1.1                      403 foreign_host [-] this server listens on the loopback address: ask it as `localhost` or `127.0.0.1`
        Host:                                  403 foreign_host [-] this server listens on the loopback address: ask it as `localhost` or `127.0.0.1`
        Origin: http://127.0.0.1:PORT          200
        Origin: https://ours.example           200
        Origin: https://ours.example.evil      403 foreign_origin [-] pages of this origin may not use this server; `--cors-origin` allows one
        Origin: http://ours.example            403 foreign_origin [-] pages of this origin may not use this server; `--cors-origin` allows one
        Origin: http://evil.example            403 foreign_origin [-] pages of this origin may not use this server; `--cors-origin` allows one
        Origin: http://127.0.0.1:OTHER         403 foreign_origin [-] pages of this origin may not use this server; `--cors-origin` allows one
        Origin: null                           403 foreign_origin [-] pages of this origin may not use this server; `--cors-origin` allows one
        Origin:                                403 foreign_origin [-] pages of this origin may not use this server; `--cors-origin` allows one
        Content-Type: application/json         200
        Content-Type: application/json; charset=utf-8 200
        Content-Type: APPLICATION/JSON         200
        Content-Type: text/plain               415 not_json [-] send `Content-Type: application/json`
        Content-Type: application/x-www-form-urlencoded 415 not_json [-] send `Content-Type: application/json`
        Content-Type: multipart/form-data; boundary=x 415 not_json [-] send `Content-Type: application/json`
        Content-Type: application/jsonp        415 not_json [-] send `Content-Type: application/json`
        Content-Type: text/plain; application/json 415 not_json [-] send `Content-Type: application/json`
        Content-Type:                          415 not_json [-] send `Content-Type: application/json`
        no Content-Type                        415 not_json [-] send `Content-Type: application/json`
    "#]]);
}

/// Bytes of a body that are taken: see `http::LARGEST_BODY`.
const LARGEST_BODY: usize = 4 << 20;

#[test]
fn limits_of_a_request() {
    let home = roles::home();
    let server = Server::start(&home, ".");
    let mut table = Table::of(home);
    let of_length = |length: usize| {
        let empty = asked(FREE, "").to_string();
        asked(FREE, &"x".repeat(length - empty.len())).to_string()
    };
    table.row("a body of 4 MiB", &server.post(COMPLETIONS, of_length(LARGEST_BODY)));
    let over = of_length(LARGEST_BODY + 1);
    table.row("one byte more", &server.post(COMPLETIONS, &over));
    let key = format!("Bearer {}", server.key());
    let head = format!(
        "POST {COMPLETIONS} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: {key}\r\n\
         Content-Type: application/json\r\n"
    );
    // What is said to come is refused before it comes.
    let announced = format!("{head}Content-Length: {}\r\n\r\n", LARGEST_BODY + 1);
    table.row("the same, announced", &sent(&server, announced.as_bytes()));
    let huge = format!("{head}Content-Length: {}\r\n\r\n", u64::MAX);
    table.row("18 exabytes, announced", &sent(&server, huge.as_bytes()));
    let waits =
        format!("{head}Expect: 100-continue\r\nContent-Length: {}\r\n\r\n", LARGEST_BODY + 1);
    table.row("the same, expecting leave", &sent(&server, waits.as_bytes()));
    let chunks =
        format!("{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{over}\r\n0\r\n\r\n", over.len());
    table.row("the same in chunks", &sent(&server, chunks.as_bytes()));
    let many = "1\r\n \r\n".repeat(LARGEST_BODY / 64) + "2\r\n{}\r\n0\r\n\r\n";
    let many = format!("{head}Transfer-Encoding: chunked\r\n\r\n{many}");
    table.row("65,536 chunks of a byte", &sent(&server, many.as_bytes()));

    let models = |header: usize| {
        server.request("GET", "/v1/models").header("X-Long", "x".repeat(header)).send()
    };
    table.row("a header of 16 KiB", &models(16 << 10));
    table.row("a header of 64 KiB", &models(64 << 10));
    table.row("a header of 4 MiB", &models(4 << 20));
    let headers = |count: usize| {
        let mut request = server.request("GET", "/v1/models");
        for number in 0..count {
            request = request.header(&format!("X-{number}"), "x");
        }
        request.send()
    };
    table.row("50 headers", &headers(50));
    table.row("1,000 headers", &headers(1000));
    let long = |length: usize| server.get(&format!("/v1/models/{}", "x".repeat(length)));
    let mut unknown = long(8 << 10);
    unknown.body.clear();
    table.row("a path of 8 KiB", &unknown);
    table.row("a path of 64 KiB", &long(64 << 10));
    table.check(expect![[r#"
        a body of 4 MiB                        200
        one byte more                          413 too_large [body] the body is larger than 4 MiB
        the same, announced                    413 too_large [body] the body is larger than 4 MiB
        18 exabytes, announced                 431
        the same, expecting leave              413 too_large [body] the body is larger than 4 MiB
        the same in chunks                     413 too_large [body] the body is larger than 4 MiB
        65,536 chunks of a byte                400 invalid_request [model] `model` is the name of a role, as a text
        a header of 16 KiB                     200
        a header of 64 KiB                     431
        a header of 4 MiB                      431
        50 headers                             200
        1,000 headers                          431
        a path of 8 KiB                        404
        a path of 64 KiB                       431
    "#]]);
}

/// Sends these bytes and reads an answer; where there is none, that is its status.
fn sent(server: &Server, bytes: &[u8]) -> Answer {
    let mut wire = Wire::open(server.address());
    let _ = wire.write(bytes);
    let none = Answer { status: 0, headers: Vec::new(), body: Vec::new() };
    wire.answer().unwrap_or(none)
}

#[test]
fn heads_that_two_servers_would_read_differently() {
    let home = roles::home();
    let server = Server::start(&home, ".");
    let mut table = Table::of(home);
    let body = asked(FREE, "hello").to_string();
    let length = body.len();
    let chunk = format!("{length:x}\r\n{body}\r\n0\r\n\r\n");
    let key =
        format!("Authorization: Bearer {}\r\nContent-Type: application/json\r\n", server.key());
    let line = format!("POST {COMPLETIONS} HTTP/1.1\r\n");
    let head = format!("{line}Host: localhost\r\nConnection: close\r\n{key}");
    for (what, bytes) in [
        ("as it should be", format!("{head}Content-Length: {length}\r\n\r\n{body}")),
        (
            "two lengths",
            format!("{head}Content-Length: {length}\r\nContent-Length: 5\r\n\r\n{body}"),
        ),
        ("a length below zero", format!("{head}Content-Length: -1\r\n\r\n{body}")),
        ("a length with a sign", format!("{head}Content-Length: +{length}\r\n\r\n{body}")),
        ("a length in letters", format!("{head}Content-Length: ten\r\n\r\n{body}")),
        ("a length beyond 64 bits", format!("{head}Content-Length: 1{length:020}\r\n\r\n{body}")),
        ("in chunks", format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunk}")),
        (
            "in chunks, with a length",
            format!("{head}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}"),
        ),
        ("in chunks, spelt wrong", format!("{head}Transfer-Encoding: xchunked\r\n\r\n{chunk}")),
        ("a chunk of no size", format!("{head}Transfer-Encoding: chunked\r\n\r\nzz\r\n{chunk}")),
        (
            "a chunk of too much",
            format!("{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{chunk}", u128::MAX),
        ),
        ("a space before the colon", format!("{head}Content-Length : {length}\r\n\r\n{body}")),
        ("a folded header", format!("{head}X: a\r\n b\r\nContent-Length: {length}\r\n\r\n{body}")),
        (
            "a line feed in a value",
            format!("{head}X: a\nY: b\r\nContent-Length: {length}\r\n\r\n{body}"),
        ),
        ("a zero in a value", format!("{head}X: a\0b\r\nContent-Length: {length}\r\n\r\n{body}")),
        (
            "no Host",
            format!("{line}Connection: close\r\n{key}Content-Length: {length}\r\n\r\n{body}"),
        ),
        (
            "two Hosts",
            format!("{head}Host: evil.example\r\nContent-Length: {length}\r\n\r\n{body}"),
        ),
        (
            "two keys",
            format!("{head}Authorization: Bearer x\r\nContent-Length: {length}\r\n\r\n{body}"),
        ),
        (
            "two types",
            format!("{head}Content-Type: text/plain\r\nContent-Length: {length}\r\n\r\n{body}"),
        ),
        (
            "a whole address",
            format!(
                "POST http://evil.example{COMPLETIONS} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                 {key}Content-Length: {length}\r\n\r\n{body}"
            ),
        ),
        ("another protocol", "GET / SPDY/3\r\n\r\n".into()),
        ("no protocol", "hello\r\n\r\n".into()),
        ("HTTP/2, at once", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into()),
        ("TLS", "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\r\n\r\n".into()),
    ] {
        table.row(what, &sent(&server, bytes.as_bytes()));
    }
    table.check(expect![[r#"
        as it should be                        200
        two lengths                            400
        a length below zero                    400
        a length with a sign                   400
        a length in letters                    400
        a length beyond 64 bits                400
        in chunks                              200
        in chunks, with a length               200
        in chunks, spelt wrong                 400
        a chunk of no size                     400 invalid_request [body] the body ended early
        a chunk of too much                    400 invalid_request [body] the body ended early
        a space before the colon               400
        a folded header                        400
        a line feed in a value                 200
        a zero in a value                      400
        no Host                                403 foreign_host [-] this server listens on the loopback address: ask it as `localhost` or `127.0.0.1`
        two Hosts                              400 invalid_request [Host] `Host` is sent twice
        two keys                               400 invalid_request [Authorization] `Authorization` is sent twice
        two types                              400 invalid_request [Content-Type] `Content-Type` is sent twice
        a whole address                        403 foreign_host [-] this server listens on the loopback address: ask it as `localhost` or `127.0.0.1`
        another protocol                       400
        no protocol                            400
        HTTP/2, at once                        0
        TLS                                    400
    "#]]);
}
