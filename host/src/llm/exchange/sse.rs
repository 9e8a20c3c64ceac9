//! Server-sent events, read as they arrive: chunks may end anywhere, also within a character.
//!
//! Follows the HTML standard's event stream format, with two exceptions that follow from carrying
//! arguments which a person approves: text that is not UTF-8 is an error, never replaced, and a line
//! has a longest length.

/// The longest line. 4 MiB: a whole answer may come as one event, and an answer has 16 MiB at most.
pub(super) const LONGEST_LINE: usize = 4 << 20;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::llm) struct Event {
    /// Its `event:` field, empty where there is none.
    pub(in crate::llm) name: String,
    /// Its `data:` lines, joined by line feeds.
    pub(in crate::llm) data: String,
}

/// Why a stream cannot be read on: a clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum SseError {
    #[error("a line is longer than {} MiB", LONGEST_LINE >> 20)]
    LineTooLong,
    #[error("it is not UTF-8")]
    NotUtf8,
}

/// The reader.
#[derive(Debug, Default)]
pub(super) struct Reader {
    line: Vec<u8>,
    /// The last byte was CR: an LF right after it ends no further line.
    after_cr: bool,
    started: bool,
    name: String,
    data: Option<String>,
}

impl Reader {
    /// Reads on; gives the events that became complete.
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Result<Vec<Event>, SseError> {
        let mut events = Vec::new();
        while let Some(first) = bytes.first() {
            if std::mem::take(&mut self.after_cr) && *first == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let part = &bytes[..end.unwrap_or(bytes.len())];
            if self.line.len() + part.len() > LONGEST_LINE {
                return Err(SseError::LineTooLong);
            }
            self.line.extend_from_slice(part);
            let Some(end) = end else { break };
            self.after_cr = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            events.extend(self.end_line()?);
        }
        Ok(events)
    }

    /// The stream ended: gives an event that lacks its blank line. Some servers leave that out after
    /// the last event; whether this one is whole, its reader must judge.
    pub(super) fn finish(mut self) -> Result<Option<Event>, SseError> {
        if !self.line.is_empty() {
            self.end_line()?;
        }
        Ok(self.dispatch())
    }

    fn end_line(&mut self) -> Result<Option<Event>, SseError> {
        let mut line = std::mem::take(&mut self.line);
        if !std::mem::replace(&mut self.started, true) && line.starts_with(b"\xef\xbb\xbf") {
            line.drain(..3);
        }
        if line.is_empty() {
            return Ok(self.dispatch());
        }
        if line.first() == Some(&b':') {
            return Ok(None); // a comment: servers keep the connection alive with them
        }
        let line = std::str::from_utf8(&line).map_err(|_| SseError::NotUtf8)?;
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            "event" => value.clone_into(&mut self.name),
            _ => {} // `id` and `retry` serve reconnecting, which a model's answer cannot
        }
        Ok(None)
    }

    fn dispatch(&mut self) -> Option<Event> {
        let name = std::mem::take(&mut self.name);
        self.data.take().map(|data| Event { name, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(chunks: &[&[u8]]) -> Result<Vec<Event>, SseError> {
        let mut reader = Reader::default();
        let mut events = Vec::new();
        for chunk in chunks {
            events.extend(reader.push(chunk)?);
        }
        events.extend(reader.finish()?);
        Ok(events)
    }

    fn check(text: &str, expected: &[(&str, &str)]) {
        let bytes = text.as_bytes();
        let whole = read(&[bytes]).unwrap();
        let shown: Vec<_> = whole.iter().map(|e| (e.name.as_str(), e.data.as_str())).collect();
        assert_eq!(shown, expected, "{text:?}");
        // Every split into three chunks, and byte by byte, reads the same.
        for i in 0..=bytes.len() {
            for j in i..=bytes.len() {
                let split = read(&[&bytes[..i], &bytes[i..j], &bytes[j..]]).unwrap();
                assert_eq!(split, whole, "{text:?} split at {i} and {j}");
            }
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(read(&single).unwrap(), whole);
    }

    #[test]
    fn events_end_at_a_blank_line_whatever_ends_lines() {
        for end in ["\n", "\r", "\r\n"] {
            let text = format!("data: a{end}{end}data:b{end}data:  c{end}{end}");
            check(&text, &[("", "a"), ("", "b\n c")]);
        }
        check("data: a\r\n\ndata: b\n\r", &[("", "a"), ("", "b")]);
    }

    #[test]
    fn comments_unknown_fields_and_empty_events_are_passed_over() {
        check(": hello\n\nid: 7\nretry: 9\nx\n\n\n\nevent: e\n\ndata\n\n", &[("", "")]);
        check("event: error\ndata: {}\n\ndata: x\n\n", &[("error", "{}"), ("", "x")]);
    }

    #[test]
    fn a_byte_order_mark_and_characters_of_four_bytes_survive_every_split() {
        check("\u{feff}data: é😀\u{feff}\n\n", &[("", "é😀\u{feff}")]);
    }

    #[test]
    fn what_stands_before_the_end_is_given_at_the_end() {
        check("data: a\n\ndata: [DONE]", &[("", "a"), ("", "[DONE]")]);
        check("data: a\ndata: b\n", &[("", "a\nb")]);
        check("", &[]);
    }

    #[test]
    fn text_that_is_not_utf_8_is_never_replaced() {
        assert_eq!(read(&[b"data: \xff\n\n"]), Err(SseError::NotUtf8));
        assert_eq!(read(&[b"data: \xc3"]), Err(SseError::NotUtf8));
        assert_eq!(read(&[b": \xff\n\ndata: a\n\n"]).unwrap().len(), 1);
    }

    #[test]
    fn a_line_has_a_longest_length() {
        let long = vec![b'a'; LONGEST_LINE];
        assert_eq!(read(&[&long]).unwrap(), []);
        assert_eq!(read(&[&long, b"a"]), Err(SseError::LineTooLong));
        assert_eq!(read(&[&long, b"\n", &long]).unwrap(), []);
    }
}
