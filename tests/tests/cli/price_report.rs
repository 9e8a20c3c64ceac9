//! The example that reads a server, a database and a file, and changes the file once a person agrees.

use expect_test::expect;
use initrunner_tests::home::{Home, Ran};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// The example's server, and everything that it makes; it ends with this.
struct Example {
    home: Home,
    server: Child,
    url: String,
}

impl Drop for Example {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Example {
    fn new() -> Self {
        let home = Home::with_example("price-report");
        let mut server = Command::new("python3")
            .args(["serve.py", "0"])
            .current_dir(home.work())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self { home, server, url: url.trim().to_owned() }
    }

    fn run<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Ran {
        self.home.command(arguments).env("SUPPLIER_URL", &self.url).run()
    }

    fn report(&self) -> String {
        std::fs::read_to_string(self.home.work().join("data/reports/latest.md")).unwrap()
    }
}

#[test]
fn reading_asks_nobody_and_the_change_waits_with_its_difference() {
    let example = Example::new();
    let before = example.report();
    example.run(["run", "role.yaml", "-p", "update the report"]).check(expect![[r#"
        Run RUN_____________ paused — 1 tool call awaiting approval.
          CALL___________  reports_edit
            │ --- a/latest.md
            │ +++ b/latest.md
            │ @@ -1,4 +1,4 @@
            │  # Prices
            │
            │ -bolt: not checked yet
            │ +bolt: the supplier asks 0.12, we ask 0.35
            │  nut: not checked yet

        Resume with: initrunner approve RUN_____________ --all
        = 2
    "#]]);
    assert_eq!(example.report(), before);
    let story = example.home.json(["show", "RUN", "--json"]);
    let states: Vec<String> = story["calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| {
            format!("{} {}", call["tool"].as_str().unwrap(), call["state"].as_str().unwrap())
        })
        .collect();
    expect![[r#"
        supplier succeeded
        shop_query succeeded
        reports_read succeeded
        reports_edit waiting"#]]
    .assert_eq(&states.join("\n"));
    example.run(["approve", "RUN", "--all"]).check(expect![[r#"
        Resumed.
        The report is up to date.
        = 0
    "#]]);
    expect![[r#"
        # Prices

        bolt: the supplier asks 0.12, we ask 0.35
        nut: not checked yet
    "#]]
    .assert_eq(&example.report());
}

#[test]
fn a_change_that_is_denied_does_not_happen() {
    let example = Example::new();
    let before = example.report();
    example.run(["run", "role.yaml", "-p", "update the report"]);
    example.run(["approve", "RUN", "--all", "--deny"]).check(expect![[r#"
        Resumed.
        The report stays as it was: a person denied the change.
        = 0
    "#]]);
    assert_eq!(example.report(), before);
}

#[test]
fn a_report_that_changed_meanwhile_is_asked_about_again() {
    let example = Example::new();
    example.run(["run", "role.yaml", "-p", "update the report"]);
    let other = example.report().replace("nut: not checked yet", "nut: 0.2");
    std::fs::write(example.home.work().join("data/reports/latest.md"), other).unwrap();
    example.run(["approve", "RUN", "--all"]).check(expect![[r#"
        Resumed.
        Run RUN_____________ paused — 1 tool call awaiting approval.
          CALL___________  reports_edit
            │ --- a/latest.md
            │ +++ b/latest.md
            │ @@ -1,4 +1,4 @@
            │  # Prices
            │
            │ -bolt: not checked yet
            │ +bolt: the supplier asks 0.12, we ask 0.35
            │  nut: 0.2
            asked again, because this changed: preview: was `--- a/latest.md\n+++ b/latest.md\n@@ -1,4 +1,4 @@\n # Prices\n \n-bolt: not checked yet\n+bolt: the supplier asks 0.12, we ask 0.35\n nut: not checked yet\n`, is `--- a/latest.md\n+++ b/latest.md\n@@ -1,4 +1,4 @@\n # Prices\n \n-bolt: not checked yet\n+bolt: the supplier asks 0.12, we ask 0.35\n nut: 0.2\n`

        Resume with: initrunner approve RUN_____________ --all
        = 2
    "#]]);
    example.run(["approve", "RUN", "--all"]).check(expect![[r#"
        Resumed.
        The report is up to date.
        = 0
    "#]]);
    expect![[r#"
        # Prices

        bolt: the supplier asks 0.12, we ask 0.35
        nut: 0.2
    "#]]
    .assert_eq(&example.report());
}
