//! The end of a conversation.

use crate::{APPROVE, PROMPT, asking};
use expect_test::expect;
use initrunner_tests::terminal::CTRL_D;

#[test]
fn a_run_that_waits_is_left_with_the_way_to_go_on() {
    let (home, mut terminal) = asking();
    terminal.line(PROMPT, "run touch x");
    terminal.asked(APPROVE);
    terminal.keys(CTRL_D);
    assert_eq!(terminal.ends(), Some(2));
    terminal.check(expect![[r#"
        test: `/help` lists the commands, Ctrl-D leaves.

        > run touch x

        Run RUN_____________ paused — 1 tool call(s) need approval.

          shell  CALL___________
          touch x
          Approve? [y/N]:

        Run RUN_____________ stays paused.
        Resume with: initrunner approve RUN_____________ --all
        Go on with: initrunner run role.yaml -i --conversation talk-NAME________
    "#]]);
    assert_eq!(home.run(["approve", "RUN", "--all"]).code, Some(0));
    assert!(home.work().join("x").exists());
}

#[test]
fn nothing_is_told_of_a_conversation_in_which_nothing_was_said() {
    let (_home, mut terminal) = asking();
    terminal.line(PROMPT, "/exit");
    assert_eq!(terminal.ends(), Some(0));
    terminal.check(expect![[r#"
        test: `/help` lists the commands, Ctrl-D leaves.

        > /exit
    "#]]);
}
