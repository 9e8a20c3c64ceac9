//! How many requests a model of this process answers at a time, whichever runs they are of.

use super::{Model, ModelFuture, Request, Sink};
use crate::domain::role::ModelSpec;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use tokio::sync::{Semaphore, SemaphorePermit};

/// A model behind a limit.
pub(super) struct OneLane {
    model: Box<dyn Model>,
    lane: Arc<Lane>,
}

/// The limit of one model, shared by everything of this process that names it.
struct Lane {
    places: Semaphore,
    count: Mutex<Count>,
}

struct Count {
    /// How many places there are to be: the fewest that any role said.
    places: u32,
    /// How many of the places that are taken will not be given back.
    surplus: u32,
}

/// The protocol, the address and the name.
type Key = (&'static str, Option<String>, String);

static LANES: OnceLock<Mutex<BTreeMap<Key, Weak<Lane>>>> = OnceLock::new();

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl OneLane {
    /// Lets `most` requests at a time through to the model. Where roles say different numbers of one
    /// model, the smallest holds for all as long as any of them is in use.
    pub(super) fn new(spec: &ModelSpec, most: u32, model: Box<dyn Model>) -> Self {
        let key = (spec.provider.word(), spec.base_url.clone(), spec.name.clone());
        let mut lanes = lock(LANES.get_or_init(Mutex::default));
        lanes.retain(|_, lane| lane.strong_count() > 0);
        let lane = match lanes.get(&key).and_then(Weak::upgrade) {
            Some(lane) => {
                lane.narrow(most);
                lane
            }
            None => {
                let lane = Arc::new(Lane::of(most));
                lanes.insert(key, Arc::downgrade(&lane));
                lane
            }
        };
        Self { model, lane }
    }
}

impl Lane {
    fn of(most: u32) -> Self {
        // More places than tokio counts are no limit.
        let places = Semaphore::new((most as usize).min(Semaphore::MAX_PERMITS));
        Self { places, count: Mutex::new(Count { places: most, surplus: 0 }) }
    }

    /// Takes places away, those in use when they are given back.
    fn narrow(&self, most: u32) {
        let mut count = lock(&self.count);
        let Some(fewer) = count.places.checked_sub(most) else { return };
        let gone = self.places.forget_permits(fewer as usize);
        count.surplus += fewer - u32::try_from(gone).unwrap_or(fewer).min(fewer);
        count.places = most;
    }

    /// Waits for a place.
    async fn enter(&self) -> Option<Place<'_>> {
        // It is never closed; were it, there would be no limit.
        let permit = self.places.acquire().await.ok()?;
        Some(Place { lane: self, permit: Some(permit) })
    }
}

/// A place, given back when this is dropped.
struct Place<'l> {
    lane: &'l Lane,
    permit: Option<SemaphorePermit<'l>>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut count = lock(&self.lane.count);
        if let Some(left) = count.surplus.checked_sub(1) {
            count.surplus = left;
            if let Some(permit) = self.permit.take() {
                permit.forget();
            }
        }
    }
}

impl Model for OneLane {
    fn respond<'a>(&'a self, request: Request<'a>, sink: &'a mut Sink<'a>) -> ModelFuture<'a> {
        Box::pin(async move {
            let _place = self.lane.enter().await;
            self.model.respond(request, sink).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrowed_lane_takes_places_back_as_they_become_free() {
        let lane = Lane::of(3);
        let enter = || {
            lane.places.try_acquire().ok().map(|permit| Place { lane: &lane, permit: Some(permit) })
        };
        let (one, two) = (enter(), enter());
        assert!(one.is_some() && two.is_some());
        // One place was free and goes at once; one of the two taken goes when it is given back.
        lane.narrow(1);
        lane.narrow(2);
        assert!(enter().is_none());
        drop(one);
        assert!(enter().is_none());
        drop(two);
        let last = enter();
        assert!(last.is_some() && enter().is_none());
    }

    /// Counts how many are asked at a time.
    struct Counts(Arc<Mutex<(u32, u32)>>);

    impl Model for Counts {
        fn respond<'a>(&'a self, _: Request<'a>, _: &'a mut Sink<'a>) -> ModelFuture<'a> {
            Box::pin(async move {
                let change = |by: i64| {
                    let mut counts = lock(&self.0);
                    counts.0 = counts.0.saturating_add_signed(by as i32);
                    counts.1 = counts.1.max(counts.0);
                };
                change(1);
                for _ in 0..5 {
                    tokio::task::yield_now().await;
                }
                change(-1);
                Err(super::super::ModelError::NoScript)
            })
        }
    }

    #[test]
    fn all_that_name_a_model_share_its_places() {
        let counts = Arc::new(Mutex::new((0, 0)));
        let spec = ModelSpec::new(crate::domain::role::Provider::Ollama, "of this test");
        let model = |most| OneLane::new(&spec, most, Box::new(Counts(Arc::clone(&counts))));
        let models = [model(5), model(2), model(9)];
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let request = Request { prompt: "", messages: &[], tools: &[] };
            let mut asked = Vec::new();
            for number in 0..12 {
                let model = &models[number % 3];
                asked.push(async move {
                    let answer = model.respond(request, &mut |_| {}).await;
                    assert!(answer.is_err());
                });
            }
            all_of(asked).await;
        });
        assert_eq!(*lock(&counts), (0, 2));
    }

    /// Waits for all of them, side by side.
    async fn all_of(asked: Vec<impl Future<Output = ()>>) {
        let mut asked: Vec<_> = asked.into_iter().map(Box::pin).map(Some).collect();
        std::future::poll_fn(|context| {
            for one in &mut asked {
                if let Some(future) = one
                    && future.as_mut().poll(context).is_ready()
                {
                    *one = None;
                }
            }
            match asked.iter().all(Option::is_none) {
                true => std::task::Poll::Ready(()),
                false => std::task::Poll::Pending,
            }
        })
        .await;
    }
}
