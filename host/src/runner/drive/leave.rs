//! The ways a drive ends, each written down with the claim that it gives back.

use super::{Ended, Running};
use crate::fail_point;
use crate::store::{Conflict, RunEnd, StoreError};
use std::time::{Duration, Instant};

/// How long a run that was stopped waits for the programs of the call that it gave up. Their supervisor
/// kills them at once; longer than this it takes only where the machine is stuck, and then that is said.
const FAREWELL: Duration = Duration::from_secs(1);

/// How often it looks meanwhile: killing a program takes a few milliseconds.
const GLANCE: Duration = Duration::from_millis(5);

impl Running<'_, '_> {
    /// Pauses, unless all that stands in the way is calls of unknown outcome that the role has tried
    /// again.
    pub(super) async fn retry_or_pause(&mut self) -> Result<Option<Ended>, StoreError> {
        let Some(calls) = super::retriable(self.driver.tools, &self.run) else {
            return self.pause().await;
        };
        for call in calls {
            let now = self.driver.clock.now();
            self.driver.store.retry_unknown(&self.claim, &call, now).await?;
        }
        self.reload().await?;
        Ok(None)
    }

    pub(super) async fn complete(&mut self, answer: String) -> Result<Ended, StoreError> {
        self.end(RunEnd::Completed { answer: answer.clone() }).await?;
        Ok(Ended::Completed { answer })
    }

    pub(super) async fn fail(&mut self, error: String) -> Result<Ended, StoreError> {
        self.end(RunEnd::Failed { error: error.clone() }).await?;
        Ok(Ended::Failed { error })
    }

    async fn pause(&mut self) -> Result<Option<Ended>, StoreError> {
        let now = self.driver.clock.now();
        fail_point::reach("runner.pause.before");
        let paused = self.driver.store.pause_run(&self.claim, self.spent(), now).await;
        fail_point::reach("runner.pause.after");
        match paused {
            Ok(()) => {
                self.read_back().await?;
                Ok(Some(Ended::Paused))
            }
            // The last decision came while this process was busy: it goes on.
            Err(StoreError::Conflict(Conflict::NothingWaits { .. })) => {
                self.reload().await?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn end(&mut self, end: RunEnd) -> Result<(), StoreError> {
        let now = self.driver.clock.now();
        fail_point::reach("runner.end.before");
        self.driver.store.end_run(&self.claim, end, self.spent(), now).await?;
        fail_point::reach("runner.end.after");
        self.read_back().await
    }

    pub(super) async fn interrupt(
        &mut self,
        reason: String,
        stopped: bool,
    ) -> Result<Ended, StoreError> {
        let now = self.driver.clock.now();
        let spent = self.spent();
        fail_point::reach("runner.interrupt.before");
        self.driver.store.interrupt_run(&self.claim, reason.clone(), spent, now).await?;
        fail_point::reach("runner.interrupt.after");
        self.read_back().await?;
        // So that nobody is asked about a call whose program is just being killed.
        let patience = Instant::now() + FAREWELL;
        while self.run.calls.iter().any(|call| call.running.is_some()) && Instant::now() < patience
        {
            tokio::time::sleep(GLANCE).await;
            self.read_back().await?;
        }
        Ok(Ended::Interrupted { reason, stopped })
    }

    /// The run as it stands now that this drive is over.
    async fn read_back(&mut self) -> Result<(), StoreError> {
        self.run = self.driver.store.load_run(&self.claim.run).await?;
        Ok(())
    }
}
