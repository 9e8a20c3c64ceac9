//! The example of policies: what happens at once, what waits, what is refused, and who may say yes.

use super::vote::approve_with;
use expect_test::{Expect, expect};
use initrunner::ops::Approved;
use initrunner_tests::home::Home;
use initrunner_tests::refund;

struct Example(Home);

impl Example {
    fn new() -> Self {
        Self(Home::with_example("refunds"))
    }

    fn run<'a>(&self, arguments: impl IntoIterator<Item = &'a str>, expected: Expect) {
        let tool = refund().display().to_string();
        self.0.command(arguments).env("REFUND_TOOL", &tool).run().check(expected);
    }

    fn ask(&self, prompt: &str, expected: Expect) {
        self.run(["run", "role.yaml", "-p", prompt], expected);
    }

    /// How often something of a kind is in the journal.
    fn events(&self, kind: &str) -> usize {
        let story = self.0.json(["show", &self.0.last(), "--json"]);
        let events = story["events"].as_array().unwrap();
        events.iter().filter(|event| event["kind"] == kind).count()
    }
}

#[test]
fn one_role_does_one_thing_at_once_asks_about_the_next_and_refuses_the_third() {
    let example = Example::new();
    example.ask(
        "refund 15 for order 7",
        expect![[r#"
        Done: refund 15.00 for order 7.
        = 0
    "#]],
    );
    assert_eq!(example.events("policy_decided"), 1);
    example.ask("refund 5000 for order 7", expect![[r#"
        Nothing was refunded. This call is refused by policy: nobody refunds more than 1000.00 here (policy `never`, severity high).
        = 0
    "#]]);
    example.ask(
        "refund 80 for order 7",
        expect![[r#"
        Run RUN2____________ paused — 1 tool call awaiting approval.
          CALL2__________  refund  refund 80.00 for order 7
            asked by policy: more than 20.00 needs a person (policy `larger`)

        Resume with: initrunner approve RUN2____________ --all
        = 2
    "#]],
    );
    example.run(["pending"], expect![[r#"
        Pending approvals (1)
        ┏━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━━┳━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━┓
        ┃ run_id           ┃ tool_call_id    ┃ tool   ┃ agent   ┃ created_at          ┃ arguments          ┃
        ┡━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━━╇━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━┩
        │ RUN2____________ │ CALL2__________ │ refund │ refunds │ TIME_______________ │ refund 80.00 for … │
        └──────────────────┴─────────────────┴────────┴─────────┴─────────────────────┴────────────────────┘
          CALL2__________  asked by policy: more than 20.00 needs a person (policy `larger`)
        = 0
    "#]]);
    example.run(
        ["approve", "RUN2", "--all"],
        expect![[r#"
        Resumed.
        Done: refund 80.00 for order 7.
        = 0
    "#]],
    );
    // When it was proposed, who approved it, and before it happened.
    assert_eq!(example.events("policy_decided"), 3);
    example.run(
        ["audit", "verify"],
        expect![[r#"
        The journal holds: 29 events.
        Head: 29 CODE
        = 0
    "#]],
    );
}

#[test]
fn whoever_asked_for_much_may_not_approve_it_and_neither_may_whose_limit_is_lower() {
    let example = Example::new();
    example.ask(
        "refund 250 for order 7",
        expect![[r#"
        Run RUN_____________ paused — 1 tool call awaiting approval.
          CALL___________  refund  refund 250.00 for order 7: arrived broken
            asked by policy: more than 20.00 needs a person (policy `larger`)

        Resume with: initrunner approve RUN_____________ --all
        = 2
    "#]],
    );
    example.run(["approve", "RUN", "--all"], expect![[r#"
        ! error: call CALL___________ was not approved: policy does not let os:USER approve it: whoever asked for more than 100.00 may not approve it (policy `four-eyes`); more than 100.00 needs somebody whose own limit is as high (policy `limit`).
        = 1
    "#]]);
    let tool = refund().display().to_string();
    let approve = |who: &str| approve_with(&example.0, who, "a note", &[("REFUND_TOOL", &tool)]);
    let Err(refused) = approve("os:bob") else { panic!("approved") };
    let refused = refused.to_string();
    let (_, why) = refused.split_once(" was not approved: ").unwrap();
    expect!["policy does not let os:bob approve it: more than 100.00 needs somebody whose own limit is as high (policy `limit`)."].assert_eq(why);
    assert_eq!(example.events("approval_decided"), 0);
    match approve("os:ann") {
        Ok(Approved::Driven(driven)) => assert_eq!(driven.run.run.state.as_str(), "completed"),
        _ => panic!("not approved"),
    }
    // When it was proposed, three people, and before it happened.
    assert_eq!(example.events("policy_decided"), 5);
}

#[test]
fn an_edit_makes_it_a_call_that_anybody_may_approve() {
    let example = Example::new();
    example.ask(
        "refund 250 for order 7",
        expect![[r#"
        Run RUN_____________ paused — 1 tool call awaiting approval.
          CALL___________  refund  refund 250.00 for order 7: arrived broken
            asked by policy: more than 20.00 needs a person (policy `larger`)

        Resume with: initrunner approve RUN_____________ --all
        = 2
    "#]],
    );
    let edit = |value| ["approve", "RUN", "--tool-call-id", "CALL", "--set", value];
    example.run(edit("cents=200000"), expect![[r#"
        ! error: call CALL___________ was not changed: the call would be refused by policy: This call is refused by policy: nobody refunds more than 1000.00 here (policy `never`, severity high).
        = 1
    "#]]);
    example.run(edit("cents=1000"), expect![[r#"
        Resumed.
        Done: A person changed this call's arguments before approving it: from {"cents":25000,"order":"7","reason":"arrived broken"} to {"cents":1000,"order":"7","reason":"arrived broken"}. Result: refund 10.00 for order 7: arrived broken.
        = 0
    "#]]);
}

#[test]
fn another_component_takes_the_place_with_one_line() {
    let example = Example::new();
    let role = example.0.work().join("role.yaml");
    let text = std::fs::read_to_string(&role).unwrap();
    let other = "policy: {component: hours, sources: [hours.toml]}";
    assert!(text.contains("\npolicy: {sources: [policies/]}\n"));
    std::fs::write(&role, text.replace("policy: {sources: [policies/]}", other)).unwrap();
    example.ask(
        "refund 15 for orders 7 and 8",
        expect![[r#"
        Run RUN_____________ paused — 1 tool call awaiting approval.
          CALL___________  refund  refund 15.00 for order 8
            asked by policy: more than one refund needs a person (policy `hours.toml:rate0`)

        Resume with: initrunner approve RUN_____________ --all
        = 2
    "#]],
    );
    example.run(
        ["approve", "RUN", "--all"],
        expect![[r#"
        Resumed.
        Done: refund 15.00 for order 7
        refund 15.00 for order 8.
        = 0
    "#]],
    );
}

#[test]
fn the_policies_answer_as_their_cases_say() {
    let example = Example::new();
    example.run(
        ["policy", "test", "cases"],
        expect![[r#"
        7 cases, 0 failed
        = 0
    "#]],
    );
    assert!(!example.0.state().join("audit.db").exists());
}

#[test]
fn the_cases_that_the_page_shows_are_met() {
    let page = include_str!("../../../docs/policies.md");
    let (_, rest) = page.split_once("```cases\n").unwrap();
    let (cases, _) = rest.split_once("```\n").unwrap();
    let example = Example::new();
    std::fs::create_dir(example.0.work().join("own")).unwrap();
    example.0.file("own/page.yaml", cases);
    example.run(
        ["policy", "test", "own"],
        expect![[r#"
        3 cases, 0 failed
        = 0
    "#]],
    );
}
