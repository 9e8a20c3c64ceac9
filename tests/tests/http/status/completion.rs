//! Completions that cannot be given.

use super::{COMPLETIONS, Table, with};
use crate::roles::{self, FREE};
use expect_test::expect;
use initrunner_tests::serve::Server;
use serde_json::{Value, json};

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
