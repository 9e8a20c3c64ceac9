//! Trying policies: nothing is called, and no run is touched.

use expect_test::{Expect, expect};
use initrunner_tests::components::deciding_by;
use initrunner_tests::home::{Home, Ran};
use std::os::unix::fs::symlink;

/// A role that needs a key which is not there, two tools, and these policies.
fn with_policies(policy: &str) -> Home {
    let home = Home::new();
    let tools = "tools: [{type: shell, shell: true}, {type: datetime, timezone: UTC}]";
    home.file("role.yaml", format!("name: clerk\nprompt: p\nmodel: openai:m\n{tools}\n{policy}"));
    home
}

fn with_cedar(files: &[(&str, &str)]) -> Home {
    let home = with_policies("policy: {sources: [policies/]}\n");
    std::fs::create_dir(home.work().join("policies")).unwrap();
    for (name, text) in files {
        home.file(&format!("policies/{name}"), text);
    }
    home
}

fn with_cases(cases: &str) -> Home {
    let home = with_cedar(&[("rules.cedar", RULES)]);
    std::fs::create_dir(home.work().join("cases")).unwrap();
    home.file("cases/one.yaml", cases);
    home
}

const ALL: &str = "@id(\"all\")\npermit (principal, action in Action::\"tools:all\", resource);\n";

const RULES: &str = r#"
@id("all")
permit (principal, action in Action::"tools:all", resource);

@id("removing")
@message("removing files needs a person")
@severity("high")
forbid (principal, action == Action::"shell", resource)
when { context.unattended && context.arguments.command like "rm *" };

@id("disk")
@message("nobody formats a disk here")
forbid (principal, action == Action::"shell", resource)
when { context.arguments.command like "mkfs*" };

@id("few")
forbid (principal, action == Action::"shell", resource)
when { context.counts.calls_of_tool >= 10 };

@id("isolated")
forbid (principal, action == Action::"shell", resource)
when { context has isolation && context.isolation.contains("landlock-1") };

@id("late")
forbid (principal, action in Action::"plugin:datetime", resource)
when { context.time >= datetime("2027-01-01") || context.trigger == "cron" };

@id("overflow")
forbid (principal, action in Action::"plugin:datetime", resource)
when { context.counts.running_ms * 9223372036854775807 > 0 };

@id("four-eyes")
@message("somebody else approves")
forbid (principal, action == Action::"approve", resource)
when { principal == context.requester };
"#;

/// What was printed, without digests: they differ from build to build.
fn check(home: &Home, ran: &Ran, expected: Expect) {
    assert!(!home.state().join("audit.db").exists(), "{ran}");
    let text = ran.to_string();
    let stable: Vec<String> = text
        .lines()
        .map(|line| match line.find("sha256:") {
            Some(at) => format!("{}DIGEST", &line[..at]),
            None => line.to_owned(),
        })
        .collect();
    expected.assert_eq(&format!("{}\n", stable.join("\n")));
}

fn checked(home: &Home, expected: Expect) {
    check(home, &home.run(["policy", "check", "role.yaml"]), expected);
}

