//! Waiting for the runs that this process drives, before it ends.

use super::host::Host;
use tokio::sync::watch;

/// How many runs this process drives.
#[derive(Debug, Default)]
pub(super) struct Driving(watch::Sender<usize>);

/// One of them, as long as it is held.
pub(super) struct Drive<'d>(&'d Driving);

impl Driving {
    pub(super) fn begin(&self) -> Drive<'_> {
        self.0.send_modify(|count| *count += 1);
        Drive(self)
    }
}

impl Drop for Drive<'_> {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}

/// Waits until this process drives no run. Whoever asks has asked the runs to stop.
pub async fn drain_runs(host: &Host) {
    // The sender is the host's own: it is there as long as the host is.
    let _ = host.driving.0.subscribe().wait_for(|count| *count == 0).await;
}
