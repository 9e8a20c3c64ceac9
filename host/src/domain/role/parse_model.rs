//! Reads `model:`, as `PROVIDER:NAME`, as a name whose provider is plain, or as a mapping.
//!
//! A key that only another provider uses is let through for the scripted model: a role may name its
//! provider by a variable, to be tried with that first.

use super::detect_provider::detect;
use super::field::Field;
use super::keys::Keys;
use super::model::OPTIONS;
use super::parse_sampling::parse_sampling;
use super::{ModelSpec, Provider};
use crate::domain::budget::Price;
use crate::domain::yaml::{NodeValue, Problems, Scalar, is_variable_name, shown};

/// What reads a variable.
pub(super) type Lookup<'l> = &'l dyn Fn(&str) -> Option<String>;

const KEYS: [&str; 8] =
    ["provider", "name", "base_url", "api_key_env", "script", "concurrency", "price", "fallback"];
pub(super) const WORDS: [(&str, Provider); 7] = [
    ("openai", Provider::OpenAi),
    ("openai-responses", Provider::OpenAiResponses),
    ("anthropic", Provider::Anthropic),
    ("gemini", Provider::Gemini),
    ("google", Provider::Gemini),
    ("ollama", Provider::Ollama),
    ("scripted", Provider::Scripted),
];
/// The cure for what is no model.
const SHORT: &str = "write it as `PROVIDER:NAME`, such as `openai:gpt-4o-mini`, or as \
    `scripted:FILE`; the providers are `openai`, `openai-responses`, `anthropic`, `gemini`, `ollama`";
/// What the scripted model is called where nothing else is said.
const SCRIPTED: &str = "scripted";
/// The dearest price of a million tokens that is taken for one. 1,000,000 USD: a thousand times the
/// dearest there has been, and small enough to show that a sum is meant otherwise.
const DEAREST: f64 = 1e6;

/// What each protocol adds to a base, and what is said of a base that has it.
const ADDED: [(&str, &str); 5] = [
    ("/chat/completions", "ends with `/chat/completions`"),
    ("/responses", "ends with `/responses`"),
    ("/messages", "ends with `/messages`"),
    ("/api/chat", "ends with `/api/chat`"),
    (":streamGenerateContent", "ends with `:streamGenerateContent`"),
];

/// Reads the model.
pub(super) fn parse_model(
    field: &Field<'_>,
    lookup: Lookup<'_>,
    problems: &mut Problems,
) -> Option<ModelSpec> {
    if let Some(scalar) = field.scalar()
        && scalar.as_text().is_some()
    {
        return parse_short(field, scalar, lookup, problems);
    }
    if !matches!(field.node.value, NodeValue::Mapping(_)) {
        field.wrong("a model", SHORT, problems);
        return None;
    }
    let valid = [KEYS.as_slice(), OPTIONS.as_slice()].concat();
    let keys = Keys::of(field, &valid, problems);
    let name = keys.get("name").map(|field| field.filled(problems));
    let provider = parse_provider(&keys, name.flatten(), lookup, problems);
    let script = keys.get("script").map(|field| field.filled(problems));
    match provider {
        Some(Provider::Scripted) if script.is_none() => {
            keys.missing("script", "add a line such as `script: script.yaml`", problems);
        }
        Some(Provider::Scripted) | None => {}
        Some(_) if name.is_none() => {
            keys.missing("name", "add a line such as `name: gpt-4o-mini`", problems);
        }
        Some(_) => {}
    }
    let spec = ModelSpec {
        base_url: keys.get("base_url").and_then(|field| base_url(&field, provider, problems)),
        api_key_env: keys.get("api_key_env").and_then(|field| api_key_env(&field, problems)),
        sampling: parse_sampling(&keys, provider, problems),
        provider: provider.unwrap_or(Provider::Scripted),
        name: name.flatten().map_or(SCRIPTED, |name| &name.text).to_owned(),
        script: script.flatten().map(|script| script.text.clone()),
        concurrency: keys.get("concurrency").and_then(|field| field.positive(problems)),
        price: keys.get("price").and_then(|field| parse_price(&field, problems)),
        fallback: keys
            .get("fallback")
            .map(|field| parse_fallback(&field, lookup, problems))
            .unwrap_or_default(),
    };
    provider.map(|_| spec)
}

