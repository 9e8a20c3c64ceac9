//! Texts of others are text: more than two hundred payloads, wherever one can be, and every page.

use crate::desk::Desk;
use initrunner_tests::browser::Script;
use initrunner_tests::home::Home;
use serde_json::{Map, Value, json};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Between the payloads of one prompt.
const APART: &str = "\u{241e}";

/// Calls of one run that waits.
const CALLS: usize = 5;

/// Payloads in one file that a program prints.
const PRINTED: usize = 20;

/// Of a hundred payloads so many are seen on pages as they are stored: marks and breaks are shown otherwise.
const LEAST: usize = 80;

/// The same of texts that the model is given in quotes: marks in them are written otherwise.
const QUOTED: usize = 60;

/// What is before a payload in the name of a reviewer, and in a reason.
const BY: &str = "~";
const WHY: &str = "^";

/// A model that calls with what it is told, and says all of it again.
const SCRIPT: &str = r#"
rules:
  - when: "(?s)^five (.*)␞(.*)␞(.*)␞(.*)␞(.*)$"
    turn: 0
    reply: "$0"
    calls:
      - {tool: shell, arguments: {command: "$1"}}
      - {tool: shell, arguments: {command: "$2"}}
      - {tool: shell, arguments: {command: "$3"}}
      - {tool: shell, arguments: {command: "$4"}}
      - {tool: shell, arguments: {command: "$5"}}
  - when: "(?s)^name (.*)␞(.*)␞(.*)␞(.*)␞(.*)$"
    turn: 0
    calls:
      - {tool: "$1", arguments: {command: "x", "$2": "x"}}
      - {tool: "$2", arguments: {command: "x"}}
      - {tool: "$3", arguments: {command: "x"}}
      - {tool: "$4", arguments: {command: "x"}}
      - {tool: "$5", arguments: {command: "x"}}
  - when: "(?s)^run (.*)$"
    turn: 0
    calls: [{tool: shell, arguments: {command: "$1"}}]
  - {from: tool, when: "(?s).*", reply: "$0"}
fallback: "$0"
"#;

fn payloads() -> Vec<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/browser/payloads.mjs");
    let ran = Command::new("node").arg(script).output().expect("Node.js as `node`");
    let all: Vec<String> = serde_json::from_slice(&ran.stdout).expect("a list of payloads");
    assert!(all.len() >= 200, "{}", all.len());
    all
}

/// Whether a header can carry it.
fn is_note(text: &str) -> bool {
    text.len() + BY.len() <= 200
        && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        && !text.trim().is_empty()
}

/// A role whose description, or name, is a payload; `$` would name a variable.
fn roles(home: &Home, payloads: &[String]) -> usize {
    let usable = payloads.iter().enumerate().filter(|(_, text)| !text.contains("${"));
    let mut count = 0;
    for (at, text) in usable {
        let quoted = json!(text).to_string();
        let rest = "prompt: p\nmodel: scripted:script.yaml\n";
        home.file(&format!("d{at}.yaml"), format!("name: d{at}\ndescription: {quoted}\n{rest}"));
        home.file(&format!("n{at}.yaml"), format!("name: {quoted}\n{rest}"));
        count += 1;
    }
    count
}

/// Does something with each of many, several at a time.
fn each<T: Sync, R: Send>(all: &[T], work: impl Fn(usize, &T) -> R + Sync) -> Vec<R> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(one) = all.get(at) else { return };
                    let made = work(at, one);
                    done.lock().unwrap().push((at, made));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, made)| made).collect()
}

