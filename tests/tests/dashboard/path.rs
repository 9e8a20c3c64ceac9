//! What people do, in a browser.

use crate::desk::{ASKING, Desk};
use initrunner_tests::browser::Script;
use serde_json::json;

#[test]
fn a_person_runs_a_role_changes_a_call_approves_it_and_reads_the_answer() {
    let desk = Desk::start();
    Script::start("path.mjs", &desk.given(json!({}))).end();
}

#[test]
fn of_two_people_the_second_sees_who_was_first() {
    let desk = Desk::start();
    let runs = [desk.paused("run echo one").0, desk.paused("run echo two").0];
    Script::start("race.mjs", &desk.given(json!({"runs": runs}))).end();
}

#[test]
fn without_scripts_forms_do_what_they_would_do() {
    let desk = Desk::start();
    Script::start("plain.mjs", &desk.given(json!({}))).end();
}

#[test]
fn an_open_page_hears_what_happens() {
    let desk = Desk::start();
    let mut script = Script::start("live.mjs", &desk.given(json!({})));
    script.asked("pause");
    let (run, calls) = desk.paused("run echo one");
    script.answer(&run);
    script.asked("decide");
    let path = format!("/v1/approvals/{run}");
    let yes = json!({&calls[0]: true}).to_string();
    assert_eq!(desk.program("second", "POST", &path).json(yes).send().status, 200);
    script.answer("done");
    script.asked("take the key away");
    desk.without_key("reviewer");
    desk.paused("run echo two");
    script.answer("done");
    script.end();
}

#[test]
fn a_page_outlives_its_server() {
    let desk = Desk::start();
    let runs = [desk.paused("run echo one").0];
    let given = desk.given(json!({"runs": runs, "waiting": 1}));
    let mut script = Script::start("restart.mjs", &given);
    script.asked("restart");
    let desk = desk.started_again();
    // It is for the page to find out.
    let (run, _) = desk.paused("run echo two");
    script.answer(&run);
    script.end();
}

#[test]
fn a_reviewer_clears_twenty_calls_by_keyboard_alone() {
    let desk = Desk::start();
    for number in 0..14 {
        desk.paused(&format!("run echo {number}"));
    }
    for number in 0..3 {
        desk.paused_of(ASKING, &format!("both echo {number}"));
    }
    Script::start("keyboard.mjs", &desk.given(json!({"calls": 20}))).end();
}
