//! One answer, put together from the chunks of a stream or from a single body.

use super::super::exchange::{Answer, Event, Problem, Stage, message};
use super::super::fields::Fields;
use super::super::{Delta, ModelError, Reply, Sink};
use super::API;
use super::extras::Extras;
use super::tool_calls::ToolCalls;
use crate::domain::message::{RawMessage, Usage};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Chunk {
    object: Option<Value>,
    choices: Option<Vec<Choice>>,
    usage: Option<Value>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    index: Option<u64>,
    delta: Option<Fields>,
    message: Option<Fields>,
    finish_reason: Option<String>,
}

/// The answer, as far as it came.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    model: String,
    text: String,
    refusal: String,
    calls: ToolCalls,
    extras: Extras,
    usage: Usage,
    finish_reason: Option<String>,
    /// Whether any chunk had `choices`: otherwise this is some other protocol.
    any_choices: bool,
    /// `[DONE]` came.
    done: bool,
}

impl Assembly {
    /// An answer of `model` of which nothing has come yet.
    pub(super) fn of(model: &str) -> Self {
        Self { model: model.to_owned(), ..Self::default() }
    }

    fn add_chunk(&mut self, json: &str, sink: &mut Sink<'_>) -> Result<(), Problem> {
        let chunk: Chunk = serde_json::from_str(json)?;
        let is_error = chunk.object.as_ref().and_then(Value::as_str) == Some("error");
        if is_error || chunk.error.is_some() {
            return Err(Problem::Reported(message(json)));
        }
        if let Some(usage) = &chunk.usage {
            let count = |name| usage.get(name).and_then(Value::as_u64);
            let Usage { input_tokens, output_tokens } = self.usage;
            self.usage = Usage {
                input_tokens: count("prompt_tokens").unwrap_or(input_tokens),
                output_tokens: count("completion_tokens").unwrap_or(output_tokens),
            };
        }
        self.any_choices |= chunk.choices.is_some();
        // One answer was asked for; a second choice would be mixed into it.
        let ours = |choice: &Choice| choice.index.unwrap_or(0) == 0;
        for choice in chunk.choices.into_iter().flatten().filter(ours) {
            // A body has a message; a last chunk may repeat the whole as one.
            let message = choice.message.filter(|_| self.is_empty());
            for (name, value) in choice.delta.or(message).unwrap_or_default().0 {
                self.add_field(name, value, sink)?;
            }
            if choice.finish_reason.is_some() {
                self.finish_reason = choice.finish_reason;
            }
        }
        Ok(())
    }

    fn add_field(
        &mut self,
        name: String,
        value: Box<RawValue>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Problem> {
        if value.get() == "null" {
            return Ok(());
        }
        match name.as_str() {
            "role" => {}
            "content" => {
                let text = text_of(&value)?;
                if !text.is_empty() {
                    sink(Delta::Text(&text));
                }
                self.text.push_str(&text);
            }
            "refusal" => {
                let text: String = serde_json::from_str(value.get())?;
                if !text.is_empty() {
                    sink(Delta::Text(&text));
                }
                self.refusal.push_str(&text);
            }
            "tool_calls" => self.calls.add(&value, sink)?,
            _ => self.extras.add(name, value),
        }
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.text.is_empty() && self.refusal.is_empty() && self.calls.is_empty()
    }
}

impl Answer for Assembly {
    fn add(&mut self, event: &Event, sink: &mut Sink<'_>) -> Result<(), Problem> {
        if event.data.trim() == "[DONE]" {
            self.done = true;
            return Ok(());
        }
        if event.name == "error" {
            return Err(Problem::Reported(message(&event.data)));
        }
        self.add_chunk(&event.data, sink)
    }

    fn add_whole(&mut self, body: &str, sink: &mut Sink<'_>) -> Result<(), Problem> {
        self.add_chunk(body, sink)
    }

    fn stage(&self) -> Stage {
        match (self.done, &self.finish_reason) {
            (true, _) => Stage::Over,
            (false, Some(_)) => Stage::Finished,
            (false, None) => Stage::Coming,
        }
    }

    fn is_known(&self) -> bool {
        self.any_choices
    }

    fn reply(mut self: Box<Self>, sink: &mut Sink<'_>) -> Result<Reply, Problem> {
        if self.calls.any_nameless() {
            return Err(Problem::Faulty("it calls a tool without naming it"));
        }
        self.calls.announce(sink);
        let model = || self.model.clone();
        match (self.finish_reason.as_deref(), self.calls.last_tool()) {
            (Some("length"), Some(tool)) => {
                let tool = tool.to_owned();
                return Err(Problem::Stopped(ModelError::CallCutOff { model: model(), tool }));
            }
            (Some("length"), None) if self.is_empty() => {
                return Err(Problem::Stopped(ModelError::NothingSaid { model: model() }));
            }
            (Some("content_filter"), _) => {
                return Err(Problem::Stopped(ModelError::Filtered { model: model() }));
            }
            _ => {}
        }
        let json = serde_json::to_string(&*self).ok();
        let raw = json.map(|json| RawMessage { api: API.into(), model: model(), json });
        let text = if self.text.is_empty() { self.refusal } else { self.text };
        Ok(Reply { text, calls: self.calls.replies(), raw, usage: self.usage })
    }
}

/// Text, also where it comes as a list of parts; parts of other kinds are not text.
fn text_of(content: &RawValue) -> serde_json::Result<String> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Content {
        Text(String),
        Parts(Vec<Part>),
    }
    #[derive(Deserialize)]
    struct Part {
        text: Option<String>,
    }
    Ok(match serde_json::from_str(content.get())? {
        Content::Text(text) => text,
        Content::Parts(parts) => parts.into_iter().filter_map(|part| part.text).collect(),
    })
}

