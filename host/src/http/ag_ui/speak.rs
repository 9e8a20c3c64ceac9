//! A run in the words of AG-UI 1.0.

use crate::domain::ids::CallId;
use crate::domain::message::Usage;
use crate::domain::preview;
use crate::domain::tool_call::CallState;
use crate::domain::visible::one_line;
use crate::http::live::{Happening, Outcome, QuestionId, Told, shown};
use crate::ops::question;
use crate::store::CallRecord;
use serde_json::{Value, json};

/// The version of the protocol that this is.
const VERSION: &str = "1.0";

/// Who tells a page of one run.
pub(super) struct Speaker {
    /// The client's names.
    thread: String,
    request: String,
    /// Ours.
    run: String,
    turn: i64,
    /// Whether a text has begun and not ended.
    speaking: bool,
}

impl Speaker {
    /// `turn` is how many there were before.
    pub(super) const fn new(thread: String, request: String, run: String, turn: i64) -> Self {
        Self { thread, request, run, turn, speaking: false }
    }

    pub(super) fn started(&self) -> Value {
        json!({
            "type": "RUN_STARTED",
            "threadId": self.thread,
            "runId": self.request,
            "protocolVersion": VERSION,
            "metadata": {"initrunner": {"run_id": self.run}},
        })
    }

    /// The message that holds what the model says and asks for in this turn.
    fn message(&self) -> String {
        format!("{}.{}", self.run, self.turn)
    }

    fn hush(&mut self) -> Option<Value> {
        let message = self.message();
        std::mem::take(&mut self.speaking)
            .then(|| json!({"type": "TEXT_MESSAGE_END", "messageId": message}))
    }

    pub(super) fn happened(&mut self, happening: Happening) -> Vec<Value> {
        match happening {
            Happening::Turn => {
                let events = self.hush().into_iter().collect();
                self.turn += 1;
                events
            }
            Happening::Text(text) => {
                let message = self.message();
                let mut events = Vec::with_capacity(2);
                if !std::mem::replace(&mut self.speaking, true) {
                    events.push(json!({
                        "type": "TEXT_MESSAGE_START", "messageId": message, "role": "assistant",
                    }));
                }
                events.push(json!({
                    "type": "TEXT_MESSAGE_CONTENT", "messageId": message, "delta": text,
                }));
                events
            }
            Happening::Said => self.hush().into_iter().collect(),
            Happening::Proposed { call, tool, arguments } => {
                let call = call.as_str();
                vec![
                    json!({
                        "type": "TOOL_CALL_START",
                        "toolCallId": call,
                        "toolCallName": tool,
                        "parentMessageId": self.message(),
                    }),
                    json!({"type": "TOOL_CALL_ARGS", "toolCallId": call, "delta": arguments}),
                    json!({"type": "TOOL_CALL_END", "toolCallId": call}),
                ]
            }
            Happening::Settled { call, state, text } => vec![settled(&call, state, &text)],
        }
    }

    pub(super) fn ended(mut self, told: Told) -> Vec<Value> {
        let Told { outcome, used } = told;
        let mut events: Vec<Value> = self.hush().into_iter().collect();
        let finished = |outcome: Value| {
            json!({
                "type": "RUN_FINISHED",
                "threadId": self.thread,
                "runId": self.request,
                "outcome": outcome,
            })
        };
        let mut last = match outcome {
            Outcome::Completed => finished(json!({"type": "success"})),
            Outcome::Waiting(calls) => {
                let interrupts: Vec<Value> = calls.iter().map(interrupt).collect();
                finished(json!({"type": "interrupt", "interrupts": interrupts}))
            }
            // Nothing is left to ask, and what comes of it will not be told here.
            Outcome::Elsewhere(state) => {
                let mut event = finished(json!({"type": "success"}));
                event["result"] = json!({"run_id": self.run, "state": state.as_str()});
                event
            }
            Outcome::Cancelled(why) => {
                let mut event = finished(json!({"type": "cancelled"}));
                event["metadata"] = json!({"initrunner": {"run_id": self.run, "reason": why}});
                event
            }
            Outcome::Failed { code, message, resumable } => json!({
                "type": "RUN_ERROR",
                "message": message,
                "code": code,
                "metadata": {"initrunner": {"run_id": self.run, "resumable": resumable}},
            }),
        };
        if last.get("metadata").is_none() {
            last["metadata"] = json!({"initrunner": {"run_id": self.run}});
        }
        last["usage"] = usage(used);
        events.push(last);
        events
    }
}

