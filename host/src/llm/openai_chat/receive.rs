//! Reading an answer as it arrives: a stream of events, or a whole body from servers that do not
//! stream.

use super::super::sse::{self, Event};
use super::super::{Delta, ModelError, Reply, show};
use super::OpenAiChat;
use super::assemble::{Assembly, Problem};
use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use tokio::time::timeout;

/// The largest answer. 16 MiB: a hundred times the longest that models write, with every token in an
/// event of its own.
const LARGEST: usize = 16 << 20;

/// How much of something that is no answer is shown: enough to recognise a web page.
const LONGEST_GLIMPSE: usize = 120;

/// What an answer turned out to be.
enum Form {
    /// Nothing but white space came so far.
    Unknown,
    /// Server-sent events.
    Events(sse::Reader),
    /// One JSON body.
    Whole,
}

struct Incoming<'m> {
    model: &'m OpenAiChat,
    form: Form,
    /// What came, as long as it may have to be read whole or shown.
    kept: Vec<u8>,
    size: usize,
    assembly: Assembly,
    /// `[DONE]` came.
    done: bool,
}

/// Reads the whole answer. Its end counts only if the protocol said so.
pub(super) async fn receive(
    model: &OpenAiChat,
    mut response: Response,
    sink: &mut (dyn FnMut(Delta<'_>) + Send),
) -> Result<Reply, ModelError> {
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_stream = content_type.is_some_and(|kind| kind.contains("event-stream"));
    let mut incoming = Incoming {
        model,
        form: Form::Unknown,
        kept: Vec::new(),
        size: 0,
        assembly: Assembly::default(),
        done: false,
    };
    while !incoming.done {
        let finished = incoming.assembly.is_finished();
        let wait = match (finished, incoming.size) {
            (true, _) => model.timing.after_finish,
            (false, 0) => model.timing.first,
            (false, _) => model.timing.idle,
        };
        match timeout(wait, response.chunk()).await {
            Ok(Ok(Some(chunk))) => incoming.add(&chunk, sink)?,
            Ok(Ok(None)) => break,
            // All that was still to come are token counts.
            _ if finished => break,
            Ok(Err(_)) => return Err(incoming.cut_short()),
            Err(_) => return Err(ModelError::Silent { url: model.url(), waited: wait }),
        }
    }
    incoming.end(is_stream, sink)
}

impl Incoming<'_> {
    fn add(
        &mut self,
        chunk: &[u8],
        sink: &mut (dyn FnMut(Delta<'_>) + Send),
    ) -> Result<(), ModelError> {
        self.size += chunk.len();
        if self.size > LARGEST {
            return Err(ModelError::TooLarge { url: self.model.url(), limit_mib: LARGEST >> 20 });
        }
        if matches!(self.form, Form::Unknown) {
            // The content type is not asked: some servers label streams as JSON, and the reverse.
            let first = chunk.iter().find(|byte| !byte.is_ascii_whitespace());
            self.form = match first {
                None => Form::Unknown,
                Some(b'{' | b'[') => Form::Whole,
                Some(_) => Form::Events(sse::Reader::default()),
            };
        }
        match &mut self.form {
            Form::Unknown => Ok(()),
            Form::Whole => {
                self.kept.extend_from_slice(chunk);
                Ok(())
            }
            Form::Events(reader) => {
                // Four bytes make the longest character.
                let room = (4 * LONGEST_GLIMPSE).saturating_sub(self.kept.len());
                self.kept.extend(chunk.iter().take(room));
                let events = reader.push(chunk);
                let events = events.map_err(|error| self.unreadable(error))?;
                events.iter().try_for_each(|event| self.event(event, sink))
            }
        }
    }

    fn event(
        &mut self,
        event: &Event,
        sink: &mut (dyn FnMut(Delta<'_>) + Send),
    ) -> Result<(), ModelError> {
        if self.done || event.data.trim().is_empty() {
            return Ok(());
        }
        if event.data.trim() == "[DONE]" {
            self.done = true;
            return Ok(());
        }
        if event.name == "error" {
            return Err(self.broke_off(&super::refusal::message(&event.data)));
        }
        self.assembly.add(&event.data, sink).map_err(|problem| self.problem(problem, &event.data))
    }

    /// Everything came.
    fn end(
        mut self,
        is_stream: bool,
        sink: &mut (dyn FnMut(Delta<'_>) + Send),
    ) -> Result<Reply, ModelError> {
        match std::mem::replace(&mut self.form, Form::Unknown) {
            Form::Unknown => return Err(self.cut_short()),
            Form::Whole => {
                let body = std::mem::take(&mut self.kept);
                let body =
                    String::from_utf8(body).map_err(|_| self.unreadable("it is not UTF-8"))?;
                self.assembly.add(&body, sink).map_err(|problem| self.problem(problem, &body))?;
                // A body that is whole JSON has ended, whether it gives a reason or not.
                self.done = true;
            }
            Form::Events(reader) => {
                // What follows the end of the answer is token counts, whole or not.
                if !self.done && !self.assembly.is_finished() {
                    let rest = reader.finish().map_err(|_| self.cut_short())?;
                    let last = rest.map_or(Ok(()), |event| self.event(&event, sink));
                    last.map_err(|error| match error {
                        // The last event lacks its end: it is half of one.
                        ModelError::Unreadable { .. } => self.cut_short(),
                        other => other,
                    })?;
                }
            }
        }
        if !self.assembly.any_choices() && !self.kept.is_empty() && !is_stream {
            let kept = String::from_utf8_lossy(&self.kept).into_owned();
            let shown = show::visible_up_to(&self.model.shown(&kept), LONGEST_GLIMPSE);
            return Err(self.no_answer(format!("it begins with `{shown}`")));
        }
        if !self.done && !self.assembly.is_finished() {
            return Err(self.cut_short());
        }
        if !self.assembly.any_choices() {
            return Err(self.no_answer("it has no `choices`"));
        }
        if self.assembly.any_nameless_call() {
            return Err(self.unreadable("it calls a tool without naming it"));
        }
        self.assembly.reply(&self.model.spec.name, sink)
    }

    fn problem(&self, problem: Problem, json: &str) -> ModelError {
        match problem {
            Problem::Reported(message) => self.broke_off(&message),
            Problem::Unreadable(error) if error.is_eof() && matches!(self.form, Form::Unknown) => {
                self.cut_short()
            }
            Problem::Unreadable(error) if error.is_data() => {
                self.unreadable(format!("{} is not as the protocol has it", self.glimpse(json)))
            }
            Problem::Unreadable(_) => {
                self.unreadable(format!("{} is not JSON", self.glimpse(json)))
            }
        }
    }

    fn glimpse(&self, text: &str) -> String {
        format!("`{}`", show::visible_up_to(&self.model.shown(text), LONGEST_GLIMPSE))
    }

    fn unreadable(&self, why: impl ToString) -> ModelError {
        ModelError::Unreadable { url: self.model.url(), why: why.to_string() }
    }

    fn no_answer(&self, why: impl ToString) -> ModelError {
        ModelError::NoAnswer { url: self.model.url(), why: why.to_string() }
    }

    fn broke_off(&self, message: &str) -> ModelError {
        ModelError::BrokeOff { url: self.model.url(), message: self.model.shown(message) }
    }

    fn cut_short(&self) -> ModelError {
        ModelError::CutShort { url: self.model.url() }
    }
}
