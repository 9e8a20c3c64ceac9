//! What people do, in a browser.

use crate::desk::Desk;
use initrunner_tests::browser::Script;
use serde_json::json;

#[test]
fn a_person_runs_a_role_changes_a_call_approves_it_and_reads_the_answer() {
    let desk = Desk::start();
    Script::start("path.mjs", &desk.given(json!({}))).end();
}
