//! Calls at a time: a plugin has so many turns, and one whose calls hang leaves room for the others.

use super::{alone, cache, entry, open, wait};
use initrunner::domain::config;
use initrunner::plugin::Pool;
use initrunner_tests::sandbox::Sandbox;
use initrunner_tests::{hostile, probe};
use std::path::Path;
use std::time::{Duration, Instant};

const PROBE: &str = "grants: {process: [{program: 'true'}]}";

#[test]
fn a_plugin_whose_calls_hang_does_not_hold_up_another() {
    let _alone = alone();
    wait(async {
        // As many slots as the plugin could fill twice.
        let pool = Pool { instances: 4, ..Pool::MANY_RUNS };
        let config = config::parse("limits.max_concurrent_calls = 2", "c").unwrap();
        let sandbox = Sandbox::with_config(Some(cache()), pool, config);
        let slow = open(&sandbox, "limits: {timeout_seconds: 4}").await;
        let impatient = open(&sandbox, "limits: {timeout_seconds: 1}").await;
        let other = entry(probe(), PROBE);
        let other = sandbox.open(&other, Path::new("/")).await.unwrap();
        let hang = |tools| sandbox.call(tools, "hostile", r#"{"do": "sleep"}"#);
        let first = async { tokio::join!(hang(&slow), hang(&slow)) };
        let later = async {
            // The first two have their turns.
            tokio::time::sleep(Duration::from_millis(300)).await;
            tokio::join!(hang(&impatient), hang(&impatient), hang(&impatient))
        };
        let beside = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let began = Instant::now();
            let said = sandbox.call(&other, "hostile", r#"{"do": "nothing"}"#).await;
            (said, began.elapsed())
        };
        let (first, later, (said, took)) = tokio::join!(first, later, beside);
        assert_eq!(said, "ok: nothing");
        assert!(took < Duration::from_secs(2), "{took:?}");
        for said in [first.0, first.1] {
            assert!(said.contains("longer than its 4 s"), "{said}");
        }
        // What they waited was their time, and nothing of them happened.
        for said in [later.0, later.1, later.2] {
            let expected = "was not started: for 1 s, other calls had all the places that there are (its plugin has 2;";
            assert!(said.contains(expected) && said.contains("max_concurrent_calls"), "{said}");
        }
        // And afterwards everything is as it was.
        assert_eq!(sandbox.call(&slow, "hostile", "{}").await, "ok: nothing");
    });
}

#[test]
fn entries_of_one_plugin_share_its_turns() {
    let _alone = alone();
    wait(async {
        let sandbox = Sandbox::new(Some(cache()));
        let one = open(&sandbox, "limits: {timeout_seconds: 3, max_concurrent_calls: 1}").await;
        let same = open(&sandbox, "limits: {timeout_seconds: 1, max_concurrent_calls: 1}").await;
        let more = open(&sandbox, "limits: {timeout_seconds: 1, max_concurrent_calls: 2}").await;
        let hang = |tools| sandbox.call(tools, "hostile", r#"{"do": "sleep"}"#);
        let later = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            tokio::join!(hang(&same), hang(&more))
        };
        let (first, (second, third)) = tokio::join!(hang(&one), later);
        assert!(first.contains("longer than its 3 s and"), "{first}");
        assert!(second.contains("was not started"), "{second}");
        assert!(third.contains("longer than its 1 s and"), "{third}");
    });
}

#[test]
fn a_host_can_lower_what_a_role_says_nothing_about() {
    let _alone = alone();
    wait(async {
        let config =
            config::parse("limits = {timeout_seconds = 1, memory_mb = 8}", "/c.toml").unwrap();
        let sandbox = Sandbox::with_config(Some(cache()), Pool::MANY_RUNS, config);
        let tools = open(&sandbox, "").await;
        let call = |word: &str| {
            let arguments = serde_json::json!({"do": word}).to_string();
            let (sandbox, tools) = (&sandbox, &tools);
            async move { sandbox.call(tools, "hostile", &arguments).await }
        };
        let said = call("sleep").await;
        assert!(said.contains("longer than its 1 s and was stopped; `timeout_seconds = N` under `[limits]` in the host's config.toml lets a role ask for more"), "{said}");
        let said = call("allocate").await;
        assert!(said.contains("more than its 8 MiB of memory; `memory_mb = N` under"), "{said}");
        let settings = "limits: {memory_mb: 9}\ntools: {hostile: {limits: {timeout_seconds: 2}}}";
        let beyond = sandbox.open(&entry(hostile(), settings), Path::new("/")).await;
        assert_eq!(
            beyond.err().unwrap(),
            "role.yaml:7:14: `memory_mb` is 9, and this host allows 8 at most\n  hint: `memory_mb = 9` under `[limits]` in `/c.toml` allows it\n\
             role.yaml:8:32: `timeout_seconds` is 2, and this host allows 1 at most\n  hint: `timeout_seconds = 2` under `[limits]` in `/c.toml` allows it"
        );
    });
}
