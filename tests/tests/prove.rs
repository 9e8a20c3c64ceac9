//! Approvals hold when the program is killed, raced and starved: `tests/prove` with fewer kills.

use initrunner::fail_point;
use initrunner_tests::home::Home;
use initrunner_tests::prove::{Table, crash, fault, race, verb};
use std::collections::BTreeSet;
use std::path::Path;

/// Every fail point once, and a few kills at random times. `tests/prove` does a thousand.
const KILLS: usize = 140;

#[track_caller]
fn check(table: &Table) {
    println!("{table}");
    let problems = table.problems().join("\n");
    assert!(problems.is_empty(), "{table}\n{problems}");
}

#[test]
fn a_killed_program_loses_nothing_and_repeats_nothing() {
    let table = crash::table(KILLS, 1);
    assert!(table.total().trials >= KILLS, "{table}");
    check(&table);
}

#[test]
fn a_daemon_killed_while_it_writes_loses_nothing_and_repeats_nothing() {
    check(&verb::table());
}

#[test]
fn of_many_who_decide_at_once_one_is_first_and_the_others_learn_who() {
    check(&race::table(&race::CROWDS));
}

#[test]
fn a_failing_machine_loses_nothing_and_repeats_nothing() {
    check(&fault::table());
}

#[test]
fn the_shipped_program_has_no_fail_points() {
    let name = b"INITRUNNER_FAIL_POINT";
    let has = |program: &Path| {
        let bytes = std::fs::read(program).unwrap();
        bytes.windows(name.len()).any(|window| window == name)
    };
    assert!(has(&initrunner_tests::failing_binary()));
    let shipped = initrunner_tests::binary();
    assert!(!has(&shipped), "run `cargo build`: it builds `{}` for people", shipped.display());

    let home = Home::with_role("", "rules: [{reply: Done.}]\n");
    let words = ["run", "role.yaml", "-p", "hello"];
    let order = ("INITRUNNER_FAIL_POINT", "runner.ask_model.before");
    assert_eq!(home.failing(words).env(order.0, order.1).run().code, None);
    assert_eq!(home.command(words).env(order.0, order.1).run().code, Some(0));
    assert_eq!(home.command(words).env(order.0, "nonsense").run().code, Some(0));
}

/// The texts after `start` in the host's sources, up to the next quotation mark.
fn named_after(start: &str, found: &mut BTreeSet<String>) {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
                continue;
            }
            // As it would be in one line, and without tests, which have verbs of their own.
            let text: String = std::fs::read_to_string(entry.path()).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            let text: String = text.split_whitespace().collect();
            let names = text.split(start).skip(1).filter_map(|after| after.split_once('"'));
            found.extend(names.map(|(name, _)| name.to_owned()));
        }
    }
}

#[test]
fn every_fail_point_is_listed_and_every_listed_one_exists() {
    let (mut points, mut verbs) = (BTreeSet::new(), BTreeSet::new());
    named_after("fail_point::reach(\"", &mut points);
    named_after("self.write(\"", &mut verbs);
    named_after("self.write_hidden(\"", &mut verbs);
    let listed: BTreeSet<String> = fail_point::names().into_iter().collect();
    let is_moment = |name: &&String| {
        let mut parts = name.split('.');
        parts.next() == Some("store") && parts.next().is_some_and(|verb| verbs.contains(verb))
    };
    let listed_points: BTreeSet<String> =
        listed.iter().filter(|name| !is_moment(name)).cloned().collect();
    assert_eq!(points, listed_points, "code on the left, `host/src/fail_point.rs` on the right");
    for verb in &verbs {
        let name = format!("store.{verb}.before_commit");
        assert!(listed.contains(&name), "add `{verb}` to VERBS in host/src/fail_point.rs");
    }
}