impl Serialize for Assembly {
    /// As the assistant's message in a later request.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("role", "assistant")?;
        let text = Some(&self.text);
        map.serialize_entry("content", &text.filter(|text| !text.is_empty() || self.is_empty()))?;
        if !self.refusal.is_empty() {
            map.serialize_entry("refusal", &self.refusal)?;
        }
        for (name, value) in self.extras.entries() {
            map.serialize_entry(name, &value)?;
        }
        if !self.calls.is_empty() {
            map.serialize_entry("tool_calls", &self.calls)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assemble(chunks: &[&str]) -> Result<Reply, String> {
        let told = |problem| match problem {
            Problem::Json(error) => format!("unreadable: {error}"),
            Problem::Faulty(why) => why.to_owned(),
            Problem::Reported(message) => format!("reported: {message}"),
            Problem::Stopped(error) => error.to_string(),
        };
        let mut assembly = Box::new(Assembly::of("m"));
        for chunk in chunks {
            assembly.add_whole(chunk, &mut |_| {}).map_err(told)?;
        }
        assembly.reply(&mut |_| {}).map_err(told)
    }

    fn check(chunks: &[&str], text: &str, raw: &str) {
        let reply = assemble(chunks).unwrap();
        assert_eq!(reply.text, text);
        assert_eq!(reply.raw.unwrap().json, raw);
    }

    #[test]
    fn what_besides_text_and_calls_was_sent_is_kept_in_its_own_text() {
        check(
            &[
                r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning_content":"Let "}}]}"#,
                r#"{"choices":[{"index":0,"delta":{"reasoning_content":"me","details":[{"a" : 1.0}],"z":null}}]}"#,
                r#"{"choices":[{"index":0,"delta":{"details":[2.0],"n":1.50}}]}"#,
                r#"{"choices":[{"index":1,"delta":{"content":"not asked for"}}]}"#,
                r#"{"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}],"usage":null}"#,
            ],
            "Hi",
            r#"{"role":"assistant","content":"Hi","reasoning_content":"Let me","details":[{"a" : 1.0},2.0],"n":1.50}"#,
        );
    }

    #[test]
    fn a_calls_own_extras_stay_with_it() {
        check(
            &[
                r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"s","arguments":" "},"extra_content":{"google":{"s":1.0}}}]},"finish_reason":"tool_calls"}]}"#,
            ],
            "",
            r#"{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"s","arguments":"{}"},"extra_content":{"google":{"s":1.0}}}]}"#,
        );
    }

    #[test]
    fn a_refusal_is_what_the_person_reads() {
        check(
            &[
                r#"{"choices":[{"delta":{"refusal":"I "}}]}"#,
                r#"{"choices":[{"delta":{"refusal":"won't"}}]}"#,
            ],
            "I won't",
            r#"{"role":"assistant","content":null,"refusal":"I won't"}"#,
        );
    }

    #[test]
    fn a_body_is_one_chunk_with_a_message_and_parts_are_text() {
        check(
            &[
                r#"{"choices":[{"message":{"role":"assistant","content":[{"type":"thinking","thinking":[]},{"type":"text","text":"a"}]},"finish_reason":"stop"}]}"#,
                r#"{"choices":[{"message":{"content":"a"}}]}"#,
            ],
            "a",
            r#"{"role":"assistant","content":"a"}"#,
        );
        check(&[r#"{"choices":[]}"#], "", r#"{"role":"assistant","content":""}"#);
    }

    #[test]
    fn an_answer_that_is_none_says_why() {
        let check = |chunk: &str, expected| assert_eq!(assemble(&[chunk]).unwrap_err(), expected);
        check(
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"s"}}]},"finish_reason":"length"}]}"#,
            "the model `m` reached its token limit within a call of `s`; raise the role's `max_tokens`",
        );
        check(
            r#"{"choices":[{"delta":{},"finish_reason":"length"}]}"#,
            "the model `m` reached its token limit before it answered; raise the role's `max_tokens`",
        );
        check(
            r#"{"choices":[{"delta":{"content":"x"},"finish_reason":"content_filter"}]}"#,
            "the provider's content filter stopped the answer of the model `m`; ask in other words",
        );
        check(r#"{"object":"error","message":"no memory","code":500}"#, "reported: no memory");
        check(r#"{"error":"busy"}"#, "reported: busy");
        check(
            "[]",
            "unreadable: invalid length 0, expected struct Chunk with 4 elements at line 1 column 2",
        );
        check(
            r#"{"choices":[{"delta":{"content":7}}]}"#,
            "unreadable: data did not match any variant of untagged enum Content",
        );
    }
}
