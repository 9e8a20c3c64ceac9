//! What a component prints: the first bytes are kept, the rest is counted and dropped.

use crate::domain::visible::one_line;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// The kept bytes of one call, shared by its standard output and standard error.
#[derive(Clone)]
pub(super) struct Log(Arc<Mutex<Kept>>);

struct Kept {
    bytes: Vec<u8>,
    limit: usize,
    dropped: bool,
}

/// What a stream lets a guest write at once: the size guests' own buffers have.
const PERMIT: usize = 64 << 10;

impl Log {
    pub(super) fn new(limit: usize) -> Self {
        Self(Arc::new(Mutex::new(Kept { bytes: Vec::new(), limit, dropped: false })))
    }

    fn push(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = kept.limit - kept.bytes.len();
        let taken = &bytes[..bytes.len().min(room)];
        kept.bytes.extend_from_slice(taken);
        kept.dropped |= taken.len() < bytes.len();
    }

    /// Forgets what was printed so far.
    pub(super) fn clear(&self) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes.clear();
        kept.dropped = false;
    }

    /// The first two lines that say something, as one: a panic's place and its message.
    pub(super) fn summary(&self) -> Option<String> {
        let text = self.text();
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let summary = lines.take(2).collect::<Vec<_>>().join(" ");
        // A sentence for a person, not a log.
        (!summary.is_empty()).then(|| one_line(&summary).chars().take(300).collect())
    }

    /// Everything kept, as text.
    pub(super) fn text(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::from_utf8_lossy(&kept.bytes).into_owned();
        if kept.dropped {
            text.push_str("\n[log truncated]");
        }
        text
    }
}

impl IsTerminal for Log {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Log {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for Log {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.push(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Log {
    async fn ready(&mut self) {}
}

impl OutputStream for Log {
    fn write(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        self.push(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PERMIT)
    }
}
