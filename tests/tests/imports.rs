//! Every function that a component can import, enumerated from the interfaces' own texts: refused without
//! a grant, out of reach without something that is refused, or on a list of harmless ones with the
//! reason. A new one is on no list, and fails here until somebody has said which of the three it is.

use initrunner::plugin::CacheFolder;
use initrunner_tests::components::importing;
use initrunner_tests::hostile;
use initrunner_tests::interfaces::{functions, of_host, of_wasi};
use initrunner_tests::sandbox::Sandbox;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// How a function is kept from reaching anything that was not granted.
#[derive(Debug, Clone, Copy)]
enum Kept {
    /// It answers with an error, and the failure says what to write.
    Refused,
    /// It works and gives nothing.
    Empty(&'static str),
    /// A method of something that only refused functions give.
    OutOfReach(&'static str),
    /// It may be used by anybody.
    Harmless(&'static str),
    /// Not linked at all: a component that imports it is refused when the role is loaded, or it is an
    /// export.
    NotLinked(&'static str),
}

use Kept::{Empty, Harmless, NotLinked, OutOfReach, Refused};

/// By interface, or by `interface.function` or `interface.resource`: the longest that fits counts.
const KEPT: [(&str, Kept); 53] = [
    ("wasi:cli/environment.get-environment", Empty("[]")),
    ("wasi:cli/environment.get-arguments", Empty("[]")),
    ("wasi:cli/environment.initial-cwd", Empty("None")),
    ("wasi:cli/exit", Harmless("ends the instance, which ends with the call anyway")),
    ("wasi:cli/run", NotLinked("what a program exports")),
    ("wasi:cli/stdin.get-stdin", Empty("StreamError::Closed")),
    ("wasi:cli/stdout.get-stdout", Harmless("the call's log, of limited size")),
    ("wasi:cli/stderr.get-stderr", Harmless("the call's log, of limited size")),
    ("wasi:cli/terminal-input", OutOfReach("no terminal is given")),
    ("wasi:cli/terminal-output", OutOfReach("no terminal is given")),
    ("wasi:cli/terminal-stdin.get-terminal-stdin", Empty("None")),
    ("wasi:cli/terminal-stdout.get-terminal-stdout", Empty("None")),
    ("wasi:cli/terminal-stderr.get-terminal-stderr", Empty("None")),
    (
        "wasi:clocks/monotonic-clock",
        Harmless("the time is no secret, and waiting is part of the call's time"),
    ),
    ("wasi:clocks/wall-clock", Harmless("the time is no secret")),
    ("wasi:clocks/timezone", NotLinked("not part of WASI 0.2 as it was released")),
    ("wasi:filesystem/preopens.get-directories", Refused),
    ("wasi:filesystem/types.descriptor", OutOfReach("descriptors begin with a granted folder")),
    ("wasi:filesystem/types.directory-entry-stream", OutOfReach("a descriptor gives them")),
    (
        "wasi:filesystem/types.filesystem-error-code",
        Harmless("reads a code from an error that it was given"),
    ),
    ("wasi:io/error", Harmless("the text of an error that it was given")),
    ("wasi:io/poll", Harmless("waiting is part of the call's time")),
    (
        "wasi:io/streams",
        Harmless(
            "bytes of streams that it was given; those that exist are the log and an empty input",
        ),
    ),
    (
        "wasi:random/random",
        Harmless("randomness tells nothing, and one call gives a megabyte at most"),
    ),
    (
        "wasi:random/insecure",
        Harmless("randomness tells nothing, and one call gives a megabyte at most"),
    ),
    ("wasi:random/insecure-seed", Harmless("randomness tells nothing")),
    ("wasi:sockets/instance-network", Harmless("a handle; what takes it is refused")),
    ("wasi:sockets/network", Harmless("a handle, and a code from an error that it was given")),
    ("wasi:sockets/ip-name-lookup.resolve-addresses", Refused),
    (
        "wasi:sockets/ip-name-lookup.resolve-address-stream",
        OutOfReach("`resolve-addresses` gives them"),
    ),
    ("wasi:sockets/tcp.tcp-socket", OutOfReach("`create-tcp-socket` gives them")),
    ("wasi:sockets/tcp-create-socket.create-tcp-socket", Refused),
    ("wasi:sockets/udp.udp-socket", OutOfReach("`create-udp-socket` gives them")),
    ("wasi:sockets/udp.incoming-datagram-stream", OutOfReach("a socket gives them")),
    ("wasi:sockets/udp.outgoing-datagram-stream", OutOfReach("a socket gives them")),
    ("wasi:sockets/udp-create-socket.create-udp-socket", Refused),
    ("wasi:http/types.http-error-code", Harmless("reads a code from an error that it was given")),
    ("wasi:http/types.fields", Harmless("a list in the host's memory, of limited size")),
    ("wasi:http/types.incoming-request", OutOfReach("the host gives a tool no requests")),
    ("wasi:http/types.outgoing-request", Harmless("words about a request; sending it is refused")),
    ("wasi:http/types.request-options", Harmless("words about a request; sending it is refused")),
    ("wasi:http/types.response-outparam", OutOfReach("the host gives a tool no requests")),
    ("wasi:http/types.incoming-response", OutOfReach("only a request that was sent gives them")),
    ("wasi:http/types.incoming-body", OutOfReach("only a response gives them")),
    ("wasi:http/types.future-trailers", OutOfReach("only a response gives them")),
    ("wasi:http/types.outgoing-response", Harmless("words about a response to nobody")),
    ("wasi:http/types.outgoing-body", Harmless("bytes of a request; sending it is refused")),
    ("wasi:http/types.future-incoming-response", Harmless("how sending ended: it was refused")),
    ("wasi:http/incoming-handler", NotLinked("what a server exports")),
    ("wasi:http/outgoing-handler.handle", Refused),
    // Behind these is a grant; without it the role does not load.
    ("initrunner:host/", NotLinked("linked where an entry grants it")),
    ("initrunner:plugin/types", Harmless("types, and no function")),
    ("initrunner:plugin/tools", NotLinked("what a component exports")),
];

fn kept(function: &str) -> Option<Kept> {
    let fits = |key: &str| {
        function
            .strip_prefix(key)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || key.ends_with('/'))
    };
    KEPT.iter().filter(|(key, _)| fits(key)).max_by_key(|(key, _)| key.len()).map(|(_, kept)| *kept)
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn cache() -> CacheFolder {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("imports-cache");
    CacheFolder { folder, key: [6; 32] }
}

#[test]
fn every_function_of_standard_wasi_is_refused_out_of_reach_or_harmless() {
    let interfaces = of_wasi();
    let count: usize = interfaces.values().map(Vec::len).sum();
    // The released interfaces have some two hundred; a reader that sees a few would find nothing wrong.
    assert!(count > 150, "{count} functions");

    let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
    wait(async {
        let sandbox = Sandbox::new(Some(cache()));
        let entry = format!("  - component: {}\n    name: hostile", hostile().display());
        let tools = sandbox.open(&entry, Path::new("/")).await.unwrap();
        for function in interfaces.values().flatten() {
            let kept = kept(function).unwrap_or_else(|| {
                panic!("`{function}` is on no list of this test: say how it is kept from harm")
            });
            let call = async || {
                let arguments =
                    serde_json::json!({"do": function, "text": "localhost"}).to_string();
                sandbox.call(&tools, "hostile", &arguments).await
            };
            let family = match kept {
                Refused => {
                    let said = call().await;
                    assert!(said.starts_with("failed: "), "{function}: {said}");
                    assert!(said.contains("grant"), "{function} names no grant: {said}");
                    println!("refused  {function}: {}", said.replace('\n', " "));
                    "refused, naming a grant"
                }
                Empty(nothing) => {
                    assert_eq!(call().await, format!("ok: {nothing}"), "{function}");
                    "gives nothing"
                }
                OutOfReach(why) | Harmless(why) | NotLinked(why) => {
                    assert!(!why.is_empty());
                    match kept {
                        OutOfReach(_) => "out of reach",
                        Harmless(_) => "harmless",
                        _ => "not linked",
                    }
                }
            };
            *counted.entry(family).or_default() += 1;
        }
    });
    println!("\n{:<26} functions", "family");
    for (family, count) in counted {
        println!("{family:<26} {count}");
    }
}

/// What loading a component says that imports this.
fn load(folder: &Path, import: &str) -> String {
    std::fs::write(folder.join("c.wasm"), importing(import)).unwrap();
    wait(async {
        let sandbox = Sandbox::new(None);
        let opened = sandbox.open("  - component: c.wasm", folder).await;
        opened.err().unwrap_or_else(|| "loaded".into())
    })
}

#[test]
fn every_interface_of_the_host_needs_a_grant_and_names_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let names: BTreeSet<String> = of_host().into_keys().collect();
    assert!(names.contains("initrunner:host/process"), "{names:?}");
    for name in names {
        let said = load(folder.path(), &format!("{name}@0.1.0"));
        println!("refused  {name}: {}", said.replace('\n', " "));
        assert!(
            said.contains(&format!(
                "the component imports `{name}`, which this entry does not grant"
            )),
            "{said}"
        );
        assert!(said.contains("add `grants: {"), "{said}");
        assert!(matches!(kept(&name), Some(NotLinked(_))));
    }
}

#[test]
fn an_import_that_nobody_offers_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "initrunner:host/keys@0.1.0",
        "initrunner:host/process@0.2.0",
        "initrunner:plugin/tools@0.1.0",
        "initrunner:store/runs@0.1.0",
        "wasi:keyvalue/store@0.2.0",
        "wasi:cli/environment@0.3.0",
        "wasi:sockets/tcp@0.1.0",
        "example:evil/everything",
    ] {
        let said = load(folder.path(), name);
        println!("refused  {name}: {}", said.replace('\n', " "));
        assert!(said.contains(&format!("imports `{name}`")), "{name}: {said}");
    }
}

#[test]
fn the_reader_of_interfaces_sees_every_function() {
    let text = "package a:b@0.1.0;\n/// resource x { func( }\ninterface one {\n  f: func();\n  resource r {\n    constructor(a: u8);\n    m: func() -> u8;\n    s: static func();\n  }\n  record q {\n    a: u8,\n  }\n  @unstable(feature = x)\n  u: func();\n  g: async func(x: list<u8>);\n}\ninterface two {\n  resource empty;\n  h: func();\n}\n";
    let found: Vec<String> = functions(text).into_iter().flat_map(|(_, all)| all).collect();
    assert_eq!(
        found,
        [
            "a:b/one.f",
            "a:b/one.r.constructor",
            "a:b/one.r.m",
            "a:b/one.r.s",
            "a:b/one.g",
            "a:b/two.h"
        ]
    );
}
