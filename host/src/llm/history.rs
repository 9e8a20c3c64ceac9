//! What every protocol asks of a history: whether a raw message is its own, and how arguments are put
//! where a model's text may not be what the protocol allows.

use crate::domain::message::RawMessage;
use serde_json::value::RawValue;

/// A raw message if it was said by this model through this protocol: to any other it means nothing.
pub(super) fn own<'r>(
    raw: Option<&'r RawMessage>,
    api: &str,
    model: &str,
) -> Option<&'r RawMessage> {
    raw.filter(|raw| raw.api == api && raw.model == model)
}

/// A call's arguments in a history: as emitted, but `{}` for none, which servers that parse them
/// again would choke on.
pub(super) fn arguments(emitted: &str) -> &str {
    if emitted.trim().is_empty() { "{}" } else { emitted }
}

/// A call's arguments for a protocol that takes an object and no text: the object's own text, and
/// what is none as the value of `invalid_arguments`, so that the model reads what it wrote.
pub(super) fn object(emitted: &str) -> Box<RawValue> {
    let text = arguments(emitted).trim();
    if text.starts_with('{')
        && let Ok(object) = RawValue::from_string(text.to_owned())
    {
        return object;
    }
    let wrapped = serde_json::json!({ "invalid_arguments": emitted });
    serde_json::value::to_raw_value(&wrapped).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_keeps_its_text_and_anything_else_is_wrapped() {
        for (emitted, expected) in [
            (r#"{"b" : 1.0,  "a":"\u00e9"}"#, r#"{"b" : 1.0,  "a":"\u00e9"}"#),
            (" \n", "{}"),
            ("[1]", r#"{"invalid_arguments":"[1]"}"#),
            (r#"{"a":"#, r#"{"invalid_arguments":"{\"a\":"}"#),
            (r#"{} {}"#, r#"{"invalid_arguments":"{} {}"}"#),
        ] {
            assert_eq!(object(emitted).get(), expected, "{emitted}");
        }
    }
}
