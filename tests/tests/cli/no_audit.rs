//! Runs that nothing is kept of.

use crate::{ASKING, FREE, RUNNER};
use expect_test::expect;
use initrunner_tests::home::Home;

#[test]
fn a_pause_that_cannot_be_resumed_says_so_and_leaves_nothing() {
    let home = Home::with_role(ASKING, RUNNER);
    home.run(["run", "role.yaml", "--no-audit", "-p", "run touch x"]).check(expect![[r#"
        Run RUN_____________ paused — 1 tool call awaiting approval.
          CALL___________  shell  touch x

        This run is not persisted (--no-audit), so it cannot be resumed.
        = 2
    "#]]);
    assert!(!home.state().join("audit.db").exists());
    home.run(["approve", "RUN", "--all"]).check(expect![[r#"
        ! error: there is no run `RUN_____________`; `initrunner runs` lists them
        = 4
    "#]]);
    home.run(["pending"]).check(expect![[r#"
        Pending approvals (0)
        = 0
    "#]]);
    assert!(!home.work().join("x").exists());
    let told = home.json(["run", "role.yaml", "--no-audit", "--json", "-p", "run touch x"]);
    assert_eq!(told["resumable"], false, "{told}");
}

#[test]
fn a_run_that_asks_nobody_is_as_any_other() {
    let home = Home::with_role(FREE, RUNNER);
    home.run(["run", "role.yaml", "--no-audit", "-p", "run echo x"]).check(expect![[r#"
        Result: x
        = 0
    "#]]);
    assert!(!home.state().join("audit.db").exists());
}
