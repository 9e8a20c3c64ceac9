//! Who may do what.

use crate::desk::{Desk, Visitor};
use expect_test::expect;
use serde_json::json;
use std::fmt::Write as _;

#[test]
fn each_role_of_a_key_opens_what_it_says() {
    let desk = Desk::start();
    let (run, calls) = desk.paused("run echo x");
    let mut caller = desk.visitor("caller");
    let started = caller.form("/roles/asking/runs", &[("prompt", "run echo y")]);
    let own = started.header("location").expect("a page of the run").to_owned();
    let yes = format!("decision.{}", calls[0]);
    let mut table = String::new();
    for name in ["caller", "reviewer", "admin"] {
        let mut visitor = match name {
            "caller" => caller.clone(),
            _ => desk.visitor(name),
        };
        let mut row = |what: &str, send: &mut dyn FnMut(&mut Visitor) -> u16| {
            let _ = writeln!(table, "{name:<9} {what:<34} {}", send(&mut visitor));
        };
        row("the first page", &mut |who| who.get("/").status);
        row("the roles", &mut |who| who.get("/roles").status);
        row("the queue", &mut |who| who.get("/approvals").status);
        row("what waits", &mut |who| who.get("/api/approvals/pending").status);
        row("a run of somebody else", &mut |who| who.get(&format!("/runs/{run}")).status);
        row("what waits of it", &mut |who| who.get(&format!("/api/approvals/{run}")).status);
        row("its panel", &mut |who| who.get(&format!("/runs/{run}/panel")).status);
        row("reading along", &mut |who| {
            let request = who.request("GET", &format!("/api/events?run={run}"));
            let mut wire = initrunner_tests::http_client::Wire::open(desk.server.address());
            wire.write(&request.bytes()).unwrap();
            wire.answer_head().unwrap().0
        });
        row("a run of the caller's", &mut |who| who.get(&own).status);
        row("starting a run", &mut |who| {
            who.form("/roles/free/runs", &[("prompt", "hello")]).status
        });
        if name != "reviewer" {
            row("deciding by form", &mut |who| {
                who.form(&format!("/approvals/{run}"), &[(&yes, "approve")]).status
            });
            row("deciding by script", &mut |who| {
                who.json(&format!("/api/approvals/{run}"), &json!({&calls[0]: true})).status
            });
            assert_eq!(desk.state(&run), "paused");
        }
    }
    expect![[r#"
        caller    the first page                     200
        caller    the roles                          200
        caller    the queue                          403
        caller    what waits                         403
        caller    a run of somebody else             404
        caller    what waits of it                   404
        caller    its panel                          404
        caller    reading along                      404
        caller    a run of the caller's              200
        caller    starting a run                     303
        caller    deciding by form                   403
        caller    deciding by script                 403
        reviewer  the first page                     200
        reviewer  the roles                          200
        reviewer  the queue                          200
        reviewer  what waits                         200
        reviewer  a run of somebody else             200
        reviewer  what waits of it                   200
        reviewer  its panel                          200
        reviewer  reading along                      200
        reviewer  a run of the caller's              200
        reviewer  starting a run                     403
        admin     the first page                     200
        admin     the roles                          200
        admin     the queue                          403
        admin     what waits                         403
        admin     a run of somebody else             200
        admin     what waits of it                   200
        admin     its panel                          200
        admin     reading along                      200
        admin     a run of the caller's              200
        admin     starting a run                     403
        admin     deciding by form                   403
        admin     deciding by script                 403
    "#]]
    .assert_eq(&table);
    let mut reviewer = desk.visitor("reviewer");
    let answer = reviewer.json(&format!("/api/approvals/{run}"), &json!({&calls[0]: true}));
    assert_eq!(answer.status, 200, "{}", answer.text());
}
