//! Every page, looked at: by the rules of accessibility, in both themes, at three widths.

use crate::desk::{Desk, home};
use initrunner_tests::browser::Script;
use initrunner_tests::home::until;
use serde_json::json;

#[test]
fn every_page_is_for_everybody() {
    let home = home();
    home.file("broken.yaml", "name: broken\nprompt: p\nmodel: nothing:x\ntols: []\n");
    home.file("failing.yaml", "name: failing\nprompt: p\nmodel: scripted:failing.script.yaml\n");
    home.file("failing.script.yaml", "rules: []\n");
    let desk = Desk::of(home);
    let mut visitor = desk.visitor("all");
    let mut begin = |role: &str, prompt: &str| {
        let answer = visitor.form(&format!("/roles/{role}/runs"), &[("prompt", prompt)]);
        let page = answer.header("location").expect("a page of the run").to_owned();
        page.rsplit('/').next().expect("a run").to_owned()
    };
    let long = "x".repeat(300);
    let done = begin("free", &format!("run echo {long}; echo '| a | b |'; seq 40"));
    let failed = begin("failing", "nothing will come of this");
    let paused =
        begin("asking", "run rm -rf ./scratch && echo a-rather-long-word-that-does-not-break");
    let (two, _) = desk.paused("both echo x");
    let (denied, calls) = desk.paused("run echo denied");
    desk.visitor("reviewer").json(
        &format!("/api/approvals/{denied}"),
        &json!({&calls[0]: {"decision": "deny", "reason": "not while people are at work"}}),
    );
    for (run, state) in [(&done, "completed"), (&failed, "failed"), (&paused, "paused")] {
        until(&format!("a run is {state}"), || desk.state(run) == state);
    }
    let run = |id: &str| format!("/runs/{id}");
    let states = json!([
        {"name": "sign-in", "path": "/sign-in", "who": "nobody"},
        {"name": "sign-in-again", "path": "/sign-in?link=x", "who": "nobody"},
        {"name": "home", "path": "/"},
        {"name": "roles", "path": "/roles"},
        {"name": "role", "path": "/roles/asking", "open": true},
        {"name": "runs", "path": "/runs"},
        {"name": "runs-none", "path": "/runs?role=none"},
        {"name": "run-done", "path": run(&done), "open": true},
        {"name": "run-failed", "path": run(&failed), "open": true},
        {"name": "run-paused", "path": run(&paused)},
        {"name": "run-paused-open", "path": run(&paused), "open": true},
        {"name": "run-two-calls", "path": run(&two)},
        {"name": "run-denied", "path": run(&denied), "open": true},
        {"name": "queue", "path": "/approvals"},
        {"name": "queue-none", "path": "/approvals?role=none"},
        {"name": "queue-chosen", "path": "/approvals", "keys": ["j", "a", "j", "d"]},
        {"name": "queue-keys", "path": "/approvals", "keys": ["?"]},
        {"name": "queue-drawer", "path": "/approvals", "keys": ["j", "j", "Enter"]},
        {"name": "queue-refused", "path": "/approvals", "who": "caller"},
        {"name": "no-such-run", "path": "/runs/none"},
    ]);
    Script::start("look.mjs", &desk.given(json!({"states": states}))).end();
}
