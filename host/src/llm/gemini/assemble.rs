//! One answer, put together from the chunks of a stream or of a single body.

use super::super::exchange::{Answer, Event, Problem, Stage, message};
use super::super::fields::Fields;
use super::super::{Delta, ModelError, Reply, ReplyCall, Sink};
use super::API;
use crate::domain::message::{RawMessage, Usage};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// The most parts. 65,536: every chunk of a stream is a part, and an answer has 16 MiB at most.
const MOST: usize = 1 << 16;

/// The reasons with which the provider withholds an answer.
const WITHHELD: [&str; 7] =
    ["SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Chunk {
    candidates: Option<Vec<Candidate>>,
    prompt_feedback: Option<Feedback>,
    usage_metadata: Option<Tokens>,
    error: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    index: Option<u64>,
    content: Option<Content>,
    finish_reason: Option<String>,
    finish_message: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    parts: Option<Vec<Box<RawValue>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    block_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    text: Option<String>,
    thought: Option<bool>,
    function_call: Option<Fields>,
}

/// Counts so far: each chunk repeats them, not always with all of them.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tokens {
    prompt_token_count: Option<u64>,
    tool_use_prompt_token_count: Option<u64>,
    candidates_token_count: Option<u64>,
    thoughts_token_count: Option<u64>,
}

/// The answer as it is sent back.
#[derive(Serialize)]
struct Own<'a> {
    role: &'static str,
    parts: &'a [Box<RawValue>],
}

/// The answer, as far as it came.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    model: String,
    /// Every part in its own text.
    parts: Vec<Box<RawValue>>,
    text: String,
    calls: Vec<ReplyCall>,
    /// Whether the last part is a call.
    ends_with_call: bool,
    finish: Option<(String, Option<String>)>,
    tokens: Tokens,
    known: bool,
}

impl Assembly {
    /// An answer of `model` of which nothing has come yet.
    pub(super) fn of(model: &str) -> Self {
        Self { model: model.to_owned(), ..Self::default() }
    }

    fn add_chunk(&mut self, json: &str, sink: &mut Sink<'_>) -> Result<(), Problem> {
        let chunk: Chunk = serde_json::from_str(json)?;
        if chunk.error.is_some() {
            return Err(Problem::Reported(message(json)));
        }
        if let Some(tokens) = chunk.usage_metadata {
            self.tokens = tokens.or(std::mem::take(&mut self.tokens));
        }
        self.known |= chunk.candidates.is_some();
        if let Some(reason) = chunk.prompt_feedback.and_then(|feedback| feedback.block_reason) {
            self.known = true;
            // Whatever the reason is called, the question was not passed on.
            self.finish = Some(("SAFETY".to_owned(), Some(reason)));
        }
        // One answer was asked for; a second candidate would be mixed into it.
        let ours = |candidate: &Candidate| candidate.index.unwrap_or(0) == 0;
        for candidate in chunk.candidates.into_iter().flatten().filter(ours) {
            for part in candidate.content.and_then(|content| content.parts).into_iter().flatten() {
                self.add_part(part, sink)?;
            }
            if let Some(reason) = candidate.finish_reason {
                self.finish = Some((reason, candidate.finish_message));
            }
        }
        Ok(())
    }

    fn add_part(&mut self, raw: Box<RawValue>, sink: &mut Sink<'_>) -> Result<(), Problem> {
        let part: Part = serde_json::from_str(raw.get())?;
        if let Some(call) = part.function_call {
            let name = call.text("name").filter(|name| !name.is_empty());
            let tool = name.ok_or(Problem::Faulty("it calls a tool without naming it"))?;
            sink(Delta::CallStarted { tool: &tool });
            self.calls.push(ReplyCall {
                provider_id: call.text("id").filter(|id| !id.is_empty()),
                tool,
                arguments: call.get("args").map_or("{}", RawValue::get).to_owned(),
            });
            self.ends_with_call = true;
        } else if let Some(text) = part.text.filter(|text| !text.is_empty()) {
            self.ends_with_call = false;
            if part.thought != Some(true) {
                sink(Delta::Text(&text));
                self.text.push_str(&text);
            }
        }
        if self.parts.len() == MOST {
            return Err(Problem::Faulty("it has too many parts"));
        }
        self.parts.push(raw);
        Ok(())
    }
}

impl Tokens {
    fn or(self, before: Self) -> Self {
        Self {
            prompt_token_count: self.prompt_token_count.or(before.prompt_token_count),
            tool_use_prompt_token_count: self
                .tool_use_prompt_token_count
                .or(before.tool_use_prompt_token_count),
            candidates_token_count: self.candidates_token_count.or(before.candidates_token_count),
            thoughts_token_count: self.thoughts_token_count.or(before.thoughts_token_count),
        }
    }

    fn usage(&self) -> Usage {
        let sum = |one: Option<u64>, other: Option<u64>| {
            one.unwrap_or_default().saturating_add(other.unwrap_or_default())
        };
        Usage {
            input_tokens: sum(self.prompt_token_count, self.tool_use_prompt_token_count),
            output_tokens: sum(self.candidates_token_count, self.thoughts_token_count),
        }
    }
}

impl Answer for Assembly {
    fn add(&mut self, event: &Event, sink: &mut Sink<'_>) -> Result<(), Problem> {
        match event.data.trim() {
            "[DONE]" => Ok(()),
            _ => self.add_chunk(&event.data, sink),
        }
    }

    fn add_whole(&mut self, body: &str, sink: &mut Sink<'_>) -> Result<(), Problem> {
        if !body.trim_start().starts_with('[') {
            return self.add_chunk(body, sink);
        }
        // Without `alt=sse`, which some proxies drop, the chunks are the items of a list.
        let chunks: Vec<Box<RawValue>> = serde_json::from_str(body)?;
        chunks.iter().try_for_each(|chunk| self.add_chunk(chunk.get(), sink))
    }

    fn stage(&self) -> Stage {
        if self.finish.is_some() { Stage::Finished } else { Stage::Coming }
    }

    fn is_known(&self) -> bool {
        self.known
    }

    fn reply(self: Box<Self>, _: &mut Sink<'_>) -> Result<Reply, Problem> {
        let Self { model, parts, text, calls, finish, tokens, .. } = *self;
        let (reason, why) = finish.unwrap_or_else(|| ("STOP".into(), None));
        let stopped = match (reason.as_str(), calls.last()) {
            // The second is what servers say that only speak like it.
            ("STOP" | "FUNCTION_CALL", _) => None,
            ("MAX_TOKENS", Some(call)) if self.ends_with_call => {
                Some(ModelError::CallCutOff { model: model.clone(), tool: call.tool.clone() })
            }
            ("MAX_TOKENS", None) if text.is_empty() => {
                Some(ModelError::NothingSaid { model: model.clone() })
            }
            ("MAX_TOKENS", _) => None,
            (reason, _) if WITHHELD.contains(&reason) => {
                Some(ModelError::Filtered { model: model.clone() })
            }
            // A call that the model could not write, and whatever else it did not mean to end with.
            (reason, _) => {
                let why = why.map(|why| format!(": {why}")).unwrap_or_default();
                return Err(Problem::Reported(format!("it ended with {reason}{why}")));
            }
        };
        if let Some(error) = stopped {
            return Err(Problem::Stopped(error));
        }
        let own = Own { role: "model", parts: &parts };
        let json = serde_json::to_string(&own).ok().filter(|_| !parts.is_empty());
        let raw = json.map(|json| RawMessage { api: API.into(), model, json });
        Ok(Reply { text, calls, raw, usage: tokens.usage() })
    }
}
