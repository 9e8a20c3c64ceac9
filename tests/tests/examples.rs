//! The roles in `examples/` are roles: each is validated as a person would do it.

use initrunner_tests::home::Home;
use std::process::Command;

/// Every folder of `examples/`, and how many tools its role has.
const EXAMPLES: [(&str, &str); 2] = [("first-run", "1 tool"), ("price-report", "7 tools")];

#[test]
fn every_example_is_valid() {
    for (name, tools) in EXAMPLES {
        let home = Home::with_example(name);
        if home.work().join("serve.py").exists() {
            let mut make = Command::new("python3");
            make.args(["serve.py", "--make"]).current_dir(home.work());
            assert!(make.status().unwrap().success());
        }
        let ran = home.run(["validate", "role.yaml"]);
        assert_eq!(ran.code, Some(0), "{name}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stdout.contains(&format!(" is valid: {tools}.")), "{name}: {}", ran.stdout);
    }
}
