//! Keeping the first bytes of a stream and discarding the rest, without ever making its writer wait.
//! Secrets are replaced before the cut, which could otherwise leave half of one.

use crate::domain::secret::RedactedStream;
use tokio::io::{AsyncRead, AsyncReadExt};

/// How much is read at once: what a pipe holds by default (pipe(7)), so that one read empties it.
const CHUNK: usize = 64 * 1024;

/// The beginning of a stream.
pub(super) struct Capture {
    /// What was kept.
    pub(super) bytes: Vec<u8>,
    /// Whether something was not.
    pub(super) truncated: bool,
    limit: usize,
    secrets: RedactedStream,
}

impl Capture {
    /// Nothing yet; at most `limit` bytes later.
    pub(super) fn new(limit: usize, secrets: RedactedStream) -> Self {
        Self { bytes: Vec::new(), truncated: false, limit, secrets }
    }

    /// Reads `stream` to its end. What was read stays when the future is dropped before.
    pub(super) async fn fill(&mut self, mut stream: impl AsyncRead + Unpin) {
        let mut chunk = vec![0; CHUNK];
        // A read error on a pipe cannot be mended, and what came before it is still true.
        while let Ok(read @ 1..) = stream.read(&mut chunk).await {
            self.push(&chunk[..read]);
        }
    }

    /// Takes what was held back: nothing comes any more.
    pub(super) fn end(&mut self) {
        let rest = self.secrets.finish();
        self.keep(&rest);
    }

    fn push(&mut self, read: &[u8]) {
        let certain = self.secrets.push(read);
        self.keep(&certain);
    }

    fn keep(&mut self, read: &[u8]) {
        let kept = read.len().min(self.limit - self.bytes.len());
        self.bytes.extend_from_slice(&read[..kept]);
        self.truncated |= kept < read.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::Secrets;

    #[test]
    fn a_cut_leaves_no_half_of_a_secret() {
        let secrets = Secrets::new([("K".to_owned(), "abcdefghij".to_owned())]);
        let mut capture = Capture::new(8, secrets.stream());
        capture.push(b"xxxabcd");
        capture.push(b"efghijyyy");
        capture.end();
        assert_eq!((capture.bytes.as_slice(), capture.truncated), (b"xxx{{sec".as_slice(), true));
    }

    #[test]
    fn exactly_the_limit_is_not_cut_and_one_byte_more_is() {
        let mut capture = Capture::new(4, Secrets::default().stream());
        capture.push(b"ab");
        capture.push(b"cd");
        assert_eq!((capture.bytes.as_slice(), capture.truncated), (b"abcd".as_slice(), false));
        capture.push(b"e");
        assert_eq!((capture.bytes.as_slice(), capture.truncated), (b"abcd".as_slice(), true));
    }

    #[test]
    fn a_limit_of_nothing_keeps_nothing() {
        let mut capture = Capture::new(0, Secrets::default().stream());
        assert!(!capture.truncated);
        capture.push(b"a");
        assert_eq!((capture.bytes.len(), capture.truncated), (0, true));
    }
}
