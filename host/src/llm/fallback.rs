//! Models that stand in for each other: the next is asked while the one before it is unavailable.

use super::{Delta, Model, ModelError, ModelFuture, Request, Sink};
use std::time::Duration;

/// Some models, each with what to call it.
pub(super) struct Fallback {
    models: Vec<(String, Box<dyn Model>)>,
}

impl Fallback {
    pub(super) fn new(models: Vec<(String, Box<dyn Model>)>) -> Self {
        Self { models }
    }
}

impl Model for Fallback {
    fn respond<'a>(&'a self, request: Request<'a>, sink: &'a mut Sink<'a>) -> ModelFuture<'a> {
        Box::pin(async move {
            let mut models = self.models.iter().peekable();
            loop {
                let Some((label, model)) = models.next() else {
                    return Err(ModelError::NoModel);
                };
                let mut begun = false;
                let mut watched = |delta: Delta<'_>| {
                    begun |= !matches!(delta, Delta::Retrying { .. });
                    sink(delta);
                };
                let error = match model.respond(request, &mut watched).await {
                    Ok(reply) => return Ok(reply),
                    Err(error) => error,
                };
                // What has begun to be an answer is never mixed with another model's.
                let Some((next, _)) = models.peek().filter(|_| !begun && error.is_unavailability())
                else {
                    return Err(error);
                };
                // Without its cure, which is this: the sentence ends with one.
                let error = error.to_string();
                let what = error.rsplit_once("; ").map_or(&*error, |(what, _)| what);
                let why = format!("{what}; `{next}` is asked in the place of `{label}`");
                sink(Delta::Retrying { after: Duration::ZERO, why: &why });
            }
        })
    }
}
