//! A policy that does what its sources and the arguments of a call name.

#[path = "../../hostile/src/reach.rs"]
mod everywhere;
mod reach;

use initrunner_sdk::Content;
use initrunner_sdk::policy::{
    Decision, Diagnostic, Effect, Policy, Reason, Request, Source, SourceKind, Summary,
};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

struct Decider {
    asked: AtomicU32,
}

impl Policy for Decider {
    fn load(sources: Vec<Source>) -> Result<(Self, Summary), Vec<Diagnostic>> {
        for source in sources.iter().filter(|it| it.kind == SourceKind::Policies) {
            match source.text.as_str() {
                "refuse" => {
                    return Err(vec![Diagnostic::error(&source.name, Some((1, 2)), "it is wrong")]);
                }
                "refuse silently" => return Err(Vec::new()),
                "panic" => panic!("loading went wrong"),
                "spin" => spin(),
                "sleep" => std::thread::sleep(Duration::from_secs(3_600)),
                "hoard" => hoard(),
                "exit" => std::process::exit(0),
                "many" => {
                    let names: Vec<String> =
                        (0..200_000).map(|n| format!("policy{n:020}")).collect();
                    return Ok((Self::new(), Summary::of(names.iter().map(String::as_str))));
                }
                "long" => return Ok((Self::new(), Summary::of(["x".repeat(257).as_str()]))),
                "nameless" => return Ok((Self::new(), Summary::of([""]))),
                "twice" => return Ok((Self::new(), Summary::of(["same", "same"]))),
                _ => {}
            }
        }
        Ok((Self::new(), Summary::of(["one", "other"])))
    }

    fn decide(&self, request: &Request) -> Decision {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        let arguments: serde_json::Value =
            serde_json::from_str(&request.arguments).unwrap_or_default();
        let action = arguments["do"].as_str().unwrap_or_default();
        let say = |message: String| Decision::of(Effect::Allow, Reason::new("one", &message));
        if let Some(name) = action.strip_prefix("reach ") {
            return say(told(name));
        }
        match action {
            "ask" => Decision::of(Effect::Ask, Reason::new("one", "a person should look")),
            "deny" => Decision::of(Effect::Deny, Reason::new("other", "not here")),
            "err" => Decision { effect: Effect::Allow, ..Decision::error("`one` broke") },
            "cite" => Decision::of(Effect::Allow, Reason::new("nobody's", "made up")),
            "panic" => panic!("deciding went wrong"),
            "spin" => spin(),
            "sleep" => {
                std::thread::sleep(Duration::from_secs(3_600));
                say("it slept".into())
            }
            "hoard" => hoard(),
            "recurse" => say(recurse(arguments.to_string().len()).to_string()),
            "exit" => std::process::exit(0),
            "effect" => nonsense(say(String::new())),
            "page" => say("x".repeat(1 << 20)),
            "book" => say("x".repeat(32 << 20)),
            "many" => {
                let reason = Reason { policy: "one".into(), message: None, severity: None };
                Decision { reasons: vec![reason; 10_000], ..Decision::allow() }
            }
            "very many" => {
                let reason = Reason { policy: String::new(), message: None, severity: None };
                Decision { reasons: vec![reason; 2_000_000], ..Decision::allow() }
            }
            "errors" => Decision { errors: vec!["x".repeat(100); 10_000], ..Decision::allow() },
            "controls-deny" => {
                Decision::of(Effect::Deny, Reason::new("one", "\u{1b}[2Ja\nb\u{202e}c"))
            }
            "print" => {
                eprintln!("the arguments of one call");
                say("printed".into())
            }
            "count" => say(asked.to_string()),
            "look" => {
                let since = SystemTime::UNIX_EPOCH.elapsed().map(|it| it.as_nanos());
                let moment = Instant::now().elapsed().as_nanos();
                let hash = RandomState::new().hash_one(0_u8);
                let variables = std::env::vars().count();
                let file = std::fs::read("/etc/hostname").is_ok();
                let socket = std::net::TcpStream::connect("127.0.0.1:1").map(|_| ()).is_ok();
                say(format!("{since:?} {moment} {hash} {variables} {file} {socket}"))
            }
            _ => Decision::allow(),
        }
    }
}

impl Decider {
    fn new() -> Self {
        Self { asked: AtomicU32::new(0) }
    }
}

/// What a function of WASI says.
fn told(name: &str) -> String {
    if let Some(told) = reach::reach(name) {
        return told;
    }
    match everywhere::reach(name, "localhost") {
        Some(Ok(Content::Text(text) | Content::Json(text))) => text,
        Some(Err(failure)) => format!("{failure:?}"),
        None => "unknown".into(),
    }
}

/// An answer that is none of the three.
#[expect(unsafe_code, reason = "what a component may be that no compiler made")]
fn nonsense(mut decision: Decision) -> Decision {
    let effect = std::hint::black_box(std::ptr::from_mut(&mut decision.effect).cast::<u8>());
    // SAFETY: none; the sandbox is what is tested.
    unsafe { effect.write_volatile(7) };
    std::hint::black_box(decision)
}

fn hoard() -> ! {
    let mut hoard = Vec::new();
    loop {
        hoard.push(vec![1_u8; 1 << 20]);
    }
}

fn recurse(depth: usize) -> usize {
    std::hint::black_box([depth; 64])[0] + recurse(depth + 1)
}

fn spin() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

initrunner_sdk::export_policy!(Decider);
