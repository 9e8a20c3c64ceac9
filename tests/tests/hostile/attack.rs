//! What a component does while it is called.

use super::{SLOWEST, alone, cache, open, resident, wait};
use initrunner_tests::sandbox::Sandbox;
use std::time::Instant;

/// Calls at a time, and twice: the first time the host's allocator and the slots of the pool take what they
/// keep, and the second time nothing may be added to it.
const CALLS: usize = 4;

/// What may be added all the same: half of what each of the four calls had in its one memory alone (64 MiB
/// by default). The allocator's own pages come and go by a few; a call that left its memory behind would
/// leave 256 MiB.
const TOLERANCE: u64 = 32 << 20;

/// An attack, and what the sentence about its end says.
const ATTACKS: [(&str, &str); 33] = [
    ("spin", "took longer than its 1 s"),
    ("poll-lists", "took longer than its 1 s"),
    ("poll-list-long", "held more than 1000 handles at once"),
    ("huge-list", "passed more than 16777216 bytes to the host at once"),
    ("huge-fields", "total size of fields exceeds limit"),
    ("allocate", "asked for more than its 64 MiB of memory"),
    ("allocate-small", "asked for more than its 64 MiB of memory"),
    ("grow-memory", "asked for more than its 64 MiB of memory"),
    ("recurse", "call stack overflow"),
    ("recurse-thin", "call stack overflow"),
    ("flood-log", "called the host more than 100000 times"),
    ("flood-log-wide", ""),
    ("flood-text", "[output truncated at 262144 bytes]"),
    ("flood-text-huge", "passed more than 16777216 bytes to the host at once"),
    ("flood-json", "JSON result is larger than 262144 bytes"),
    ("deep-json", "not usable JSON"),
    ("flood-failure", "[output truncated at 262144 bytes]"),
    ("panic", "the tool crashed: it gave up; it printed"),
    ("trap", "the tool crashed: it gave up"),
    ("exit", "ended itself with status 0 instead of answering"),
    ("exit-one", "ended itself with status 1 instead of answering"),
    ("invalid-utf8", "the tool crashed"),
    ("invalid-json", "not usable JSON"),
    ("no-json", "not usable JSON"),
    ("leak-pollables", "held more than 1000 handles at once"),
    ("leak-fields", "held more than 1000 handles at once"),
    ("sleep", "took longer than its 1 s"),
    ("poll-many", "took longer than its 1 s"),
    ("random", ""),
    ("random-huge", "the tool crashed"),
    // Whichever comes first: no answer is waited for.
    ("requests", "HTTP|handles at once"),
    ("hold", "HTTP"),
    ("nothing", "ok: nothing"),
];

/// A second, for what would go on for ever; for what runs into another limit, so much that it does even
/// where two others share the machine.
fn time(expected: &str) -> &'static str {
    match expected {
        "" | "took longer than its 1 s" => "limits: {timeout_seconds: 1}",
        _ => "limits: {timeout_seconds: 60}",
    }
}

