//! The body of a request.

use super::super::Request;
use super::super::fields::{Fields, raw_string};
use super::super::history::{arguments, own};
use super::super::ids::WireIds;
use super::API;
use crate::domain::message::{Message, ModelCall, RawMessage};
use crate::domain::role::ModelSpec;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Wire<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u32>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    stream: bool,
    stream_options: StreamOptions,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Wire<'a> {
    Said { role: &'static str, content: &'a str },
    Assistant(Assistant<'a>),
    Replayed(Box<RawValue>),
    Result { role: &'static str, tool_call_id: &'a str, content: &'a str },
}

#[derive(Serialize)]
struct Assistant<'a> {
    role: &'static str,
    /// `null` where there are only calls: some servers reject an empty text.
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
}

#[derive(Serialize)]
struct Call<'a> {
    id: &'a str,
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    arguments: &'a str,
}

#[derive(Serialize)]
struct Tool<'a> {
    r#type: &'static str,
    function: ToolFunction<'a>,
}

#[derive(Serialize)]
struct ToolFunction<'a> {
    name: &'a str,
    description: &'a str,
    parameters: &'a serde_json::Value,
}

/// Writes the body.
pub(super) fn body(spec: &ModelSpec, is_openai: bool, request: Request<'_>) -> String {
    let ids = WireIds::assign(request.messages);
    let mut messages = Vec::with_capacity(request.messages.len() + 1);
    if !request.prompt.is_empty() {
        messages.push(Wire::Said { role: "system", content: request.prompt });
    }
    messages.extend(request.messages.iter().map(|message| wire(message, spec, &ids)));
    let tools = request.tools.iter().map(|tool| Tool {
        r#type: "function",
        function: ToolFunction {
            name: &tool.name,
            description: &tool.description,
            parameters: &tool.parameters,
        },
    });
    let sampling = &spec.sampling;
    // OpenAI's newer models refuse `max_tokens`; every other server knows only that.
    let (max_completion_tokens, max_tokens) =
        if is_openai { (sampling.max_tokens, None) } else { (None, sampling.max_tokens) };
    let body = Body {
        model: &spec.name,
        messages,
        tools: tools.collect(),
        temperature: sampling.temperature,
        top_p: sampling.top_p,
        presence_penalty: sampling.presence_penalty,
        frequency_penalty: sampling.frequency_penalty,
        seed: sampling.seed,
        stop: &sampling.stop,
        reasoning_effort: sampling.reasoning_effort.as_deref(),
        max_tokens,
        max_completion_tokens,
        stream: true,
        stream_options: StreamOptions { include_usage: true },
    };
    // Writing cannot fail: every key is a string and every raw value was read as JSON.
    serde_json::to_string(&body).unwrap_or_default()
}

fn wire<'a>(message: &'a Message, spec: &ModelSpec, ids: &'a WireIds<'a>) -> Wire<'a> {
    match message {
        Message::User { text } => Wire::Said { role: "user", content: text },
        Message::Assistant { text, calls, raw } => {
            match own(raw.as_ref(), API, &spec.name).and_then(|raw| replay(raw, calls, ids)) {
                Some(raw) => Wire::Replayed(raw),
                None => Wire::Assistant(rebuild(text, calls, ids)),
            }
        }
        Message::ToolResult { call, content, .. } => {
            Wire::Result { role: "tool", tool_call_id: ids.of(call), content }
        }
    }
}

/// The provider's own message with the ids of this request. `None` where it does not say what the
/// history says: then the history counts.
fn replay(raw: &RawMessage, calls: &[ModelCall], ids: &WireIds<'_>) -> Option<Box<RawValue>> {
    let mut message: Fields = serde_json::from_str(&raw.json).ok()?;
    let mut raw_calls: Vec<Fields> = match message.get("tool_calls") {
        Some(list) => serde_json::from_str(list.get()).ok()?,
        None => Vec::new(),
    };
    if raw_calls.len() != calls.len() {
        return None;
    }
    let mut changed = false;
    for (raw_call, call) in raw_calls.iter_mut().zip(calls) {
        let function: Fields = serde_json::from_str(raw_call.get("function")?.get()).ok()?;
        if function.text("name")? != call.tool
            || function.text("arguments")? != arguments(&call.arguments)
        {
            return None;
        }
        let id = ids.of(&call.id);
        if raw_call.text("id").as_deref() != Some(id) {
            raw_call.set("id", raw_string(id));
            changed = true;
        }
    }
    if !changed {
        return RawValue::from_string(raw.json.clone()).ok();
    }
    message.set("tool_calls", to_raw_value(&raw_calls).ok()?);
    to_raw_value(&message).ok()
}

