//! `policy bench`: what answers cost.

use super::{RULES, check, with_cedar, with_policies};
use expect_test::expect;

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