fn parse_provider(
    keys: &Keys<'_>,
    name: Option<&Scalar>,
    lookup: Lookup<'_>,
    problems: &mut Problems,
) -> Option<Provider> {
    // Where the server is one's own, its name for a model says nothing of its protocol.
    if !keys.has("provider")
        && !keys.has("base_url")
        && let Some(field) = keys.get("name")
    {
        return detect(&field, name?, lookup, problems);
    }
    keys.require("provider", "add a line such as `provider: openai`", problems)?
        .word(&WORDS, problems)
}

/// `openai:gpt-4o-mini`, `scripted:script.yaml`, `claude-sonnet-4-5`.
fn parse_short(
    field: &Field<'_>,
    scalar: &Scalar,
    lookup: Lookup<'_>,
    problems: &mut Problems,
) -> Option<ModelSpec> {
    let known = |word: &str| WORDS.iter().find(|(known, _)| *known == word).map(|(_, it)| *it);
    let (word, rest) = match scalar.text.split_once(':') {
        Some((word, rest)) => (known(word), rest),
        None => (known(&scalar.text), ""),
    };
    let provider = match word {
        Some(provider) => provider,
        // What stands before a colon is meant as a provider, and what holds a blank is no name.
        None if scalar.text.contains(|c: char| c == ':' || c.is_whitespace()) => {
            let message = format!("the model {} names no known provider", shown(scalar.written()));
            problems.add(field.node.position, message, SHORT);
            return None;
        }
        None => {
            let provider = detect(field, scalar, lookup, problems)?;
            return Some(ModelSpec::new(provider, &scalar.text));
        }
    };
    if rest.trim().is_empty() {
        let message = format!("the model {} names only a provider", shown(scalar.written()));
        problems.add(field.node.position, message, SHORT);
        return None;
    }
    Some(match provider {
        Provider::Scripted => {
            ModelSpec { script: Some(rest.to_owned()), ..ModelSpec::new(provider, SCRIPTED) }
        }
        _ => ModelSpec::new(provider, rest),
    })
}

fn parse_fallback(
    field: &Field<'_>,
    lookup: Lookup<'_>,
    problems: &mut Problems,
) -> Vec<ModelSpec> {
    let items = field.items("write one model a line, each after `- `", problems);
    let mut models = Vec::with_capacity(items.len());
    for item in &items {
        let Some(model) = parse_model(item, lookup, problems) else { continue };
        if !model.fallback.is_empty() {
            problems.add(
                item.node.position,
                "a fallback has no fallbacks of its own",
                "list all of them, in order, under the `fallback` of the first model",
            );
        }
        models.push(model);
    }
    models
}

fn parse_price(field: &Field<'_>, problems: &mut Problems) -> Option<Price> {
    let keys = Keys::of(field, &["input", "output"], problems);
    let mut part = |key| {
        let hint =
            "it is in US dollars for a million tokens, such as `price: {input: 2.5, output: 10}`";
        keys.require(key, hint, problems)?.number(0.0..=DEAREST, "2.5", problems)
    };
    let (input, output) = (part("input"), part("output"));
    Some(Price { input: input?, output: output? })
}

