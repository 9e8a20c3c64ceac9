//! What the parts of WASI that a tool may use tell a policy, as values: the clocks, waiting and randomness.

use std::sync::OnceLock;
use wasip2::clocks::monotonic_clock as clock;
use wasip2::clocks::wall_clock;
use wasip2::{io, random};

/// Calls the function of this name.
pub(crate) fn reach(name: &str) -> Option<String> {
    Some(match name {
        "wasi:clocks/monotonic-clock.now" => format!("{:?}", clock::now()),
        "wasi:clocks/monotonic-clock.resolution" => format!("{:?}", clock::resolution()),
        "wasi:clocks/monotonic-clock.subscribe-instant" => {
            ready(|when| clock::subscribe_instant(clock::now() + when))
        }
        "wasi:clocks/monotonic-clock.subscribe-duration" => ready(clock::subscribe_duration),
        "wasi:clocks/wall-clock.now" => format!("{:?}", wall_clock::now()),
        "wasi:clocks/wall-clock.resolution" => format!("{:?}", wall_clock::resolution()),
        "wasi:io/poll.poll" => {
            let (later, now) = (clock::subscribe_duration(1), clock::subscribe_duration(0));
            spin();
            format!("{:?}", io::poll::poll(&[&later, &now]))
        }
        "wasi:random/random.get-random-bytes" => {
            format!("{:?}", random::random::get_random_bytes(4))
        }
        "wasi:random/random.get-random-u64" => format!("{:?}", random::random::get_random_u64()),
        "wasi:random/insecure.get-insecure-random-bytes" => {
            format!("{:?}", random::insecure::get_insecure_random_bytes(4))
        }
        "wasi:random/insecure.get-insecure-random-u64" => {
            format!("{:?}", random::insecure::get_insecure_random_u64())
        }
        "wasi:random/insecure-seed.insecure-seed" => {
            format!("{:?}", random::insecure_seed::insecure_seed())
        }
        _ => return None,
    })
}

/// Whether what is to be ready in a nanosecond is so, at last; and what a question before this one waited
/// for.
fn ready(subscribe: impl Fn(u64) -> io::poll::Pollable) -> String {
    static BEFORE: OnceLock<Kept> = OnceLock::new();
    let kept = BEFORE.get_or_init(|| Kept(subscribe(1)));
    let (now, later) = (subscribe(0), subscribe(1));
    now.block();
    spin();
    format!("{} {} {}", now.ready(), later.ready(), kept.0.ready())
}

struct Kept(io::poll::Pollable);

/// Some milliseconds.
fn spin() {
    for number in 0..1_000_000_u32 {
        std::hint::black_box(number);
    }
}
