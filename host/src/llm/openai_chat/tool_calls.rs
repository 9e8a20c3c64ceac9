//! The calls of one answer, put together from their pieces.
//!
//! OpenAI numbers each call and sends its id and name first. Others leave out the number, the id or
//! both, number every call 0, repeat the name with every piece, or send the arguments as an object.

use super::super::fields::{Fields, string};
use super::super::history::arguments;
use super::super::{Delta, ReplyCall, Sink};
use super::extras::Extras;
use serde::de::Error as _;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// The most calls of one answer. 256: OpenAI stops at 128, and a run's budget far below.
const MOST: usize = 256;

/// One call, as far as it came.
#[derive(Debug, Default)]
struct Call {
    index: Option<u64>,
    id: Option<String>,
    name: String,
    arguments: String,
    extras: Extras,
    /// Whether people who watch have been told of it.
    announced: bool,
}

/// The calls in the order in which they began.
#[derive(Debug, Default)]
pub(super) struct ToolCalls(Vec<Call>);

impl ToolCalls {
    /// Adds the `tool_calls` of one chunk.
    pub(super) fn add(&mut self, pieces: &RawValue, sink: &mut Sink<'_>) -> serde_json::Result<()> {
        for piece in serde_json::from_str::<Vec<Fields>>(pieces.get())? {
            self.add_piece(piece, sink)?;
        }
        Ok(())
    }

    fn add_piece(&mut self, piece: Fields, sink: &mut Sink<'_>) -> serde_json::Result<()> {
        let function: Fields = match piece.get("function") {
            Some(function) => serde_json::from_str(function.get())?,
            None => Fields::default(),
        };
        let index = piece.get("index").and_then(|index| index.get().parse().ok());
        let id = piece.text("id").filter(|id| !id.is_empty());
        let name = function.text("name").filter(|name| !name.is_empty());

        let position = self.position(index, id.as_deref(), name.is_some());
        if position == MOST {
            return Err(serde_json::Error::custom("too many calls"));
        }
        if position == self.0.len() {
            self.announce(sink);
            self.0.push(Call { index, ..Call::default() });
        }
        let call = &mut self.0[position];
        if call.id.is_none() {
            call.id = id;
        }
        if let Some(name) = name
            && call.arguments.is_empty()
            && call.name != name
        {
            call.name.push_str(&name);
        }
        if let Some(more) = function.get("arguments") {
            // The exact text, whichever way it came.
            call.arguments.push_str(&string(more).unwrap_or_else(|| more.get().to_owned()));
        }
        for (field, value) in piece.0 {
            if !matches!(field.as_str(), "index" | "id" | "type" | "function") {
                call.extras.add(field, value);
            }
        }
        if !call.arguments.is_empty() {
            self.announce(sink);
        }
        Ok(())
    }

    /// Which call a piece belongs to; one past the last for a new call.
    fn position(&self, index: Option<u64>, id: Option<&str>, named: bool) -> usize {
        let known = match (index, id) {
            (Some(_), _) => self.0.iter().rposition(|call| call.index == index).filter(|&at| {
                // Another id with a name under the same number is another call.
                let other = matches!((id, &self.0[at].id), (Some(new), Some(old)) if new != old);
                !(named && other)
            }),
            (None, Some(id)) => self.0.iter().rposition(|call| call.id.as_deref() == Some(id)),
            (None, None) if named => None,
            (None, None) => self.0.len().checked_sub(1),
        };
        known.unwrap_or(self.0.len())
    }

