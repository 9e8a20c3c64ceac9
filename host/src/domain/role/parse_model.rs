//! Reads `model:`, as `PROVIDER:NAME` or as a mapping.
//!
//! A key that only another provider uses is let through: a role may name its provider by a variable,
//! to be tried with the scripted model first.

use super::field::Field;
use super::keys::Keys;
use super::{ModelSpec, Provider, Sampling};
use crate::domain::yaml::{NodeValue, Problems, Scalar, Typed, is_variable_name, shown};

const KEYS: [&str; 7] =
    ["provider", "name", "base_url", "api_key_env", "temperature", "max_tokens", "script"];
const WORDS: [(&str, Provider); 2] =
    [("openai", Provider::OpenAi), ("scripted", Provider::Scripted)];
/// The cure for what is no model.
const SHORT: &str = "write it as `openai:NAME` or `scripted:FILE`";
/// What the scripted model is called where nothing else is said.
const SCRIPTED: &str = "scripted";

/// Reads the model.
pub(super) fn parse_model(field: &Field<'_>, problems: &mut Problems) -> Option<ModelSpec> {
    if let Some(scalar) = field.scalar()
        && scalar.as_text().is_some()
    {
        return parse_short(field, scalar, problems);
    }
    if !matches!(field.node.value, NodeValue::Mapping(_)) {
        field.wrong("a model", SHORT, problems);
        return None;
    }
    let keys = Keys::of(field, &KEYS, problems);
    let provider = keys
        .require("provider", "add `provider: openai` or `provider: scripted`", problems)
        .and_then(|field| field.word(&WORDS, problems));
    let name = keys.get("name").map(|field| field.filled(problems));
    let script = keys.get("script").map(|field| field.filled(problems));
    match provider {
        Some(Provider::OpenAi) if name.is_none() => {
            keys.missing("name", "add a line such as `name: gpt-4o-mini`", problems);
        }
        Some(Provider::Scripted) if script.is_none() => {
            keys.missing("script", "add a line such as `script: script.yaml`", problems);
        }
        _ => {}
    }
    Some(ModelSpec {
        base_url: keys.get("base_url").and_then(|field| base_url(&field, problems)),
        api_key_env: keys.get("api_key_env").and_then(|field| api_key_env(&field, problems)),
        sampling: Sampling {
            temperature: keys.get("temperature").and_then(|field| temperature(&field, problems)),
            max_tokens: keys.get("max_tokens").and_then(|field| field.positive(problems)),
        },
        provider: provider?,
        name: name.flatten().map_or(SCRIPTED, |name| &name.text).to_owned(),
        script: script.flatten().map(|script| script.text.clone()),
    })
}

/// `openai:gpt-4o-mini`, `scripted:script.yaml`.
fn parse_short(field: &Field<'_>, scalar: &Scalar, problems: &mut Problems) -> Option<ModelSpec> {
    let (word, rest) = scalar.text.split_once(':').unwrap_or((&scalar.text, ""));
    let provider = WORDS.iter().find(|(known, _)| *known == word).map(|(_, provider)| *provider);
    let Some(provider) = provider else {
        let message = format!("the model {} names no known provider", shown(scalar.written()));
        problems.add(field.node.position, message, SHORT);
        return None;
    };
    if rest.trim().is_empty() {
        let message = format!("the model {} names only a provider", shown(scalar.written()));
        problems.add(field.node.position, message, SHORT);
        return None;
    }
    Some(match provider {
        Provider::OpenAi => ModelSpec::new(provider, rest),
        Provider::Scripted => {
            ModelSpec { script: Some(rest.to_owned()), ..ModelSpec::new(provider, SCRIPTED) }
        }
    })
}

/// An address without credentials. Its text is never shown: what is wrong with it may be that it
/// holds a password.
fn base_url(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let scalar = field.text(problems)?;
    let url = &scalar.text;
    let (message, hint) = match url.strip_prefix("http://").or(url.strip_prefix("https://")) {
        None => ("must begin with `http://` or `https://`", "write it as `https://HOST/v1`"),
        Some(rest) => {
            let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
            if rest.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
                ("holds a space, a backslash or a control character", "remove it")
            } else if authority.contains('@') {
                ("must hold no user or password", "name the key's variable as `api_key_env`")
            } else if authority.is_empty() || authority.starts_with(':') {
                ("names no host", "write it as `https://HOST/v1`")
            } else if rest.trim_end_matches('/').ends_with("/chat/completions") {
                ("ends with `/chat/completions`", "leave that part out; it is added")
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

fn temperature(field: &Field<'_>, problems: &mut Problems) -> Option<f64> {
    let number = match field.scalar().map(|scalar| scalar.typed) {
        Some(Typed::Float(number)) => Some(number),
        // Only small numbers fit, and those are exact.
        Some(Typed::Integer(number @ 0..=2)) => Some(number as f64),
        _ => None,
    };
    let number = number.filter(|number| (0.0..=2.0).contains(number));
    if number.is_none() && !field.is_broken() {
        let hint = field.number_hint("a number such as `0.7`");
        field.wrong("a number from 0 to 2", &hint, problems);
    }
    number
}

#[cfg(test)]
mod tests {
    use super::super::check::check_model;
    use expect_test::expect;

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
        check_model(
            r#"gpt-4o"#,
            expect![[r#"
            r:3:8: the model `gpt-4o` names no known provider
              hint: write it as `openai:NAME` or `scripted:FILE`"#]],
        );
        check_model(
            r#"opnai:x"#,
            expect![[r#"
            r:3:8: the model `opnai:x` names no known provider
              hint: write it as `openai:NAME` or `scripted:FILE`"#]],
        );
        check_model(
            r#""openai:""#,
            expect![[r#"
            r:3:8: the model `openai:` names only a provider
              hint: write it as `openai:NAME` or `scripted:FILE`"#]],
        );
        check_model(
            r#"${SECRET}"#,
            expect![[r#"
            r:3:8: the model `${SECRET}` names no known provider
              hint: write it as `openai:NAME` or `scripted:FILE`"#]],
        );
        check_model(
            r#"7"#,
            expect![[r#"
                r:3:8: `model` must be a model, not `7`
                  hint: write it as `openai:NAME` or `scripted:FILE`"#]],
        );
        check_model(
            r#""#,
            expect![[r#"
                r:3:1: `model` is empty; it must be a model
                  hint: write it as `openai:NAME` or `scripted:FILE`"#]],
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
            r:3:1: the key `provider` is missing
              hint: add `provider: openai` or `provider: scripted`"#]],
        );
        check_model(
            r#"{provider: OpenAI, nam: m}"#,
            expect![[r#"
            r:3:19: `provider` must be one of `openai`, `scripted`, not `OpenAI`
              hint: did you mean `openai`?
            r:3:27: unknown key `nam`
              hint: did you mean `name`?"#]],
        );
        check_model(
            r#"{provider: "${SECRET}", name: m}"#,
            expect![[r#"
            r:3:19: `provider` must be one of `openai`, `scripted`, not `${SECRET}`
              hint: write one of `openai`, `scripted`"#]],
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
}
