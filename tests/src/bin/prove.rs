//! Kills, races and starves the program, and prints what that did: see `tests/prove`.

use initrunner_tests::prove::{Table, crash, daemon, fault, race, verb};
use std::process::ExitCode;
use std::time::Duration;

/// What `--kills` is without being said: enough for every fail point in many circumstances.
const KILLS: usize = 1000;

/// For how long daemons are killed without being said.
const SECONDS: u64 = 60;

const PARTS: [&str; 4] = ["crashes", "races", "faults", "daemon"];

fn main() -> ExitCode {
    let mut kills = KILLS;
    let mut seed = 1;
    let mut seconds = SECONDS;
    let mut only = String::new();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().unwrap_or_default();
        let number = value.parse::<u64>().ok();
        match (&*word, number) {
            ("--kills", Some(number)) => kills = usize::try_from(number).unwrap_or(KILLS),
            ("--seed", Some(number)) => seed = number,
            ("--seconds", Some(number)) => seconds = number,
            ("--only", None) if PARTS.contains(&&*value) => only = value,
            _ => {
                eprintln!(
                    "usage: tests/prove [--kills N] [--seed N] [--seconds N] [--only {}]",
                    PARTS.join("|")
                );
                return ExitCode::from(64);
            }
        }
    }
    let tables: [(&str, &dyn Fn() -> Table); 5] = [
        ("crashes", &|| crash::table(kills, seed)),
        ("races", &|| race::table(&race::CROWDS)),
        ("faults", &fault::table),
        ("daemon", &verb::table),
        ("daemon", &|| daemon::table(Duration::from_secs(seconds), seed)),
    ];
    let mut wrong = 0;
    for (_, table) in tables.into_iter().filter(|(name, _)| only.is_empty() || only == *name) {
        let began = std::time::Instant::now();
        let table = table();
        println!("{table}({:.0} s)\n", began.elapsed().as_secs_f64());
        for problem in table.problems() {
            println!("WRONG  {problem}\n");
            wrong += 1;
        }
    }
    if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
