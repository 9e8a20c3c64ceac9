//! Keeping the first bytes of a stream and discarding the rest, without ever making its writer wait.

use tokio::io::{AsyncRead, AsyncReadExt};

/// How much is read at once: what a pipe holds by default (pipe(7)), so that one read empties it.
const CHUNK: usize = 64 * 1024;

/// The beginning of a stream.
#[derive(Debug)]
pub(super) struct Capture {
    /// What was kept.
    pub(super) bytes: Vec<u8>,
    /// Whether something was not.
    pub(super) truncated: bool,
    limit: usize,
}

impl Capture {
    /// Nothing yet; at most `limit` bytes later.
    pub(super) fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), truncated: false, limit }
    }

    /// Reads `stream` to its end. What was read stays when the future is dropped before.
    pub(super) async fn fill(&mut self, mut stream: impl AsyncRead + Unpin) {
        let mut chunk = vec![0; CHUNK];
        // A read error on a pipe cannot be mended, and what came before it is still true.
        while let Ok(read @ 1..) = stream.read(&mut chunk).await {
            self.push(&chunk[..read]);
        }
    }

    fn push(&mut self, read: &[u8]) {
        let kept = read.len().min(self.limit - self.bytes.len());
        self.bytes.extend_from_slice(&read[..kept]);
        self.truncated |= kept < read.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_limit_is_not_cut_and_one_byte_more_is() {
        let mut capture = Capture::new(4);
        capture.push(b"ab");
        capture.push(b"cd");
        assert_eq!((capture.bytes.as_slice(), capture.truncated), (b"abcd".as_slice(), false));
        capture.push(b"e");
        assert_eq!((capture.bytes.as_slice(), capture.truncated), (b"abcd".as_slice(), true));
    }

    #[test]
    fn a_limit_of_nothing_keeps_nothing() {
        let mut capture = Capture::new(0);
        assert!(!capture.truncated);
        capture.push(b"a");
        assert_eq!((capture.bytes.len(), capture.truncated), (0, true));
    }
}
