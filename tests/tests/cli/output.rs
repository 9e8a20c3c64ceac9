//! Where the program's output goes, and what becomes of it when that cannot take it.

use crate::{ASKING, RUNNER};
use expect_test::expect;
use initrunner_tests::home::Home;

#[test]
#[cfg(target_os = "linux")]
fn a_list_that_could_not_be_printed_is_a_failure() {
    let home = Home::with_role(ASKING, RUNNER);
    let full = |arguments: &[&str]| {
        home.command(arguments.iter().copied()).after("exec > /dev/full").run()
    };
    full(&["runs"]).check(expect![[r#"
        ! error: standard output cannot be written: No space left on device (os error 28); make room, or write elsewhere
        = 1
    "#]]);
    full(&["--help"]).check(expect![[r#"
        ! error: standard output cannot be written: No space left on device (os error 28); make room, or write elsewhere
        = 1
    "#]]);
    // The run waits all the same, and the code says so.
    let ran = full(&["run", "role.yaml", "-p", "run touch x"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert_eq!(home.json(["pending", "--json"]).as_array().map(Vec::len), Some(1));
}

#[test]
fn whoever_closes_the_pipe_fails_nothing() {
    let home = Home::with_role(ASKING, RUNNER);
    let pipe = r#"{ "$0" "$@"; echo "$?" > code; } | : ; exit 7; :"#;
    let ran = home.command(["--help"]).after(pipe).run();
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(7), ""), "{ran}");
    let code = std::fs::read_to_string(home.work().join("code")).unwrap();
    assert_eq!(code, "0\n");
}
