//! Reading an answer as it arrives: a stream of events, or a whole body from servers that do not
//! stream.

use super::super::{ModelError, Reply, Sink, show};
use super::sse::{self, Event, SseError};
use super::{Answer, Framing, Problem, Protocol, Server, Stage, lines};
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
    /// One JSON text a line.
    Lines(lines::Reader),
    /// One JSON body.
    Whole,
}

impl Form {
    fn push(&mut self, chunk: &[u8]) -> Result<Vec<Event>, SseError> {
        match self {
            Self::Unknown | Self::Whole => Ok(Vec::new()),
            Self::Events(reader) => reader.push(chunk),
            Self::Lines(reader) => reader.push(chunk),
        }
    }

    fn finish(self) -> Result<Option<Event>, SseError> {
        match self {
            Self::Unknown | Self::Whole => Ok(None),
            Self::Events(reader) => reader.finish(),
            Self::Lines(reader) => reader.finish(),
        }
    }
}

struct Incoming<'m> {
    server: &'m Server,
    protocol: &'m dyn Protocol,
    form: Form,
    /// What came, as long as it may have to be read whole or shown.
    kept: Vec<u8>,
    size: usize,
    answer: Box<dyn Answer>,
}

/// Reads the whole answer. Its end counts only if the protocol said so.
pub(super) async fn receive(
    server: &Server,
    protocol: &dyn Protocol,
    mut response: Response,
    sink: &mut Sink<'_>,
) -> Result<Reply, ModelError> {
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_stream =
        content_type.is_some_and(|kind| kind.contains("event-stream") || kind.contains("ndjson"));
    let mut incoming = Incoming {
        server,
        protocol,
        form: Form::Unknown,
        kept: Vec::new(),
        size: 0,
        answer: protocol.answer(),
    };
    loop {
        let stage = incoming.answer.stage();
        let wait = match (stage, incoming.size) {
            (Stage::Over, _) => break,
            (Stage::Finished, _) => server.timing.after_finish,
            (Stage::Coming, 0) => server.timing.first,
            (Stage::Coming, _) => server.timing.idle,
        };
        match timeout(wait, response.chunk()).await {
            Ok(Ok(Some(chunk))) => incoming.add(&chunk, sink)?,
            Ok(Ok(None)) => break,
            // All that was still to come are token counts.
            _ if stage == Stage::Finished => break,
            Ok(Err(_)) => return Err(incoming.cut_short()),
            Err(_) => return Err(ModelError::Silent { url: server.url(), waited: wait }),
        }
    }
    incoming.end(is_stream, sink)
}

impl Incoming<'_> {
    fn add(&mut self, chunk: &[u8], sink: &mut Sink<'_>) -> Result<(), ModelError> {
        self.size += chunk.len();
        if self.size > LARGEST {
            return Err(ModelError::TooLarge { url: self.server.url(), limit_mib: LARGEST >> 20 });
        }
        if matches!(self.form, Form::Unknown) {
            // The content type is not asked: some servers label streams as JSON, and the reverse.
            let first = chunk.iter().find(|byte| !byte.is_ascii_whitespace());
            self.form = match (first, self.protocol.framing()) {
                (None, _) => Form::Unknown,
                (Some(b'{'), Framing::Lines) => Form::Lines(lines::Reader::default()),
                (Some(b'{' | b'['), Framing::Events) => Form::Whole,
                (Some(_), _) => Form::Events(sse::Reader::default()),
            };
        }
        if matches!(self.form, Form::Whole) {
            self.kept.extend_from_slice(chunk);
            return Ok(());
        }
        // Four bytes make the longest character.
        let room = (4 * LONGEST_GLIMPSE).saturating_sub(self.kept.len());
        self.kept.extend(chunk.iter().take(room));
        let events = self.form.push(chunk).map_err(|error| self.unreadable(error))?;
        events.iter().try_for_each(|event| self.event(event, sink))
    }

    fn event(&mut self, event: &Event, sink: &mut Sink<'_>) -> Result<(), ModelError> {
        if self.answer.stage() == Stage::Over || event.data.trim().is_empty() {
            return Ok(());
        }
        self.answer.add(event, sink).map_err(|problem| self.problem(problem, &event.data))
    }

    /// Everything came.
    fn end(mut self, is_stream: bool, sink: &mut Sink<'_>) -> Result<Reply, ModelError> {
        let mut is_whole = false;
        match std::mem::replace(&mut self.form, Form::Unknown) {
            Form::Unknown => return Err(self.cut_short()),
            Form::Whole => {
                let body = std::mem::take(&mut self.kept);
                let body =
                    String::from_utf8(body).map_err(|_| self.unreadable("it is not UTF-8"))?;
                let added = self.answer.add_whole(&body, sink);
                added.map_err(|problem| self.problem(problem, &body))?;
                // A body that is whole JSON has ended, whether it gives a reason or not.
                is_whole = true;
            }
            stream => {
                // What follows the end of the answer is token counts, whole or not.
                if self.answer.stage() == Stage::Coming {
                    let rest = stream.finish().map_err(|_| self.cut_short())?;
                    let last = rest.map_or(Ok(()), |event| self.event(&event, sink));
                    last.map_err(|error| match error {
                        // The last event lacks its end: it is half of one.
                        ModelError::Unreadable { .. } => self.cut_short(),
                        other => other,
                    })?;
                }
            }
        }
        if !self.answer.is_known() && !self.kept.is_empty() && !is_stream {
            let kept = String::from_utf8_lossy(&self.kept).into_owned();
            let shown = show::visible_up_to(&self.server.shown(&kept), LONGEST_GLIMPSE);
            return Err(self.no_answer(format!("it begins with `{shown}`")));
        }
        if !is_whole && self.answer.stage() == Stage::Coming {
            return Err(self.cut_short());
        }
        if !self.answer.is_known() {
            let (_, lacking) = self.protocol.expects();
            return Err(self.no_answer(lacking));
        }
        let answer = std::mem::replace(&mut self.answer, self.protocol.answer());
        answer.reply(sink).map_err(|problem| self.problem(problem, ""))
    }

    fn problem(&self, problem: Problem, json: &str) -> ModelError {
        match problem {
            Problem::Reported(message) => self.broke_off(&message),
            Problem::Faulty(why) => self.unreadable(why),
            Problem::Stopped(error) => error,
            Problem::Json(error) if error.is_eof() && matches!(self.form, Form::Unknown) => {
                self.cut_short()
            }
            Problem::Json(error) if error.is_data() => {
                self.unreadable(format!("{} is not as the protocol has it", self.glimpse(json)))
            }
            Problem::Json(_) => self.unreadable(format!("{} is not JSON", self.glimpse(json))),
        }
    }

    fn glimpse(&self, text: &str) -> String {
        format!("`{}`", show::visible_up_to(&self.server.shown(text), LONGEST_GLIMPSE))
    }

    fn unreadable(&self, why: impl ToString) -> ModelError {
        ModelError::Unreadable { url: self.server.url(), why: why.to_string() }
    }

    fn no_answer(&self, why: impl ToString) -> ModelError {
        let (what, _) = self.protocol.expects();
        ModelError::NoAnswer { url: self.server.url(), what, why: why.to_string() }
    }

    fn broke_off(&self, message: &str) -> ModelError {
        ModelError::BrokeOff { url: self.server.url(), message: self.server.shown(message) }
    }

    fn cut_short(&self) -> ModelError {
        ModelError::CutShort { url: self.server.url() }
    }
}