#[test]
fn every_attack_ends_within_its_limit_and_leaves_nothing_behind() {
    let _alone = alone();
    println!(
        "{:<18} {:>7} {:>9} {:>9}  next  how it ended",
        "attack", "seconds", "MiB then", "MiB after"
    );
    let sandbox = Sandbox::new(Some(cache()));
    for (word, expected) in ATTACKS {
        let (took, before, after, said, next) = wait(async {
            let tools = open(&sandbox, time(expected)).await;
            let arguments = serde_json::json!({"do": word, "text": "127.0.0.1:1"}).to_string();
            let all = async || {
                let one = || sandbox.call(&tools, "hostile", &arguments);
                let (a, b, c, d) = tokio::join!(one(), one(), one(), one());
                [a, b, c, d]
            };
            let began = Instant::now();
            let [first, ..] = all().await;
            let took = began.elapsed();
            let before = resident();
            let rest = all().await;
            let after = resident();
            assert_eq!(rest.len(), CALLS);
            for said in &rest {
                assert!(expected.split('|').any(|it| said.contains(it)), "{word}: {said}");
            }
            let next = sandbox.call(&tools, "hostile", r#"{"do": "nothing"}"#).await;
            (took, before, after, first, next)
        });
        let line: Vec<char> = said.replace('\n', " ").chars().collect();
        let line: String = match line.len() {
            0..400 => line.into_iter().collect(),
            // The beginning and the end of a long one.
            all => line[..150].iter().chain(&['…']).chain(&line[all - 60..]).collect(),
        };
        println!(
            "{word:<18} {:>7.2} {:>9.1} {:>9.1}  {}  {line}",
            took.as_secs_f64(),
            before as f64 / f64::from(1 << 20),
            after as f64 / f64::from(1 << 20),
            if next == "ok: nothing" { "fine" } else { "NOT " },
        );
        assert!(took < SLOWEST, "{word} took {took:?}");
        assert_eq!(next, "ok: nothing", "after {word}");
        assert!(
            after <= before + TOLERANCE,
            "{word}: {} MiB grew to {} MiB",
            before >> 20,
            after >> 20
        );
    }
}

/// What happens before a person is asked is under the same limits.
#[test]
fn attacks_while_preparing_are_refusals() {
    let _alone = alone();
    wait(async {
        let sandbox = Sandbox::new(Some(cache()));
        for (word, expected) in ATTACKS {
            let settings = format!("approval: required\n{}", time(expected));
            let tools = open(&sandbox, &settings).await;
            // Text is no attack there but where it is too large.
            if matches!(word, "flood-log-wide" | "nothing") {
                continue;
            }
            let arguments = serde_json::json!({"prepare": word, "text": "127.0.0.1:1"}).to_string();
            let began = Instant::now();
            let said = sandbox.call(&tools, "hostile", &arguments).await;
            assert!(began.elapsed() < SLOWEST, "{word}");
            let expected = match word {
                "flood-text" | "flood-json" => "preview is larger than 262144 bytes",
                // A preview is text, whatever it looks like.
                "deep-json" | "invalid-json" | "no-json" => "",
                _ => expected,
            };
            assert!(expected.split('|').any(|it| said.contains(it)), "{word}: {said}");
            let well = sandbox.call(&tools, "hostile", "{}").await;
            assert_eq!(well, "waiting: harmless", "after {word}");
        }
    });
}

/// A person is told what to write, and each key tightens what it names.
#[test]
fn each_limit_has_a_key_that_tightens_it() {
    let _alone = alone();
    let check = |limits: &str, word: &str, expected: &str| {
        let said = wait(async {
            let sandbox = Sandbox::new(Some(cache()));
            let settings = format!("limits: {{{limits}}}");
            let component = super::entry(initrunner_tests::hostile(), &settings);
            match sandbox.open(&component, std::path::Path::new("/")).await {
                Ok(tools) => {
                    let arguments = serde_json::json!({"do": word, "text": ""}).to_string();
                    sandbox.call(&tools, "hostile", &arguments).await
                }
                Err(problems) => problems,
            }
        });
        assert!(said.contains(expected), "{limits}: {said}");
        let key = limits.split(':').next().unwrap();
        assert!(said.contains(key) || word == "flood-text", "{limits}: {said}");
    };
    check("timeout_seconds: 2", "sleep", "longer than its 2 s");
    check("memory_mb: 5", "allocate", "more than its 5 MiB of memory");
    check("max_output_bytes: 9", "flood-text", "[output truncated at 9 bytes]");
    check("max_output_bytes: 9", "flood-json", "larger than 9 bytes");
    check("max_host_calls: 60", "flood-log", "more than 60 times");
    check("max_host_call_bytes: 100000", "huge-list", "more than 100000 bytes");
    check("max_handles: 12", "leak-fields", "more than 12 handles");
    check("max_instances: 1", "nothing", "made of more than 1 core instances");
    check("max_tables: 1", "nothing", "made of more than 1 tables");
    check("max_table_elements: 1", "nothing", "a table of more than 1 elements");
    check("memory_mb: 257", "nothing", "this host allows 256 at most");
}

#[test]
fn the_log_is_kept_as_far_as_its_limit() {
    let _alone = alone();
    let said = |limits: &str| {
        wait(async {
            let sandbox = Sandbox::new(Some(cache()));
            let tools = open(&sandbox, limits).await;
            sandbox.call(&tools, "hostile", r#"{"do": "panic"}"#).await
        })
    };
    assert!(said("").contains("it printed `thread"));
    assert!(said("limits: {max_log_bytes: 4}").contains("it printed `thr [log truncated]`"));
}