fn settled(call: &CallId, state: CallState, text: &str) -> Value {
    json!({
        "type": "TOOL_CALL_RESULT",
        "messageId": format!("{call}.result"),
        "toolCallId": call.as_str(),
        "role": "tool",
        "content": text,
        "metadata": {"initrunner": {"state": state.as_str()}},
    })
}

fn usage(used: Usage) -> Value {
    json!([{
        "inputTokens": used.input_tokens,
        "outputTokens": used.output_tokens,
        "totalTokens": used.input_tokens + used.output_tokens,
    }])
}

fn interrupt(call: &CallRecord) -> Value {
    let unknown = call.state == CallState::Unknown;
    let mut interrupt = json!({
        "id": QuestionId::of(call).to_string(),
        "reason": if unknown { "initrunner:unknown_outcome" } else { "tool_call" },
        "toolCallId": call.id.as_str(),
        "message": if unknown { question(call) } else { asked(call) },
        "responseSchema": if unknown { choosing() } else { approving() },
        "metadata": {"initrunner": shown(call)},
    });
    if let Some(at) = call.expires_at {
        interrupt["expiresAt"] = at.to_string().into();
    }
    interrupt
}

/// The question in a sentence, for pages that show nothing else.
fn asked(call: &CallRecord) -> String {
    let what = preview::one_line(call.preview.as_ref(), &call.arguments);
    let mut sentence = format!("Approve {}: {what}", one_line(&call.model_tool));
    if !call.changed.is_empty() {
        sentence.push_str(" (changed since it was approved: ");
        sentence.push_str(&one_line(&call.changed.join("; ")));
        sentence.push(')');
    }
    sentence
}

fn approving() -> Value {
    json!({
        "type": "object",
        "properties": {
            "approved": {"type": "boolean"},
            "reason": {"type": "string", "description": "Why not; the model reads it."},
            "editedArgs": {
                "type": "object",
                "description": "All arguments, in the place of those that were asked for.",
            },
        },
        "required": ["approved"],
        "additionalProperties": false,
    })
}

