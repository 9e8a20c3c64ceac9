//! Three answers, who may approve, and what a reason says.

use crate::common::{approval, load, load_with, request, tools, words};
use initrunner_sdk::policy::Request;

/// What policies answer to a call of `shell`.
fn check(policies: &str, expected: &str) {
    let (cedar, _) =
        load(policies).unwrap_or_else(|found| panic!("{}", crate::common::lines(&found)));
    let request = request(&tools(), "shell", r#"{"command":"rm -rf ./scratch"}"#);
    assert_eq!(words(&cedar.decide(&request)), expected, "{policies}");
}

const ALL: &str = r#"@id("all") permit (principal, action in Action::"tools:all", resource);"#;

#[test]
fn one_action_asked_twice_gives_three_answers() {
    check("", "deny");
    check(ALL, "allow all");
    check(
        &format!(r#"{ALL} @id("no") forbid (principal, action == Action::"shell", resource);"#),
        "deny no",
    );
    check(
        &format!(
            r#"{ALL} @id("ask") forbid (principal, action == Action::"shell", resource) when {{ context.unattended }};"#
        ),
        "ask ask",
    );
    // A permission that holds only where somebody attends.
    check(
        r#"@id("with") permit (principal, action == Action::"shell", resource) unless { context.unattended };"#,
        "ask with",
    );
    // What forbids both times is no question for anybody.
    check(
        &format!(
            r#"{ALL}
            @id("ask") forbid (principal, action == Action::"shell", resource) when {{ context.unattended }};
            @id("no") forbid (principal, action == Action::"shell", resource) when {{ context.arguments.command like "rm *" }};"#
        ),
        "deny no",
    );
    // About another tool.
    check(r#"permit (principal, action == Action::"look", resource);"#, "deny");
    check(r#"permit (principal, action, resource in Tool::"look");"#.replace("action,", r#"action in Action::"tools:all","#).as_str(), "deny");
}

#[test]
fn groups_and_attributes_say_what_a_tool_is() {
    for (scope, expected) in [
        (r#"principal, action in Action::"plugin:sheller", resource"#, "allow p.cedar:policy0"),
        (r#"principal, action in Action::"effect:destructive", resource"#, "allow p.cedar:policy0"),
        (r#"principal, action in Action::"effect:open_world", resource"#, "allow p.cedar:policy0"),
        (r#"principal, action in Action::"effect:read_only", resource"#, "deny"),
        (r#"principal, action in Action::"effect:idempotent", resource"#, "deny"),
        (
            r#"principal == Agent::"gardener", action == Action::"shell", resource == Tool::"shell""#,
            "allow p.cedar:policy0",
        ),
        (r#"principal == Agent::"other", action == Action::"shell", resource"#, "deny"),
    ] {
        check(&format!("permit ({scope});"), expected);
    }
    for (condition, holds) in [
        (r#"principal.team == "plants""#, false),
        (r#"principal has team && principal.team == "plants""#, true),
        (r#"principal has author"#, false),
        (r#"principal.name == "gardener" && principal.tags.containsAll(["slow"])"#, true),
        (
            r#"resource.destructive && resource.open_world && !resource.read_only && !resource.idempotent"#,
            true,
        ),
        (
            r#"resource.name == "shell" && resource.plugin == "sheller" && resource.entry == "shell""#,
            true,
        ),
        (r#"context.trigger == "cli" && context.requester == Reviewer::"os:alice""#, true),
        (r#"context.time == datetime("2026-11-23T12:34:56.001Z")"#, true),
        (r#"context.time.toTime() > duration("17h")"#, false),
        (r#"context has isolation && context.isolation.contains("landlock-7")"#, true),
        (
            "context.counts.requests == 1 && context.counts.tool_calls == 2 && \
             context.counts.calls_of_tool == 3 && context.counts.running_ms == 4",
            true,
        ),
    ] {
        let policy = format!(
            r#"@id("it") permit (principal, action == Action::"shell", resource) when {{ {condition} }};"#
        );
        match load(&policy) {
            Ok(_) => check(&policy, if holds { "allow it" } else { "deny" }),
            // An optional attribute wants `has`.
            Err(found) => {
                assert!(!holds && crate::common::lines(&found).contains("team"), "{condition}")
            }
        }
    }
}

#[test]
fn reasons_carry_what_the_author_wrote_and_nothing_of_the_arguments() {
    let (cedar, summary) = load(
        r#"@id("all") permit (principal, action in Action::"tools:all", resource);
           @id("big") @message("more than a thousand needs a person") @severity("high")
           forbid (principal, action == Action::"transfer", resource)
           when { context.unattended && context.arguments.amount has decimal
               && context.arguments.amount.decimal.greaterThan(decimal("1000.0")) };"#,
    )
    .unwrap();
    assert_eq!(summary.policies, ["all", "big"]);
    assert!(!summary.approvals);
    let ask = |arguments| cedar.decide(&request(&tools(), "transfer", arguments));
    assert_eq!(words(&ask(r#"{"amount":1000,"to":"x"}"#)), "allow all");
    let decision = ask(r#"{"amount":1000.01,"to":"x"}"#);
    assert_eq!(words(&decision), "ask big");
    assert_eq!(decision.reasons[0].message.as_deref(), Some("more than a thousand needs a person"));
    assert_eq!(decision.reasons[0].severity.as_deref(), Some("high"));
}

#[test]
fn what_cannot_be_evaluated_denies_and_repeats_no_argument() {
    let secret = "9223372036854775807";
    let (cedar, _) = load(
        r#"@id("all") permit (principal, action in Action::"tools:all", resource);
           @id("sum") forbid (principal, action == Action::"look", resource)
           when { context.arguments has depth && context.arguments.depth + 1 < 0 };"#,
    )
    .unwrap();
    let decision = cedar.decide(&request(&tools(), "look", &format!(r#"{{"depth":{secret}}}"#)));
    assert_eq!(
        words(&decision),
        "deny | the policy `sum` could not be evaluated: a sum or product is too large"
    );
    assert_eq!(words(&cedar.decide(&request(&tools(), "look", r#"{"depth":7}"#))), "allow all");
    // Nothing that could not be judged is judged.
    for (arguments, error) in [
        (
            r#"{"depth":"deep"}"#,
            "the argument at `/depth` is not a whole number of 64 bits, as its schema says",
        ),
        (r#"{"depth":1,"depth":2}"#, "the object of the arguments has a member twice"),
        (r#"{"depth":1"#, "the arguments are no JSON"),
        (r#"[]"#, "the object of the arguments is not an object, as its schema says"),
        (r#"{} {}"#, "the arguments are no JSON"),
    ] {
        let decision = cedar.decide(&request(&tools(), "look", arguments));
        assert_eq!(
            words(&decision),
            format!("deny | the policies cannot judge this call of `look`: {error}")
        );
    }
}

#[test]
fn a_request_about_another_tool_than_was_declared_is_denied() {
    let (cedar, _) = load(ALL).unwrap();
    let good = request(&tools(), "shell", r#"{"command":"ls"}"#);
    let mut changed: Vec<Request> = vec![good.clone(); 3];
    changed[0].subject.plugin = "other".to_owned();
    changed[1].subject.effects.read_only = Some(true);
    changed[2].subject.name = "shel".to_owned();
    for request in &changed {
        assert_eq!(cedar.decide(request).errors.len(), 1);
    }
    assert_eq!(words(&cedar.decide(&good)), "allow all");
}

const PEOPLE: &str = r#"[
    {"uid": {"type": "Reviewer", "id": "os:alice"}, "attrs": {"limit": 100}, "parents": [{"type": "Group", "id": "leads"}]},
    {"uid": {"type": "Reviewer", "id": "os:bob"}, "attrs": {"limit": 5000}, "parents": [{"type": "Group", "id": "leads"}]},
    {"uid": {"type": "Reviewer", "id": "os:carol"}, "attrs": {}, "parents": []},
    {"uid": {"type": "Group", "id": "leads"}, "attrs": {}, "parents": [{"type": "Group", "id": "staff"}]},
    {"uid": {"type": "Agent", "id": "gardener"}, "attrs": {}, "parents": [{"type": "Group", "id": "leads"}]}
]"#;
const LIMITS: &str = "entity Reviewer in [Group] = { limit?: Long };";

#[test]
fn who_may_approve_is_policy() {
    let (cedar, summary) = load_with(
        r#"@id("leads") permit (principal in Group::"staff", action == Action::"approve", resource == Tool::"transfer");
           @id("four-eyes") forbid (principal, action == Action::"approve", resource)
           when { principal == context.requester };
           @id("amount") forbid (principal, action == Action::"approve", resource)
           when { context.call has transfer }
           unless { principal has limit && context.call.transfer.arguments.amount has long
               && context.call.transfer.arguments.amount.long <= principal.limit };
           @id("gardeners") forbid (principal, action == Action::"approve", resource)
           unless { context.agent.name == "gardener" };"#,
        LIMITS,
        PEOPLE,
    )
    .unwrap_or_else(|found| panic!("{}", crate::common::lines(&found)));
    assert!(summary.approvals);
    let ask = |name, arguments: &str, who| {
        words(&cedar.decide(&approval(&tools(), name, arguments, who)))
    };
    assert_eq!(ask("transfer", r#"{"amount":50,"to":"x"}"#, "os:bob"), "allow leads");
    assert_eq!(ask("transfer", r#"{"amount":50,"to":"x"}"#, "os:alice"), "deny four-eyes");
    assert_eq!(ask("transfer", r#"{"amount":5001,"to":"x"}"#, "os:bob"), "deny amount");
    assert_eq!(ask("transfer", r#"{"amount":5,"to":"x"}"#, "os:carol"), "deny amount");
    assert_eq!(ask("transfer", r#"{"amount":5,"to":"x"}"#, "os:mallory"), "deny amount");
    // Nothing permits anybody by name here: the role's own rule is alone.
    assert_eq!(ask("shell", r#"{"command":"ls"}"#, "os:mallory"), "allow");
    assert_eq!(ask("shell", r#"{"command":"ls"}"#, "os:alice"), "deny four-eyes");
}

#[test]
fn where_somebody_is_permitted_nobody_else_is() {
    let (cedar, _) = load_with(
        r#"@id("leads") permit (principal in Group::"leads", action == Action::"approve", resource);"#,
        LIMITS,
        PEOPLE,
    )
    .unwrap();
    let ask = |who| words(&cedar.decide(&approval(&tools(), "shell", r#"{"command":"ls"}"#, who)));
    assert_eq!(ask("os:alice"), "allow leads");
    assert_eq!(ask("os:carol"), "deny leads");
}

#[test]
fn no_permission_for_agents_reaches_approval() {
    // As broad as it gets.
    let (cedar, summary) = load_with(ALL, LIMITS, PEOPLE).unwrap();
    assert!(!summary.approvals);
    let decision = cedar.decide(&approval(&tools(), "shell", r#"{"command":"ls"}"#, "os:alice"));
    assert_eq!(words(&decision), "allow", "no policy speaks: no reason");
    for scope in ["principal, action, resource", "principal is Agent, action, resource"] {
        let found = load(&format!("permit ({scope});")).unwrap_err();
        assert!(crate::common::lines(&found).contains("does not say which actions"), "{scope}");
    }
    let both = r#"permit (principal, action in [Action::"shell", Action::"approve"], resource);"#;
    assert!(crate::common::lines(&load(both).unwrap_err()).contains("about calls at once"));
    // An agent is no reviewer, and the other way around.
    let agent = r#"permit (principal is Agent, action == Action::"approve", resource);"#;
    assert!(crate::common::lines(&load(agent).unwrap().1.warnings).contains("can never apply"));
    let person = r#"permit (principal is Reviewer, action in Action::"tools:all", resource);"#;
    assert!(crate::common::lines(&load(person).unwrap().1.warnings).contains("can never apply"));
}

#[test]
fn agents_and_requesters_belong_to_groups() {
    let (cedar, _) = load_with(
        r#"@id("staff") permit (principal in Group::"staff", action == Action::"shell", resource)
           when { context.requester in Group::"staff" && context.requester has limit };"#,
        LIMITS,
        PEOPLE,
    )
    .unwrap();
    let mut asked = request(&tools(), "shell", r#"{"command":"ls"}"#);
    assert_eq!(words(&cedar.decide(&asked)), "allow staff");
    asked.requester = "os:carol".to_owned();
    assert_eq!(words(&cedar.decide(&asked)), "deny");
    asked.requester = "os:bob".to_owned();
    asked.agent.name = "stranger".to_owned();
    assert_eq!(words(&cedar.decide(&asked)), "deny");
}

#[test]
fn no_answer_depends_on_the_questions_before() {
    let (cedar, _) = load_with(
        r#"@id("a") permit (principal in Group::"staff", action == Action::"shell", resource)
           unless { context.unattended && context.arguments.command like "rm*" };
           @id("b") permit (principal in Group::"leads", action == Action::"approve", resource);"#,
        LIMITS,
        PEOPLE,
    )
    .unwrap();
    let mut requests = Vec::new();
    for command in ["ls", "rm x"] {
        let arguments = format!(r#"{{"command":"{command}"}}"#);
        for agent in ["gardener", "stranger"] {
            let mut call = request(&tools(), "shell", &arguments);
            call.agent.name = agent.to_owned();
            requests.push(call);
        }
        for who in ["os:alice", "os:carol"] {
            requests.push(approval(&tools(), "shell", &arguments, who));
        }
    }
    let fresh: Vec<String> = requests.iter().map(|request| words(&cedar.decide(request))).collect();
    let mut at = 1;
    for _ in 0..500 {
        // A walk that meets every pair, neither in order nor by chance.
        at = (at * 5 + 3) % requests.len();
        assert_eq!(words(&cedar.decide(&requests[at])), fresh[at]);
    }
}
