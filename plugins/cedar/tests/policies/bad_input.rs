//! What is wrong with sources: each problem with its file, line, column and cure, and nothing that stops the
//! component.

use crate::common::{lines, load, load_with, request, source, tools, words};
use expect_test::{Expect, expect};
use initrunner_cedar::Cedar;
use initrunner_sdk::policy::{Source, SourceKind};
use serde_json::json;

fn check(policies: &str, expected: Expect) {
    match load(policies) {
        Ok((_, summary)) => expected.assert_eq(&lines(&summary.warnings)),
        Err(found) => expected.assert_eq(&lines(&found)),
    }
}

fn check_with(policies: &str, schema: &str, entities: &str, expected: Expect) {
    match load_with(policies, schema, entities) {
        Ok((_, summary)) => expected.assert_eq(&lines(&summary.warnings)),
        Err(found) => expected.assert_eq(&lines(&found)),
    }
}

const ALL: &str = "permit (principal, action in Action::\"tools:all\", resource);\n";

#[test]
fn policies_that_cannot_be_read() {
    check(
        "permit (principal, action == Action::\"shell\", resource)\n",
        expect![[r#"
        p.cedar:1:56: error: unexpected end of input
          expected `;` or identifier
    "#]],
    );
    check(
        "permit (principal, action == Action::\"shell\", resource);\n\npermitt (principal, action == Action::\"shell\", resource);",
        expect![[r#"
        p.cedar:3:1: error: invalid policy effect: permitt
          effect must be either `permit` or `forbid`
    "#]],
    );
    check(
        "permit (principal, action == Action::'shell', resource);",
        expect![[r#"
        p.cedar:1:38: error: invalid token
          strings must use double quotes, not single quotes
    "#]],
    );
    check(
        "permit (principal, action == Action::\"shell\", resource) when { context.a == \"ä };",
        expect![[r#"
        p.cedar:1:77: error: invalid token
          try checking that all strings are closed properly
    "#]],
    );
    check(
        "permit (principal == ?principal, action == Action::\"shell\", resource);",
        expect![[r#"
        p.cedar:1:1: error: this is a template, and nothing fills in its slots
          name the principal or the resource in the place of the slot
    "#]],
    );
}

#[test]
fn policies_that_say_too_little_or_too_much() {
    check(
        "permit (principal, action, resource);",
        expect![[r#"
        p.cedar:1:1: error: the policy `p.cedar:policy0` does not say which actions it is about
          write `action in Action::"tools:all"` for all tools, `action == Action::"TOOL"` for one, or `action == Action::"approve"` for who may approve
    "#]],
    );
    check(
        "permit (principal, action in [Action::\"approve\", Action::\"look\"], resource);",
        expect![[r#"
        p.cedar:1:1: error: the policy `p.cedar:policy0` is about approval and about calls at once
          make it two policies, one of them with `action == Action::"approve"` alone: agents call, and people approve
    "#]],
    );
    check(
        "@id(\"a\") permit (principal, action == Action::\"look\", resource);\n@id(\"a\") forbid (principal, action == Action::\"look\", resource);",
        expect![[r#"
        p.cedar:2:1: error: two policies are called `a`
          give one of them another `@id`; the first is in p.cedar, line 1
    "#]],
    );
    check(
        "@id(\"\") permit (principal, action == Action::\"look\", resource);",
        expect![[r#"
        p.cedar:1:1: error: the policy's `@id` is no name
          write 1 to 128 characters, such as `@id("no-force-push")`
    "#]],
    );
    check(
        "forbid (principal, action == Action::\"look\", resource);",
        expect![[r#"
        p.cedar:0:0: warning: no policy permits a call, so that every call is refused
          to forbid only some calls, add `permit (principal, action in Action::"tools:all", resource);`
    "#]],
    );
    check(
        "permit (principal, action in [], resource);",
        expect![[r#"
        p.cedar:1:1: warning: the policy `p.cedar:policy0` can never apply
          agents call tools and reviewers approve; see what the condition compares
    "#]],
    );
}

#[test]
fn policies_that_do_not_fit_the_tools() {
    check(
        "permit (principal, action == Action::\"shel\", resource);",
        expect![[r#"
        p.cedar:1:30: error: for policy `p.cedar:policy0`, unrecognized action `Action::"shel"`
          did you mean `Action::"shell"`?
    "#]],
    );
    check(
        "permit (principal == Agnt::\"x\", action == Action::\"shell\", resource);",
        expect![[r#"
        p.cedar:1:22: error: for policy `p.cedar:policy0`, unrecognized entity type `Agnt`
          did you mean `Agent`?
    "#]],
    );
    check(
        "permit (principal, action == Action::\"transfer\", resource)\nwhen { context.arguments.ammount > 3 };",
        expect![[r#"
            p.cedar:2:8: error: for policy `p.cedar:policy0`, attribute `arguments.ammount` in context for Action::"transfer" not found
              did you mean `amount`?
        "#]],
    );
    check(
        "permit (principal, action == Action::\"transfer\", resource)\nwhen { context.arguments.note == \"x\" };",
        expect![[r#"
            p.cedar:2:8: error: for policy `p.cedar:policy0`, unable to guarantee safety of access to optional attribute `arguments.note` in context for Action::"transfer"
              try testing for the attribute's presence with `context.arguments has note && ..`
            p.cedar:2:8: error: the types String and {null?: Bool,value?: String,} are not compatible
              for policy `p.cedar:policy0`, both operands to a `==` expression must have compatible types. Types must be exactly equal to be compatible
        "#]],
    );
    check(
        "permit (principal, action == Action::\"transfer\", resource)\nwhen { context.arguments.amount > 3 };",
        expect![[r#"
        p.cedar:2:8: error: for policy `p.cedar:policy0`, unexpected type: expected Long but saw {decimal?: decimal,long?: Long,text: String,}
          a number is a record: test `… has decimal`, then compare `….decimal` with `.lessThan(decimal("10.0"))`, or take `long`
    "#]],
    );
    check(
        "permit (principal, action == Action::\"look\", resource)\nwhen { context.arguments has depth && context.arguments.depth == \"3\" };",
        expect![[r#"
        p.cedar:2:39: error: the types Long and String are not compatible
          for policy `p.cedar:policy0`, both operands to a `==` expression must have compatible types. Types must be exactly equal to be compatible
    "#]],
    );
    check(
        "permit (principal, action == Action::\"approve\", resource)\nwhen { context.unattended };",
        expect![[r#"
        p.cedar:2:8: error: for policy `p.cedar:policy0`, attribute `unattended` in context for Action::"approve" not found
          did you mean `agent`?
    "#]],
    );
    check(
        "permit (principal, action == Action::\"look\", resource == Tool::\"lok\");",
        expect![[r#"
        p.cedar:1:1: warning: nothing is known of `Tool::"lok"`, which the policy `p.cedar:policy0` names
          did you mean `Tool::"look"`?
    "#]],
    );
    check(
        "permit (principal in Group::\"leeds\", action == Action::\"look\", resource);",
        expect![[r#"
        p.cedar:1:1: warning: nothing is known of `Group::"leeds"`, which the policy `p.cedar:policy0` names
    "#]],
    );
}

#[test]
fn schemas() {
    check_with(
        ALL,
        "entity Agent;",
        "",
        expect![[r#"
        s.cedarschema:1:8: error: the entity type `Agent` is declared by the host
          take another name, or a namespace of your own
    "#]],
    );
    check_with(
        ALL,
        "entity Team\nentity X;",
        "",
        expect![[r#"
        s.cedarschema:2:1: error: error parsing schema: unexpected token `entity`
          expected `,`, `;`, `=`, `{`, `enum`, `in`, or `tags`
    "#]],
    );
    check_with(
        ALL,
        "entity Reviewer in [Teem];",
        "",
        expect![[r#"
        s.cedarschema:1:21: error: failed to resolve type: Teem
          `Teem` has not been declared as an entity type
    "#]],
    );
    check_with(
        ALL,
        "action approve appliesTo { principal: Agent, resource: Tool };",
        "",
        expect![[r#"
        s.cedarschema:1:8: error: the action `approve` is declared by the host
    "#]],
    );
    check_with(
        ALL,
        "entity Robot;\naction deploy appliesTo { principal: Robot, resource: Tool };",
        "",
        expect![[r#"
        s.cedarschema:2:8: error: the action `deploy` applies to `Robot`, but an action is a tool, which an `Agent` calls
          write `appliesTo { principal: Agent, resource: Tool, … }`
    "#]],
    );
    check_with(
        ALL,
        "entity Team; entity Team;",
        "",
        expect![[r#"
        s.cedarschema:1:8: error: error parsing schema: `Team` is declared twice
    "#]],
    );
    check_with(
        ALL,
        "type CallCounts = Long;",
        "",
        expect![[r#"
        s.cedarschema:1:1: error: duplicate common type `CallCounts`
    "#]],
    );
}

#[test]
fn a_schema_declares_tools_that_other_roles_have() {
    let policies = "permit (principal, action == Action::\"deploy\", resource);\npermit (principal, action == Action::\"shell\", resource) when { context.arguments.command == \"ls\" };";
    assert!(lines(&load(policies).unwrap_err()).contains("Action::\"deploy\""));
    // The role's own `shell` is what the role says, whatever is declared.
    let schema =
        "action deploy, shell appliesTo { principal: Agent, resource: Tool, context: {} };";
    let (cedar, _) =
        load_with(policies, schema, "").unwrap_or_else(|found| panic!("{}", lines(&found)));
    let decision = cedar.decide(&request(&tools(), "shell", r#"{"command":"ls"}"#));
    assert_eq!(words(&decision), "allow p.cedar:policy1");
    // As `policy schema` prints them, with their groups; a group may be another role's as well.
    let schema = "action \"plugin:ops\";\naction deploy in [Action::\"tools:all\", Action::\"plugin:ops\", Action::\"effect:destructive\"] \
                  appliesTo { principal: Agent, resource: Tool, context: { unattended: Bool } };";
    let policies = "permit (principal, action in [Action::\"plugin:ops\", Action::\"shell\"], resource) when { context.unattended };";
    let (cedar, summary) =
        load_with(policies, schema, "").unwrap_or_else(|found| panic!("{}", lines(&found)));
    assert_eq!(lines(&summary.warnings), "");
    let decision = cedar.decide(&request(&tools(), "shell", r#"{"command":"ls"}"#));
    assert_eq!(words(&decision), "deny");
}

#[test]
fn entities_that_cannot_be_used() {
    let person = |id: &str, attrs: &str, parents: &str| {
        format!(
            "{{\"uid\": {{\"type\": \"Reviewer\", \"id\": \"{id}\"}}, \"attrs\": {attrs}, \"parents\": {parents}}}"
        )
    };
    let group = |id: &str, parent: &str| {
        format!(
            "{{\"uid\": {{\"type\": \"Group\", \"id\": \"{id}\"}}, \"attrs\": {{}}, \"parents\": [{{\"type\": \"Group\", \"id\": \"{parent}\"}}]}}"
        )
    };
    check_with(
        ALL,
        "",
        "[\n{]",
        expect![[r#"
        e.json:2:2: error: the entities are not a list in JSON: key must be a string at line 2 column 2
          write an array of `{"uid": {"type": "Group", "id": "leads"}, "attrs": {}, "parents": []}`
    "#]],
    );
    check_with(
        ALL,
        "",
        "{}",
        expect![[r#"
        e.json:1:1: error: the entities are not a list in JSON: invalid type: map, expected a sequence at line 1 column 0
          write an array of `{"uid": {"type": "Group", "id": "leads"}, "attrs": {}, "parents": []}`
    "#]],
    );
    check_with(
        ALL,
        "",
        "[{}]",
        expect![[r#"
        e.json:1:2: error: this is no entity: in uid field of <unknown entity>, expected a literal entity reference, but got `null`
          write `"uid": {"type": "Reviewer", "id": "os:alice"}`
    "#]],
    );
    check_with(
        ALL,
        "",
        &format!("[\n  {}]", person("os:a", "{\"limit\": 3}", "[]")),
        expect![[r#"
        e.json:2:3: error: error during entity deserialization: attribute `limit` on `Reviewer::"os:a"` should not exist according to the schema
          declare its type and attributes in a schema, such as `entity Reviewer in [Group] = { limit?: Long };`
    "#]],
    );
    check_with(
        ALL,
        "entity Reviewer = { limit: Long };",
        &format!(
            "[\n  {},\n  {}]",
            person("os:a", "{\"limit\": \"3\"}", "[]"),
            person("os:b", "{}", "[]")
        ),
        expect![[r#"
        e.json:2:3: error: entity does not conform to the schema: in attribute `limit` on `Reviewer::"os:a"`, type mismatch: value was expected to have type long, but it actually has type string: `"3"`
          declare its type and attributes in a schema, such as `entity Reviewer in [Group] = { limit?: Long };`
        e.json:3:3: error: entity does not conform to the schema: expected entity `Reviewer::"os:b"` to have attribute `limit`, but it does not
          declare its type and attributes in a schema, such as `entity Reviewer in [Group] = { limit?: Long };`
    "#]],
    );
    check_with(
        ALL,
        "",
        &format!("[{},\n {}]", person("os:a", "{}", "[]"), person("os:a", "{}", "[]")),
        expect![[r#"
        e.json:2:2: error: `Reviewer::"os:a"` occurs twice
          merge them; the first is in e.json, line 1
    "#]],
    );
    check_with(
        ALL,
        "",
        &format!(
            "[{},\n {},\n {},\n {}]",
            group("x", "a"),
            group("a", "b"),
            group("b", "c"),
            group("c", "a")
        ),
        expect![[r#"
        e.json:2:2: error: `Group::"a"` belongs to itself, through its `parents`
    "#]],
    );
    check_with(
        ALL,
        "",
        &format!("[{}]", group("a", "a")),
        expect![[r#"
        e.json:1:2: error: `Group::"a"` belongs to itself, through its `parents`
    "#]],
    );
    check_with(
        ALL,
        "",
        "[{\"uid\": {\"type\": \"Tool\", \"id\": \"shell\"}, \"attrs\": {}, \"parents\": []}]",
        expect![[r#"
        e.json:1:2: error: `Tool::"shell"` is the role's to say
          leave it out: tools and their actions come from the role
    "#]],
    );
    check_with(
        ALL,
        "",
        "[{\"uid\": {\"type\": \"Agent\", \"id\": \"x\"}, \"attrs\": {\"team\": \"y\"}, \"parents\": []}]",
        expect![[r#"
        e.json:1:2: error: `Agent::"x"` has attributes, which are its role's to say
          leave `attrs` empty and put it into groups with `parents`
    "#]],
    );
    check_with(
        ALL,
        "",
        "[{\"uid\": {\"type\": \"Robot\", \"id\": \"x\"}, \"attrs\": {}, \"parents\": []}]",
        expect![[r#"
        e.json:1:2: error: error during entity deserialization: entity `Robot::"x"` has type `Robot` which is not declared in the schema
          declare its type and attributes in a schema, such as `entity Reviewer in [Group] = { limit?: Long };`
    "#]],
    );
}

#[test]
fn the_tenth_file_is_named() {
    let mut sources = vec![source(SourceKind::Tools, "tools", &tools().to_string())];
    for file in 0..12 {
        let text = if file == 9 {
            "// nine\n\npermit (principal, action == Action::\"look\" resource);"
        } else {
            ALL
        };
        sources.push(source(SourceKind::Policies, &format!("policies/{file}.cedar"), text));
    }
    let found = Cedar::load(&sources).unwrap_err();
    expect![[r#"
        policies/9.cedar:3:45: error: unexpected token `resource`
          expected `!=`, `&&`, `(`, `)`, `*`, `+`, `,`, `-`, `.`, `<`, `<=`, `==`, `>`, `>=`, `[`, `||`, `has`, `in`, `is`, or `like`
    "#]].assert_eq(&lines(&found));
}

#[test]
fn names_are_stable_and_unique() {
    let sources = [
        source(SourceKind::Tools, "tools", &tools().to_string()),
        source(SourceKind::Policies, "b.cedar", &format!("{ALL}@id(\"named\") {ALL}{ALL}")),
        source(SourceKind::Policies, "a.cedar", ALL),
    ];
    let (_, summary) = Cedar::load(&sources).unwrap();
    assert_eq!(
        summary.policies,
        ["b.cedar:policy0", "named", "b.cedar:policy2", "a.cedar:policy0"]
    );
    // A name that is chosen so that it meets another's.
    let thief = format!("@id(\"p.cedar:policy1\") {ALL}{ALL}");
    assert!(
        lines(&load(&thief).unwrap_err()).contains("two policies are called `p.cedar:policy1`")
    );
}

#[test]
fn lists_of_tools_that_cannot_be_used() {
    let check = |tools: &str, expected: &str| {
        let found = Cedar::load(&[source(SourceKind::Tools, "tools", tools)]).unwrap_err();
        assert!(lines(&found).contains(expected), "{}", lines(&found));
    };
    let named = |name: &str| json!({"name": name, "entry": "e", "plugin": "p", "tool": "t"});
    check("{", "the list of tools cannot be read");
    check("[{\"name\": 3}]", "the list of tools cannot be read");
    check(&json!([named("approve")]).to_string(), "the name of the action by which people approve");
    check(&json!([named("x"), named("x")]).to_string(), "two tools are called `x`");
    check(&json!([named("tools:all")]).to_string(), "no name of a tool");
    check(&json!([named("")]).to_string(), "no name of a tool");
    let none: [Source; 0] = [];
    assert!(lines(&Cedar::load(&none).unwrap_err()).contains("not exactly one"));
    // No tools at all, and no parameters: nothing is permitted, and nothing breaks.
    assert!(Cedar::load(&[source(SourceKind::Tools, "tools", "[]")]).is_ok());
    assert!(
        Cedar::load(&[source(
            SourceKind::Tools,
            "tools",
            &json!([named("x-1"), named("x_1")]).to_string()
        )])
        .is_ok()
    );
}

#[test]
fn names_of_tools_and_arguments_mean_nothing_to_the_schema() {
    let odd = "a\"; entity Agent;\n\\u{0}'\u{1}";
    let tools = json!([{"name": odd.replace(':', ""), "entry": odd, "plugin": odd, "tool": odd, "parameters": {
        "type": "object", "required": [odd], "properties": {odd: {"type": "string"}, "": {}, "if": {"type": "integer"}}}}]);
    let sources = [
        source(SourceKind::Tools, "tools", &tools.to_string()),
        source(SourceKind::Policies, "p", ALL),
    ];
    let (cedar, _) = Cedar::load(&sources).unwrap_or_else(|found| panic!("{}", lines(&found)));
    let arguments = json!({odd: "x", "": 1, "if": 2}).to_string();
    assert_eq!(
        words(&cedar.decide(&request(&tools, tools[0]["name"].as_str().unwrap(), &arguments))),
        "allow p:policy0"
    );
}

#[test]
fn ten_thousand_policies() {
    let text: String = (0..10_000)
        .map(|n| format!("permit (principal, action == Action::\"transfer\", resource) when {{ context.arguments.to == \"{n}\" }};\n"))
        .collect();
    let (cedar, summary) = load(&text).unwrap();
    assert_eq!(summary.policies.len(), 10_000);
    let decision = cedar.decide(&request(&tools(), "transfer", r#"{"amount":1,"to":"9999"}"#));
    assert_eq!(words(&decision), "allow p.cedar:policy9999");
    // And ten thousand wrong ones are a hundred lines.
    let wrong = text.replace("arguments.to", "arguments.too");
    let found = load(&wrong).unwrap_err();
    assert_eq!(found.len(), 100);
    assert!(found[99].message.ends_with("and 9900 more after this"), "{}", found[99].message);
}

#[test]
fn large_and_deep_arguments() {
    let (cedar, _) = load(&format!("{ALL}@id(\"big\") forbid (principal, action == Action::\"transfer\", resource) when {{ context.arguments.to like \"*needle\" }};")).unwrap();
    let ask = |arguments: &str| words(&cedar.decide(&request(&tools(), "transfer", arguments)));
    let long = "x".repeat(1 << 20);
    assert_eq!(ask(&format!(r#"{{"amount":1,"to":"{long}"}}"#)), "allow p.cedar:policy0");
    assert_eq!(ask(&format!(r#"{{"amount":1,"to":"{long}needle"}}"#)), "deny big");
    let huge = "x".repeat(5 << 20);
    assert_eq!(
        ask(&format!(r#"{{"amount":1,"to":"{huge}"}}"#)),
        "deny | the arguments of `transfer` are longer than 4194304 bytes, and the policies cannot judge them"
    );
    // Depth where there is no type is text; where there is one, it ends with the type.
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(ask(&format!(r#"{{"amount":1,"extra":{deep},"to":"x"}}"#)), "allow p.cedar:policy0");
    assert!(
        ask(&format!(r#"{{"amount":1,"labels":{deep},"to":"x"}}"#))
            .contains("`/labels` is not text")
    );
    let many = vec!["\"a\""; 60_000].join(",");
    assert!(
        ask(&format!(r#"{{"amount":1,"labels":[{many}],"to":"x"}}"#))
            .contains("more than 50000 values")
    );
}

#[test]
fn policies_too_deep_for_anybody() {
    let nested = |depth: usize| {
        format!(
            "permit (principal, action == Action::\"look\", resource) when {{ {}true{} }};",
            "(".repeat(depth),
            ")".repeat(depth)
        )
    };
    assert!(load(&nested(40)).is_ok());
    check(
        &nested(60),
        expect![[r#"
            p.cedar:1:110: error: more than 48 brackets are open here
              make several policies of it, or write `[…].contains(…)`
        "#]],
    );
    assert!(load(&nested(100_000)).is_err());
    let chain = |length: usize| {
        format!(
            "{ALL}forbid (principal, action == Action::\"look\", resource) when {{ context.trigger == \"x\" {} }};",
            "|| context.trigger == \"\" ".repeat(length)
        )
    };
    // It is read, checked and evaluated, not only read.
    let (cedar, _) = load(&chain(300)).unwrap();
    assert_eq!(words(&cedar.decide(&request(&tools(), "look", "{}"))), "allow p.cedar:policy0");
    check(
        &chain(3_000),
        expect![[r#"
            p.cedar:2:12587: error: a policy has more than 500 operators
              make several policies of it, or write `[…].contains(…)`
        "#]],
    );
    for text in [
        "!",
        "-",
        "if true then ",
        "[",
        "{",
        "\"",
        "@",
        "/",
        "//",
        "\\",
        ";",
        "a.",
        "a::",
        "\u{feff}",
    ] {
        let _ = load(&text.repeat(50_000));
    }
}
