//! A model whose every word passes through the role's secrets: what it says, calls and reports, also
//! while it arrives in pieces.

use super::{Delta, Model, ModelError, ModelFuture, Reply, Request, Sink};
use crate::domain::secret::Secrets;
use std::sync::Arc;

/// A model behind the redaction of declared secrets.
struct Redacted {
    model: Box<dyn Model>,
    secrets: Arc<Secrets>,
}

/// Puts a model behind the redaction of `secrets`. Without any, the model is given back as it is.
pub fn redacted(model: Box<dyn Model>, secrets: &Arc<Secrets>) -> Box<dyn Model> {
    if secrets.is_empty() {
        return model;
    }
    Box::new(Redacted { model, secrets: Arc::clone(secrets) })
}

impl Model for Redacted {
    fn respond<'a>(&'a self, request: Request<'a>, sink: &'a mut Sink<'a>) -> ModelFuture<'a> {
        Box::pin(async move {
            let secrets = &*self.secrets;
            let mut stream = secrets.stream();
            let text = |bytes: &[u8], sink: &mut Sink<'a>| {
                let text = String::from_utf8_lossy(bytes);
                if !text.is_empty() {
                    sink(Delta::Text(&text));
                }
            };
            let mut watched = |delta: Delta<'_>| match delta {
                Delta::Text(piece) => text(&stream.push(piece.as_bytes()), sink),
                Delta::CallStarted { tool } => {
                    sink(Delta::CallStarted { tool: &secrets.redact(tool) });
                }
                Delta::Retrying { after, why } => {
                    sink(Delta::Retrying { after, why: &secrets.redact(why) });
                }
            };
            let answer = self.model.respond(request, &mut watched).await;
            text(&stream.finish(), sink);
            match answer {
                Ok(reply) => Ok(reply_without(secrets, reply)),
                Err(error) => Err(error_without(secrets, error)),
            }
        })
    }
}

fn reply_without(secrets: &Secrets, mut reply: Reply) -> Reply {
    // The provider's own message cannot be changed and still be its own: without it the message is
    // rebuilt from the history.
    reply.raw = reply.raw.filter(|raw| !secrets.are_in_json(&raw.json));
    reply.text = secrets.redacted(reply.text);
    for call in &mut reply.calls {
        call.tool = secrets.redact(&call.tool).into_owned();
        call.arguments = secrets.redact_arguments(&call.arguments).into_owned();
        call.provider_id = call.provider_id.take().map(|id| secrets.redacted(id));
    }
    reply
}

/// The error with every text of the server's redacted. The sentence is what it was.
fn error_without(secrets: &Secrets, mut error: ModelError) -> ModelError {
    use ModelError as E;
    let texts: &mut [&mut String] = match &mut error {
        E::NoKey { .. } | E::UnusableKey { .. } | E::NoModel | E::Script(_) | E::NoScript => {
            &mut []
        }
        E::BaseUrl { url, why }
        | E::Unreachable { url, why }
        | E::Disconnected { url, why }
        | E::Unreadable { url, why }
        | E::NoAnswer { url, why, .. } => &mut [url, why],
        E::Silent { url, .. }
        | E::TooSlow { url, .. }
        | E::CutShort { url }
        | E::TooLarge { url, .. } => &mut [url],
        E::AskedToWait { url, message, .. }
        | E::Unavailable { url, message, .. }
        | E::NoAccess { url, message, .. }
        | E::Rejected { url, message, .. }
        | E::BrokeOff { url, message } => &mut [url, message],
        E::CallCutOff { model, tool } => &mut [model, tool],
        E::NothingSaid { model } | E::Filtered { model } => &mut [model],
        E::ScriptNotRead { path } => &mut [path],
        E::NoRule { path, text, .. } => &mut [path, text],
    };
    for text in texts {
        **text = secrets.redacted(std::mem::take(*text));
    }
    error
}

#[cfg(test)]
mod tests {
    use super::super::ReplyCall;
    use super::*;
    use crate::domain::message::{RawMessage, Usage};

    /// Says one thing in pieces of three bytes.
    struct Talks(Result<Reply, ModelError>);

    impl Model for Talks {
        fn respond<'a>(&'a self, _: Request<'a>, sink: &'a mut Sink<'a>) -> ModelFuture<'a> {
            Box::pin(async move {
                sink(Delta::Retrying { after: Default::default(), why: "bad key hunter2-hunter2" });
                if let Ok(reply) = &self.0 {
                    for piece in reply.text.as_bytes().chunks(3) {
                        sink(Delta::Text(std::str::from_utf8(piece).unwrap()));
                    }
                }
                self.0.clone()
            })
        }
    }

    fn ask(answer: Result<Reply, ModelError>) -> (String, Result<Reply, ModelError>) {
        let secrets = Secrets::new([("KEY".to_owned(), "hunter2-hunter2".to_owned())]);
        let model = redacted(Box::new(Talks(answer)), &Arc::new(secrets));
        let mut seen = String::new();
        let mut sink = |delta: Delta<'_>| match delta {
            Delta::Text(text) => seen.push_str(text),
            other => seen.push_str(&format!("{other:?}|")),
        };
        let request = Request { prompt: "", messages: &[], tools: &[] };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let answer = runtime.block_on(model.respond(request, &mut sink));
        (seen, answer)
    }

    fn reply(text: &str, arguments: &str, raw: &str) -> Reply {
        let raw = RawMessage { api: "a".into(), model: "m".into(), json: raw.into() };
        let call = ReplyCall { provider_id: None, tool: "t".into(), arguments: arguments.into() };
        Reply { text: text.into(), calls: vec![call], raw: Some(raw), usage: Usage::default() }
    }

    #[test]
    fn what_a_model_says_holds_no_secret() {
        let arguments = r#"{ "a": "hunter2-hunter2" }"#;
        let raw = r#"{"tool_calls":[{"function":{"arguments":"{ \"a\": \"hunter2-hunter2\" }"}}]}"#;
        let (seen, answer) = ask(Ok(reply("it is hunter2-hunter2!", arguments, raw)));
        assert!(
            seen.ends_with("why: \"bad key {{secret:KEY}}\" }|it is {{secret:KEY}}!"),
            "{seen}"
        );
        let answer = answer.unwrap();
        assert_eq!(answer.text, "it is {{secret:KEY}}!");
        assert_eq!(answer.calls[0].arguments, r#"{"a":"{{secret:KEY}}"}"#);
        assert_eq!(answer.raw, None);
    }

    #[test]
    fn an_answer_without_secrets_stays_to_the_byte() {
        let said = reply("é hunter2", r#"{ "b" : 1.0 }"#, r#"{"x": 1.0}"#);
        let (_, answer) = ask(Ok(said.clone()));
        assert_eq!(answer.unwrap(), said);
    }

    #[test]
    fn an_error_holds_no_secret() {
        let message = "wrong key: aHVudGVyMi1odW50ZXIy".to_owned();
        let error = ModelError::Rejected { url: "u".into(), status: 400, message };
        let (_, answer) = ask(Err(error));
        let told = answer.unwrap_err().to_string();
        assert!(told.contains("wrong key: {{secret:KEY}}"), "{told}");
    }
}