    /// Tells who watches of the calls whose name is whole.
    pub(super) fn announce(&mut self, sink: &mut Sink<'_>) {
        for call in self.0.iter_mut().filter(|call| !call.announced && !call.name.is_empty()) {
            call.announced = true;
            sink(Delta::CallStarted { tool: &call.name });
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a call came without a name.
    pub(super) fn any_nameless(&self) -> bool {
        self.0.iter().any(|call| call.name.is_empty())
    }

    /// The tool of the last call.
    pub(super) fn last_tool(&self) -> Option<&str> {
        self.0.last().map(|call| call.name.as_str())
    }

    /// The calls for the run.
    pub(super) fn replies(self) -> Vec<ReplyCall> {
        let reply = |call: Call| ReplyCall {
            provider_id: call.id,
            tool: call.name,
            arguments: call.arguments,
        };
        self.0.into_iter().map(reply).collect()
    }
}

impl Serialize for ToolCalls {
    /// As the message is replayed: without the number, which only streams have.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}

impl Serialize for Call {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Function<'a> {
            name: &'a str,
            arguments: &'a str,
        }
        let mut map = serializer.serialize_map(None)?;
        if let Some(id) = &self.id {
            map.serialize_entry("id", id)?;
        }
        map.serialize_entry("type", "function")?;
        let function = Function { name: &self.name, arguments: arguments(&self.arguments) };
        map.serialize_entry("function", &function)?;
        for (name, value) in self.extras.entries() {
            map.serialize_entry(name, &value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds pieces one by one; gives what was announced and each call as `id tool arguments`.
    fn check(pieces: &[&str], expected: &[&str]) {
        let mut calls = ToolCalls::default();
        let mut shown = Vec::new();
        for piece in pieces {
            let piece: &RawValue = serde_json::from_str(piece).unwrap();
            calls
                .add(piece, &mut |delta| {
                    if let Delta::CallStarted { tool } = delta {
                        shown.push(format!("+{tool}"));
                    }
                })
                .unwrap();
        }
        shown.extend(calls.replies().into_iter().map(|call| {
            format!("{} {} {}", call.provider_id.unwrap_or("-".into()), call.tool, call.arguments)
        }));
        assert_eq!(shown, expected);
    }

    #[test]
    fn pieces_are_joined_by_their_number() {
        check(
            &[
                r#"[{"index":0,"id":"a","type":"function","function":{"name":"sh","arguments":""}}]"#,
                r#"[{"index":0,"function":{"name":"ell","arguments":"{\"x\" "}},{"index":1,"id":"b","function":{"name":"t"}}]"#,
                r#"[{"index":1,"function":{"arguments":"[1"}},{"index":0,"function":{"arguments":": 1.0}"}}]"#,
                r#"[{"index":1,"id":"","function":{"name":null,"arguments":"]"}}]"#,
            ],
            &["+shell", "+t", r#"a shell {"x" : 1.0}"#, "b t [1]"],
        );
    }

    #[test]
    fn a_missing_number_is_made_up_for_by_id_name_or_order() {
        check(
            &[
                r#"[{"id":"a","function":{"name":"s","arguments":"1"}}]"#,
                r#"[{"id":"b","function":{"name":"s","arguments":"2"}}]"#,
                r#"[{"id":"a","function":{"arguments":"3"}}]"#,
                r#"[{"function":{"arguments":"4"}}]"#,
            ],
            &["+s", "+s", "a s 13", "b s 24"],
        );
        check(
            &[r#"[{"function":{"name":"s","arguments":"1"}},{"function":{"name":"s"}}]"#],
            &["+s", "- s 1", "- s "],
        );
    }

    #[test]
    fn another_id_under_the_same_number_is_another_call() {
        check(
            &[
                r#"[{"index":0,"id":"a","function":{"name":"s","arguments":"{}"}}]"#,
                r#"[{"index":0,"id":"b","function":{"name":"s","arguments":"[]"}}]"#,
                r#"[{"index":0,"id":"b","function":{"name":"s","arguments":"!"}}]"#,
            ],
            &["+s", "+s", "a s {}", "b s []!"],
        );
    }

    #[test]
    fn arguments_sent_as_an_object_keep_their_text() {
        check(
            &[r#"[{"index":0,"id":"a","function":{"name":"s","arguments":{"b" : 1.0}}}]"#],
            &["+s", r#"a s {"b" : 1.0}"#],
        );
        check(&[r#"[{"index":0,"function":{"name":"s","arguments":null}}]"#], &["- s "]);
    }
}
