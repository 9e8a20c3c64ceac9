//! Several people who decide at the same moment.

use crate::{ASKING, RUNNER};
use initrunner_tests::home::{Home, Ran, Running};

#[test]
fn of_eight_who_approve_one_is_first_and_the_call_happens_once() {
    let home = Home::with_role(ASKING, RUNNER);
    home.run(["run", "role.yaml", "-p", "run echo x >> counter"]);
    let start = |n: i32| {
        let name = format!("person-{n}");
        home.command(["approve", "RUN", "--all", "--resolved-by", &name]).start()
    };
    let people: Vec<Running> = (0..8).map(start).collect();
    let ran: Vec<Ran> = people.into_iter().map(Running::wait).collect();
    let winner = &home.json(["show", "RUN", "--json"])["calls"][0];
    let first = winner["resolved_by"].as_str().unwrap();
    let mut won = 0;
    for ran in &ran {
        match ran.code {
            Some(0) => won += 1,
            Some(3) => {
                let told = format!("was already decided: approve by {first} at");
                assert!(ran.stderr.contains(&told), "{ran}");
            }
            _ => panic!("{ran}"),
        }
    }
    assert_eq!(won, 1);
    assert_eq!(std::fs::read_to_string(home.work().join("counter")).unwrap(), "x\n");
}

#[test]
fn of_some_who_approve_and_some_who_deny_one_is_first() {
    let home = Home::with_role(ASKING, RUNNER);
    home.run(["run", "role.yaml", "-p", "run echo x >> counter"]);
    let start = |n: i32| {
        let words = ["approve", "RUN", "--all", "--deny"];
        home.command(words.into_iter().take(if n % 2 == 0 { 3 } else { 4 })).start()
    };
    let people: Vec<Running> = (0..6).map(start).collect();
    let ran: Vec<Ran> = people.into_iter().map(Running::wait).collect();
    assert_eq!(ran.iter().filter(|ran| ran.code == Some(0)).count(), 1);
    assert_eq!(ran.iter().filter(|ran| ran.code == Some(3)).count(), 5);
    let call = &home.json(["show", "RUN", "--json"])["calls"][0];
    let happened = home.work().join("counter").exists();
    assert_eq!(happened, call["state"] == "succeeded", "{call}");
    assert_eq!(happened, call["decision"]["decision"] == "approve", "{call}");
}