fn rebuild<'a>(text: &'a str, calls: &'a [ModelCall], ids: &'a WireIds<'a>) -> Assistant<'a> {
    let tool_calls = calls.iter().map(|call| Call {
        id: ids.of(&call.id),
        r#type: "function",
        function: Function { name: &call.tool, arguments: arguments(&call.arguments) },
    });
    Assistant {
        role: "assistant",
        content: Some(text).filter(|text| !text.is_empty() || calls.is_empty()),
        tool_calls: tool_calls.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::ToolSpec;
    use super::*;
    use crate::domain::ids::CallId;
    use crate::domain::role::{Provider, Sampling};
    use serde_json::json;

    fn spec() -> ModelSpec {
        ModelSpec::new(Provider::OpenAi, "m")
    }

    fn call(n: u8, provider_id: Option<&str>, arguments: &str) -> ModelCall {
        ModelCall {
            id: CallId::from_random([n; 16]),
            provider_id: provider_id.map(str::to_owned),
            tool: "shell".into(),
            arguments: arguments.into(),
        }
    }

    fn result(call: &ModelCall) -> Message {
        Message::ToolResult {
            call: call.id.clone(),
            provider_id: call.provider_id.clone(),
            tool: call.tool.clone(),
            content: "done".into(),
            is_error: false,
        }
    }

    fn raw(model: &str, json: &str) -> Option<RawMessage> {
        Some(RawMessage { api: API.into(), model: model.into(), json: json.into() })
    }

    fn check(spec: &ModelSpec, messages: &[Message], tools: &[ToolSpec], expected: &str) {
        let body = body(spec, spec.base_url.is_none(), Request { prompt: "", messages, tools });
        let body: Fields = serde_json::from_str(&body).unwrap();
        let shown: Vec<String> = body
            .0
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "model" | "stream" | "stream_options"))
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        assert_eq!(shown.join("\n"), expected);
    }

    #[test]
    fn a_whole_request_has_its_settings_and_tools() {
        let sampling =
            Sampling { temperature: Some(0.5), max_tokens: Some(9), ..Sampling::default() };
        let spec = ModelSpec { sampling, ..spec() };
        let tools = [ToolSpec {
            name: "shell".into(),
            description: "Runs".into(),
            parameters: json!({"type": "object", "a": 1.0}),
        }];
        let messages = [Message::User { text: "hé\n".into() }];
        assert_eq!(
            body(&spec, true, Request { prompt: "Be brief.", messages: &messages, tools: &tools }),
            r#"{"model":"m","messages":[{"role":"system","content":"Be brief."},"#.to_owned()
                + r#"{"role":"user","content":"hé\n"}],"tools":[{"type":"function","function":"#
                + r#"{"name":"shell","description":"Runs","parameters":{"type":"object","a":1.0}}}],"#
                + r#""temperature":0.5,"max_completion_tokens":9,"stream":true,"#
                + r#""stream_options":{"include_usage":true}}"#
        );
        let elsewhere = ModelSpec { base_url: Some("http://127.0.0.1/v1".into()), ..spec };
        check(&elsewhere, &[], &[], "messages: []\ntemperature: 0.5\nmax_tokens: 9");
    }

    #[test]
    fn ids_that_are_missing_or_repeat_are_ours_in_call_and_result() {
        let calls = [call(1, Some("x"), " "), call(2, Some("x"), "{}"), call(3, None, "{}")];
        let messages = [
            Message::Assistant { text: String::new(), calls: calls.to_vec(), raw: None },
            result(&calls[0]),
            result(&calls[1]),
            result(&calls[2]),
            Message::Assistant { text: "ok".into(), calls: vec![], raw: None },
        ];
        check(
            &spec(),
            &messages,
            &[],
            &(r#"messages: [{"role":"assistant","content":null,"tool_calls":["#.to_owned()
                + r#"{"id":"x","type":"function","function":{"name":"shell","arguments":"{}"}},"#
                + r#"{"id":"call_qcaibaeaqc","type":"function","function":{"name":"shell","arguments":"{}"}},"#
                + r#"{"id":"call_ydambqgayd","type":"function","function":{"name":"shell","arguments":"{}"}}]},"#
                + r#"{"role":"tool","tool_call_id":"x","content":"done"},"#
                + r#"{"role":"tool","tool_call_id":"call_qcaibaeaqc","content":"done"},"#
                + r#"{"role":"tool","tool_call_id":"call_ydambqgayd","content":"done"},"#
                + r#"{"role":"assistant","content":"ok"}]"#),
        );
    }

    #[test]
    fn the_providers_own_message_is_replayed_to_it_byte_for_byte() {
        let own = r#"{"x": 1.0,"role":"assistant","tool_calls":[{"id":"a","function":{"arguments":"{\"b\" : 1.0}","name":"shell"},"y":[1e2]}]}"#;
        let calls = vec![call(1, Some("a"), r#"{"b" : 1.0}"#)];
        let said = |raw| [Message::Assistant { text: String::new(), calls: calls.clone(), raw }];
        check(&spec(), &said(raw("m", own)), &[], &format!("messages: [{own}]"));
        let rebuilt = r#"messages: [{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"shell","arguments":"{\"b\" : 1.0}"}}]}]"#;
        check(&spec(), &said(raw("other", own)), &[], rebuilt);
        let other_api = Some(RawMessage { api: "x".into(), ..raw("m", own).unwrap() });
        check(&spec(), &said(other_api), &[], rebuilt);
        check(&spec(), &said(raw("m", &own.replace("1.0}", "2.0}"))), &[], rebuilt);
        check(&spec(), &said(raw("m", "{}")), &[], rebuilt);
        check(&spec(), &said(raw("m", "nonsense")), &[], rebuilt);
    }

    #[test]
    fn a_replayed_message_without_ids_is_given_ours() {
        let own = r#"{"role":"assistant","tool_calls":[{"function":{"name":"shell","arguments":"{}"},"y":1.0}],"x":1e2}"#;
        let calls = vec![call(1, None, "")];
        check(
            &spec(),
            &[Message::Assistant { text: String::new(), calls, raw: raw("m", own) }],
            &[],
            r#"messages: [{"role":"assistant","tool_calls":[{"id":"call_ibaeaqcaib","function":{"name":"shell","arguments":"{}"},"y":1.0}],"x":1e2}]"#,
        );
    }
}
