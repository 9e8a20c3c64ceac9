//! A history as turns of blocks.

use super::super::fields::{Fields, raw_string};
use super::super::history::{object, own};
use super::super::ids::WireIds;
use super::API;
use crate::domain::message::{Message, ModelCall, RawMessage};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

/// The turns of a request.
pub(super) struct Turns<'a> {
    pub(super) turns: Vec<Turn<'a>>,
    /// Whether the answers since the last question are all the model's own. Only then may it think: a
    /// call that it made must stand after its thinking, and nobody else's thinking can be sent.
    pub(super) are_own: bool,
}

/// One turn.
#[derive(Serialize)]
pub(super) struct Turn<'a> {
    role: &'static str,
    content: Content<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Blocks(Vec<Block<'a>>),
    Replayed(Box<RawValue>),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Block<'a> {
    Text {
        r#type: &'static str,
        text: &'a str,
    },
    Call {
        r#type: &'static str,
        id: &'a str,
        name: &'a str,
        input: Box<RawValue>,
    },
    Result {
        r#type: &'static str,
        tool_use_id: &'a str,
        content: &'a str,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        is_error: bool,
    },
}

/// The turns of a history, for `model`.
pub(super) fn turns<'a>(messages: &'a [Message], model: &str, ids: &'a WireIds<'a>) -> Turns<'a> {
    let mut turns: Vec<Turn<'a>> = Vec::with_capacity(messages.len());
    let mut are_own = true;
    for message in messages {
        match message {
            Message::User { text } => {
                are_own = true;
                say(&mut turns, Block::Text { r#type: "text", text });
            }
            Message::ToolResult { call, content, is_error, .. } => say(
                &mut turns,
                Block::Result {
                    r#type: "tool_result",
                    tool_use_id: ids.of(call),
                    content,
                    is_error: *is_error,
                },
            ),
            Message::Assistant { text, calls, raw } => {
                let raw = own(raw.as_ref(), API, model).and_then(|raw| replay(raw, calls, ids));
                let content = match raw {
                    Some(raw) => Content::Replayed(raw),
                    None => {
                        are_own &= calls.is_empty();
                        Content::Blocks(rebuild(text, calls, ids))
                    }
                };
                // A turn without blocks is refused, and says nothing.
                if !matches!(&content, Content::Blocks(blocks) if blocks.is_empty()) {
                    turns.push(Turn { role: "assistant", content });
                }
            }
        }
    }
    Turns { turns, are_own }
}

/// Adds a block of the person's side: all results of one answer stand in one turn.
fn say<'a>(turns: &mut Vec<Turn<'a>>, block: Block<'a>) {
    if let Some(Turn { role: "user", content: Content::Blocks(blocks) }) = turns.last_mut() {
        blocks.push(block);
        return;
    }
    turns.push(Turn { role: "user", content: Content::Blocks(vec![block]) });
}

/// The model's own blocks with the ids of this request. `None` where they do not say what the history
/// says: then the history counts.
fn replay(raw: &RawMessage, calls: &[ModelCall], ids: &WireIds<'_>) -> Option<Box<RawValue>> {
    let mut blocks: Vec<Fields> = serde_json::from_str(&raw.json).ok()?;
    let is_call = |block: &Fields| block.text("type").as_deref() == Some("tool_use");
    if blocks.is_empty() || blocks.iter().filter(|block| is_call(block)).count() != calls.len() {
        return None;
    }
    let mut changed = false;
    for (block, call) in blocks.iter_mut().filter(|block| is_call(block)).zip(calls) {
        let input = block.get("input").map(RawValue::get);
        if block.text("name")? != call.tool || input != Some(object(&call.arguments).get()) {
            return None;
        }
        let id = ids.of(&call.id);
        if block.text("id").as_deref() != Some(id) {
            block.set("id", raw_string(id));
            changed = true;
        }
    }
    if !changed {
        return RawValue::from_string(raw.json.clone()).ok();
    }
    to_raw_value(&blocks).ok()
}

fn rebuild<'a>(text: &'a str, calls: &'a [ModelCall], ids: &'a WireIds<'a>) -> Vec<Block<'a>> {
    let text = Some(text).filter(|text| !text.trim().is_empty());
    let text = text.map(|text| Block::Text { r#type: "text", text });
    let calls = calls.iter().map(|call| Block::Call {
        r#type: "tool_use",
        id: ids.of(&call.id),
        name: &call.tool,
        input: object(&call.arguments),
    });
    text.into_iter().chain(calls).collect()
}
