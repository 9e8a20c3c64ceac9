//! `policy test`: cases with the answers that are expected, and what a failure says.

use super::{ALL, RULES, check, with_cedar};
use expect_test::{Expect, expect};
use initrunner_tests::home::Home;
use std::os::unix::fs::symlink;

fn with_cases(cases: &str) -> Home {
    let home = with_cedar(&[("rules.cedar", RULES)]);
    std::fs::create_dir(home.work().join("cases")).unwrap();
    home.file("cases/one.yaml", cases);
    home
}

fn tested(cases: &str, expected: Expect) {
    let home = with_cases(cases);
    check(&home, &home.run(["policy", "test", "cases"]), expected);
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
