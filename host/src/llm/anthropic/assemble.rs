//! One answer, put together from the events of a stream or from a single body.

use super::super::exchange::{Answer, Event, Problem, Stage, message};
use super::super::fields::Fields;
use super::super::{Delta, ModelError, Reply, ReplyCall, Sink};
use super::API;
use super::block::{Block, Piece};
use crate::domain::message::{RawMessage, Usage};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The most blocks. 1024: an answer has at most some hundred calls, each perhaps after a text.
const MOST: usize = 1024;

/// An event, with every field that one of them has.
#[derive(Deserialize)]
struct Told {
    r#type: String,
    index: Option<u64>,
    message: Option<Whole>,
    content_block: Option<Box<RawValue>>,
    delta: Option<Fields>,
    usage: Option<Tokens>,
}

/// A message, empty as a stream begins or whole as a body.
#[derive(Deserialize)]
struct Whole {
    content: Option<Vec<Box<RawValue>>>,
    stop_reason: Option<String>,
    usage: Option<Tokens>,
}

#[derive(Deserialize)]
struct Tokens {
    input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    output_tokens: Option<u64>,
}

/// The answer, as far as it came.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    model: String,
    /// By their numbers, which give their order.
    blocks: BTreeMap<u64, Block>,
    stop_reason: Option<String>,
    usage: Usage,
    begun: bool,
    /// `message_stop` came.
    over: bool,
}

impl Assembly {
    /// An answer of `model` of which nothing has come yet.
    pub(super) fn of(model: &str) -> Self {
        Self { model: model.to_owned(), ..Self::default() }
    }

    fn begin(
        &mut self,
        number: u64,
        raw: Box<RawValue>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Problem> {
        if self.blocks.len() == MOST {
            return Err(Problem::Faulty("it has too many blocks"));
        }
        let block = Block::of(raw)?;
        if block.is_call() {
            sink(Delta::CallStarted { tool: &block.tool()? });
        }
        if !block.text().is_empty() {
            sink(Delta::Text(block.text()));
        }
        if self.blocks.insert(number, block).is_some() {
            return Err(Problem::Faulty("two of its blocks have one number"));
        }
        Ok(())
    }

    fn block(&mut self, number: Option<u64>) -> Result<&mut Block, Problem> {
        let block = self.blocks.get_mut(&number.unwrap_or_default()).filter(|block| !block.ended);
        block.ok_or(Problem::Faulty("it goes on with a block that is not open"))
    }

    fn count(&mut self, tokens: Option<Tokens>) {
        let Some(tokens) = tokens else { return };
        // What was read from a cache, or written to one, is not in the first number.
        let parts = [
            tokens.input_tokens,
            tokens.cache_creation_input_tokens,
            tokens.cache_read_input_tokens,
        ];
        let input = parts.iter().flatten().fold(0u64, |sum, part| sum.saturating_add(*part));
        // Later events repeat the counts, some of them without the input's.
        self.usage.input_tokens = self.usage.input_tokens.max(input);
        self.usage.output_tokens = tokens.output_tokens.unwrap_or(self.usage.output_tokens);
    }
}

impl Answer for Assembly {
    fn add(&mut self, event: &Event, sink: &mut Sink<'_>) -> Result<(), Problem> {
        let told: Told = serde_json::from_str(&event.data).map_err(|error| {
            // What an error looks like is not always the protocol's.
            if event.name == "error" {
                return Problem::Reported(message(&event.data));
            }
            Problem::Json(error)
        })?;
        match told.r#type.as_str() {
            "message_start" => {
                self.begun = true;
                self.count(told.message.and_then(|message| message.usage));
            }
            "content_block_start" => {
                let raw =
                    told.content_block.ok_or(Problem::Faulty("a block begins that is none"))?;
                self.begin(told.index.unwrap_or_default(), raw, sink)?;
            }
            "content_block_delta" => {
                let delta = serde_json::to_string(&told.delta.unwrap_or_default())?;
                let piece: Piece = serde_json::from_str(&delta)?;
                let text = self.block(told.index)?.append(&piece);
                if let Some(text) = text.filter(|text| !text.is_empty()) {
                    sink(Delta::Text(text));
                }
            }
            "content_block_stop" => self.block(told.index)?.ended = true,
            "message_delta" => {
                let reason = told.delta.and_then(|delta| delta.text("stop_reason"));
                self.stop_reason = reason.or(self.stop_reason.take());
                self.count(told.usage);
            }
            "message_stop" => self.over = true,
            "error" => return Err(Problem::Reported(message(&event.data))),
            // `ping`, and whatever is added later.
            _ => {}
        }
        Ok(())
    }

    fn add_whole(&mut self, body: &str, sink: &mut Sink<'_>) -> Result<(), Problem> {
        let value: Value = serde_json::from_str(body)?;
        if value.get("error").is_some_and(|error| !error.is_null()) {
            return Err(Problem::Reported(message(body)));
        }
        let whole: Whole = serde_json::from_str(body)?;
        self.begun = whole.content.is_some();
        for (number, raw) in (0..).zip(whole.content.into_iter().flatten()) {
            self.begin(number, raw, sink)?;
            self.block(Some(number))?.ended = true;
        }
        self.stop_reason = whole.stop_reason;
        self.count(whole.usage);
        Ok(())
    }

    fn stage(&self) -> Stage {
        if self.over { Stage::Over } else { Stage::Coming }
    }

    fn is_known(&self) -> bool {
        self.begun
    }

    fn reply(self: Box<Self>, _: &mut Sink<'_>) -> Result<Reply, Problem> {
        let blocks: Vec<Block> = self.blocks.into_values().collect();
        if blocks.iter().any(|block| !block.ended) {
            return Err(Problem::Faulty("it ended within a block"));
        }
        let text: String = blocks.iter().map(Block::text).collect();
        let call = |block: &Block| {
            let (provider_id, arguments) = (block.id(), block.arguments());
            Ok(ReplyCall { provider_id, tool: block.tool()?, arguments })
        };
        let calls = blocks.iter().filter(|block| block.is_call()).map(call);
        let calls: Vec<ReplyCall> = calls.collect::<Result<_, Problem>>()?;
        let model = self.model;
        let stopped = match (self.stop_reason.as_deref(), blocks.last()) {
            (Some("max_tokens" | "model_context_window_exceeded"), Some(last))
                if last.is_call() =>
            {
                Some(ModelError::CallCutOff { model: model.clone(), tool: last.tool()? })
            }
            (Some("max_tokens" | "model_context_window_exceeded"), _)
                if text.is_empty() && calls.is_empty() =>
            {
                Some(ModelError::NothingSaid { model: model.clone() })
            }
            (Some("refusal"), _) => Some(ModelError::Filtered { model: model.clone() }),
            _ => None,
        };
        if let Some(error) = stopped {
            return Err(Problem::Stopped(error));
        }
        let own: Option<Vec<Box<RawValue>>> = blocks.into_iter().map(Block::into_raw).collect();
        let json = own.and_then(|own| serde_json::to_string(&own).ok());
        let raw = json.map(|json| RawMessage { api: API.into(), model, json });
        Ok(Reply { text, calls, raw, usage: self.usage })
    }
}
