//! A stream of one JSON text a line, read as it arrives.

use super::sse::{Event, LONGEST_LINE, SseError};

/// The reader. A line is an event without a name; blank lines are none.
#[derive(Debug, Default)]
pub(super) struct Reader {
    line: Vec<u8>,
}

impl Reader {
    /// Reads on; gives the lines that became complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, SseError> {
        let mut lines = Vec::new();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.line.len() + part.len() > LONGEST_LINE + 1 {
                return Err(SseError::LineTooLong);
            }
            self.line.extend_from_slice(part);
            if self.line.ends_with(b"\n") {
                lines.extend(self.take()?);
            }
        }
        Ok(lines)
    }

    /// The stream ended: gives a line that lacks its end. Whether it is whole, its reader must judge.
    pub(super) fn finish(mut self) -> Result<Option<Event>, SseError> {
        self.take()
    }

    fn take(&mut self) -> Result<Option<Event>, SseError> {
        let line = String::from_utf8(std::mem::take(&mut self.line));
        let data = line.map_err(|_| SseError::NotUtf8)?.trim().to_owned();
        Ok((!data.is_empty()).then(|| Event { name: String::new(), data }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_whatever_chunks_they_came_in() {
        let text = "{\"a\":\"é😀\"}\r\n\n{\"b\":1}\n{\"c\"";
        for at in 0..=text.len() {
            let mut reader = Reader::default();
            let (one, two) = text.as_bytes().split_at(at);
            let mut lines = reader.push(one).unwrap();
            lines.extend(reader.push(two).unwrap());
            lines.extend(reader.finish().unwrap());
            let lines: Vec<_> = lines.into_iter().map(|line| line.data).collect();
            assert_eq!(lines, ["{\"a\":\"é😀\"}", "{\"b\":1}", "{\"c\""], "split at {at}");
        }
    }

    #[test]
    fn a_line_has_a_longest_length_and_is_never_repaired() {
        let long = vec![b'a'; LONGEST_LINE + 2];
        assert_eq!(Reader::default().push(&long), Err(SseError::LineTooLong));
        assert_eq!(Reader::default().push(b"\xff\n"), Err(SseError::NotUtf8));
    }
}
