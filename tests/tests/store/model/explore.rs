//! Looks for an order of verbs in which the machine breaks a law, or leaves a run that nothing ends.

use super::finish::{enough, finish};
use super::law::Ledger;
use super::step::{Step, steps};
use super::{Answer, Model, Refusal, Verb};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::collections::BTreeSet;

/// Does the steps, and then what ends the run; shows each verb, its answer and what is true after it.
///
/// # Panics
/// Where a law is broken, or the run does not end.
pub fn walk(
    steps: &[Step],
    approve: bool,
    mut visit: impl FnMut(&Verb, &Result<Answer, Refusal>, &Model),
) {
    let (mut model, mut ledger) = (Model::new(), Ledger::default());
    let mut perform = |model: &mut Model, verb: &Verb| {
        let before = model.clone();
        let answer = model.perform(verb);
        ledger.check(&before, verb, &answer, model);
        visit(verb, &answer, model);
        answer
    };
    for step in steps {
        let verb = step.verb(&model);
        let _ = perform(&mut model, &verb);
    }
    for _ in 0..enough(model.calls.len()) {
        let Some(verb) = finish(&model, approve) else { break };
        let answer = perform(&mut model, &verb);
        assert!(answer.is_ok(), "{verb:?} is what ends the run: {answer:?}");
    }
    assert!(model.state.is_final(), "nothing ends {model:#?}");
}

/// So many cases, unless `PROPTEST_CASES` says otherwise.
pub fn cases(cases: u32) -> ProptestConfig {
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => ProptestConfig::default(),
        None => ProptestConfig::with_cases(cases),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, max_shrink_iters: 20_000, ..cases(4096) })]

    #[test]
    fn no_order_of_verbs_breaks_a_law_of_the_model(steps in steps(), approve: bool) {
        walk(&steps, approve, |_, _, _| {});
    }
}

/// A verb's name alone.
fn name(verb: &Verb) -> String {
    let words = format!("{verb:?}");
    words.split(' ').next().unwrap_or_default().to_lowercase()
}

/// What is never met cannot be found wrong. The cases are the same each time.
#[test]
fn every_state_and_every_refusal_is_met() {
    let mut runner = TestRunner::deterministic();
    let mut met: BTreeSet<String> = BTreeSet::new();
    for case in 0..2048 {
        let steps = steps().new_tree(&mut runner).unwrap().current();
        walk(&steps, case % 2 == 0, |verb, answer, model| {
            match answer {
                Err(why) => met.insert(format!("{why:?}")),
                Ok(Answer::Attempt(attempt)) => met.insert(format!("attempt {attempt}")),
                Ok(answer) => met.insert(format!("{answer:?}")),
            };
            if answer.is_ok() {
                met.insert(name(verb));
            }
            met.insert(model.state.to_string());
            for call in &model.calls {
                met.insert(call.state.to_string());
                if call.escalated {
                    met.insert(format!("escalated, {}", call.state));
                }
                if call.edits > 0 {
                    met.insert(format!("edited, {}", call.state));
                }
                if call.remembered_from.is_some() {
                    met.insert(format!("remembered, {}", call.state));
                }
            }
        });
    }
    let wanted = "running paused interrupted completed failed cancelled ready waiting approved denied \
         expired started succeeded unknown turn start finish readmit retryunknown tell pause interrupt \
         end decide claim cancel adopt sweep crash wait setclock Fenced OwnedElsewhere NothingWaits \
         UnknownCall AlreadyTold TriedOften AlreadyDecided Expired Changed NotAReviewer IsRequester \
         VotedBefore";
    let sentences = [
        "attempt 3",
        "refused by policy",
        "edited, started",
        "escalated, approved",
        "edited, expired",
        "remembered, started",
        "WrongState(Cancelled)",
        "WrongState(Paused)",
        "WrongCallState(Waiting)",
        "WrongCallState(Denied)",
        "NotWaiting(Expired)",
        "Decided { claimed: true, waiting: 0 }",
        "Adopted(true)",
        "Swept { freed: true }",
    ];
    let missing: Vec<&str> =
        wanted.split(' ').chain(sentences).filter(|what| !met.contains(*what)).collect();
    assert!(missing.is_empty(), "never met: {missing:?}");
}
