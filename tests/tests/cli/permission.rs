//! What a role's permissions refuse, nobody is asked about.

use crate::RUNNER;
use expect_test::expect;
use initrunner_tests::home::Home;

#[test]
fn a_deny_rule_refuses_without_asking_and_the_model_is_told() {
    let tools = "  - type: shell
    approval: required
    permissions: {deny: [\"command=git push*\"]}";
    let home = Home::with_role(tools, RUNNER);
    home.run(["run", "role.yaml", "-p", "run git push --force s3cret"]).check(expect![[r#"
        Error: This call is denied by the permission rule `command=git push*` of this role.
        = 0
    "#]]);
    home.run(["pending"]).check(expect![[r#"
        Pending approvals (0)
        = 0
    "#]]);
    let story = home.run(["show", &home.last()]);
    assert!(story.stdout.contains("refused"), "{story}");
    home.run(["run", "role.yaml", "-p", "run git status"]).check(expect![[r#"
        Run RUN2____________ paused — 1 tool call awaiting approval.
          CALL2__________  shell  git status

        Resume with: initrunner approve RUN2____________ --all
        = 2
    "#]]);
}

#[test]
fn what_no_rule_allows_is_refused_where_the_default_denies() {
    let tools = "  - type: shell
    permissions: {default: deny, allow: [\"command=echo *\"]}";
    let home = Home::with_role(tools, RUNNER);
    home.run(["run", "role.yaml", "-p", "run rm -rf s3cret"]).check(expect![[r#"
        Error: This call is denied because no allow rule of this role matches and its permissions default to deny.
        = 0
    "#]]);
    home.run(["run", "role.yaml", "-p", "run echo allowed"]).check(expect![[r#"
        Result: allowed
        = 0
    "#]]);
}

#[test]
fn approval_and_permissions_may_be_said_per_tool() {
    let tools = "  - type: shell
    tools:
      shell: {approval: required, permissions: {deny: [\"*secret*\"]}}";
    let home = Home::with_role(tools, RUNNER);
    home.run(["run", "role.yaml", "-p", "run cat secret.txt"]).check(expect![[r#"
        Error: This call is denied by the permission rule `*secret*` of this role.
        = 0
    "#]]);
    home.run(["run", "role.yaml", "-p", "run true"]).check(expect![[r#"
        Run RUN_____________ paused — 1 tool call awaiting approval.
          CALL___________  shell  true

        Resume with: initrunner approve RUN_____________ --all
        = 2
    "#]]);
}
