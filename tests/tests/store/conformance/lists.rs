//! Lists: runs by their id or age, and the queue of calls that wait.

use super::spent;
use crate::fixture::*;
use initrunner::domain::run::RunState;
use initrunner::domain::tool_call::CallState;
use initrunner::store::{Admission, Conflict, RunEnd, Store};

conformance!(
    runs_are_found_by_the_beginning_of_their_id,
    the_queue_is_oldest_first,
    an_ended_run_leaves_nothing_in_the_queue,
    the_list_of_runs_is_newest_first,
    the_runs_of_a_role_come_page_by_page,
);

fn runs_are_found_by_the_beginning_of_their_id(store: &dyn Store) {
    let owner = owner(store);
    let ids: Vec<_> = (0..20).map(|_| create(store, &owner).run).collect();
    for id in &ids {
        assert_eq!(wait(store.find_runs(id.as_str())).unwrap(), std::slice::from_ref(id));
        let found = wait(store.find_runs(&id.as_str()[..8])).unwrap();
        assert!(found.contains(id));
        assert!(found.iter().all(|found| found.as_str().starts_with(&id.as_str()[..8])));
    }
    assert_eq!(wait(store.find_runs("run_")).unwrap().len(), 10);
    assert_eq!(wait(store.find_runs("run_%%%%")).unwrap(), []);
    assert_eq!(wait(store.find_runs("run_zzzzzzzzzzzzzz")).unwrap(), []);
}

fn the_queue_is_oldest_first(store: &dyn Store) {
    let owner = owner(store);
    let mut expected = Vec::new();
    for second in 0..5 {
        let claim = create(store, &owner);
        let mut turn = turn(vec![new_call(waiting()), new_call(waiting())], true);
        turn.at = at(100 - second);
        let calls: Vec<_> = turn.calls.iter().map(|call| call.id.clone()).collect();
        wait(store.record_turn(&claim, turn)).unwrap();
        expected.splice(0..0, calls);
    }
    let (queue, total) = wait(store.pending(7)).unwrap();
    assert_eq!(total, 10);
    let listed: Vec<_> = queue.iter().map(|call| call.call.clone()).collect();
    assert_eq!(listed, expected[..7]);
    let row = &queue[0];
    assert_eq!((row.tool.as_str(), row.agent.as_str()), ("shell", "demo"));
    assert_eq!((row.created_at, row.state), (at(96), CallState::Waiting));
    assert_eq!(row.arguments, r#"{"command":"rm -rf /tmp/scratch"}"#);
    assert_eq!(row.preview, Some(preview()));
}

fn an_ended_run_leaves_nothing_in_the_queue(store: &dyn Store) {
    let dying = owner(store);
    let claim = create(store, &dying);
    let calls = record(store, &claim, vec![waiting(), Admission::Ready], false);
    wait(store.record_call_started(&claim, &calls[1], vec![], at(2))).unwrap();
    drop(dying);
    let owner = owner(store);
    let claim = wait(store.claim_run(&claim.run, owner.id(), &alice(), at(3))).unwrap();
    assert_eq!(wait(store.pending(10)).unwrap().1, 2);
    let failed = RunEnd::Failed { error: "the role is gone".into() };
    wait(store.end_run(&claim, failed, spent(), at(4))).unwrap();
    assert_eq!(wait(store.pending(10)).unwrap().1, 0);
    assert_eq!(states(store, &claim.run), [CallState::Expired, CallState::Failed]);
    let late = conflict(wait(store.decide(approve(&claim.run, &calls[..1], &owner))));
    assert_eq!(late, Conflict::NotWaiting { call: calls[0].clone(), state: CallState::Expired });
}

fn the_list_of_runs_is_newest_first(store: &dyn Store) {
    let owner = owner(store);
    let first = create(store, &owner).run;
    let (second, _) = paused(store, &owner, 2);
    let third = create(store, &owner).run;
    let runs = wait(store.runs(2)).unwrap();
    assert_eq!(runs.iter().map(|run| &run.id).collect::<Vec<_>>(), [&third, &second.run]);
    assert_eq!((runs[1].state, runs[1].waiting), (RunState::Paused, 2));
    assert_eq!(
        (runs[1].role_name.as_str(), runs[1].prompt.as_str()),
        ("demo", "delete /tmp/scratch")
    );
    assert_eq!(wait(store.runs(100)).unwrap()[2].id, first);
}

fn the_runs_of_a_role_come_page_by_page(store: &dyn Store) {
    let owner = owner(store);
    let create = |name: &str, text: &str, second| {
        let mut run = new_run();
        (run.role_name, run.role_text, run.at) = (name.into(), text.into(), at(second));
        wait(store.create_run(run, owner.id())).unwrap().run
    };
    let mut expected = Vec::new();
    for second in 0..7 {
        // A role that was changed keeps its name, and a clock may be set back.
        expected.push(create("clerk", &format!("name: clerk # {second}\n"), 20 - second));
        create("other", "name: other\n", 50);
    }
    let all = |since| {
        let (mut found, mut after) = (Vec::new(), 0);
        loop {
            let page = wait(store.runs_of("clerk", at(since), after, 3)).unwrap();
            assert!(page.len() <= 3);
            match page.last() {
                Some((place, _)) => after = *place,
                None => return found,
            }
            found.extend(page.into_iter().map(|(_, run)| run));
        }
    };
    assert_eq!(all(0), expected);
    assert_eq!(all(17), expected[..4]);
    assert_eq!(wait(store.runs_of("nobody", at(0), 0, 10)).unwrap(), []);
    assert_eq!(wait(store.runs_of("cler", at(0), 0, 10)).unwrap(), []);
    // Something that happens to an old run makes it one of the new ones.
    wait(store.cancel_run(&expected[6], alice(), at(30))).unwrap();
    assert_eq!(all(25), expected[6..]);
}
