//! What the shell tool can reach, and what the programs it starts can.

use crate::RUNNER;
use expect_test::expect;
use initrunner::plugin::carried;
use initrunner_tests::home::Home;

#[test]
fn the_shell_component_imports_what_starts_programs_and_nothing_that_reaches_out() {
    let shell = carried::find("shell").unwrap().1;
    let home = Home::new();
    home.file("shell.wasm", shell.read().unwrap());
    let found = home.json(["inspect", "shell.wasm", "--json"]);
    expect![[r#"["initrunner:host/process@0.1.0"]"#]].assert_eq(&found["capabilities"].to_string());
    // Reading nothing, connecting nowhere: what is linked of WASI answers as if there were nothing.
    for interface in ["sockets", "http", "preopens"] {
        let wasi = found["wasi"].to_string();
        assert!(!wasi.contains(interface), "{wasi}");
    }
}

#[test]
fn a_program_sees_no_variable_that_was_not_granted() {
    let run = |tools: &str| {
        let home = Home::with_role(tools, RUNNER);
        home.command(["run", "role.yaml", "-p", "run env"])
            .env("OPENAI_API_KEY", "s3cret")
            .env("GRANTED", "yes")
            .env("LD_PRELOAD_X", "x")
            .run()
            .stdout
    };
    let names = |text: &str| {
        let text = text.strip_prefix("Result: ").unwrap_or(text);
        let mut names: Vec<&str> =
            text.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
        names.sort_unstable();
        names.join(" ")
    };
    expect!["LANG PATH"].assert_eq(&names(&run("  - {type: shell}")));
    expect!["LANG PATH"].assert_eq(&names(&run("  - {type: shell, shell: true}")));
    let granted = run("  - {type: shell, env: [GRANTED, MISSING]}");
    expect!["GRANTED LANG PATH"].assert_eq(&names(&granted));
    assert!(granted.contains("GRANTED=yes"), "{granted}");
}

#[test]
fn a_program_reads_no_input_and_holds_no_file_of_the_host() {
    let home = Home::with_role("  - {type: shell}", RUNNER);
    home.run(["run", "role.yaml", "-p", "run cat"]).check(expect![[r#"
        Result: (no output)
        = 0
    "#]]);
    // The fourth is the folder that `ls` itself reads.
    let listed = home.run(["run", "role.yaml", "-p", "run ls /proc/self/fd"]);
    listed.check(expect![[r#"
        Result: 0
        1
        2
        3
        = 0
    "#]]);
}