fn tested(cases: &str, expected: Expect) {
    let home = with_cases(cases);
    check(&home, &home.run(["policy", "test", "cases"]), expected);
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

#[test]
fn a_schema_is_printed_whatever_the_policies_are() {
    let schema = |home: &Home| home.run(["policy", "schema", "role.yaml"]);
    let plain = schema(&with_policies(""));
    assert!(plain.stdout.contains("action \"shell\" in ["), "{plain}");
    assert_eq!(plain.code, Some(0));
    // Folders that are empty or not there, and policies that are no Cedar.
    assert_eq!(schema(&with_policies("policy: {sources: [policies/]}\n")).stdout, plain.stdout);
    assert_eq!(schema(&with_cedar(&[])).stdout, plain.stdout);
    assert_eq!(schema(&with_cedar(&[("a.cedar", "permit (")])).stdout, plain.stdout);
    let own = schema(&with_cedar(&[
        ("a.cedar", "permit ("),
        ("s.cedarschema", "entity Reviewer in [Group] = { limit?: Long };\n"),
    ]));
    assert!(own.stdout.contains("limit?: Long"), "{own}");
    // What is wrong with a schema of the role's is told.
    let home = with_cedar(&[("a.cedar", ALL), ("broken.cedarschema", "entity")]);
    check(
        &home,
        &schema(&home),
        expect![[r#"
        ! error: policies/broken.cedarschema:1:7: error parsing schema: unexpected end of input
        !   hint: expected identifier
        = 65
    "#]],
    );
    // Of several components each that has one, and where it is named.
    let home = with_policies(
        "policy:\n  - {sources: [a]}\n  - {component: hours, sources: [hours.toml]}\n  - {sources: [b]}\n",
    );
    home.file("hours.toml", "[[rate]]\ntools = [\"shell\"]\ncalls = 5\n");
    let both = format!("// `cedar` of line 6\n{0}// `cedar` of line 8\n{0}", plain.stdout);
    assert_eq!(schema(&home).stdout, both);
    let home = with_policies("policy: {component: hours, sources: [hours.toml]}\n");
    home.file("hours.toml", "[[rate]]\ntools = [\"shell\"]\ncalls = 5\n");
    check(
        &home,
        &schema(&home),
        expect![[r#"
        ! error: the policy component `hours` has no schema; only a component that checks its policies against one has such a thing, as `cedar` does
        = 1
    "#]],
    );
}

#[test]
fn cases_that_are_met_are_counted() {
    tested(
        "role: ../role.yaml
cases:
  - {name: a list, call: shell, arguments: {command: ls}, expect: allow, reasons: [all]}
  - {name: removing, call: shell, arguments: {command: rm x}, expect: ask, reasons: [removing], message: a person}
  - {name: formatting, call: shell, arguments: {command: mkfs.ext4 x}, expect: deny, reasons: [disk]}
  - {name: the eleventh, call: shell, arguments: {command: ls}, counts: {calls_of_tool: 10}, expect: deny, reasons: [few]}
  - {name: isolated, call: shell, arguments: {command: ls}, isolation: [landlock-1], expect: deny}
  - {name: the time, call: datetime_now, expect: allow}
  - {name: the time later, call: datetime_now, at: 2027-01-01T00:00:00Z, expect: deny, reasons: [late]}
  - {name: the time at night, call: datetime_now, trigger: cron, expect: deny, reasons: [late]}
  - {name: an error, call: datetime_now, counts: {running_ms: 2}, expect: deny, message: overflow}
  - {name: own approval, call: shell, arguments: {command: ls}, approve: os:tester, expect: deny, reasons: [four-eyes]}
  - {name: another's approval, call: shell, arguments: {command: ls}, approve: os:ann, expect: allow, reasons: []}
",
        expect![[r#"
            11 cases, 0 failed
            = 0
        "#]],
    );
}

#[test]
fn a_failure_says_what_was_expected_and_what_came() {
    const CASES: &str = "role: ../role.yaml
cases:
  - {name: effect, call: shell, arguments: {command: rm x}, expect: deny}
  - {name: reasons, call: shell, arguments: {command: rm x}, expect: ask, reasons: [disk, few]}
  - {name: more reasons, call: shell, arguments: {command: ls}, expect: allow, reasons: []}
  - {name: message, call: shell, arguments: {command: rm x}, expect: ask, message: disk}
  - {name: an error, call: datetime_now, counts: {running_ms: 2}, expect: deny}
  - {name: no reason, call: shell, arguments: {command: ls}, approve: os:ann, expect: deny}
  - {name: no tool, call: shel, expect: deny}
  - {name: no argument, call: shell, expect: deny}
  - {name: a number, call: shell, arguments: {command: 9007199254740993}, expect: deny}
  - {name: no programs, call: datetime_now, isolation: [landlock-1], expect: allow}
  - {name: met, call: datetime_now, expect: allow}
";
    tested(
        CASES,
        expect![[r#"
        cases/one.yaml:3:5: effect: expected deny; came ask: removing files needs a person (policy `removing`, severity high)
        cases/one.yaml:4:5: reasons: expected ask by `disk`, `few`; came ask: removing files needs a person (policy `removing`, severity high)
        cases/one.yaml:5:5: more reasons: expected allow by no policy; came allow: policy `all`
        cases/one.yaml:6:5: message: expected ask saying `disk`; came ask: removing files needs a person (policy `removing`, severity high)
        cases/one.yaml:7:5: an error: expected deny; came deny: the policy `overflow` could not be evaluated: a sum or product is too large
        cases/one.yaml:8:5: no reason: expected deny; came allow by no policy
        cases/one.yaml:9:5: no tool: expected deny; it is no call: There is no tool of that name; did you mean `shell`?
        cases/one.yaml:10:5: no argument: expected deny; it is no call: Invalid arguments: "command" is a required property
        cases/one.yaml:11:5: a number: expected deny; it is no call: Invalid arguments: the JSON cannot be used: an integer is beyond ±9007199254740991; pass it as a string at line 1 column 27
        cases/one.yaml:12:5: no programs: expected allow; it is no call: `datetime_now` runs no programs, so no call of it has an `isolation`
        11 cases, 10 failed
        = 1
    "#]],
    );
    let home = with_cases(CASES);
    let all = home.json(["policy", "test", "cases", "--json"]);
    assert_eq!(all["cases"], 11);
    assert_eq!(all["failed"], 10);
    let first = &all["files"][0]["cases"][0];
    assert_eq!(first["answers"][0]["reasons"][0]["severity"], "high");
    assert_eq!(first["passed"], false);
}

#[test]
fn files_of_cases_that_cannot_be_used_hide_no_others() {
    let home =
        with_cases("role: ../role.yaml\ncases: [{name: a, call: datetime_now, expect: allow}]\n");
    std::fs::create_dir(home.work().join("cases/inner")).unwrap();
    home.file("cases/inner/missing.yml", "role: ../role.yaml\ncases: []\n");
    home.file("cases/inner/typo.yaml", "rule: ../../role.yaml\ncases: []\n");
    home.file("cases/notes.txt", "no cases");
    home.file("cases/.hidden.yaml", "no cases");
    home.file("bare.yaml", "name: bare\nprompt: p\nmodel: openai:m\n");
    home.file("cases/bare.yaml", "role: ../bare.yaml\ncases: []\n");
    home.file("cases/z.yaml", "role: ../bare.yaml\ncases: []\n");
    home.file("cases/bytes.yaml", b"\xff");
    symlink(home.root(), home.work().join("cases/out")).unwrap();
    check(
        &home,
        &home.run(["policy", "test", "cases"]),
        expect![[r#"
            cases/bare.yaml:1:7: the role `bare.yaml` cannot be used to test policies
            bare.yaml: neither the role nor this host has a policy
              hint: name the role's: `policy: {sources: [policies/]}`
            cases/bytes.yaml:1:1: this is not UTF-8 text
              hint: save it as YAML text in UTF-8
            cases/inner/missing.yml:1:7: the role `cases/role.yaml` cannot be used to test policies
            the role `cases/role.yaml` cannot be read: there is no such file
            cases/inner/typo.yaml:1:1: unknown key `rule`
              hint: did you mean `role`?
            cases/out: it cannot be read: it is a link that leads out of the folder
            cases/z.yaml:1:7: the role `bare.yaml` cannot be used to test policies
            1 case, 0 failed, 6 files unusable
            = 65
        "#]],
    );
    check(
        &home,
        &home.run(["policy", "test", "cases/one.yaml"]),
        expect![[r#"
        1 case, 0 failed
        = 0
    "#]],
    );
}

#[test]
fn no_case_at_all_is_a_failure() {
    tested(
        "role: ../role.yaml\ncases: []\n",
        expect![[r#"
        0 cases, 0 failed
        = 1
    "#]],
    );
    let home = with_cedar(&[("a.cedar", ALL)]);
    check(
        &home,
        &home.run(["policy", "test", "policies"]),
        expect![[r#"
        0 cases, 0 failed
        ! error: there is no file `*.yaml` below `policies`
        = 1
    "#]],
    );
    check(
        &home,
        &home.run(["policy", "test", "nowhere"]),
        expect![[r#"
        ! error: the folder `nowhere` cannot be read: there is no such folder
        = 65
    "#]],
    );
}

#[test]
fn the_hosts_policies_are_asked_beside_the_roles() {
    let home =
        with_cases("role: ../role.yaml\ncases: [{name: a, call: datetime_now, expect: allow}]\n");
    let folder = home.root().join("host");
    std::fs::create_dir(&folder).unwrap();
    let rule = format!(
        "{ALL}@id(\"closed\")\nforbid (principal, action in Action::\"tools:all\", resource);\n"
    );
    std::fs::write(folder.join("closed.cedar"), rule).unwrap();
    let test = |home: &Home| {
        let folder = folder.display().to_string();
        home.command(["policy", "test", "cases"]).env("INITRUNNER_POLICY_DIR", &folder).run()
    };
    check(
        &home,
        &test(&home),
        expect![[r#"
        cases/one.yaml:2:9: a: expected allow; came deny: policy `closed`
        1 case, 1 failed
        = 1
    "#]],
    );
    std::fs::write(folder.join("closed.cedar"), "forbid").unwrap();
    check(
        &home,
        &test(&home),
        expect![[r#"
        ! error: FOLDER/host/closed.cedar:1:7: unexpected end of input
        !   hint: expected `(`
        = 1
    "#]],
    );
}

#[test]
fn answers_are_measured() {
    let home = with_cedar(&[("rules.cedar", RULES)]);
    let all = home.json(["policy", "bench", "role.yaml", "--iterations", "3", "--json"]);
    let policy = &all["policies"][0];
    assert_eq!(policy["policies"], 8);
    assert!(policy["first_load_ms"].as_f64().unwrap() > 0.0, "{policy}");
    assert!(policy["memory_bytes"].as_u64().unwrap() > 1 << 16, "{policy}");
    let tools = policy["tools"].as_array().unwrap();
    let shell = tools.iter().find(|tool| tool["tool"] == "shell").unwrap();
    assert_eq!(shell["arguments"], r#"{"command":"example"}"#);
    assert_eq!(shell["effect"], "allow");
    assert!(shell["median_us"].as_f64().unwrap() > 0.0, "{shell}");
    assert!(shell["p99_us"].as_f64().unwrap() >= shell["median_us"].as_f64().unwrap(), "{shell}");
    assert!(shell["per_second_of_two_threads"].as_f64().unwrap() > 0.0, "{shell}");
    let table = home.run(["policy", "bench", "role.yaml", "--iterations", "1"]);
    assert!(table.stdout.contains("│ shell "), "{table}");
    check(
        &home,
        &home.run(["policy", "bench", "role.yaml", "--iterations", "0"]),
        expect![[r#"
        ! error: invalid value '0' for '--iterations <N>': write a whole number from 1 to 10000000
        !
        ! For more information, try '--help'.
        = 64
    "#]],
    );
    let home = with_policies("");
    check(
        &home,
        &home.run(["policy", "bench", "role.yaml"]),
        expect![[r#"
        Neither the role nor this host has policies.
        = 0
    "#]],
    );
}
