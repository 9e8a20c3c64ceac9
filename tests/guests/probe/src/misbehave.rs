//! What a hostile or broken component does to its host.

use initrunner_sdk::{Content, Failure};
use std::hint::black_box;

/// Never returns, and calls nobody.
pub(crate) fn spin() -> ! {
    let mut turns = 0u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

/// Misbehaves, where the word says how.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "printing is what is tested")]
pub(crate) fn misbehave(action: &str) -> Option<Result<Content, Failure>> {
    Some(match action {
        "loop" => spin(),
        "allocate" => {
            let mut kept: Vec<Vec<u8>> = Vec::new();
            loop {
                kept.push(black_box(vec![1; 1 << 20]));
            }
        }
        "print" => loop {
            println!("{}", black_box("the same line again and again"));
        },
        "print-some" => {
            eprintln!("a note for the log");
            Ok(Content::Text("printed".into()))
        }
        "panic" => panic!("it went wrong on purpose"),
        "trap" => std::process::abort(),
        "overflow" => Ok(Content::Text(deep(1).to_string())),
        "huge" => Ok(Content::Text("é".repeat(1 << 20))),
        "invalid-json" => Ok(Content::Json("{\"a\": 1, \"a\": 2}".into())),
        "handles" => {
            let mut kept = Vec::new();
            loop {
                kept.push(wasip2::clocks::monotonic_clock::subscribe_duration(1_000_000_000_000));
            }
        }
        "sleep" => {
            wasip2::clocks::monotonic_clock::subscribe_duration(1_000_000_000_000).block();
            Ok(Content::Text("slept".into()))
        }
        _ => return None,
    })
}

/// Calls itself for ever, in a way that no compiler turns into a loop.
fn deep(level: u64) -> u64 {
    if black_box(level) == u64::MAX {
        return 0;
    }
    let frame = black_box([level; 64]);
    deep(level + 1) + frame[(level % 64) as usize]
}
