//! Models that stand in for each other.

use crate::{model, quick, spec_at};
use expect_test::{Expect, expect};
use initrunner::domain::role::{ModelSpec, Provider};
use initrunner::llm::Timing;
use initrunner_tests::ask::{ask, user};
use initrunner_tests::model_stub::{Answer, ModelStub};

/// What a person sees where the first model answers so and a second stands by.
fn check(first: Answer, expected: &Expect) {
    let (one, two) = (ModelStub::serve(vec![first]), ModelStub::serve(vec![Answer::text("two")]));
    let second = ModelSpec { name: "second".into(), ..spec_at(Provider::OpenAi, &two) };
    let spec = ModelSpec { fallback: vec![second], ..spec_at(Provider::OpenAi, &one) };
    let once = Timing { attempts: 1, ..quick() };
    let (shown, _) = ask(&model(&spec, once), &[user("hi")]);
    expected.assert_eq(&shown.replace(one.address(), "ONE").replace(two.address(), "TWO"));
}

#[test]
fn the_next_model_is_asked_while_one_is_unavailable() {
    check(
        Answer::response("503 Service Unavailable", &[], "busy"),
        &expect![[r#"
            ~ 0ns: the model server at `http://ONE` failed with status 503: busy; `openai:second` is asked in the place of `openai:test-model`
            > "two"
            = "two" 0/0
        "#]],
    );
    check(
        Answer::response("429 Too Many Requests", &["Retry-After: 3600"], "no"),
        &expect![[r#"
            ~ 0ns: the model server at `http://ONE` failed with status 429: no; `openai:second` is asked in the place of `openai:test-model`
            > "two"
            = "two" 0/0
        "#]],
    );
    check(
        Answer::response("402 Payment Required", &[], "no credit"),
        &expect![[r#"
            ~ 0ns: the model server at `http://ONE` refused access (status 402): no credit; `openai:second` is asked in the place of `openai:test-model`
            > "two"
            = "two" 0/0
        "#]],
    );
    check(
        Answer::nothing(),
        &expect![[r#"
            ~ 0ns: the model server at `http://ONE` gave no answer: connection closed before message completed; `openai:second` is asked in the place of `openai:test-model`
            > "two"
            = "two" 0/0
        "#]],
    );
    // Cut before anything was said.
    check(
        Answer::stream(),
        &expect![[r#"
            ~ 0ns: the answer of the model server at `http://ONE` was cut short; `openai:second` is asked in the place of `openai:test-model`
            > "two"
            = "two" 0/0
        "#]],
    );
}

#[test]
fn what_began_is_never_gone_on_with_by_another() {
    let begun = r#"{"choices":[{"delta":{"content":"On"}}]}"#;
    check(
        Answer::stream().event(begun),
        &expect![[r#"
        > "On"
        ! the answer of the model server at `http://ONE` was cut short; resume to ask again (temporary)
    "#]],
    );
}

#[test]
fn a_fault_that_is_not_the_servers_is_not_hidden() {
    check(
        Answer::response("401 Unauthorized", &[], "wrong key"),
        &expect![[r#"
        ! the model server at `http://ONE` refused access (status 401): wrong key; check the key in `TEST_KEY`, then resume (temporary)
    "#]],
    );
    check(
        Answer::response("400 Bad Request", &[], "no such option"),
        &expect![[r#"
        ! the model server at `http://ONE` rejected the request (status 400): no such option; check the role's `model` (permanent)
    "#]],
    );
    check(
        Answer::stream().event(r#"{"choices":[{]}"#),
        &expect![[r#"
        ! the answer of the model server at `http://ONE` cannot be read: `{"choices":[{]}` is not JSON; resume to ask again (temporary)
    "#]],
    );
}

#[test]
fn the_last_ones_failure_is_told() {
    let stub = ModelStub::serve(vec![Answer::nothing(), Answer::nothing()]);
    let spec = spec_at(Provider::OpenAi, &stub);
    let spec = ModelSpec { fallback: vec![spec.clone()], ..spec };
    let once = Timing { attempts: 1, ..quick() };
    let (shown, _) = ask(&model(&spec, once), &[user("hi")]);
    expect![[r#"
        ~ 0ns: the model server at `http://STUB` gave no answer: connection closed before message completed; `openai:test-model` is asked in the place of `openai:test-model`
        ! the model server at `http://STUB` gave no answer: connection closed before message completed; resume to ask again (temporary)
    "#]].assert_eq(&shown.replace(stub.address(), "STUB"));
    // A key that is missing is missing at once, and not when the others have failed.
    let keyless = ModelSpec { api_key_env: Some("NONE".into()), ..spec.fallback[0].clone() };
    let spec = ModelSpec { fallback: vec![keyless], ..spec };
    expect![[r#"
        ! the model's key is missing: set the environment variable `NONE` (temporary)
    "#]]
    .assert_eq(&ask(&model(&spec, quick()), &[user("hi")]).0);
}
