//! The roles in `examples/` are roles: each is validated as a person would do it.

use initrunner_tests::home::Home;
use initrunner_tests::refund;
use std::process::Command;

/// Every folder of `examples/`, and how many tools its role has.
const EXAMPLES: [(&str, &str); 4] = [
    ("first-run", "1 tool"),
    ("night-shift", "2 tools"),
    ("price-report", "7 tools"),
    ("refunds", "1 tool"),
];

#[test]
fn every_example_is_valid() {
    for (name, tools) in EXAMPLES {
        let home = Home::with_example(name);
        if home.work().join("serve.py").exists() {
            let mut make = Command::new("python3");
            make.args(["serve.py", "--make"]).current_dir(home.work());
            assert!(make.status().unwrap().success());
        }
        let ran = home
            .command(["validate", "role.yaml"])
            .env("REFUND_TOOL", &refund().to_string_lossy())
            .run();
        assert_eq!(ran.code, Some(0), "{name}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stdout.contains(&format!(" is valid: {tools}.")), "{name}: {}", ran.stdout);
    }
}
