//! What models are saying at the moment, for pages that show an answer while it arrives. It is kept as long as
//! its run is driven in this process, and is no part of the run: what was said is in its history.

use crate::domain::ids::RunId;
use crate::runner::{Progress, Reporter};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// The text of the answer under way; empty between answers.
pub(crate) type Text = Arc<str>;

/// By run, while it is driven here.
#[derive(Debug, Default)]
pub(crate) struct Texts(Mutex<HashMap<RunId, watch::Sender<Text>>>);

impl Texts {
    /// What is told of a run that begins or goes on. It is forgotten when that is dropped.
    pub(crate) fn of(self: &Arc<Self>, run: &RunId) -> SaidSoFar {
        let (sender, _) = watch::channel(Text::from(""));
        self.lock().insert(run.clone(), sender.clone());
        SaidSoFar { texts: Arc::clone(self), run: run.clone(), sender, text: String::new() }
    }

    /// The text of a run's answer as it grows; nothing where the run is not driven here.
    pub(crate) fn watch(&self, run: &RunId) -> Option<watch::Receiver<Text>> {
        self.lock().get(run).map(watch::Sender::subscribe)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RunId, watch::Sender<Text>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Collects what is said in one run.
#[derive(Debug)]
pub(crate) struct SaidSoFar {
    texts: Arc<Texts>,
    run: RunId,
    sender: watch::Sender<Text>,
    text: String,
}

impl Reporter for SaidSoFar {
    fn report(&mut self, progress: Progress<'_>) {
        match progress {
            Progress::Text(more) => self.text.push_str(more),
            // What an answer that failed had begun is not part of the next one.
            Progress::Asking | Progress::Answered => self.text.clear(),
            _ => return,
        }
        // A copy for every piece would take the square of a long answer's length where nobody reads.
        if self.sender.receiver_count() > 0 {
            self.sender.send_replace(Text::from(self.text.as_str()));
        }
    }
}

impl Drop for SaidSoFar {
    fn drop(&mut self) {
        let mut texts = self.texts.lock();
        // Somebody else may have gone on with it meanwhile, in this process.
        if texts.get(&self.run).is_some_and(|sender| sender.same_channel(&self.sender)) {
            texts.remove(&self.run);
        }
    }
}
