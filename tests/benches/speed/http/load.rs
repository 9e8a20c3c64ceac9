//! Making load: so many connections, each of which asks again as soon as it is answered.

use super::wire::Wire;
use bytes::Bytes;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One request.
pub struct Ask {
    /// The path.
    pub path: String,
    /// The body.
    pub body: Bytes,
}

/// What came of it.
pub struct Load {
    /// Answers per second.
    pub rate: f64,
    /// How long each took, sorted.
    pub took: Vec<Duration>,
    /// The answers.
    pub answers: Vec<Bytes>,
}

impl Load {
    /// The time, in milliseconds, that so many of a hundred answers did not take longer than.
    pub fn percentile(&self, of_hundred: usize) -> f64 {
        let place = (self.took.len() * of_hundred / 100).min(self.took.len() - 1);
        self.took[place].as_secs_f64() * 1e3
    }
}

/// Has `connections` ask what `next` gives until it gives nothing.
///
/// # Panics
/// An answer is anything but 200.
pub async fn make(
    address: SocketAddr,
    key: Option<&str>,
    connections: usize,
    next: impl Fn() -> Option<Ask> + Send + Sync + 'static,
) -> Load {
    let next = Arc::new(next);
    let mut wires = Vec::new();
    for _ in 0..connections {
        wires.push(Wire::connect(address, key).await);
    }
    let began = Instant::now();
    let tasks = wires.into_iter().map(|mut wire| {
        let next = Arc::clone(&next);
        tokio::spawn(async move {
            let (mut took, mut answers) = (Vec::new(), Vec::new());
            while let Some(Ask { path, body }) = next() {
                let sent = Instant::now();
                let (status, answer) = wire.ask(&path, body).await;
                took.push(sent.elapsed());
                assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
                answers.push(answer);
            }
            (took, answers)
        })
    });
    let tasks: Vec<_> = tasks.collect();
    let (mut took, mut answers) = (Vec::new(), Vec::new());
    for task in tasks {
        let (some, said) = task.await.unwrap();
        took.extend(some);
        answers.extend(said);
    }
    let rate = took.len() as f64 / began.elapsed().as_secs_f64();
    took.sort();
    assert!(!took.is_empty(), "nothing was asked");
    Load { rate, took, answers }
}
