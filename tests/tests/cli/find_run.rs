//! From what a person types to a run and a call.

use crate::{ASKING, RUNNER};
use expect_test::expect;
use initrunner_tests::home::Home;

#[test]
fn ids_that_name_nothing() {
    let home = Home::with_role(ASKING, RUNNER);
    home.run(["runs"]).check(expect![[r#"
        No runs yet.
        = 0
    "#]]);
    home.run(["run", "role.yaml", "-p", "run true"]);
    home.run(["approve", "zzzz", "--all"]).check(expect![[r#"
        ! error: there is no run `zzzz`; `initrunner runs` lists them
        = 4
    "#]]);
    home.run(["show", "abc"]).check(expect![[r#"
        ! error: `abc` is too short for an id: give at least 4 of the characters after `run_`
        = 4
    "#]]);
    home.run(["show", "run_abc"]).check(expect![[r#"
        ! error: `run_abc` is too short for an id: give at least 4 of the characters after `run_`
        = 4
    "#]]);
    home.run(["show", ""]).check(expect![[r#"
        ! error: `` is too short for an id: give at least 4 of the characters after `run_`
        = 4
    "#]]);
    home.run(["resume", "Nonsense!\u{1b}[2J"]).check(expect![[r#"
        ! error: `Nonsense!\x1b[2J` is not a run id: they look like `RUN2____________`
        = 4
    "#]]);
    home.run(["cancel", "call_abcd"]).check(expect![[r#"
        ! error: `call_abcd` is not a run id: they look like `RUN2____________`
        = 4
    "#]]);
    home.run(["approve", "RUN", "--tool-call-id", "zzzz"]).check(expect![[r#"
        ! error: run RUN_____________ has no call `zzzz`; `initrunner show RUN_____________` lists them
        = 4
    "#]]);
    home.run(["approve", "RUN", "--tool-call-id", "x"]).check(expect![[r#"
        ! error: `x` is too short for an id: give at least 4 of the characters after `call_`
        = 4
    "#]]);
}

#[test]
fn the_beginning_of_an_id_is_enough_where_it_is_unambiguous() {
    let home = Home::with_role(ASKING, RUNNER);
    for command in ["run touch first", "run touch second"] {
        home.run(["run", "role.yaml", "-p", command]);
    }
    let conn = home.database();
    for (number, id) in [(1, "run_abcdaaaaaaaa"), (2, "run_abcdbbbbbbbb")] {
        conn.execute("UPDATE runs SET id = ?2 WHERE n = ?1", (number, id)).unwrap();
    }
    let ran = home.run(["approve", "abcd", "--all"]);
    assert_eq!(ran.code, Some(4), "{ran}");
    assert!(ran.stderr.contains("give more characters"), "{ran}");
    assert_eq!(home.run(["approve", "run_abcd", "--all"]).code, Some(4));
    assert_eq!(home.run(["approve", "abcdb", "--all"]).code, Some(0));
    assert!(!home.work().join("first").exists());
    assert!(home.work().join("second").exists());

    let call = home.json(["pending", "--json"])[0]["tool_call_id"].as_str().unwrap().to_owned();
    let short = &call["call_".len()..][..4];
    let ran = home.run(["approve", "abcda", "--tool-call-id", short]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(home.work().join("first").exists());
}
