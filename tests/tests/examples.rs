//! The roles in `examples/` are roles: each is validated as a person would do it.

use initrunner_tests::binary;
use std::path::Path;
use std::process::Command;

/// Every folder of `examples/`, and how many tools its role has.
const EXAMPLES: [(&str, &str); 1] = [("first-run", "1 tool")];

#[test]
fn every_example_is_valid() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let home = tempfile::tempdir().unwrap();
    for (name, tools) in EXAMPLES {
        let mut command = Command::new(binary());
        command.env("INITRUNNER_HOME", home.path()).arg("validate");
        let output = command.arg(examples.join(name).join("role.yaml")).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {said}{errors}");
        assert!(said.contains(&format!(" is valid: {tools}.")), "{name}: {said}");
    }
}
