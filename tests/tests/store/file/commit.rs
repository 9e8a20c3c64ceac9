//! What is one commit, and what a failing verb undoes of it.

use crate::fixture::*;
use initrunner::store::Store;

#[test]
fn what_waits_together_commits_together() {
    let files = Files::new();
    let store = files.open();
    let owner = owner(&store);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let verbs: Vec<_> = (0..200).map(|_| store.create_run(new_run(), owner.id())).collect();
        for verb in verbs {
            verb.await.unwrap();
        }
    });
    assert_eq!(wait(store.runs(1000)).unwrap().len(), 200);
    // One line for each commit.
    let commits = files.heads().len();
    assert!(commits <= 50, "{commits} commits for 200 verbs");
}

#[test]
fn a_failing_verb_undoes_only_itself() {
    let files = Files::new();
    let store = files.open();
    let owner = owner(&store);
    let good = new_run();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let results: Vec<_> = runtime.block_on(async {
        // All of these wait before the first is done with its commit.
        let verbs: Vec<_> = (0..60)
            .map(|number| {
                let mut run = new_run();
                if number % 3 == 1 {
                    run.id = good.id.clone();
                }
                store.create_run(run, owner.id())
            })
            .collect();
        let mut results = Vec::new();
        for verb in verbs {
            results.push(verb.await.is_ok());
        }
        results
    });
    assert_eq!(results.iter().filter(|ok| **ok).count(), 41);
    assert_eq!(wait(store.runs(1000)).unwrap().len(), 41);
    assert_eq!(wait(store.check_journal(Vec::new())).unwrap().broken, None);
}

#[test]
fn a_paused_run_takes_two_commits() {
    let files = Files::new();
    let store = files.open();
    let owner = owner(&store);
    paused(&store, &owner, 1);
    assert_eq!(files.heads().len(), 2);
}
