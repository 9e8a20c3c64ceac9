//! What paused runs cost: room in the file, and the time of listing and opening.

use crate::fixture::*;
use initrunner::store::Store;
use std::fs;
use std::time::{Duration, Instant};

#[test]
fn a_paused_run_takes_little_room() {
    let files = Files::new();
    let store = files.open();
    let owner = owner(&store);
    // Roles, components and bindings are there once for all.
    paused(&store, &owner, 1);
    let size = || {
        let conn = files.raw();
        conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        let heads = fs::metadata(files.path().with_extension("db.heads")).unwrap().len();
        fs::metadata(files.path()).unwrap().len() + heads
    };
    let before = size();
    let count = 400;
    for _ in 0..count {
        paused(&store, &owner, 1);
    }
    let each = (size() - before) / count;
    // With arguments and a preview of a line each.
    assert!(each <= 2000, "{each} bytes");
}

#[test]
fn the_queue_of_ten_thousand_and_opening_are_quick() {
    let files = Files::new();
    let store = files.open();
    let owner = owner(&store);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        for _ in 0..40 {
            let mut verbs = Vec::new();
            for _ in 0..250 {
                let run = new_run();
                let id = run.id.clone();
                verbs.push((id, store.create_run(run, owner.id())));
            }
            let mut turns = Vec::new();
            for (_, verb) in verbs {
                let claim = verb.await.unwrap();
                let record = turn(vec![new_call(waiting())], true);
                turns.push(store.record_turn(&claim, record));
            }
            for verb in turns {
                verb.await.unwrap();
            }
        }
    });
    wait(store.pending(1)).unwrap();
    let best = (0..5).map(|_| {
        let started = Instant::now();
        let (queue, total) = wait(store.pending(10_000)).unwrap();
        assert_eq!((queue.len(), total), (10_000, 10_000));
        started.elapsed()
    });
    let queue = best.min().unwrap();
    drop(store);
    let size = fs::metadata(files.path()).unwrap().len();
    let best = (0..5).map(|_| {
        let started = Instant::now();
        let store = files.open();
        let opened = started.elapsed();
        assert_eq!(wait(store.runs(1)).unwrap().len(), 1);
        opened
    });
    let opened = best.min().unwrap();
    eprintln!("pending(10000) {queue:?}, open {opened:?}, {} bytes a paused run", size / 10_000);
    // Several times what is measured on a quiet machine: this finds a missing index, not a busy one.
    assert!(queue < Duration::from_millis(100), "{queue:?}");
    assert!(opened < Duration::from_millis(20), "{opened:?}");
}
