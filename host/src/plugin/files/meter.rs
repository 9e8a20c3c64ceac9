//! Limits on what one call does with files: bytes written, names listed, files held open.

use super::super::limits::{LISTED, OPEN_FILES, WRITTEN};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, InputStream, OutputStream, Pollable, StreamError, StreamResult,
};

/// Bytes that a new name counts for: a file system gives each at least this much.
const NAME: u64 = 4096;

/// What is left of each limit. Streams write while their owner does something else, so they share it.
#[derive(Debug, Default)]
pub(in super::super) struct Meter {
    written: AtomicU64,
    listed: AtomicUsize,
    open: AtomicUsize,
    full: AtomicBool,
    long: AtomicBool,
    crowded: AtomicBool,
}

impl Meter {
    /// Counts bytes that are about to be written, or by which a file grows. `false`: nothing may be
    /// written, and nothing was counted.
    pub(in super::super) fn write(&self, bytes: u64) -> bool {
        let fits = |written: u64| written.checked_add(bytes).filter(|sum| *sum <= WRITTEN);
        let fits = self.written.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok();
        if !fits {
            self.full.store(true, Ordering::Relaxed);
        }
        fits
    }

    /// Counts a new name.
    pub(in super::super) fn name(&self) -> bool {
        self.write(NAME)
    }

    /// How many names may be listed at a time, beyond those that already are.
    pub(in super::super) fn room_to_list(&self) -> usize {
        LISTED.saturating_sub(self.listed.load(Ordering::Relaxed))
    }

    /// Counts the names of one listing; `None`: too many.
    pub(in super::super) fn list(&self, names: usize) -> bool {
        let fits = names <= self.room_to_list();
        if fits {
            self.listed.fetch_add(names, Ordering::Relaxed);
        } else {
            self.long.store(true, Ordering::Relaxed);
        }
        fits
    }

    /// A listing was closed.
    pub(in super::super) fn unlist(&self, names: usize) {
        self.listed.fetch_sub(names, Ordering::Relaxed);
    }

    /// The sentence for a limit that stopped the call.
    pub(super) fn stopped(&self) -> Option<String> {
        self.crowded
            .load(Ordering::Relaxed)
            .then(|| format!("it held more than {OPEN_FILES} files and folders open at once"))
    }

    /// The sentence for a limit that the call was told of.
    pub(super) fn exceeded(&self) -> Option<String> {
        if self.full.load(Ordering::Relaxed) {
            let megabytes = WRITTEN >> 20;
            return Some(format!(
                "one call may write {megabytes} MiB to files, new names and gaps included; nothing \
                 was written beyond that, and smaller pieces may go into several calls"
            ));
        }
        self.long.load(Ordering::Relaxed).then(|| {
            format!(
                "one call may hold {LISTED} names of folders in open listings; a folder with more than \
                 that cannot be listed"
            )
        })
    }
}

/// One open file or folder, counted until it is dropped.
#[derive(Debug)]
pub(in super::super) struct Held(Arc<Meter>);

impl Held {
    /// Counts one more; `None`: there are too many, and the call is to be stopped.
    pub(in super::super) fn new(meter: &Arc<Meter>) -> Option<Self> {
        let held = Self(Arc::clone(meter));
        let before = meter.open.fetch_add(1, Ordering::Relaxed);
        if before >= OPEN_FILES {
            meter.crowded.store(true, Ordering::Relaxed);
            return None;
        }
        Some(held)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A stream from a file. It keeps the file open, also where its descriptor is closed, so it counts.
pub(in super::super) struct HeldInput {
    pub(in super::super) stream: DynInputStream,
    pub(in super::super) _held: Held,
}

#[async_trait]
impl InputStream for HeldInput {
    fn read(&mut self, size: usize) -> StreamResult<bytes::Bytes> {
        self.stream.read(size)
    }

    async fn blocking_read(&mut self, size: usize) -> StreamResult<bytes::Bytes> {
        self.stream.blocking_read(size).await
    }

    async fn cancel(&mut self) {
        self.stream.cancel().await;
    }
}

#[async_trait]
impl Pollable for HeldInput {
    async fn ready(&mut self) {
        self.stream.ready().await;
    }
}

/// A stream into a file, whose bytes are counted before they are written.
pub(in super::super) struct MeteredOutput {
    pub(in super::super) stream: DynOutputStream,
    pub(in super::super) held: Held,
}

impl MeteredOutput {
    fn count(&self, bytes: usize) -> StreamResult<()> {
        if self.held.0.write(bytes as u64) {
            return Ok(());
        }
        // What a full disk says: components know how to tell it.
        let full = io::Error::from_raw_os_error(rustix::io::Errno::NOSPC.raw_os_error());
        Err(StreamError::LastOperationFailed(full.into()))
    }
}

#[async_trait]
impl OutputStream for MeteredOutput {
    fn write(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        self.count(bytes.len())?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.stream.flush()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.stream.check_write()
    }

    async fn blocking_write_and_flush(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        self.count(bytes.len())?;
        self.stream.blocking_write_and_flush(bytes).await
    }

    async fn cancel(&mut self) {
        self.stream.cancel().await;
    }
}

#[async_trait]
impl Pollable for MeteredOutput {
    async fn ready(&mut self) {
        self.stream.ready().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_and_a_refusal_counts_nothing() {
        let meter = Meter::default();
        assert!(meter.write(WRITTEN - 10) && meter.exceeded().is_none());
        assert!(!meter.write(11) && !meter.write(u64::MAX) && !meter.name());
        assert!(meter.exceeded().is_some_and(|said| said.contains("256 MiB")));
        assert!(meter.write(10) && !meter.write(1));
    }

    #[test]
    fn names_are_given_back() {
        let meter = Meter::default();
        assert!(meter.list(LISTED) && !meter.list(1));
        meter.unlist(LISTED);
        assert!(meter.list(1));
    }

    #[test]
    fn open_files_are_counted_until_they_are_closed() {
        let meter = Arc::new(Meter::default());
        let held: Vec<_> = (0..OPEN_FILES).filter_map(|_| Held::new(&meter)).collect();
        assert_eq!((held.len(), meter.stopped()), (OPEN_FILES, None));
        assert!(Held::new(&meter).is_none() && meter.stopped().is_some());
        drop(held);
        assert!(Held::new(&meter).is_some());
    }
}
