//! Calls about which this person's word does not count, or is not enough, or comes too late.

use crate::{APPROVE, PROMPT, RUNNER, talk};
use expect_test::expect;
use initrunner_tests::home::Home;
use initrunner_tests::terminal::{CTRL_C, CTRL_D};

/// The shell, asking as a rule says.
fn ruled(rule: &str) -> Home {
    Home::with_role(&format!("  - {{type: shell, approval: {rule}}}"), RUNNER)
}

#[test]
fn who_started_the_run_waits_for_others() {
    let home = ruled("{mode: required, not_requester: true}");
    let mut terminal = talk(&home);
    terminal.line(PROMPT, "run touch x");
    terminal.told("Waiting for others");
    terminal.keys(CTRL_C);
    terminal.asked(PROMPT);
    terminal.keys(CTRL_D);
    assert_eq!(terminal.ends(), Some(2));
    terminal.check(expect![[r#"
        test: `/help` lists the commands, Ctrl-D leaves.

        > run touch x

        Run RUN_____________ paused — 1 tool call(s) need approval.

          shell  CALL___________
          touch x
          0 of 1 approval; anybody but os:USER may approve
          Waiting for others; Ctrl-C leaves it to them.
        ^C
        Run RUN_____________ stays paused.
          CALL___________  0 of 1 approval; anybody but os:USER may approve
        Resume with: initrunner approve RUN_____________ --all
        `/resume` waits again.

        >

        Run RUN_____________ stays paused.
          CALL___________  0 of 1 approval; anybody but os:USER may approve
        Resume with: initrunner approve RUN_____________ --all
        Go on with: initrunner run role.yaml -i --conversation talk-NAME________
    "#]]);
}

#[test]
fn one_of_two_approvals_is_recorded_and_the_other_waited_for() {
    let home = ruled("{mode: required, quorum: 2}");
    let terminal = talk(&home);
    terminal.line(PROMPT, "run touch x");
    terminal.line(APPROVE, "y");
    terminal.told("Waiting for others");
    terminal.check(expect![[r#"
        test: `/help` lists the commands, Ctrl-D leaves.

        > run touch x

        Run RUN_____________ paused — 1 tool call(s) need approval.

          shell  CALL___________
          touch x
          0 of 2 approvals; anybody may approve
          Approve? [y/N]: y

          shell  CALL___________
          touch x
          1 of 2 approvals (os:USER); anybody but os:USER may approve
          Waiting for others; Ctrl-C leaves it to them.
    "#]]);
    terminal.screen();
    // One who approved may still deny.
    assert_eq!(home.run(["approve", "RUN", "--all", "--deny"]).code, Some(0));
    terminal.asked(PROMPT);
    assert!(terminal.screen().contains("Error: A person denied this call"));
    assert!(!home.work().join("x").exists());
}

#[test]
fn a_question_that_nobody_answers_in_time_expires_before_ones_eyes() {
    let home = ruled("{mode: required, expires_after: 1s}");
    let terminal = talk(&home);
    terminal.line(PROMPT, "run touch x");
    terminal.told("nobody decided in time");
    terminal.asked(PROMPT);
    terminal.check(expect![[r#"
        test: `/help` lists the commands, Ctrl-D leaves.

        > run touch x

        Run RUN_____________ paused — 1 tool call(s) need approval.

          shell  CALL___________
          touch x
          expires at TIME_______________________
          Approve? [y/N]:
          Expired at TIME_______________________: nobody decided in time.

        Agent: Error: Nobody decided about this call in time; it was not executed.

        >
    "#]]);
    assert!(!home.work().join("x").exists());
}

#[test]
fn who_may_not_approve_by_policy_may_still_deny() {
    let home = Home::new();
    home.file(
        "role.yaml",
        "name: test\nprompt: p\nmodel: scripted:s.yaml\npolicy: {sources: [p.cedar]}\n\
         tools:\n  - {type: shell, approval: required}\n",
    );
    home.file("s.yaml", RUNNER);
    home.file(
        "p.cedar",
        r#"
        @id("everything") permit (principal, action in Action::"tools:all", resource);
        @id("anybody") permit (principal, action == Action::"approve", resource);
        @id("four-eyes") @message("whoever started it may not")
        forbid (principal, action == Action::"approve", resource) when { principal == context.requester };
        "#,
    );
    let terminal = talk(&home);
    terminal.line(PROMPT, "run touch x");
    terminal.line(APPROVE, "y");
    terminal.line(APPROVE, "n");
    terminal.asked(PROMPT);
    terminal.check(expect![[r#"
        test: `/help` lists the commands, Ctrl-D leaves.

        > run touch x

        Run RUN_____________ paused — 1 tool call(s) need approval.

          shell  CALL___________
          touch x
          Approve? [y/N]: y
        error: call CALL___________ was not approved: policy does not let os:USER approve it: whoever starte
        d it may not (policy `four-eyes`).

          shell  CALL___________
          touch x
          Approve? [y/N]: n

        Agent: Error: A person denied this call; it was not executed.

        >
    "#]]);
    assert!(!home.work().join("x").exists());
}