/// An address without credentials. Its text is never shown: what is wrong with it may be that it
/// holds a password.
fn base_url(
    field: &Field<'_>,
    provider: Option<Provider>,
    problems: &mut Problems,
) -> Option<String> {
    let scalar = field.text(problems)?;
    let url = &scalar.text;
    let (message, hint) = match url.strip_prefix("http://").or(url.strip_prefix("https://")) {
        None => ("must begin with `http://` or `https://`", "write it as `https://HOST/v1`"),
        Some(rest) => {
            let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
            let ends_with = |added: &str| rest.trim_end_matches('/').ends_with(added);
            if rest.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
                ("holds a space, a backslash or a control character", "remove it")
            } else if authority.contains('@') {
                ("must hold no user or password", "name the key's variable as `api_key_env`")
            } else if authority.is_empty() || authority.starts_with(':') {
                ("names no host", "write it as `https://HOST/v1`")
            } else if let Some((_, ending)) = ADDED.iter().find(|(added, _)| ends_with(added)) {
                (*ending, "leave that part out; it is added")
            } else if provider == Some(Provider::Ollama) && ends_with("/v1") {
                (
                    "ends with `/v1`, where Ollama speaks as OpenAI does",
                    "leave `/v1` out, or write `provider: openai`",
                )
            } else {
                return Some(url.clone());
            }
        }
    };
    problems.add(field.node.position, format!("`base_url` {message}"), hint);
    None
}

