//! The store and the model take the same steps and agree after each, in memory and in a file.

use super::check::{check_step, check_whole, rules_of};
use super::view::View;
use super::world::World;
use crate::fixture::{at, prune, wait};
use crate::model::Refusal;
use crate::model::explore::{cases, walk};
use crate::model::step::{Step, steps};
use initrunner::domain::event::Event;
use initrunner::store::Store;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// The store's numbers of the requests of a run, in the order in which they were made: the model's first
/// is the first of these.
fn numbers(events: &[Event]) -> Vec<i64> {
    let asked = events.iter().filter(|event| event.kind == "approval_requested");
    asked
        .map(|event| {
            let body: serde_json::Value = serde_json::from_str(&event.body).unwrap();
            body["request"].as_i64().unwrap()
        })
        .collect()
}

/// Takes a store through the steps beside the model, and on to the end of the run.
fn agree(mut world: World, steps: &[Step], approve: bool) {
    let mut before = world.observe(None);
    let mut rules_so_far = BTreeMap::new();
    let others = wait(world.stores[0].events(&world.bystander)).unwrap();
    walk(steps, approve, |verb, expected, model| {
        let given = world.perform(verb, &numbers(&before.1));
        let given = given.map_err(Refusal::from);
        assert_eq!(given, *expected, "{verb:?}");
        let after = world.observe(Some(verb));
        let view = View::of_store(&world, &after.0, &numbers(&after.1));
        view.check_equal(&View::of_model(model), verb);
        check_step(&before, &after, given.is_ok() || given == Err(Refusal::Expired));
        rules_so_far.extend(rules_of(&after.0));
        check_whole(&after.0, &after.1, &rules_so_far);
        before = after;
    });
    assert_eq!(wait(world.stores[0].events(&world.bystander)).unwrap(), others);
    // The tables are what the events say, and stay so when what ended is pruned.
    let store = &world.stores[0];
    assert_eq!(wait(store.check_journal(Vec::new())).unwrap().broken, None);
    let resolved = wait(store.approvals(100)).unwrap();
    assert_eq!(wait(store.prune(prune(at(1_000_000_000)))).unwrap().runs, 1);
    assert!(wait(store.load_run(&world.run)).is_err());
    assert_eq!(wait(store.approvals(100)).unwrap(), resolved);
    assert_eq!(wait(store.check_journal(Vec::new())).unwrap().broken, None);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, max_shrink_iters: 20_000, ..cases(512) })]

    #[test]
    fn no_order_of_verbs_breaks_a_promise(steps in steps(), approve: bool) {
        agree(World::in_memory(), &steps, approve);
    }
}

proptest! {
    // Each verb waits for the disk.
    #![proptest_config(ProptestConfig { failure_persistence: None, max_shrink_iters: 20_000, ..cases(24) })]

    #[test]
    fn no_death_of_a_process_breaks_a_promise(steps in steps(), approve: bool) {
        agree(World::in_a_file(), &steps, approve);
    }
}
