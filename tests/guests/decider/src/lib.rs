//! A policy that does what its sources and the arguments of a call name.

use initrunner_sdk::policy::{
    Decision, Diagnostic, Effect, Policy, Reason, Request, Source, SourceKind, Summary,
};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Instant, SystemTime};

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
        let say = |message: String| Decision::of(Effect::Allow, Reason::new("one", &message));
        match arguments["do"].as_str().unwrap_or_default() {
            "ask" => Decision::of(Effect::Ask, Reason::new("one", "a person should look")),
            "deny" => Decision::of(Effect::Deny, Reason::new("other", "not here")),
            "err" => Decision { effect: Effect::Allow, ..Decision::error("`one` broke") },
            "cite" => Decision::of(Effect::Allow, Reason::new("nobody's", "made up")),
            "panic" => panic!("deciding went wrong"),
            "spin" => spin(),
            "hoard" => {
                let mut hoard = Vec::new();
                loop {
                    hoard.push(vec![1_u8; 1 << 20]);
                }
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

fn spin() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

initrunner_sdk::export_policy!(Decider);
