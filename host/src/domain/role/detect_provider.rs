//! Whose a model is that does not say so: by its name, else by the only key that is there.

use super::Provider;
use super::field::Field;
use super::parse_model::Lookup;
use crate::domain::yaml::{Problems, Scalar, listed, shown};

/// How the names of each provider's own models begin.
const NAMES: [(&str, Provider); 7] = [
    ("gpt-", Provider::OpenAi),
    ("chatgpt-", Provider::OpenAi),
    ("o1", Provider::OpenAi),
    ("o3", Provider::OpenAi),
    ("o4", Provider::OpenAi),
    ("claude-", Provider::Anthropic),
    ("gemini-", Provider::Gemini),
];

/// The providers with keys. Ollama needs none, so nothing says that it is meant.
const WITH_KEYS: [Provider; 3] = [Provider::OpenAi, Provider::Anthropic, Provider::Gemini];

/// The provider of a model that is only named.
pub(super) fn detect(
    field: &Field<'_>,
    name: &Scalar,
    lookup: Lookup<'_>,
    problems: &mut Problems,
) -> Option<Provider> {
    if let Some((_, provider)) = NAMES.iter().find(|(start, _)| name.text.starts_with(start)) {
        return Some(*provider);
    }
    let is_set = |variable: &&&str| lookup(variable).is_some_and(|key| !key.trim().is_empty());
    let set: Vec<(Provider, &str)> = WITH_KEYS
        .iter()
        .filter_map(|provider| Some((*provider, *provider.key_variables().iter().find(is_set)?)))
        .collect();
    let model = shown(name.written());
    let (why, hint) = match set.as_slice() {
        [(provider, _)] => return Some(*provider),
        [] => {
            let keys = WITH_KEYS.iter().flat_map(|provider| provider.key_variables());
            let why = format!("the model {model} does not say its provider");
            let hint = format!(
                "write `PROVIDER:NAME`, such as `ollama:NAME`; or set one of {}, which says it for a \
                 model whose name does not",
                listed(keys.copied())
            );
            (why, hint)
        }
        several => {
            let keys = several.iter().map(|(_, variable)| *variable);
            let why = format!(
                "the model {model} does not say its provider, and there are keys of several: {}",
                listed(keys)
            );
            let forms = several.iter().map(|(provider, _)| format!("`{}:NAME`", provider.word()));
            (why, format!("write {}", forms.collect::<Vec<_>>().join(" or ")))
        }
    };
    problems.add(field.node.position, why, hint);
    None
}
