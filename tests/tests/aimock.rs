//! A conversation of two turns with the mock model server aimock.

use expect_test::expect;
use initrunner::domain::role::Provider;
use initrunner::llm::{Timing, connect_with};
use initrunner_tests::aimock::Aimock;
use initrunner_tests::ask::{ask, results, said, spec, spec_of, user};
use std::collections::BTreeMap;

#[test]
fn a_call_and_the_answer_after_its_result_are_streamed() {
    let aimock = Aimock::start("delete-scratch.json");
    let timing = Timing { attempts: 1, ..Timing::default() };
    let spec = spec(aimock.base_url());
    let model = connect_with(&spec, &BTreeMap::new(), &|_| None, timing);
    let (shown, reply) = ask(&model, &[user("delete scratch")]);
    let reply = reply.unwrap_or_else(|| panic!("{shown}"));
    assert_eq!(shown.lines().next(), Some("+ shell"));
    assert_eq!(reply.calls.len(), 1);
    assert_eq!(reply.calls[0].tool, "shell");
    assert_eq!(reply.calls[0].arguments, r#"{"command":"rm -rf ./scratch"}"#);
    assert!(reply.calls[0].provider_id.is_some());

    let said = said(&reply);
    let history = [vec![user("delete scratch"), said.clone()], results(&said, "")].concat();
    let (shown, _) = ask(&model, &history);
    expect![[r#"
        > "Deleted ./scratch."
        = "Deleted ./scratch." 6/5
    "#]]
    .assert_eq(&shown);

    let (shown, _) = ask(&model, &[user("what no fixture answers")]);
    expect![[r#"
        ! the model server at `AIMOCK` failed with status 503: Strict mode: no fixture matched; resume to try again (temporary)
    "#]].assert_eq(&shown.replace(aimock.base_url(), "AIMOCK"));
}

#[test]
fn every_protocol_has_its_two_turns() {
    let aimock = Aimock::start("delete-scratch.json");
    let timing = Timing { attempts: 1, ..Timing::default() };
    for (provider, base_url) in [
        (Provider::OpenAi, aimock.base_url()),
        (Provider::OpenAiResponses, aimock.base_url()),
        (Provider::Anthropic, aimock.url()),
        (Provider::Gemini, aimock.url()),
        (Provider::Ollama, aimock.url()),
    ] {
        let spec = spec_of(provider, base_url);
        let model = connect_with(&spec, &BTreeMap::new(), &|_| None, timing.clone());
        let (shown, reply) = ask(&model, &[user("delete scratch")]);
        let reply = reply.unwrap_or_else(|| panic!("{provider:?}: {shown}"));
        assert_eq!(shown.lines().next(), Some("+ shell"), "{provider:?}");
        assert_eq!(reply.calls.len(), 1, "{provider:?}");
        assert_eq!(reply.calls[0].tool, "shell", "{provider:?}");
        let arguments: serde_json::Value =
            serde_json::from_str(&reply.calls[0].arguments).expect("JSON");
        assert_eq!(arguments, serde_json::json!({"command": "rm -rf ./scratch"}), "{provider:?}");

        let said = said(&reply);
        let history = [vec![user("delete scratch"), said.clone()], results(&said, "ok")].concat();
        let (shown, reply) = ask(&model, &history);
        let reply = reply.unwrap_or_else(|| panic!("{provider:?}: {shown}"));
        assert_eq!((&*reply.text, reply.calls.len()), ("Deleted ./scratch.", 0), "{provider:?}");

        let (shown, _) = ask(&model, &[user("what no fixture answers")]);
        assert!(shown.contains("(temporary)"), "{provider:?}: {shown}");
    }
}
