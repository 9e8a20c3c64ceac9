//! What holds for every protocol: refusals, waits, and answers that cannot be read.

use crate::{model, quick, shown, spec_at};
use initrunner::domain::role::Provider;
use initrunner::llm::{Timing, connect};
use initrunner_tests::ask::{ask, spec_of, user};
use initrunner_tests::model_stub::{Answer, ModelStub};
use std::collections::BTreeMap;
use std::time::Duration;

const PROTOCOLS: [Provider; 5] = [
    Provider::OpenAi,
    Provider::OpenAiResponses,
    Provider::Anthropic,
    Provider::Gemini,
    Provider::Ollama,
];

/// The beginning of a stream of one protocol, its first part, and what ends it.
fn good(provider: Provider) -> (Answer, String, String) {
    let (first, rest) = match provider {
        Provider::OpenAi => (
            r#"{"choices":[{"delta":{"content":"ok"}}]}"#,
            vec![r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#],
        ),
        Provider::OpenAiResponses => (
            r#"{"type":"response.output_text.delta","delta":"ok"}"#,
            vec![
                r#"{"type":"response.completed","response":{"output":[{"type":"message","content":[{"type":"output_text","text":"ok"}]}]}}"#,
            ],
        ),
        Provider::Anthropic => (
            r#"{"type":"message_start","message":{}}"#,
            vec![
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"ok"}}"#,
                r#"{"type":"content_block_stop","index":0}"#,
                r#"{"type":"message_stop"}"#,
            ],
        ),
        Provider::Gemini => (
            r#"{"candidates":[{"content":{"parts":[{"text":"ok"}]}}]}"#,
            vec![r#"{"candidates":[{"finishReason":"STOP"}]}"#],
        ),
        Provider::Ollama | Provider::Scripted => (
            r#"{"message":{"content":"ok"},"done":false}"#,
            vec![r#"{"message":{"content":""},"done":true}"#],
        ),
    };
    let (begin, before, after) = match provider {
        Provider::Ollama => (Answer::lines(), "", "\n"),
        _ => (Answer::stream(), "data: ", "\n\n"),
    };
    let framed = |data: &str| format!("{before}{data}{after}");
    (begin, framed(first), rest.into_iter().map(framed).collect())
}

fn whole(provider: Provider) -> Answer {
    let (begin, first, rest) = good(provider);
    begin.then(first).then(rest)
}

#[test]
fn a_wrong_key_is_told_without_the_key_and_not_tried_again() {
    for provider in PROTOCOLS {
        let body = r#"{"type":"error","error":{"message":"invalid key sk-very-secret"}}"#;
        let denied = Answer::response("401 Unauthorized", &[], body);
        assert_eq!(
            shown(provider, vec![denied], quick()),
            "! the model server at `http://STUB` refused access (status 401): invalid key [key]; check the key in `TEST_KEY`, then resume (temporary)\n",
            "{provider:?}"
        );
    }
}

#[test]
fn a_busy_server_is_asked_again_after_as_long_as_it_says() {
    for provider in PROTOCOLS {
        let body = r#"{"error":{"message":"Slow down"}}"#;
        let busy = |after| Answer::response("429 Too Many Requests", &[after], body);
        assert_eq!(
            shown(provider, vec![busy("Retry-After: 1"), whole(provider)], quick()),
            "~ 1s: status 429: Slow down\n> \"ok\"\n= \"ok\" 0/0\n",
            "{provider:?}"
        );
        assert_eq!(
            shown(provider, vec![busy("Retry-After: 3600")], quick()),
            "! the model server at `http://STUB` asks to wait 3600 s (status 429): Slow down; resume after that (temporary)\n",
            "{provider:?}"
        );
    }
}

#[test]
fn a_broken_server_is_asked_again_and_then_left() {
    for provider in PROTOCOLS {
        let broken = || Answer::response("500 Internal Server Error", &[], "no luck");
        assert_eq!(
            shown(provider, vec![broken(), Answer::nothing(), whole(provider)], quick()),
            "~ 2ms: status 500: no luck\n~ 4ms: connection closed before message completed\n> \"ok\"\n= \"ok\" 0/0\n",
            "{provider:?}"
        );
        let twice = Timing { attempts: 2, ..quick() };
        assert_eq!(
            shown(provider, vec![broken(), broken()], twice),
            "~ 2ms: status 500: no luck\n! the model server at `http://STUB` failed 2 times, lastly with status 500: no luck; resume to try again (temporary)\n",
            "{provider:?}"
        );
    }
}

#[test]
fn what_is_not_json_is_never_repaired() {
    for provider in PROTOCOLS {
        let (begin, first, rest) = good(provider);
        let broken = first.replacen(r#""ok""#, r#""o" k""#, 1).replacen("{}}", "{}]", 1);
        assert_ne!(broken, first);
        let shown = shown(provider, vec![begin.then(broken).then(rest)], quick());
        assert!(
            shown.contains("cannot be read: `{")
                && shown.ends_with("is not JSON; resume to ask again (temporary)\n"),
            "{provider:?}: {shown}"
        );
    }
}

#[test]
fn a_silent_server_is_given_up() {
    for provider in PROTOCOLS {
        let (begin, first, _) = good(provider);
        let idle = Timing { idle: Duration::from_millis(100), ..quick() };
        let shown = shown(provider, vec![begin.then(first).stall()], idle);
        let told = shown.lines().last().unwrap_or_default();
        assert_eq!(
            told,
            "! the model server at `http://STUB` sent nothing for 0.1 s; resume to ask again (temporary)",
            "{provider:?}"
        );
    }
}

#[test]
fn a_missing_key_names_its_variable_and_one_of_somebody_else_is_not_sent() {
    for (provider, variable) in [
        (Provider::OpenAiResponses, "OPENAI_API_KEY"),
        (Provider::Anthropic, "ANTHROPIC_API_KEY"),
        (Provider::Gemini, "GEMINI_API_KEY"),
    ] {
        let spec = initrunner::domain::role::ModelSpec::new(provider, "m");
        assert_eq!(
            ask(&connect(&spec, &BTreeMap::new(), &|_| None), &[]).0,
            format!(
                "! the model's key is missing: set the environment variable `{variable}` (temporary)\n"
            )
        );
        // Gemini's has two names.
        let env = |name: &str| (name == "GOOGLE_API_KEY").then(|| "k".to_owned());
        let is_known = connect(&spec, &BTreeMap::new(), &env).is_ok();
        assert_eq!(is_known, provider == Provider::Gemini, "{provider:?}");
    }
    for provider in PROTOCOLS {
        let stub = ModelStub::serve(vec![whole(provider)]);
        let key = |_: &str| Some("sk-of-somebody-else".to_owned());
        let model = connect(&spec_of(provider, &stub.url()), &BTreeMap::new(), &key);
        assert_eq!(ask(&model, &[user("hi")]).0, "> \"ok\"\n= \"ok\" 0/0\n", "{provider:?}");
        assert!(!stub.requests()[0].contains("sk-of-somebody-else"), "{provider:?}");
        let named = spec_at(provider, &stub);
        assert_eq!(named.key_variables(), ["TEST_KEY"]);
    }
}

/// The parts of a whole answer of each protocol, with everything that it can hold.
fn parts(provider: Provider) -> Vec<String> {
    match provider {
        Provider::OpenAiResponses => crate::events(&crate::openai_responses::PARTS),
        Provider::Anthropic => crate::events(&crate::anthropic::PARTS),
        Provider::Gemini => crate::events(&crate::gemini::PARTS),
        _ => crate::ollama::PARTS.iter().map(|line| format!("{line}\n")).collect(),
    }
}

#[test]
fn parts_that_are_missing_twice_or_out_of_order_break_nothing() {
    for provider in &PROTOCOLS[1..] {
        let parts = parts(*provider);
        let begin = if *provider == Provider::Ollama { Answer::lines } else { Answer::stream };
        let all = |parts: &[String]| parts.iter().fold(begin(), |answer, part| answer.then(part));
        let mut streams = Vec::new();
        for at in 0..parts.len() {
            let (mut without, mut twice, mut swapped) =
                (parts.clone(), parts.clone(), parts.clone());
            without.remove(at);
            twice.insert(at, parts[at].clone());
            swapped.swap(at, (at + 1) % parts.len());
            streams.extend([without, twice, swapped]);
        }
        let stub = ModelStub::serve(streams.iter().map(|parts| all(parts)).collect());
        let once = Timing { attempts: 1, after_finish: Duration::from_millis(50), ..quick() };
        let asked = model(&spec_at(*provider, &stub), once);
        for (number, _) in streams.iter().enumerate() {
            let (shown, reply) = ask(&asked, &[user("hi")]);
            // Whatever the order, a call that is taken has all of its arguments.
            for call in reply.into_iter().flat_map(|reply| reply.calls) {
                let whole = [r#"{"b" : 1.0,  "a":"\u00e9"}"#, "{}", ""];
                let pieces = [r#"{"b" : 1.0,  "a""#, r#":"\u00e9"}"#];
                let is_whole = whole.contains(&&*call.arguments);
                // Pieces carry no number of their own: one that the network lost would be noticed
                // below HTTP, and what is left of the text is no JSON, which no tool is called with.
                let is_noticed = pieces.iter().any(|piece| call.arguments.contains(piece))
                    && serde_json::from_str::<serde_json::Value>(&call.arguments).is_err();
                assert!(is_whole || is_noticed, "{provider:?} {number}: {shown}");
            }
        }
    }
}
