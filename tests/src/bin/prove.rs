//! Kills, races and starves the program, and prints what that did: see `tests/prove`.

use initrunner_tests::prove::{Table, crash, fault, race};
use std::process::ExitCode;

/// What `--kills` is without being said: enough for every fail point in many circumstances.
const KILLS: usize = 1000;

fn main() -> ExitCode {
    let mut kills = KILLS;
    let mut seed = 1;
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let number = words.next().and_then(|number| number.parse::<u64>().ok());
        match (&*word, number) {
            ("--kills", Some(number)) => kills = usize::try_from(number).unwrap_or(KILLS),
            ("--seed", Some(number)) => seed = number,
            _ => {
                eprintln!("usage: tests/prove [--kills N] [--seed N]");
                return ExitCode::from(64);
            }
        }
    }
    let tables: [&dyn Fn() -> Table; 3] =
        [&|| crash::table(kills, seed), &|| race::table(&race::CROWDS), &fault::table];
    let mut wrong = 0;
    for table in tables {
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
