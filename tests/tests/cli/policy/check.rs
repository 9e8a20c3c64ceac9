//! `policy check`: whether policies can be used, and all that is wrong with them at once.

use super::{ALL, RULES, check, with_cedar, with_policies};
use expect_test::{Expect, expect};
use initrunner_tests::components::deciding_by;
use initrunner_tests::home::Home;
use std::os::unix::fs::symlink;

fn checked(home: &Home, expected: Expect) {
    check(home, &home.run(["policy", "check", "role.yaml"]), expected);
}

#[test]
fn a_role_without_policies_has_nothing_to_check() {
    checked(
        &with_policies(""),
        expect![[r#"
        The role `clerk` has no policies, and this host has none.
        = 0
    "#]],
    );
}

#[test]
fn policies_that_can_be_used_are_counted() {
    let home = with_policies(
        "policy: [{sources: [rules.cedar]}, {component: hours, sources: [hours.toml]}]\n",
    );
    home.file("rules.cedar", RULES);
    home.file("hours.toml", "[[rate]]\ntools = [\"shell\"]\ncalls = 5\n");
    checked(
        &home,
        expect![[r#"
        cedar: 8 policies, speaks of approval, DIGEST
        hours: 1 policy, does not speak of approval, DIGEST
        = 0
    "#]],
    );
    let all = home.json(["policy", "check", "role.yaml", "--json"]);
    assert_eq!(all["policies"][0]["policies"][2], "disk");
    assert_eq!(all["policies"][0]["speaks_of_approval"], true);
    assert_eq!(all["policies"][1]["of"], "role");
}

#[test]
fn warnings_are_no_errors() {
    let home = with_cedar(&[(
        "a.cedar",
        "@id(\"no\")\nforbid (principal, action == Action::\"shell\", resource);\n",
    )]);
    checked(
        &home,
        expect![[r#"
        policies/a.cedar: warning: no policy permits a call, so that every call is refused
          hint: to forbid only some calls, add `permit (principal, action in Action::"tools:all", resource);`
        cedar: 1 policy, does not speak of approval, DIGEST
        = 0
    "#]],
    );
}

#[test]
fn every_error_of_every_component_is_told_at_once() {
    let home = with_policies(
        "policy:\n  - {sources: [a.cedar, b.cedar]}\n  - {component: hours, sources: [hours.toml]}\n  - {component: cedr, sources: [a.cedar]}\n  - {sources: [missing.cedar]}\n",
    );
    home.file("a.cedar", "permit (principal, action, resource);\n");
    home.file("b.cedar", "permit (principal, action == Action::\"shel\", resource);\n");
    home.file("hours.toml", "[[rates]]\n");
    checked(
        &home,
        expect![[r#"
        a.cedar:1:1: the policy `a.cedar:policy0` does not say which actions it is about
          hint: write `action in Action::"tools:all"` for all tools, `action == Action::"TOOL"` for one, or `action == Action::"approve"` for who may approve
        hours.toml:1:3: unknown field `rates`
          hint: did you mean `rate`?
        role.yaml:8:5: there is no policy component `cedr`
          hint: did you mean `cedar`?
        role.yaml:9:5: the policies' file `missing.cedar` cannot be read: there is no such file
          hint: a relative path begins at the folder of the file that names it
        = 65
    "#]],
    );
}

#[test]
fn a_syntax_error_in_the_tenth_file_is_found() {
    let files: Vec<(String, String)> = (1..=10)
        .map(|number| {
            let rule = ALL.replace("all\")\n", &format!("all-{number}\")\n"));
            let rule = if number == 10 { rule.replace("resource);", "resource") } else { rule };
            (format!("rule-{number:02}.cedar"), rule)
        })
        .collect();
    let files: Vec<(&str, &str)> =
        files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    checked(
        &with_cedar(&files),
        expect![[r#"
        policies/rule-10.cedar:2:59: unexpected end of input
          hint: expected `!=`, `)`, `,`, `:`, `<`, `<=`, `==`, `>`, `>=`, `in`, or `is`
        = 65
    "#]],
    );
}

#[test]
fn a_schema_that_does_not_match_is_refused() {
    let schema = "entity Tool = { name: Long };\nentity Reviewer in [Grup];\n";
    checked(
        &with_cedar(&[("a.cedar", ALL), ("s.cedarschema", schema)]),
        expect![[r#"
        policies/s.cedarschema:1:8: the entity type `Tool` is declared by the host
          hint: take another name, or a namespace of your own
        = 65
    "#]],
    );
    let rule = "permit (principal, action == Action::\"shell\", resource)\nwhen { context.arguments.comand == 1 };\n";
    checked(
        &with_cedar(&[("a.cedar", rule)]),
        expect![[r#"
        policies/a.cedar:2:8: for policy `policies/a.cedar:policy0`, attribute `arguments.comand` in context for Action::"shell" not found
          hint: did you mean `command`?
        = 65
    "#]],
    );
}

#[test]
fn entities_that_cannot_be_are_refused() {
    let group = |name: &str, parent: &str| {
        format!(
            "{{\"uid\": {{\"type\": \"Group\", \"id\": \"{name}\"}}, \"attrs\": {{}}, \"parents\": [{{\"type\": \"Group\", \"id\": \"{parent}\"}}]}}"
        )
    };
    let cyclic = format!("[{}, {}]", group("a", "b"), group("b", "a"));
    checked(
        &with_cedar(&[("a.cedar", ALL), ("e.json", &cyclic)]),
        expect![[r#"
        policies/e.json:1:2: `Group::"a"` belongs to itself, through its `parents`
        = 65
    "#]],
    );
    checked(
        &with_cedar(&[("a.cedar", ALL), ("e.json", "[{]")]),
        expect![[r#"
        policies/e.json:1:3: the entities are not a list in JSON: key must be a string at line 1 column 3
          hint: write an array of `{"uid": {"type": "Group", "id": "leads"}, "attrs": {}, "parents": []}`
        = 65
    "#]],
    );
    let rule = "@id(\"staff\")\npermit (principal in Group::\"staff\", action in Action::\"tools:all\", resource);\n";
    checked(
        &with_cedar(&[("a.cedar", rule)]),
        expect![[r#"
        policies/a.cedar:1:1: warning: nothing is known of `Group::"staff"`, which the policy `staff` names
        cedar: 1 policy, does not speak of approval, DIGEST
        = 0
    "#]],
    );
    let home = with_policies("policy: {sources: [a.cedar], entities: people.json}\n");
    home.file("a.cedar", ALL);
    checked(
        &home,
        expect![[r#"
        role.yaml:5:9: the policies' file `people.json` cannot be read: there is no such file
          hint: a relative path begins at the folder of the file that names it
        = 65
    "#]],
    );
}

#[test]
fn sources_that_cannot_be_read_are_refused() {
    checked(
        &with_cedar(&[]),
        expect![[r#"
        role.yaml:5:9: the folder `policies/` has no file `*.cedar`, so nothing would decide
          hint: name a folder with policies, or a file
        = 65
    "#]],
    );
    let home = with_cedar(&[("a.cedar", ALL)]);
    let outside = home.root().join("outside.cedar");
    std::fs::write(&outside, ALL).unwrap();
    symlink(outside, home.work().join("policies/out.cedar")).unwrap();
    checked(
        &home,
        expect![[r#"
            role.yaml:5:9: the policies' file `policies/out.cedar` cannot be read: it is a link that leads out of the folder
              hint: put the file itself there, or name the folder that it is in
            = 65
        "#]],
    );
    let home = with_cedar(&[("a.cedar", ALL), ("b.cedar", ALL)]);
    checked(
        &home,
        expect![[r#"
        policies/b.cedar:1:1: two policies are called `all`
          hint: give one of them another `@id`; the first is in policies/a.cedar, line 1
        = 65
    "#]],
    );
}

#[test]
fn components_that_are_no_policy_are_refused() {
    let home = with_policies("policy: {component: ./mine.wasm, sources: [a.txt]}\n");
    home.file("a.txt", "anything");
    checked(
        &home,
        expect![[r#"
        role.yaml:5:9: the component `FOLDER/work/./mine.wasm` cannot be read: there is no such file
          hint: relative paths start from the role file's folder
        = 65
    "#]],
    );
    home.file("mine.wasm", deciding_by("initrunner:host/sql@0.1.0"));
    checked(
        &home,
        expect![[r#"
        role.yaml:5:9: the policy `FOLDER/work/./mine.wasm` imports `initrunner:host/sql@0.1.0`, and a policy may reach nothing
          hint: what it should know has to be in its sources or in the request
        = 65
    "#]],
    );
    home.file("mine.wasm", initrunner_tests::components::importing("initrunner:host/sql@0.1.0"));
    checked(
        &home,
        expect![[r#"
        role.yaml:5:9: `FOLDER/work/./mine.wasm` is no policy: it exports `initrunner:plugin/tools@0.1.0`
          hint: a policy exports `initrunner:plugin/policies@0.1.0`; see wit/policy.wit
        = 65
    "#]],
    );
}

#[test]
fn what_is_wrong_with_the_hosts_policies_is_no_fault_of_the_role() {
    let home = with_policies("");
    std::fs::write(home.state().join("config.toml"), "[[policy]]\nsources = [\"host.cedar\"]\n")
        .unwrap();
    checked(
        &home,
        expect![[r#"
        FOLDER/state/config.toml:1:1: the policies' file `host.cedar` cannot be read: there is no such file
          hint: a relative path begins at the folder of the file that names it
        = 1
    "#]],
    );
    std::fs::write(home.state().join("host.cedar"), "permit (").unwrap();
    checked(
        &home,
        expect![[r#"
            FOLDER/state/host.cedar:1:9: unexpected end of input
              hint: expected `)` or identifier
            = 1
        "#]],
    );
    std::fs::write(home.state().join("host.cedar"), ALL).unwrap();
    checked(
        &home,
        expect![[r#"
        cedar of this host: 1 policy, does not speak of approval, DIGEST
        = 0
    "#]],
    );
    // An error of the role as well decides the exit code.
    let content = std::fs::read_to_string(home.work().join("role.yaml")).unwrap();
    home.file("role.yaml", format!("{content}policy: {{sources: [a.cedar]}}\n"));
    home.file("a.cedar", "permit (");
    std::fs::write(home.state().join("host.cedar"), "forbid (").unwrap();
    checked(
        &home,
        expect![[r#"
            FOLDER/state/host.cedar:1:9: unexpected end of input
              hint: expected `)` or identifier
            a.cedar:1:9: unexpected end of input
              hint: expected `)` or identifier
            = 65
        "#]],
    );
}
