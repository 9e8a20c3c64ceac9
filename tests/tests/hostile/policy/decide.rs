//! Components that attack while they are asked, one after the other and many at a time.

use super::{
    DEADLINE, TOLERANCE, load_cedar, many, policies, request, runtime, short, the_decider, told,
};
use crate::{alone, resident, wait};
use initrunner::domain::policy::{Effect, PolicyAnswer, PolicyRequest};
use std::sync::Arc;
use std::time::Instant;

fn doing(what: &str) -> PolicyRequest {
    request(serde_json::json!({"do": what}).to_string())
}

/// What an answer holds in all.
fn size(answer: &PolicyAnswer) -> usize {
    let reason = |reason: &initrunner::domain::policy::Reason| {
        reason.policy.len() + reason.message.as_ref().map_or(0, String::len)
    };
    answer.reasons.iter().map(reason).sum::<usize>()
        + answer.errors.iter().map(String::len).sum::<usize>()
}

/// An attack by a component while it is asked, and what the answer says.
const ATTACKS: [(&str, &str); 15] = [
    ("spin", "deny; ! the policy `the decider` gave no answer: it took longer than 1 s"),
    ("sleep", "deny; ! the policy `the decider` gave no answer: it took longer than 1 s"),
    (
        "hoard",
        "deny; ! the policy `the decider` gave no answer: it asked for more than its 192 MiB of memory",
    ),
    ("recurse", "deny; ! the policy `the decider` gave no answer: it crashed"),
    ("panic", "deny; ! the policy `the decider` gave no answer: it gave up; it printed "),
    ("exit", "deny; ! the policy `the decider` gave no answer: it crashed"),
    ("effect", "deny; ! the policy `the decider` gave no answer: it crashed"),
    ("cite", "! the policy `the decider` cites a policy that it does not have"),
    ("err", "deny; ! `one` broke"),
    ("errors", "deny; ! xxx"),
    // Large ones are cut, or more than the host takes.
    ("page", "allow; one: xxx"),
    ("many", "allow; one: -; one: -"),
    ("book", "deny; ! the policy `the decider` gave no answer: it crashed"),
    ("very many", "deny; ! the policy `the decider` gave no answer: it crashed"),
    ("", "allow"),
];

#[test]
fn every_attack_on_a_question_is_a_denial_in_time() {
    let _alone = alone();
    wait(async {
        let runtime = runtime();
        let policy =
            runtime.load_policy(&the_decider(), &[policies("")], "[]".into()).await.unwrap();
        println!("{:<10} {:>7} {:>9} {:>9}  answer", "attack", "seconds", "MiB then", "MiB after");
        for (word, expected) in ATTACKS {
            let once = async || {
                let began = Instant::now();
                let answer = runtime.decide(&policy, &doing(word)).await;
                assert!(began.elapsed() < DEADLINE, "{word}: {:?}", began.elapsed());
                assert!(size(&answer) <= 100 * (8 << 10), "{word}: {} bytes", size(&answer));
                // Whatever it was, the next question is answered.
                let next = runtime.decide(&policy, &doing("ask")).await;
                assert_eq!(told(&next), "ask; one: a person should look", "after {word}");
                (answer, began.elapsed())
            };
            let (answer, took) = once().await;
            let before = resident();
            for _ in 0..3 {
                once().await;
            }
            let after = resident();
            println!(
                "{word:<10} {:>7.3} {:>9.1} {:>9.1}  {}",
                took.as_secs_f64(),
                before as f64 / f64::from(1 << 20),
                after as f64 / f64::from(1 << 20),
                short(&told(&answer))
            );
            assert!(told(&answer).contains(expected), "{word}: {}", short(&told(&answer)));
            assert!(after <= before + TOLERANCE, "{word}: {before} grew to {after}");
        }
    });
}

#[test]
fn sixty_four_questions_at_a_time_are_each_answered_right_while_some_break() {
    let _alone = alone();
    let threads =
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    threads.block_on(async {
        let runtime = Arc::new(runtime());
        let policy =
            runtime.load_policy(&the_decider(), &[policies("")], "[]".into()).await.unwrap();
        let policy = Arc::new(policy);
        let cedar = Arc::new(load_cedar(&runtime, &[policies(many(100))]).await.unwrap());
        let mut most = 0;
        for _ in 0..3 {
            let before = resident();
            let mut asked = Vec::new();
            for number in 0..64_usize {
                let what = ["ask", "deny", "panic", "", "cite", "exit", "ask", "err"][number % 8];
                let what = if number == 40 { "spin" } else { what };
                let (runtime, policy) = (Arc::clone(&runtime), Arc::clone(&policy));
                let cedar = Arc::clone(&cedar);
                asked.push(tokio::spawn(async move {
                    let broken = runtime.decide(&policy, &doing(what)).await;
                    let account = number * 2;
                    let arguments = format!("{{\"to\":\"account-{account}\"}}");
                    (what, broken, account, runtime.decide(&cedar, &request(arguments)).await)
                }));
            }
            for asked in asked {
                let (what, answer, account, by_cedar) = asked.await.unwrap();
                let expected = match what {
                    "ask" => Effect::Ask,
                    "" => Effect::Allow,
                    _ => Effect::Deny,
                };
                assert_eq!(answer.effect, expected, "{what}: {}", told(&answer));
                assert_eq!(answer.errors.is_empty(), matches!(what, "ask" | "deny" | ""), "{what}");
                match account < 100 {
                    true => assert_eq!(told(&by_cedar), format!("deny; no-{account}: -")),
                    false => assert_eq!(told(&by_cedar), "allow; everything: -"),
                }
            }
            most = most.max(resident().saturating_sub(before));
        }
        println!("64 questions at a time, three times: at most {} MiB more", most >> 20);
        // Eight instances at most of each policy, of a few megabytes.
        assert!(most < 256 << 20, "{most}");
    });
}
