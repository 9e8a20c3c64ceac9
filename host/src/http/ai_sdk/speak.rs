//! A run as a UI message stream, version 1.

use crate::domain::ids::CallId;
use crate::domain::message::Usage;
use crate::domain::tool_call::CallState;
use crate::http::live::{Happening, Outcome, QuestionId, Told, shown};
use crate::ops::question;
use crate::store::CallRecord;
use serde_json::{Value, json};

/// Who tells a page of one run.
pub(super) struct Speaker {
    run: String,
    /// Whether the answer is a message of its own, and not more of one that the page has.
    is_new: bool,
    turn: i64,
    /// Whether a step has begun and not ended.
    stepping: bool,
    /// Whether a text has.
    speaking: bool,
}

impl Speaker {
    /// Of a run that begins.
    pub(super) fn of_new(run: &str) -> Self {
        Self { run: run.to_owned(), is_new: true, turn: 0, stepping: false, speaking: false }
    }

    /// Of a run that goes on after so many turns.
    pub(super) fn of_resumed(run: &str, turn: i64) -> Self {
        Self { run: run.to_owned(), is_new: false, turn, stepping: false, speaking: false }
    }

    pub(super) fn started(&self) -> Value {
        let mut chunk = json!({
            "type": "start",
            "messageMetadata": {"initrunner": {"run_id": self.run}},
        });
        // Another name would make another message of the one that goes on.
        if self.is_new {
            chunk["messageId"] = self.run.as_str().into();
        }
        chunk
    }

    fn text(&self) -> String {
        format!("{}.{}", self.run, self.turn)
    }

    fn hush(&mut self) -> Option<Value> {
        let id = self.text();
        std::mem::take(&mut self.speaking).then(|| json!({"type": "text-end", "id": id}))
    }

    fn end_step(&mut self) -> Vec<Value> {
        let mut chunks: Vec<Value> = self.hush().into_iter().collect();
        if std::mem::take(&mut self.stepping) {
            chunks.push(json!({"type": "finish-step"}));
        }
        chunks
    }

    pub(super) fn happened(&mut self, happening: Happening) -> Vec<Value> {
        match happening {
            Happening::Turn => {
                let mut chunks = self.end_step();
                self.turn += 1;
                self.stepping = true;
                chunks.push(json!({"type": "start-step"}));
                chunks
            }
            Happening::Text(text) => {
                let id = self.text();
                let mut chunks = Vec::with_capacity(2);
                if !std::mem::replace(&mut self.speaking, true) {
                    chunks.push(json!({"type": "text-start", "id": id}));
                }
                chunks.push(json!({"type": "text-delta", "id": id, "delta": text}));
                chunks
            }
            Happening::Said => self.hush().into_iter().collect(),
            Happening::Proposed { call, tool, arguments } => {
                // What the model wrote, where it is no JSON: it is refused, and shown as it is.
                let input = serde_json::from_str(&arguments).unwrap_or(Value::String(arguments));
                vec![json!({
                    "type": "tool-input-available",
                    "toolCallId": call.as_str(),
                    "toolName": tool,
                    "input": input,
                    // The page need not know the role's tools.
                    "dynamic": true,
                })]
            }
            Happening::Settled { call, state, text } => vec![settled(&call, state, &text)],
        }
    }

    pub(super) fn ended(mut self, told: Told) -> Vec<Value> {
        let Told { outcome, used } = told;
        let mut chunks: Vec<Value> = self.hush().into_iter().collect();
        let (state, reason) = match outcome {
            Outcome::Completed => ("completed", "stop"),
            Outcome::Waiting(calls) => {
                chunks.extend(calls.iter().map(ask));
                ("paused", "tool-calls")
            }
            Outcome::Elsewhere(state) => (state.as_str(), "other"),
            Outcome::Cancelled(why) => {
                chunks.push(json!({"type": "abort", "reason": why}));
                ("cancelled", "other")
            }
            Outcome::Failed { code, message, resumable } => {
                chunks.push(json!({"type": "error", "errorText": message}));
                chunks.extend(self.end_step());
                let mut last = self.finish(&code, "error", used);
                last["messageMetadata"]["initrunner"]["resumable"] = resumable.into();
                chunks.push(last);
                return chunks;
            }
        };
        chunks.extend(self.end_step());
        chunks.push(self.finish(state, reason, used));
        chunks
    }

