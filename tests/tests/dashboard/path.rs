//! What people do, in a browser.

use crate::OTHER_PARTS;
use crate::desk::{ASKING, Desk, home, role};
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
    Script::start("race.mjs", &desk.given(json!({"runs": runs, "merged": OTHER_PARTS}))).end();
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
    if !OTHER_PARTS {
        return;
    }
    let home = home();
    role(&home, "third", "approval: required");
    let desk = Desk::of(home);
    for number in 0..14 {
        desk.paused(&format!("run echo {number}"));
    }
    for number in 0..3 {
        desk.paused_of(ASKING, &format!("both echo {number}"));
    }
    Script::start("keyboard.mjs", &desk.given(json!({"calls": 20}))).end();
}