fn choosing() -> Value {
    json!({
        "type": "object",
        "properties": {
            "decision": {
                "enum": ["retry", "report_unknown"],
                "description": "Whether it is tried again, or the model is told that nobody knows.",
            },
        },
        "required": ["decision"],
        "additionalProperties": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::run::RunState;
    use expect_test::{Expect, expect};

    fn check(turn: i64, happenings: Vec<Happening>, outcome: Outcome, expected: Expect) {
        let mut speaker = Speaker::new("t".into(), "r".into(), "run_aaaaaaaaaaaa".into(), turn);
        let mut events = vec![speaker.started()];
        events.extend(happenings.into_iter().flat_map(|happening| speaker.happened(happening)));
        let used = Usage { input_tokens: 5, output_tokens: 2 };
        events.extend(speaker.ended(Told { outcome, used }));
        let lines: Vec<String> = events.iter().map(Value::to_string).collect();
        expected.assert_eq(&(lines.join("\n") + "\n"));
    }

    fn call() -> CallId {
        CallId::parse("call_aaaaaaaaaa").unwrap()
    }

    #[test]
    fn a_turn_is_one_message_with_its_text_and_its_calls() {
        let text = |text: &str| Happening::Text(text.into());
        check(
            0,
            vec![
                Happening::Turn,
                text("I will "),
                text("look."),
                Happening::Said,
                Happening::Proposed { call: call(), tool: "shell".into(), arguments: "{}".into() },
                Happening::Settled { call: call(), state: CallState::Succeeded, text: "ok".into() },
                Happening::Turn,
                text("Done."),
                Happening::Said,
            ],
            Outcome::Completed,
            expect![[r#"
                {"type":"RUN_STARTED","threadId":"t","runId":"r","protocolVersion":"1.0","metadata":{"initrunner":{"run_id":"run_aaaaaaaaaaaa"}}}
                {"type":"TEXT_MESSAGE_START","messageId":"run_aaaaaaaaaaaa.1","role":"assistant"}
                {"type":"TEXT_MESSAGE_CONTENT","messageId":"run_aaaaaaaaaaaa.1","delta":"I will "}
                {"type":"TEXT_MESSAGE_CONTENT","messageId":"run_aaaaaaaaaaaa.1","delta":"look."}
                {"type":"TEXT_MESSAGE_END","messageId":"run_aaaaaaaaaaaa.1"}
                {"type":"TOOL_CALL_START","toolCallId":"call_aaaaaaaaaa","toolCallName":"shell","parentMessageId":"run_aaaaaaaaaaaa.1"}
                {"type":"TOOL_CALL_ARGS","toolCallId":"call_aaaaaaaaaa","delta":"{}"}
                {"type":"TOOL_CALL_END","toolCallId":"call_aaaaaaaaaa"}
                {"type":"TOOL_CALL_RESULT","messageId":"call_aaaaaaaaaa.result","toolCallId":"call_aaaaaaaaaa","role":"tool","content":"ok","metadata":{"initrunner":{"state":"succeeded"}}}
                {"type":"TEXT_MESSAGE_START","messageId":"run_aaaaaaaaaaaa.2","role":"assistant"}
                {"type":"TEXT_MESSAGE_CONTENT","messageId":"run_aaaaaaaaaaaa.2","delta":"Done."}
                {"type":"TEXT_MESSAGE_END","messageId":"run_aaaaaaaaaaaa.2"}
                {"type":"RUN_FINISHED","threadId":"t","runId":"r","outcome":{"type":"success"},"metadata":{"initrunner":{"run_id":"run_aaaaaaaaaaaa"}},"usage":[{"inputTokens":5,"outputTokens":2,"totalTokens":7}]}
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
            1,
            vec![Happening::Turn, Happening::Text("I wi".into())],
            failed,
            expect![[r#"
            {"type":"RUN_STARTED","threadId":"t","runId":"r","protocolVersion":"1.0","metadata":{"initrunner":{"run_id":"run_aaaaaaaaaaaa"}}}
            {"type":"TEXT_MESSAGE_START","messageId":"run_aaaaaaaaaaaa.2","role":"assistant"}
            {"type":"TEXT_MESSAGE_CONTENT","messageId":"run_aaaaaaaaaaaa.2","delta":"I wi"}
            {"type":"TEXT_MESSAGE_END","messageId":"run_aaaaaaaaaaaa.2"}
            {"type":"RUN_ERROR","message":"the model went away","code":"interrupted","metadata":{"initrunner":{"run_id":"run_aaaaaaaaaaaa","resumable":true}},"usage":[{"inputTokens":5,"outputTokens":2,"totalTokens":7}]}
        "#]],
        );
        check(
            1,
            vec![],
            Outcome::Cancelled("cancelled by key:ann".into()),
            expect![[r#"
            {"type":"RUN_STARTED","threadId":"t","runId":"r","protocolVersion":"1.0","metadata":{"initrunner":{"run_id":"run_aaaaaaaaaaaa"}}}
            {"type":"RUN_FINISHED","threadId":"t","runId":"r","outcome":{"type":"cancelled"},"metadata":{"initrunner":{"run_id":"run_aaaaaaaaaaaa","reason":"cancelled by key:ann"}},"usage":[{"inputTokens":5,"outputTokens":2,"totalTokens":7}]}
        "#]],
        );
        check(
            1,
            vec![],
            Outcome::Elsewhere(RunState::Running),
            expect![[r#"
            {"type":"RUN_STARTED","threadId":"t","runId":"r","protocolVersion":"1.0","metadata":{"initrunner":{"run_id":"run_aaaaaaaaaaaa"}}}
            {"type":"RUN_FINISHED","threadId":"t","runId":"r","outcome":{"type":"success"},"result":{"run_id":"run_aaaaaaaaaaaa","state":"running"},"metadata":{"initrunner":{"run_id":"run_aaaaaaaaaaaa"}},"usage":[{"inputTokens":5,"outputTokens":2,"totalTokens":7}]}
        "#]],
        );
    }
}