    fn finish(&self, state: &str, reason: &str, used: Usage) -> Value {
        json!({
            "type": "finish",
            "finishReason": reason,
            "messageMetadata": {"initrunner": {
                "run_id": self.run,
                "state": state,
                "usage": {"input_tokens": used.input_tokens, "output_tokens": used.output_tokens},
            }},
        })
    }
}

fn settled(call: &CallId, state: CallState, text: &str) -> Value {
    let call = call.as_str();
    match state {
        CallState::Succeeded => {
            json!({"type": "tool-output-available", "toolCallId": call, "output": text, "dynamic": true})
        }
        CallState::Denied => json!({"type": "tool-output-denied", "toolCallId": call}),
        _ => {
            json!({"type": "tool-output-error", "toolCallId": call, "errorText": text, "dynamic": true})
        }
    }
}

/// The question about a call. Whether a call is tried again whose outcome is unknown is not asked here: a
/// page shows *approve* and *deny*, and the one would be taken for something harmless.
fn ask(call: &CallRecord) -> Value {
    if call.state == CallState::Unknown {
        return json!({
            "type": "tool-output-error",
            "toolCallId": call.id.as_str(),
            "errorText": question(call),
            "dynamic": true,
        });
    }
    json!({
        "type": "tool-approval-request",
        "approvalId": QuestionId::of(call).to_string(),
        "toolCallId": call.id.as_str(),
        "approvalDescriptor": shown(call),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    const RUN: &str = "run_aaaaaaaaaaaa";

    fn check(mut speaker: Speaker, happenings: Vec<Happening>, outcome: Outcome, expected: Expect) {
        let mut chunks = vec![speaker.started()];
        chunks.extend(happenings.into_iter().flat_map(|happening| speaker.happened(happening)));
        let used = Usage { input_tokens: 5, output_tokens: 2 };
        chunks.extend(speaker.ended(Told { outcome, used }));
        let lines: Vec<String> = chunks.iter().map(Value::to_string).collect();
        expected.assert_eq(&(lines.join("\n") + "\n"));
    }

    fn settled(state: CallState, text: &str) -> Happening {
        let call = CallId::parse("call_aaaaaaaaaa").unwrap();
        Happening::Settled { call, state, text: text.into() }
    }

    fn text(text: &str) -> Happening {
        Happening::Text(text.into())
    }

    #[test]
    fn a_turn_is_a_step_with_its_text_and_its_calls() {
        let call = CallId::parse("call_aaaaaaaaaa").unwrap();
        let propose = |arguments: &str| Happening::Proposed {
            call: call.clone(),
            tool: "shell".into(),
            arguments: arguments.into(),
        };
        check(
            Speaker::of_new(RUN),
            vec![
                Happening::Turn,
                text("I will "),
                text("look."),
                Happening::Said,
                propose(r#"{"command":"ls"}"#),
                settled(CallState::Succeeded, "ok"),
                propose("{"),
                settled(CallState::Failed, "no JSON"),
                Happening::Turn,
                text("Done."),
                Happening::Said,
            ],
            Outcome::Completed,
            expect![[r#"
                {"type":"start","messageMetadata":{"initrunner":{"run_id":"run_aaaaaaaaaaaa"}},"messageId":"run_aaaaaaaaaaaa"}
                {"type":"start-step"}
                {"type":"text-start","id":"run_aaaaaaaaaaaa.1"}
                {"type":"text-delta","id":"run_aaaaaaaaaaaa.1","delta":"I will "}
                {"type":"text-delta","id":"run_aaaaaaaaaaaa.1","delta":"look."}
                {"type":"text-end","id":"run_aaaaaaaaaaaa.1"}
                {"type":"tool-input-available","toolCallId":"call_aaaaaaaaaa","toolName":"shell","input":{"command":"ls"},"dynamic":true}
                {"type":"tool-output-available","toolCallId":"call_aaaaaaaaaa","output":"ok","dynamic":true}
                {"type":"tool-input-available","toolCallId":"call_aaaaaaaaaa","toolName":"shell","input":"{","dynamic":true}
                {"type":"tool-output-error","toolCallId":"call_aaaaaaaaaa","errorText":"no JSON","dynamic":true}
                {"type":"finish-step"}
                {"type":"start-step"}
                {"type":"text-start","id":"run_aaaaaaaaaaaa.2"}
                {"type":"text-delta","id":"run_aaaaaaaaaaaa.2","delta":"Done."}
                {"type":"text-end","id":"run_aaaaaaaaaaaa.2"}
                {"type":"finish-step"}
                {"type":"finish","finishReason":"stop","messageMetadata":{"initrunner":{"run_id":"run_aaaaaaaaaaaa","state":"completed","usage":{"input_tokens":5,"output_tokens":2}}}}
            "#]],
        );
    }

    #[test]
    fn what_goes_on_is_more_of_the_same_message() {
        check(
            Speaker::of_resumed(RUN, 1),
            vec![settled(CallState::Denied, "no"), Happening::Turn, text("Well."), Happening::Said],
            Outcome::Completed,
            expect![[r#"
                {"type":"start","messageMetadata":{"initrunner":{"run_id":"run_aaaaaaaaaaaa"}}}
                {"type":"tool-output-denied","toolCallId":"call_aaaaaaaaaa"}
                {"type":"start-step"}
                {"type":"text-start","id":"run_aaaaaaaaaaaa.2"}
                {"type":"text-delta","id":"run_aaaaaaaaaaaa.2","delta":"Well."}
                {"type":"text-end","id":"run_aaaaaaaaaaaa.2"}
                {"type":"finish-step"}
                {"type":"finish","finishReason":"stop","messageMetadata":{"initrunner":{"run_id":"run_aaaaaaaaaaaa","state":"completed","usage":{"input_tokens":5,"output_tokens":2}}}}
            "#]],
        );
        check(
            Speaker::of_resumed(RUN, 1),
            vec![],
            Outcome::Cancelled("by key:ann".into()),
            expect![[r#"
                {"type":"start","messageMetadata":{"initrunner":{"run_id":"run_aaaaaaaaaaaa"}}}
                {"type":"abort","reason":"by key:ann"}
                {"type":"finish","finishReason":"other","messageMetadata":{"initrunner":{"run_id":"run_aaaaaaaaaaaa","state":"cancelled","usage":{"input_tokens":5,"output_tokens":2}}}}
            "#]],
        );
    }

    #[test]
    fn a_text_that_breaks_off_is_ended_before_the_error() {
        let failed = Outcome::Failed {
            code: "interrupted".into(),
            message: "the model went away".into(),
            resumable: true,
        };
        check(
            Speaker::of_new(RUN),
            vec![Happening::Turn, text("I wi")],
            failed,
            expect![[r#"
            {"type":"start","messageMetadata":{"initrunner":{"run_id":"run_aaaaaaaaaaaa"}},"messageId":"run_aaaaaaaaaaaa"}
            {"type":"start-step"}
            {"type":"text-start","id":"run_aaaaaaaaaaaa.1"}
            {"type":"text-delta","id":"run_aaaaaaaaaaaa.1","delta":"I wi"}
            {"type":"text-end","id":"run_aaaaaaaaaaaa.1"}
            {"type":"error","errorText":"the model went away"}
            {"type":"finish-step"}
            {"type":"finish","finishReason":"error","messageMetadata":{"initrunner":{"run_id":"run_aaaaaaaaaaaa","state":"interrupted","usage":{"input_tokens":5,"output_tokens":2},"resumable":true}}}
        "#]],
        );
    }
}
