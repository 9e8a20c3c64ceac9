//! Decisions that do not count.

use super::Table;
use crate::roles::{self, ASKING, ask, paused, paused_of};
use expect_test::expect;
use initrunner_tests::home::until;
use initrunner_tests::serve::Server;
use serde_json::{Value, json};

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
