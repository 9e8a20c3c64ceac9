//! The server's description of itself, and schemathesis, which sends what it allows and what it forbids.

use crate::clients::{PATIENCE, python, told};
use crate::roles::{self, FREE, ask, paused};
use initrunner_tests::serve::Server;

/// What is sent for each operation: enough to meet each key of each, and few enough to wait for.
const EXAMPLES: &str = "25";

/// What is looked at. Not whether everything that the description allows is taken, since none says which
/// calls wait; nor whether another method is refused by 405 alone, since what is no JSON is refused first.
const CHECKS: [&str; 9] = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "allow_header_conformance",
    "ignored_auth",
    "use_after_free",
];

#[test]
fn the_server_keeps_to_its_description_whatever_is_sent() {
    let home = roles::home();
    // The one that the description gives as an example.
    roles::role(&home, "demo", "approval: required");
    let server = Server::start(&home, ".");
    // Paths name a run that is there: one that waits, and one that has ended.
    let (waits, _) = paused(&server, "both echo x");
    let waits = waits.trim_start_matches("/v1/approvals/").to_owned();
    let ended = ask(&server, FREE, "run echo x");
    let ended = ended.header("x-run-id").expect("a run").to_owned();
    for run in [&*waits, &*ended, "run_aaaaaaaaaaaa"] {
        let config = home.file("schemathesis.toml", config(run));
        let program = python().with_file_name("st");
        let authorization = format!("Authorization: Bearer {}", server.key());
        let description = server.url("/openapi.json");
        let checks = CHECKS.join(",");
        let words = [
            "--config-file",
            config.to_str().expect("a path of letters"),
            "run",
            &description,
            "--header",
            &authorization,
            "--checks",
            &checks,
            "--phases",
            "examples,coverage,fuzzing",
            "--max-examples",
            EXAMPLES,
            "--continue-on-failure",
            "--no-color",
            "--seed",
            "1",
            "--generation-database",
            "none",
        ];
        let ran = told(home.start_of(&program, words), &server).run_within(PATIENCE);
        let summary = ran.stdout.split_once("= SUMMARY =").map_or("", |(_, summary)| summary);
        println!("{run}:\n{summary}");
        assert_eq!(ran.code, Some(0), "{ran}");
    }
    assert_eq!(ask(&server, FREE, "run echo x").status, 200);
}

/// What stands for the parts of paths.
fn config(run: &str) -> String {
    format!(
        "[[operations]]\n\
         include-path-regex = \"\\\\{{run\\\\}}\"\n\
         parameters = {{ \"path.run\" = \"{run}\" }}\n\
         [[operations]]\n\
         include-path-regex = \"\\\\{{role\\\\}}\"\n\
         parameters = {{ \"path.role\" = \"{FREE}\" }}\n\
         [[operations]]\n\
         include-path = \"/v1/models/{{id}}\"\n\
         parameters = {{ \"path.id\" = \"{FREE}\" }}\n"
    )
}
