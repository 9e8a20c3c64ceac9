//! Reads how a model writes: the options among the keys of a model, as far as its protocol knows them.

use super::field::Field;
use super::keys::Keys;
use super::model::OPTIONS;
use super::{Provider, Sampling};
use crate::domain::yaml::{NodeValue, Problems, Typed, listed};

/// How hard to reason, as OpenAI's models know it; which of them one model knows, it says itself.
const EFFORTS: [(&str, &str); 6] = [
    ("none", "none"),
    ("minimal", "minimal"),
    ("low", "low"),
    ("medium", "medium"),
    ("high", "high"),
    ("xhigh", "xhigh"),
];

/// The fewest tokens that Anthropic's models think with.
const LEAST_THINKING: u32 = 1024;

/// Reads the options. Those that the protocol does not know are refused by name: a role that says
/// `seed` would be believed to be repeatable.
pub(super) fn parse_sampling(
    keys: &Keys<'_>,
    provider: Option<Provider>,
    problems: &mut Problems,
) -> Sampling {
    if let Some(provider) = provider {
        let known = provider.options();
        let unknown = OPTIONS.iter().filter(|option| !known.contains(option));
        for field in unknown.filter_map(|option| keys.get(option)) {
            let word = provider.word();
            let message = format!("{} is no option of `{word}`", field.label);
            let hint =
                format!("remove it; those of `{word}` are {}", listed(known.iter().copied()));
            problems.add(field.key_position, message, hint);
        }
    }
    let warmest = if provider == Some(Provider::Anthropic) { 1.0 } else { 2.0 };
    let mut number = |key, range, example| keys.get(key)?.number(range, example, problems);
    let sampling = Sampling {
        temperature: number("temperature", 0.0..=warmest, "0.7"),
        top_p: number("top_p", 0.0..=1.0, "0.9"),
        presence_penalty: number("presence_penalty", -2.0..=2.0, "0.5"),
        frequency_penalty: number("frequency_penalty", -2.0..=2.0, "0.5"),
        top_k: keys.get("top_k").and_then(|field| field.positive(problems)),
        max_tokens: keys.get("max_tokens").and_then(|field| field.positive(problems)),
        seed: keys.get("seed").and_then(|field| whole(&field, problems)),
        stop: keys.get("stop").map(|field| stop(&field, problems)).unwrap_or_default(),
        reasoning_effort: keys
            .get("reasoning_effort")
            .and_then(|field| field.word(&EFFORTS, problems))
            .map(str::to_owned),
        thinking_tokens: keys.get("thinking_tokens").and_then(|field| whole(&field, problems)),
    };
    if provider == Some(Provider::Anthropic) {
        check_thinking(keys, &sampling, problems);
    }
    sampling
}

/// What Anthropic would refuse about thinking with every request.
fn check_thinking(keys: &Keys<'_>, sampling: &Sampling, problems: &mut Problems) {
    let (Some(field), Some(tokens @ 1..)) = (keys.get("thinking_tokens"), sampling.thinking_tokens)
    else {
        return;
    };
    if tokens < LEAST_THINKING {
        let hint = format!("write a number from {LEAST_THINKING}, or 0 for none");
        field.wrong(&format!("at least {LEAST_THINKING}, or 0"), &hint, problems);
    }
    if sampling.max_tokens.is_some_and(|most| most <= tokens) {
        problems.add(
            field.key_position,
            "`thinking_tokens` must be fewer than `max_tokens`, which count them in",
            "raise `max_tokens`, or leave it out",
        );
    }
    for field in ["temperature", "top_k"].into_iter().filter_map(|key| keys.get(key)) {
        let message = format!("{} has no place beside `thinking_tokens`", field.label);
        problems.add(field.key_position, message, "remove one of the two");
    }
}

/// A whole number, zero included.
fn whole(field: &Field<'_>, problems: &mut Problems) -> Option<u32> {
    let number = match field.scalar().map(|scalar| scalar.typed) {
        Some(Typed::Integer(number)) => u32::try_from(number).ok(),
        _ => None,
    };
    if number.is_none() {
        let hint = field.number_hint(&format!("a number from 0 to {}", u32::MAX));
        field.wrong("a whole number", &hint, problems);
    }
    number
}

/// One text, or a list of them; an empty one would end every answer before it begins.
fn stop(field: &Field<'_>, problems: &mut Problems) -> Vec<String> {
    let mut filled = |field: &Field<'_>| match field.text(problems) {
        Some(scalar) if scalar.text.is_empty() => {
            problems.add(field.node.position, format!("{} has no text", field.label), "write one");
            None
        }
        Some(scalar) => Some(scalar.text.clone()),
        None => None,
    };
    if !matches!(field.node.value, NodeValue::Sequence(_)) {
        return filled(field).into_iter().collect();
    }
    // It is a list: nothing more is said of its kind.
    let items = field.items("begin each item on its own line with `- `", &mut Problems::default());
    items.iter().filter_map(filled).collect()
}
