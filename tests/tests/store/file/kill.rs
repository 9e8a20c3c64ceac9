//! A process that is killed at any moment: what it was told is done is there afterwards.

use crate::fixture::*;
use initrunner::domain::ids::RunId;
use initrunner::domain::run::RunState;
use initrunner::domain::tool_call::CallState;
use initrunner::store::sqlite::{OpenOptions, SqliteStore};
use initrunner::store::{Admission, Store};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// Not a test: the process that `a_killed_process_loses_nothing` kills. Says each run that it was told
/// is paused, and then one that it is driving.
#[test]
#[ignore = "the other half of a_killed_process_loses_nothing"]
fn a_process_to_kill() {
    let Some(folder) = std::env::var_os("STORE_TO_KILL") else { return };
    let folder = Path::new(&folder);
    let options = OpenOptions::new(folder.join("state/audit.db"), folder.join("keys"));
    let store = SqliteStore::open(options).unwrap();
    let owner = owner(&store);
    loop {
        let driven = create(&store, &owner);
        let calls = record(&store, &driven, vec![Admission::Ready], false);
        wait(store.record_call_started(&driven, &calls[0], vec![], at(2))).unwrap();
        let (paused, _) = paused(&store, &owner, 1);
        println!("told {} {}", paused.run, driven.run);
    }
}

#[test]
fn a_killed_process_loses_nothing() {
    for rounds in [1, 3, 20] {
        let files = Files::new();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "file::kill::a_process_to_kill", "--ignored", "--nocapture"])
            .env("STORE_TO_KILL", files.folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let told: Vec<String> =
            lines.filter(|line| line.starts_with("told ")).take(rounds).collect();
        child.kill().unwrap();
        child.wait().unwrap();

        let store = files.open();
        let adopted = wait(store.adopt_orphans(at(100))).unwrap();
        for line in &told {
            let ids: Vec<_> = line.split(' ').skip(1).map(|id| RunId::parse(id).unwrap()).collect();
            let paused = wait(store.load_run(&ids[0])).unwrap();
            assert_eq!(paused.run.state, RunState::Paused);
            assert_eq!(paused.calls[0].state, CallState::Waiting);
            assert!(adopted.contains(&ids[1]));
            let driven = wait(store.load_run(&ids[1])).unwrap();
            assert_eq!(driven.run.state, RunState::Paused);
            assert_eq!(driven.calls[0].state, CallState::Unknown);
        }
        assert_eq!(wait(store.check_journal(Vec::new())).unwrap().broken, None);
        // Its owner file was swept away.
        let owners = files.folder.path().join("state/owners");
        assert_eq!(fs::read_dir(owners).unwrap().count(), 0);
    }
}