/// The name of a variable. What is no name is not shown: it may be the key itself.
fn api_key_env(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let scalar = field.scalar();
    let name = scalar.and_then(Scalar::as_text);
    match name {
        Some(name) if is_variable_name(name) => return Some(name.to_owned()),
        _ if field.is_broken() => {}
        _ => problems.add(
            field.node.position,
            "`api_key_env` must be the name of an environment variable, not the key itself",
            "write a name such as `OPENAI_API_KEY`, and set that variable to the key",
        ),
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::check::{check_model, said, said_with};
    use expect_test::{Expect, expect};

    #[test]
    fn the_short_form() {
        check_model(r#"openai:gpt-4o-mini"#, expect!["x: p, OpenAi gpt-4o-mini"]);
        check_model(r#"openai:org/model:tag"#, expect!["x: p, OpenAi org/model:tag"]);
        check_model(
            r#"scripted:dir/script.yaml"#,
            expect![[r#"x: p, Scripted scripted, script=Some("dir/script.yaml")"#]],
        );
        check_model(r#"openai:${WORD}"#, expect!["x: p, OpenAi word"]);
        check_model(r#"${NO:-openai:m}"#, expect!["x: p, OpenAi m"]);
        check_model(r#"gpt-4o"#, expect!["x: p, OpenAi gpt-4o"]);
        check_model(
            r#"opnai:x"#,
            expect![[r#"
                r:3:8: the model `opnai:x` names no known provider
                  hint: write it as `PROVIDER:NAME`, such as `openai:gpt-4o-mini`, or as `scripted:FILE`; the providers are `openai`, `openai-responses`, `anthropic`, `gemini`, `ollama`"#]],
        );
        check_model(
            r#""openai:""#,
            expect![[r#"
                r:3:8: the model `openai:` names only a provider
                  hint: write it as `PROVIDER:NAME`, such as `openai:gpt-4o-mini`, or as `scripted:FILE`; the providers are `openai`, `openai-responses`, `anthropic`, `gemini`, `ollama`"#]],
        );
        check_model(
            r#"${SECRET}"#,
            expect![[r#"
                r:3:8: the model `${SECRET}` names no known provider
                  hint: write it as `PROVIDER:NAME`, such as `openai:gpt-4o-mini`, or as `scripted:FILE`; the providers are `openai`, `openai-responses`, `anthropic`, `gemini`, `ollama`"#]],
        );
        check_model(
            r#"7"#,
            expect![[r#"
                r:3:8: `model` must be a model, not `7`
                  hint: write it as `PROVIDER:NAME`, such as `openai:gpt-4o-mini`, or as `scripted:FILE`; the providers are `openai`, `openai-responses`, `anthropic`, `gemini`, `ollama`"#]],
        );
        check_model(
            r#""#,
            expect![[r#"
                r:3:1: `model` is empty; it must be a model
                  hint: write it as `PROVIDER:NAME`, such as `openai:gpt-4o-mini`, or as `scripted:FILE`; the providers are `openai`, `openai-responses`, `anthropic`, `gemini`, `ollama`"#]],
        );
    }

    #[test]
    fn the_long_form() {
        check_model(
            r#"
  provider: openai
  name: m
  base_url: http://127.0.0.1:8080/v1
  api_key_env: MY_KEY
  temperature: 0.5
  max_tokens: 100
"#,
            expect![[
                r#"x: p, OpenAi m, base_url=Some("http://127.0.0.1:8080/v1"), api_key_env=Some("MY_KEY"), temperature=Some(0.5), max_tokens=Some(100)"#
            ]],
        );
        check_model(
            r#"{provider: scripted, script: s.yaml, temperature: 2}"#,
            expect![[r#"x: p, Scripted scripted, script=Some("s.yaml"), temperature=Some(2.0)"#]],
        );
        check_model(
            r#"{provider: scripted, script: s.yaml, name: demo}"#,
            expect![[r#"x: p, Scripted demo, script=Some("s.yaml")"#]],
        );
        check_model(
            r#"{provider: openai}"#,
            expect![[r#"
            r:3:1: the key `name` is missing
              hint: add a line such as `name: gpt-4o-mini`"#]],
        );
        check_model(
            r#"{provider: scripted}"#,
            expect![[r#"
            r:3:1: the key `script` is missing
              hint: add a line such as `script: script.yaml`"#]],
        );
        check_model(
            r#"{name: m}"#,
            expect![[r#"
                r:3:15: the model `m` does not say its provider
                  hint: write `PROVIDER:NAME`, such as `ollama:NAME`; or set one of `OPENAI_API_KEY`, `ANTHROPIC_API_KEY`, `GEMINI_API_KEY`, `GOOGLE_API_KEY`, which says it for a model whose name does not"#]],
        );
        check_model(
            r#"{provider: OpenAI, nam: m}"#,
            expect![[r#"
                r:3:19: `provider` must be one of `openai`, `openai-responses`, `anthropic`, `gemini`, `google`, `ollama`, `scripted`, not `OpenAI`
                  hint: did you mean `openai`?
                r:3:27: unknown key `nam`
                  hint: did you mean `name`?"#]],
        );
        check_model(
            r#"{provider: "${SECRET}", name: m}"#,
            expect![[r#"
                r:3:19: `provider` must be one of `openai`, `openai-responses`, `anthropic`, `gemini`, `google`, `ollama`, `scripted`, not `${SECRET}`
                  hint: write one of `openai`, `openai-responses`, `anthropic`, `gemini`, `google`, `ollama`, `scripted`"#]],
        );
        check_model(
            r#"{provider: openai, name: m, temperature: 2.5, max_tokens: 0}"#,
            expect![[r#"
            r:3:49: `temperature` must be a number from 0 to 2, not `2.5`
              hint: write a number such as `0.7`
            r:3:66: `max_tokens` must be a positive whole number, not `0`
              hint: write a number from 1 to 4294967295"#]],
        );
        check_model(
            r#"{provider: openai, name: 4, temperature: -1, max_tokens: 4294967296}"#,
            expect![[r#"
            r:3:33: `name` must be text, not `4`
              hint: put it in quotes: `"4"`
            r:3:49: `temperature` must be a number from 0 to 2, not `-1`
              hint: write a number such as `0.7`
            r:3:65: `max_tokens` must be a positive whole number, not `4294967296`
              hint: write a number from 1 to 4294967295"#]],
        );
        check_model(
            r#"{provider: openai, name: m, temperature: warm, max_tokens: 1.5}"#,
            expect![[r#"
            r:3:49: `temperature` must be a number from 0 to 2, not `warm`
              hint: write a number such as `0.7`
            r:3:67: `max_tokens` must be a positive whole number, not `1.5`
              hint: write a number from 1 to 4294967295"#]],
        );
    }

    #[test]
    fn credentials_have_no_place_and_are_not_shown() {
        check_model(
            r#"{provider: openai, name: m, base_url: "https://me:hunter2@host/v1"}"#,
            expect![[r#"
            r:3:46: `base_url` must hold no user or password
              hint: name the key's variable as `api_key_env`"#]],
        );
        check_model(
            r#"{provider: openai, name: m, base_url: "ftp://hunter2"}"#,
            expect![[r#"
            r:3:46: `base_url` must begin with `http://` or `https://`
              hint: write it as `https://HOST/v1`"#]],
        );
        check_model(
            r#"{provider: openai, name: m, base_url: "https://host\\@hunter2/"}"#,
            expect![[r#"
            r:3:46: `base_url` holds a space, a backslash or a control character
              hint: remove it"#]],
        );
        check_model(
            r#"{provider: openai, name: m, base_url: "https:///v1"}"#,
            expect![[r#"
            r:3:46: `base_url` names no host
              hint: write it as `https://HOST/v1`"#]],
        );
        check_model(
            r#"{provider: openai, name: m, base_url: "https://h/v1/chat/completions/"}"#,
            expect![[r#"
                r:3:46: `base_url` ends with `/chat/completions`
                  hint: leave that part out; it is added"#]],
        );
        check_model(
            r#"{provider: openai, name: m, base_url: "https://h/v1?a=b@c"}"#,
            expect![[r#"x: p, OpenAi m, base_url=Some("https://h/v1?a=b@c")"#]],
        );
        check_model(
            r#"{provider: openai, name: m, base_url: "${SECRET}"}"#,
            expect![[r#"
            r:3:46: `base_url` must begin with `http://` or `https://`
              hint: write it as `https://HOST/v1`"#]],
        );
        check_model(
            r#"{provider: openai, name: m, api_key_env: sk-hunter2}"#,
            expect![[r#"
            r:3:49: `api_key_env` must be the name of an environment variable, not the key itself
              hint: write a name such as `OPENAI_API_KEY`, and set that variable to the key"#]],
        );
        check_model(
            r#"{provider: openai, name: m, api_key_env: }"#,
            expect![[r#"
            r:3:47: `api_key_env` must be the name of an environment variable, not the key itself
              hint: write a name such as `OPENAI_API_KEY`, and set that variable to the key"#]],
        );
        check_model(
            r#"{provider: openai, name: m, api_key_env: "${NONE}", base_url: "${NONE}"}"#,
            expect![[r#"
            only variables
            r:3:50: the variable `NONE` is not set
              hint: set it in the environment, or write `${NONE:-default}`
            r:3:71: the variable `NONE` is not set
              hint: set it in the environment, or write `${NONE:-default}`"#]],
        );
    }

    #[test]
    fn each_protocol_has_a_word() {
        check_model(r#"openai-responses:gpt-5"#, expect!["x: p, OpenAiResponses gpt-5"]);
        check_model(r#"anthropic:claude-sonnet-4-5"#, expect!["x: p, Anthropic claude-sonnet-4-5"]);
        check_model(r#"gemini:gemini-2.5-pro"#, expect!["x: p, Gemini gemini-2.5-pro"]);
        check_model(r#"google:gemini-2.5-pro"#, expect!["x: p, Gemini gemini-2.5-pro"]);
        check_model(r#"ollama:llama3.2:1b"#, expect!["x: p, Ollama llama3.2:1b"]);
        check_model(
            r#"gemini:"#,
            expect![[r#"
            r:3:14: this is not valid YAML: mapping values are not allowed in this context
              hint: put a value that holds `: ` in quotes"#]],
        );
        check_model(
            r#"{provider: ollama, name: m, base_url: "http://h:1/v1"}"#,
            expect![[r#"
            r:3:46: `base_url` ends with `/v1`, where Ollama speaks as OpenAI does
              hint: leave `/v1` out, or write `provider: openai`"#]],
        );
        check_model(
            r#"{provider: anthropic, name: m, base_url: "http://h:1/v1/messages"}"#,
            expect![[r#"
                r:3:49: `base_url` ends with `/messages`
                  hint: leave that part out; it is added"#]],
        );
    }

    #[test]
    fn a_provider_is_found_by_the_models_name() {
        for (name, provider) in [
            ("gpt-4o", "OpenAi"),
            ("chatgpt-4o-latest", "OpenAi"),
            ("o3-mini", "OpenAi"),
            ("claude-opus-4-1", "Anthropic"),
            ("gemini-2.5-flash", "Gemini"),
        ] {
            let said = said(&format!("name: x\nprompt: p\nmodel: {name}"));
            assert_eq!(said, format!("x: p, {provider} {name}"));
            let said = said_with(
                &format!("name: x\nprompt: p\nmodel: {{name: {name}, top_p: 1}}"),
                &|_| None,
            );
            assert_eq!(said, format!("x: p, {provider} {name}, top_p=Some(1.0)"));
        }
    }

    #[test]
    fn a_provider_is_found_by_the_only_key() {
        let check = |set: &[&str], expected: Expect| {
            let text = "name: x\nprompt: p\nmodel: mistral-large";
            let lookup = |name: &str| set.contains(&name).then(|| "sk-hunter2".to_owned());
            expected.assert_eq(&said_with(text, &lookup));
        };
        check(&["ANTHROPIC_API_KEY"], expect!["x: p, Anthropic mistral-large"]);
        check(&["GOOGLE_API_KEY"], expect!["x: p, Gemini mistral-large"]);
        check(&["GEMINI_API_KEY", "GOOGLE_API_KEY"], expect!["x: p, Gemini mistral-large"]);
        check(
            &["OPENAI_API_KEY", "GOOGLE_API_KEY"],
            expect![[r#"
            r:3:8: the model `mistral-large` does not say its provider, and there are keys of several: `OPENAI_API_KEY`, `GOOGLE_API_KEY`
              hint: write `openai:NAME` or `gemini:NAME`"#]],
        );
        check(
            &[],
            expect![[r#"
            r:3:8: the model `mistral-large` does not say its provider
              hint: write `PROVIDER:NAME`, such as `ollama:NAME`; or set one of `OPENAI_API_KEY`, `ANTHROPIC_API_KEY`, `GEMINI_API_KEY`, `GOOGLE_API_KEY`, which says it for a model whose name does not"#]],
        );
        // A key that is set to nothing is none.
        let text = "name: x\nprompt: p\nmodel: mistral-large";
        assert!(said_with(text, &|_| Some(" \n".into())).contains("does not say its provider"));
        // Nobody knows whose name it is on a server of one's own.
        check_model(
            r#"{name: gpt-4o, base_url: "http://127.0.0.1/v1"}"#,
            expect![[r#"
            r:3:1: the key `provider` is missing
              hint: add a line such as `provider: openai`"#]],
        );
        check_model(
            r#"{name: 7}"#,
            expect![[r#"
            r:3:15: `name` must be text, not `7`
              hint: put it in quotes: `"7"`"#]],
        );
        check_model(
            r#"{provder: openai, name: gpt-4o}"#,
            expect![[r#"
            r:3:9: unknown key `provder`
              hint: did you mean `provider`?"#]],
        );
    }

    #[test]
    fn an_option_that_the_protocol_does_not_know_is_refused_by_name() {
        check_model(
            r#"
  provider: openai
  name: m
  temperature: 1
  top_p: 0.5
  max_tokens: 9
  seed: 0
  stop: [a, "b\n"]
  presence_penalty: -2
  frequency_penalty: 0.5
  reasoning_effort: low
"#,
            expect![[
                r#"x: p, OpenAi m, temperature=Some(1.0), max_tokens=Some(9), top_p=Some(0.5), seed=Some(0), stop=["a", "b\n"], presence_penalty=Some(-2.0), frequency_penalty=Some(0.5), reasoning_effort=Some("low")"#
            ]],
        );
        check_model(
            r#"{provider: openai, name: m, top_k: 3, thinking_tokens: 2000}"#,
            expect![[r#"
            r:3:36: `top_k` is no option of `openai`
              hint: remove it; those of `openai` are `temperature`, `top_p`, `max_tokens`, `seed`, `stop`, `presence_penalty`, `frequency_penalty`, `reasoning_effort`
            r:3:46: `thinking_tokens` is no option of `openai`
              hint: remove it; those of `openai` are `temperature`, `top_p`, `max_tokens`, `seed`, `stop`, `presence_penalty`, `frequency_penalty`, `reasoning_effort`"#]],
        );
        check_model(
            r#"{provider: openai-responses, name: m, seed: 1, stop: x}"#,
            expect![[r#"
            r:3:46: `seed` is no option of `openai-responses`
              hint: remove it; those of `openai-responses` are `temperature`, `top_p`, `max_tokens`, `reasoning_effort`
            r:3:55: `stop` is no option of `openai-responses`
              hint: remove it; those of `openai-responses` are `temperature`, `top_p`, `max_tokens`, `reasoning_effort`"#]],
        );
        check_model(
            r#"{provider: anthropic, name: m, temperature: 1.5, seed: 1}"#,
            expect![[r#"
            r:3:52: `temperature` must be a number from 0 to 1, not `1.5`
              hint: write a number such as `0.7`
            r:3:57: `seed` is no option of `anthropic`
              hint: remove it; those of `anthropic` are `temperature`, `top_p`, `top_k`, `max_tokens`, `stop`, `thinking_tokens`"#]],
        );
        check_model(
            r#"{provider: anthropic, name: m, thinking_tokens: 2000, max_tokens: 2000, top_k: 5}"#,
            expect![[r#"
                r:3:39: `thinking_tokens` must be fewer than `max_tokens`, which count them in
                  hint: raise `max_tokens`, or leave it out
                r:3:80: `top_k` has no place beside `thinking_tokens`
                  hint: remove one of the two"#]],
        );
        check_model(
            r#"{provider: anthropic, name: m, thinking_tokens: 9}"#,
            expect![[r#"
            r:3:56: `thinking_tokens` must be at least 1024, or 0, not `9`
              hint: write a number from 1024, or 0 for none"#]],
        );
        check_model(
            r#"{provider: gemini, name: m, thinking_tokens: 0, top_k: 5}"#,
            expect!["x: p, Gemini m, top_k=Some(5), thinking_tokens=Some(0)"],
        );
        check_model(
            r#"{provider: gemini, name: m, reasoning_effort: low}"#,
            expect![[r#"
            r:3:36: `reasoning_effort` is no option of `gemini`
              hint: remove it; those of `gemini` are `temperature`, `top_p`, `top_k`, `max_tokens`, `seed`, `stop`, `presence_penalty`, `frequency_penalty`, `thinking_tokens`"#]],
        );
        check_model(
            r#"{provider: ollama, name: m, seed: -1, stop: ["", 1], top_p: 2}"#,
            expect![[r#"
            r:3:42: `seed` must be a whole number, not `-1`
              hint: write a number from 0 to 4294967295
            r:3:53: an item of `stop` has no text
              hint: write one
            r:3:57: an item of `stop` must be text, not `1`
              hint: put it in quotes: `"1"`
            r:3:68: `top_p` must be a number from 0 to 1, not `2`
              hint: write a number such as `0.9`"#]],
        );
        check_model(
            r#"{provider: openai, name: m, reasoning_effort: hard, stop: ""}"#,
            expect![[r#"
            r:3:54: `reasoning_effort` must be one of `none`, `minimal`, `low`, `medium`, `high`, `xhigh`, not `hard`
              hint: write one of `none`, `minimal`, `low`, `medium`, `high`, `xhigh`
            r:3:66: `stop` has no text
              hint: write one"#]],
        );
        check_model(
            r#"{provider: scripted, script: s, seed: 1, top_k: 2}"#,
            expect![[r#"x: p, Scripted scripted, script=Some("s"), top_k=Some(2), seed=Some(1)"#]],
        );
    }

    #[test]
    fn others_may_stand_in_and_each_may_have_its_price_and_its_places() {
        check_model(
            r#"
  provider: anthropic
  name: claude-sonnet-4-5
  concurrency: 4
  price: {input: 3, output: 15}
  fallback:
    - openai:gpt-4o
    - {provider: ollama, name: llama3.2, base_url: "http://h:1"}
budgets: {max_tokens: 100, max_requests: 2}
"#,
            expect![[
                r#"x: p, Anthropic claude-sonnet-4-5, concurrency=Some(4), price=Some(Price { input: 3.0, output: 15.0 }), fallback=["openai:gpt-4o", "ollama:llama3.2"], allowance=Allowance { max_tokens: Some(100), max_cost_usd: None }, budgets=Budgets { max_requests: 2, max_tool_calls: 20, max_wall_time: 300 }"#
            ]],
        );
        check_model(
            r#"
  name: gpt-4o
  price: {input: -1}
  concurrency: 0
  fallback:
    - {name: gpt-4o, fallback: [claude-x]}
    - nonsense:x
"#,
            expect![[r#"
                r:5:3: the key `output` is missing
                  hint: it is in US dollars for a million tokens, such as `price: {input: 2.5, output: 10}`
                r:5:18: `input` must be a number from 0 to 1000000, not `-1`
                  hint: write a number such as `2.5`
                r:6:16: `concurrency` must be a positive whole number, not `0`
                  hint: write a number from 1 to 4294967295
                r:8:7: a fallback has no fallbacks of its own
                  hint: list all of them, in order, under the `fallback` of the first model
                r:9:7: the model `nonsense:x` names no known provider
                  hint: write it as `PROVIDER:NAME`, such as `openai:gpt-4o-mini`, or as `scripted:FILE`; the providers are `openai`, `openai-responses`, `anthropic`, `gemini`, `ollama`"#]],
        );
        check_model(
            r#"{name: gpt-4o, fallback: claude-x, price: 3}"#,
            expect![[r#"
            r:3:33: `fallback` must be a list, not `claude-x`
              hint: write one model a line, each after `- `
            r:3:50: `price` must be a mapping of keys, not `3`
              hint: it may have the keys `input`, `output`"#]],
        );
        let price = "price: {input: 0, output: 0.5}";
        check_model(
            &format!("{{name: gpt-4o, {price}}}\nbudgets: {{max_cost_usd: 0.5}}"),
            expect![
                "x: p, OpenAi gpt-4o, price=Some(Price { input: 0.0, output: 0.5 }), allowance=Allowance { max_tokens: None, max_cost_usd: Some(0.5) }"
            ],
        );
        check_model(
            &format!(
                "{{name: gpt-4o, {price}, fallback: [claude-x]}}\nbudgets: {{max_cost_usd: 1}}"
            ),
            expect![[r#"
                r:4:11: `max_cost_usd` needs the price of fallback 1
                  hint: write it as a mapping with `price: {input: USD, output: USD}`, for a million tokens"#]],
        );
        check_model(
            "gpt-4o\nbudgets: {max_cost_usd: 0, max_tokens: 1.5}",
            expect![[r#"
            r:4:11: `max_cost_usd` needs the price of the model
              hint: write it as a mapping with `price: {input: USD, output: USD}`, for a million tokens
            r:4:25: `max_cost_usd` must be a number above 0, not `0`
              hint: write a number such as `0.5`
            r:4:40: `max_tokens` must be a positive whole number, not `1.5`
              hint: write a number from 1 to 4294967295"#]],
        );
    }
}