#[test]
fn nothing_that_others_wrote_is_more_than_text() {
    let payloads = payloads();
    let home = Home::new();
    home.file("script.yaml", SCRIPT);
    for (name, key) in [("asking", "approval: required"), ("free", "approval: auto")] {
        crate::desk::role(&home, name, key);
    }
    let described = roles(&home, &payloads);
    for (at, texts) in payloads.chunks(PRINTED).enumerate() {
        home.file(&format!("{at}.txt"), texts.join("\n"));
    }
    let desk = Desk::of(home);
    let complete = |role: &str, text: &str| {
        let body = json!({"model": role, "messages": [{"role": "user", "content": text}]});
        let asked = desk.program("all", "POST", "/v1/chat/completions").json(body.to_string());
        let answer = asked.send();
        let run = answer.header("x-run-id").map(str::to_owned);
        (run.unwrap_or_else(|| panic!("{role}, {text:?}: {}", answer.text())), answer.json())
    };
    let page = |run: &String| format!("/runs/{run}");

    // Prompts, arguments, reasons and names of reviewers; the model says the result again.
    let denied = each(&payloads, |_, text| {
        let (run, answer) = complete("asking", &format!("run {text}"));
        let mut request = desk.program("reviewer", "POST", &format!("/v1/approvals/{run}"));
        let noted = is_note(text);
        if noted {
            request = request.header("X-Resolved-By", format!("{BY}{text}"));
        }
        let calls = answer["pending_approvals"].as_array().into_iter().flatten();
        let deny = |call: &Value| {
            let id = call["tool_call_id"].as_str().unwrap().to_owned();
            (id, json!({"decision": "deny", "reason": format!("{WHY}{text}")}))
        };
        let body: Map<String, Value> = calls.map(deny).collect();
        // A call that the tool itself refuses asks nobody.
        if !body.is_empty() {
            let answer = request.json(Value::from(body).to_string()).send();
            assert_eq!(answer.status, 200, "{text:?}: {}", answer.text());
        }
        (run, noted)
    });
    let noted = denied.iter().filter(|(_, noted)| *noted).count();
    assert!(noted >= 200, "only {noted} of them fit into a header");
    let fives: Vec<&[String]> = payloads.chunks_exact(CALLS).collect();
    // What models say.
    let said = each(&fives, |_, texts| complete("free", &texts.join("\n\n")).0);
    // Calls that wait.
    let waiting =
        each(&fives, |_, texts| complete("asking", &format!("five {}", texts.join(APART))).0);
    // Names of tools that there are not.
    let named = each(&fives, |_, texts| complete("free", &format!("name {}", texts.join(APART))).0);
    // What programs print.
    let files: Vec<usize> = (0..payloads.chunks(PRINTED).count()).collect();
    let printed = each(&files, |at, _| complete("free", &format!("run cat {at}.txt")).0);

    // A call that the tool itself refuses waits for nobody.
    let path = "/v1/approvals?limit=1";
    let open = &desk.program("all", "GET", path).send().json()["total"];
    let open = open.as_u64().expect("a number");
    assert!(open >= 200, "only {open} calls wait");

    let pages = |runs: &[String]| runs.iter().map(page).collect::<Vec<_>>();
    let denied: Vec<String> = denied.into_iter().map(|(run, _)| run).collect();
    // Every description is on the list of roles: of their own pages some are enough.
    let own = (0..payloads.len()).step_by(4).filter(|at| !payloads[*at].contains("${"));
    let roles: Vec<String> = own.map(|at| format!("/roles/d{at}")).collect();
    // What reviewers call themselves is on pages that tell the whole story.
    let (all, some) = (payloads.len(), roles.len());
    let places = json!({
        "prompts, in lists": {"paths": ["/", "/runs?limit=1000"], "stored": all},
        "runs that were denied": {"paths": pages(&denied), "stored": all, "marks": [
            ["prompts", "run "], ["reasons of denials", WHY, QUOTED], ["names of reviewers", BY, LEAST, noted],
        ]},
        "answers of models": {"paths": pages(&said), "stored": fives.len() * CALLS},
        "arguments, in the queue": {"paths": ["/approvals?limit=1000"], "stored": open},
        "arguments, in runs": {"paths": pages(&waiting), "stored": fives.len() * CALLS},
        "names of tools": {"paths": pages(&named), "stored": fives.len() * CALLS},
        "results of tools": {"paths": pages(&printed), "stored": all},
        "roles and files that are none": {"paths": ["/roles"], "stored": described},
        "a role each": {"paths": roles, "stored": some},
    });
    let given = desk.given(json!({"places": places, "least": LEAST}));
    Script::start("hostile.mjs", &given).end();
}
