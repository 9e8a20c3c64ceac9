//! Decisions: of scripts, in the shapes of `/v1/approvals`, and of forms where there are no scripts.

use crate::desk::Desk;
use initrunner_tests::home::until;
use serde_json::{Value, json};

#[test]
fn what_waits_has_the_shape_that_programs_get() {
    let desk = Desk::start();
    let (run, calls) = desk.paused("both echo x");
    desk.paused("run echo y");
    let mut visitor = desk.visitor("reviewer");
    let program = |path: &str| desk.program("reviewer", "GET", path).send().json();
    let here = visitor.get(&format!("/api/approvals/{run}"));
    assert_eq!(here.header("x-run-id"), Some(run.as_str()));
    assert_eq!(here.json(), program(&format!("/v1/approvals/{run}")));
    let (here, there) = (visitor.get("/api/approvals/pending").json(), program("/v1/approvals"));
    assert_eq!((&here["data"], &here["count"]), (&there["data"], &json!(3)));
    let here = visitor.get("/api/approvals/pending?limit=1").json();
    let there = program("/v1/approvals?limit=1");
    assert_eq!((&here["data"], &here["next"]), (&there["data"], &there["next"]));
    assert_eq!(visitor.get("/api/approvals/pending?count_only=true").json(), json!({"count": 3}));
    assert_eq!(
        visitor.get("/api/approvals/pending?count_only=1&limit=5").json(),
        json!({"count": 3})
    );

    // Deciding, and everything that is refused, as programs do and are.
    let path = format!("/api/approvals/{run}");
    let v1 = format!("/v1/approvals/{run}");
    for body in [
        json!({}),
        json!([]),
        json!({&calls[0]: true}),
        json!({&calls[0]: "yes", &calls[1]: true}),
        json!({&calls[0]: true, &calls[1]: true, "call_aaaaaaaaaa": true}),
        json!({&calls[0]: {"decision": "maybe"}, &calls[1]: true}),
        json!({&calls[0]: {"decision": "approve", "version": 99}, &calls[1]: true}),
    ] {
        let here = visitor.json(&path, &body);
        let there = desk.program("reviewer", "POST", &v1).json(body.to_string()).send();
        assert!((400..500).contains(&here.status), "{body}: {}", here.text());
        assert_eq!((here.status, here.json()), (there.status, there.json()), "{body}");
    }
    assert_eq!(desk.state(&run), "paused");
    let all: Value = calls
        .iter()
        .map(|call| (call.clone(), json!(true)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let answer = visitor.json(&path, &all);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["object"], "chat.completion");
    assert_eq!(answer.header("x-run-id"), Some(run.as_str()));
    // Whoever comes too late is told who was first.
    let late = desk.visitor("second").json(&path, &all);
    assert_eq!((late.status, &late.json()["error"]["resolved_by"]), (409, &json!("key:reviewer")));
}

#[test]
fn a_form_decides_without_scripts() {
    let desk = Desk::start();
    let mut visitor = desk.visitor("reviewer");
    // Approving.
    let (run, calls) = desk.paused("run echo done");
    let page = visitor.get("/approvals").text();
    assert!(page.contains(&format!("action=\"/approvals/{run}\"")), "{page}");
    assert!(page.contains(&format!("name=\"decision.{}\"", calls[0])), "{page}");
    let before = format!("name=\"version.{}\" value=\"", calls[0]);
    let version =
        page.split(&before).nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
    let field = |name: &str, at: usize| format!("{name}.{}", calls[at]);
    let fields = [(field("decision", 0), "approve".to_owned()), (field("version", 0), version)];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let answer = visitor.form(&format!("/approvals/{run}"), &fields);
    assert_eq!(answer.status, 303, "{}", answer.text());
    until("it has ended", || desk.state(&run) == "completed");
    let to = answer.header("location").unwrap().to_owned();
    assert!(visitor.get(&to).text().contains("Result: done"));

    // Somebody else was first: the page says who and when.
    let mut second = desk.visitor("second");
    let late = second.form(&format!("/approvals/{run}"), &[(&field("decision", 0), "deny")]);
    assert_eq!(late.status, 409, "{}", late.text());
    let text = late.text();
    assert!(text.contains("key:reviewer") && text.contains("already decided"), "{text}");
    assert!(text.contains("20"), "when: {text}");

    // Denying, with a reason that the model reads.
    let (run, calls) = desk.paused("run echo done");
    let (decision, reason) = (format!("decision.{}", calls[0]), format!("reason.{}", calls[0]));
    let answer = visitor
        .form(&format!("/approvals/{run}"), &[(&decision, "deny"), (&reason, "not <b>today</b>")]);
    assert_eq!(answer.status, 303, "{}", answer.text());
    until("it has ended", || desk.state(&run) == "completed");
    let page = visitor.get(&format!("/runs/{run}")).text();
    assert!(page.contains("not &lt;b&gt;today"), "{page}");

    // Changing what is called.
    let (run, calls) = desk.paused("run echo done");
    let (decision, arguments) =
        (format!("decision.{}", calls[0]), format!("arguments.{}", calls[0]));
    let path = format!("/approvals/{run}");
    for wrong in ["{", "[]", "{\"command\": 1}", "{\"other\": \"x\"}"] {
        let answer = visitor.form(&path, &[(&decision, "approve"), (&arguments, wrong)]);
        assert!(
            (400..500).contains(&answer.status),
            "{wrong}: {} {}",
            answer.status,
            answer.text()
        );
        assert_eq!(desk.state(&run), "paused");
    }
    let changed = "{\"command\": \"echo other\"}";
    let answer = visitor.form(&path, &[(&decision, "approve"), (&arguments, changed)]);
    assert_eq!(answer.status, 303, "{}", answer.text());
    until("it has ended", || desk.state(&run) == "completed");
    assert!(visitor.get(&format!("/runs/{run}")).text().contains("other"));

    // One decision of two is none.
    let (run, calls) = desk.paused("both echo x");
    let decision = format!("decision.{}", calls[0]);
    let answer = visitor.form(&format!("/approvals/{run}"), &[(&decision, "approve")]);
    assert_eq!(answer.status, 422, "{}", answer.text());
    assert_eq!(desk.state(&run), "paused");
}

#[test]
fn a_role_is_run_by_a_form() {
    let desk = Desk::start();
    let mut visitor = desk.visitor("caller");
    let answer = visitor.form("/roles/free/runs", &[("prompt", "hello <i>there</i>")]);
    assert_eq!(answer.status, 303, "{}", answer.text());
    let page = answer.header("location").unwrap().to_owned();
    until("it has ended", || visitor.get(&page).text().contains("You said: hello"));
    let text = visitor.get(&page).text();
    assert!(!text.contains("<i>there") && text.contains("&lt;i&gt;there"), "{text}");
    assert!(text.contains("key:caller"), "{text}");
}
