//! What it does to its host. Each word is one attack.

use initrunner_sdk::{Content, Failure};
use std::hint::black_box;
use wasip2::clocks::monotonic_clock;
use wasip2::http::{outgoing_handler, types as http};
use wasip2::io::poll;

/// Longer than any test waits, in nanoseconds.
const FOR_EVER: u64 = 1_000_000_000_000_000;

fn spin() -> ! {
    let mut turns = 0u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

fn text(text: impl Into<String>) -> Result<Content, Failure> {
    Ok(Content::Text(text.into()))
}

/// Attacks, where the word names one.
#[expect(clippy::print_stdout, reason = "printing is one of the attacks")]
pub(crate) fn attack(word: &str, target: &str) -> Option<Result<Content, Failure>> {
    Some(match word {
        "nothing" => text("nothing"),
        "spin" => spin(),
        "poll-lists" => {
            // Each call hands the host about as many handles as it takes.
            let ready = monotonic_clock::subscribe_duration(0);
            let list = vec![&ready; 1_900];
            loop {
                black_box(poll::poll(&list));
            }
        }
        "huge-list" => {
            let ready = monotonic_clock::subscribe_duration(0);
            text(poll::poll(&vec![&ready; 8_000_000]).len().to_string())
        }
        "poll-list-long" => {
            let ready = monotonic_clock::subscribe_duration(0);
            text(poll::poll(&vec![&ready; 100_000]).len().to_string())
        }
        "huge-fields" => {
            let value = vec![b'x'; 1 << 10];
            let mut kept = Vec::new();
            loop {
                let all: Vec<_> = (0..10_000).map(|n| (format!("x-{n}"), value.clone())).collect();
                kept.push(http::Fields::from_list(&all));
            }
        }
        "allocate" => {
            let mut kept: Vec<Vec<u8>> = Vec::new();
            loop {
                kept.push(black_box(vec![1; 1 << 20]));
            }
        }
        "allocate-small" => {
            let mut kept: Vec<Box<[u8; 24]>> = Vec::new();
            loop {
                kept.push(black_box(Box::new([1; 24])));
            }
        }
        #[cfg(target_arch = "wasm32")]
        "grow-memory" => {
            let mut pages = 0;
            while core::arch::wasm32::memory_grow(0, 1) != usize::MAX {
                pages += 1;
            }
            panic!("no more after {pages} pages")
        }
        "recurse" => text(deep(1).to_string()),
        "recurse-thin" => text(thin(1, 2, 3).to_string()),
        "flood-log" => loop {
            println!("{}", black_box("the same line again and again"));
        },
        "flood-log-wide" => {
            let line = "x".repeat(1 << 20);
            loop {
                println!("{}", black_box(&line));
            }
        }
        "flood-text" => text("é".repeat(6 << 20)),
        "flood-text-huge" => text("x".repeat(40 << 20)),
        "flood-json" => Ok(Content::Json(format!("[{}1]", "1,".repeat(5 << 20)))),
        "deep-json" => Ok(Content::Json(format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)))),
        "flood-failure" => Err(Failure::Failed("x".repeat(12 << 20))),
        "panic" => panic!("{}", "a long message ".repeat(10_000)),
        "trap" => std::process::abort(),
        "exit" => std::process::exit(0),
        "exit-one" => std::process::exit(1),
        "invalid-utf8" => {
            #[expect(unsafe_code, reason = "that the host is given no text is what is tested")]
            // SAFETY: not upheld, on purpose: the text is only passed on, by address and length.
            let lie = unsafe { String::from_utf8_unchecked(vec![b'a', 0xff, 0xfe, b'b']) };
            text(lie)
        }
        "invalid-json" => Ok(Content::Json("{\"a\": 1, \"a\": 2}".into())),
        "no-json" => Ok(Content::Json("\u{0}{".into())),
        "leak-pollables" => {
            let mut kept = Vec::new();
            loop {
                kept.push(monotonic_clock::subscribe_duration(FOR_EVER));
            }
        }
        "leak-fields" => {
            let mut kept = Vec::new();
            loop {
                kept.push(http::Fields::new());
            }
        }
        "sleep" => {
            monotonic_clock::subscribe_duration(FOR_EVER).block();
            text("slept")
        }
        "poll-many" => {
            let kept: Vec<_> =
                (0..400).map(|_| monotonic_clock::subscribe_duration(FOR_EVER)).collect();
            let list: Vec<_> = kept.iter().collect();
            text(poll::poll(&list).len().to_string())
        }
        "random" => loop {
            black_box(wasip2::random::random::get_random_bytes(64 << 10));
        },
        "random-huge" => {
            let much = wasip2::random::random::get_random_bytes(u64::MAX / 2);
            text(much.len().to_string())
        }
        "requests" => requests(target, 1_000),
        "hold" => requests(target, 1),
        _ => return None,
    })
}

/// Calls itself for ever, with something on the stack in memory.
fn deep(level: u64) -> u64 {
    if black_box(level) == u64::MAX {
        return 0;
    }
    let frame = black_box([level; 64]);
    deep(level + 1) + frame[(level % 64) as usize]
}

/// Calls itself for ever, with nothing but what the engine keeps of a call.
#[inline(never)]
fn thin(one: u64, two: u64, three: u64) -> u64 {
    if one == 0 {
        return two ^ three;
    }
    thin(one.wrapping_add(2), two.rotate_left(1) ^ one, three.wrapping_mul(one))
        .wrapping_add(two)
        .rotate_left(3)
}

/// Sends so many requests at once to an address and waits for all of them.
fn requests(target: &str, count: usize) -> Result<Content, Failure> {
    let mut waiting = Vec::new();
    let mut refused = String::new();
    for _ in 0..count {
        let request = http::OutgoingRequest::new(http::Fields::new());
        let shaped = request.set_scheme(Some(&http::Scheme::Http)).is_ok()
            && request.set_authority(Some(target)).is_ok()
            && request.set_path_with_query(Some("/")).is_ok();
        if !shaped {
            return Err(Failure::InvalidArguments(format!("no request for {target}")));
        }
        match outgoing_handler::handle(request, None) {
            Ok(response) => waiting.push(response),
            Err(error) => refused = format!("{error:?}"),
        }
    }
    let mut answered = 0;
    for response in &waiting {
        response.subscribe().block();
        match response.get() {
            Some(Ok(Ok(_))) => answered += 1,
            Some(Ok(Err(error))) => refused = format!("{error:?}"),
            _ => {}
        }
    }
    Err(Failure::Failed(format!("{answered} of {count} answered; {refused}")))
}
