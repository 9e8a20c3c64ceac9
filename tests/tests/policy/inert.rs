//! What a policy can reach: nothing of the host, and of WASI nothing that tells one moment, machine or
//! instance from another.

use super::{load, request, runtime, wait};
use expect_test::expect;
use initrunner::domain::digest::Digest;
use initrunner::plugin::Source;
use initrunner::plugin::policy::PolicyError;
use initrunner_tests::components::policy_importing;
use initrunner_tests::interfaces::{of_host, of_wasi};
use std::collections::BTreeMap;

/// What a function tells a policy.
#[derive(Clone, Copy)]
enum Tells {
    /// This, whenever and wherever it is called.
    Always(&'static str),
    /// A failure that begins like this.
    Refused(&'static str),
    /// A method of something that only refused functions give.
    OutOfReach(&'static str),
    /// Only what the policy itself put in.
    Itself(&'static str),
    /// Not linked, or what a component exports.
    NotLinked(&'static str),
}

use Tells::{Always, Itself, NotLinked, OutOfReach, Refused};

/// By interface, or by `interface.function` or `interface.resource`: the longest that fits counts.
const TELLS: [(&str, Tells); 58] = [
    ("wasi:cli/environment.get-environment", Always("[]")),
    ("wasi:cli/environment.get-arguments", Always("[]")),
    ("wasi:cli/environment.initial-cwd", Always("None")),
    ("wasi:cli/exit", Itself("ends the instance, and the question is denied")),
    ("wasi:cli/run", NotLinked("what a program exports")),
    ("wasi:cli/stdin.get-stdin", Always("StreamError::Closed")),
    ("wasi:cli/stdout.get-stdout", Always("written")),
    ("wasi:cli/stderr.get-stderr", Always("written")),
    ("wasi:cli/terminal-input", OutOfReach("no terminal is given")),
    ("wasi:cli/terminal-output", OutOfReach("no terminal is given")),
    ("wasi:cli/terminal-stdin.get-terminal-stdin", Always("None")),
    ("wasi:cli/terminal-stdout.get-terminal-stdout", Always("None")),
    ("wasi:cli/terminal-stderr.get-terminal-stderr", Always("None")),
    ("wasi:clocks/monotonic-clock.now", Always("0")),
    ("wasi:clocks/monotonic-clock.resolution", Always("1")),
    // What is due now is ready. What is due in a nanosecond never is, nor what an earlier question waited
    // for.
    ("wasi:clocks/monotonic-clock.subscribe-instant", Always("true false false")),
    ("wasi:clocks/monotonic-clock.subscribe-duration", Always("true false false")),
    ("wasi:clocks/wall-clock.now", Always("Datetime { seconds: 0, nanoseconds: 0 }")),
    ("wasi:clocks/wall-clock.resolution", Always("Datetime { seconds: 1, nanoseconds: 0 }")),
    ("wasi:clocks/timezone", NotLinked("not part of WASI 0.2 as it was released")),
    ("wasi:filesystem/preopens.get-directories", Refused("no pre-opened folders")),
    ("wasi:filesystem/types.descriptor", OutOfReach("descriptors begin with a granted folder")),
    ("wasi:filesystem/types.directory-entry-stream", OutOfReach("a descriptor gives them")),
    ("wasi:filesystem/types.filesystem-error-code", Itself("reads an error that it was given")),
    ("wasi:io/error", Itself("the text of an error that it was given")),
    // Of two, the one that is due now and not the one that is due in a nanosecond.
    ("wasi:io/poll.poll", Always("[1]")),
    (
        "wasi:io/poll.pollable",
        Itself("the clock's above; output is always ready, input at its end"),
    ),
    ("wasi:io/streams", Itself("the log, which it cannot read, and an empty input")),
    ("wasi:random/random.get-random-bytes", Always("[0, 0, 0, 0]")),
    ("wasi:random/random.get-random-u64", Always("0")),
    ("wasi:random/insecure.get-insecure-random-bytes", Always("[0, 0, 0, 0]")),
    ("wasi:random/insecure.get-insecure-random-u64", Always("0")),
    ("wasi:random/insecure-seed.insecure-seed", Always("(0, 0)")),
    ("wasi:sockets/instance-network.instance-network", Always("a handle")),
    ("wasi:sockets/network", OutOfReach("reads an error; what takes the handle is refused")),
    ("wasi:sockets/ip-name-lookup.resolve-addresses", Refused("refused: access-denied")),
    (
        "wasi:sockets/ip-name-lookup.resolve-address-stream",
        OutOfReach("`resolve-addresses` gives them"),
    ),
    ("wasi:sockets/tcp.tcp-socket", OutOfReach("`create-tcp-socket` gives them")),
    ("wasi:sockets/tcp-create-socket.create-tcp-socket", Refused("refused: access-denied")),
    ("wasi:sockets/udp.udp-socket", OutOfReach("`create-udp-socket` gives them")),
    ("wasi:sockets/udp.incoming-datagram-stream", OutOfReach("a socket gives them")),
    ("wasi:sockets/udp.outgoing-datagram-stream", OutOfReach("a socket gives them")),
    ("wasi:sockets/udp-create-socket.create-udp-socket", Refused("refused: access-denied")),
    ("wasi:http/types.http-error-code", Itself("reads an error that it was given")),
    ("wasi:http/types.fields", Itself("a list that it made")),
    ("wasi:http/types.incoming-request", OutOfReach("the host gives a policy no requests")),
    ("wasi:http/types.outgoing-request", Itself("words about a request; sending it is refused")),
    ("wasi:http/types.request-options", Itself("words about a request; sending it is refused")),
    ("wasi:http/types.response-outparam", OutOfReach("the host gives a policy no requests")),
    ("wasi:http/types.incoming-response", OutOfReach("only a request that was sent gives them")),
    ("wasi:http/types.incoming-body", OutOfReach("only a response gives them")),
    ("wasi:http/types.future-trailers", OutOfReach("only a response gives them")),
    ("wasi:http/types.outgoing-response", Itself("words about a response to nobody")),
    ("wasi:http/types.outgoing-body", Itself("bytes of a request; sending it is refused")),
    ("wasi:http/types.future-incoming-response", OutOfReach("only a request that was sent")),
    ("wasi:http/incoming-handler", NotLinked("what a server exports")),
    ("wasi:http/outgoing-handler.handle", Refused("refused: ")),
    ("initrunner:", NotLinked("a policy that imports it is refused")),
];

fn tells(function: &str) -> Option<Tells> {
    let fits = |key: &str| {
        function
            .strip_prefix(key)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || key.ends_with(':'))
    };
    TELLS.iter().filter(|(key, _)| fits(key)).max_by_key(|(key, _)| key.len()).map(|(_, it)| *it)
}

#[test]
fn no_function_of_wasi_tells_a_policy_anything() {
    let interfaces = of_wasi();
    let count: usize = interfaces.values().map(Vec::len).sum();
    assert!(count > 150, "{count} functions");
    let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
    wait(async {
        // Two hosts, and two questions to each: whatever differed between them would be told.
        let hosts = [runtime(), runtime()];
        let mut policies = Vec::new();
        for runtime in &hosts {
            policies.push(load(runtime, "").await.unwrap());
        }
        for function in interfaces.values().flatten() {
            let tells = tells(function).unwrap_or_else(|| {
                panic!("`{function}` is on no list of this test: say what it tells a policy")
            });
            let family = match tells {
                Always(_) | Refused(_) => {
                    for (runtime, policy) in hosts.iter().zip(&policies) {
                        for _ in 0..2 {
                            let arguments = serde_json::json!({"do": format!("reach {function}")});
                            let asked = request(&arguments.to_string());
                            let answer = runtime.decide(policy, &asked).await;
                            assert_eq!(answer.errors, Vec::<String>::new(), "{function}");
                            let said = answer.reasons[0].message.clone().unwrap();
                            match tells {
                                Always(constant) => assert_eq!(said, constant, "{function}"),
                                Refused(how) => assert!(
                                    said.starts_with(&format!("Failure::Failed(\"{how}")),
                                    "{function}: {said}"
                                ),
                                _ => unreachable!(),
                            }
                        }
                    }
                    match tells {
                        Always(constant) => {
                            println!("always   {function}: {constant}");
                            "always the same"
                        }
                        _ => {
                            println!("refused  {function}");
                            "refused"
                        }
                    }
                }
                OutOfReach(why) | Itself(why) | NotLinked(why) => {
                    assert!(!why.is_empty());
                    match tells {
                        OutOfReach(_) => "out of reach",
                        Itself(_) => "only what it was given",
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

/// What loading a policy says that imports this.
fn importing(import: &str) -> String {
    wait(async {
        let bytes = policy_importing(import);
        let component =
            Source { name: "greedy".into(), digest: Digest::of(&bytes), bytes: bytes.into() };
        match runtime().load_policy(&component, &[], "[]".into()).await {
            Err(PolicyError::Component(error)) => {
                format!("{}; {}", error.message, error.hint.unwrap_or_default())
            }
            Err(PolicyError::Sources(found)) => format!("{found:?}"),
            Ok(_) => "loaded".into(),
        }
    })
}

#[test]
fn a_policy_that_imports_anything_else_is_refused_by_name() {
    expect![
        "the policy `greedy` imports `initrunner:host/process@0.1.0`, and a policy may reach nothing; what it should know has to be in its sources or in the request"
    ]
    .assert_eq(&importing("initrunner:host/process@0.1.0"));
    let host = of_host();
    assert!(
        host.contains_key("initrunner:host/process") && host.contains_key("initrunner:host/sql")
    );
    let mut imports: Vec<String> = host
        .iter()
        .inspect(|(_, functions)| {
            assert!(functions.iter().all(|function| matches!(tells(function), Some(NotLinked(_)))));
        })
        .flat_map(|(name, _)| [format!("{name}@0.1.0"), format!("{name}@0.1.7")])
        .collect();
    imports.extend(
        [
            "initrunner:host/keys@0.1.0",
            "initrunner:host/process@0.2.0",
            "initrunner:plugin/tools@0.1.0",
            "initrunner:plugin/policies@0.1.0",
            "initrunner:store/runs@0.1.0",
            "wasi:keyvalue/store@0.2.0",
            "wasi:cli/environment@0.3.0",
            "wasi:sockets/tcp@0.1.0",
            "example:evil/everything",
        ]
        .map(str::to_owned),
    );
    for import in imports {
        let said = importing(&import);
        println!("refused  {import}");
        assert!(
            said.starts_with(&format!(
                "the policy `greedy` imports `{import}`, and a policy may reach nothing"
            )),
            "{said}"
        );
    }
}

#[test]
fn what_a_policy_printed_is_forgotten_with_its_question() {
    wait(async {
        let runtime = runtime();
        let policy = load(&runtime, "").await.unwrap();
        let ask = async |what: &str| {
            let asked = request(&serde_json::json!({"do": what}).to_string());
            runtime.decide(&policy, &asked).await
        };
        assert_eq!(ask("print").await.reasons[0].message.as_deref(), Some("printed"));
        let broke = ask("panic").await.errors.join("\n");
        assert!(broke.contains("deciding went wrong"), "{broke}");
        assert!(!broke.contains("the arguments of one call"), "{broke}");
    });
}
