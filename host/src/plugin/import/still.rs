//! `wasi:clocks/monotonic-clock` where no time passes: what is to be ready later never is. The clocks of a
//! policy stand still, and a wait that ended would tell the time all the same.

use super::super::state::State;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::clocks::WasiClocksView;
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock::{self, Duration, Instant};

/// Later than any end of the world: 584 years in nanoseconds.
const NEVER: Duration = Duration::MAX;

/// A state whose clock stands still.
struct Standing<'s>(&'s mut State);

/// Puts this in the clock's place.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    monotonic_clock::add_to_linker::<_, Still>(linker, |state| Standing(state))?;
    linker.allow_shadowing(false);
    Ok(())
}

struct Still;

impl wasmtime::component::HasData for Still {
    type Data<'s> = Standing<'s>;
}

impl monotonic_clock::Host for Standing<'_> {
    fn now(&mut self) -> wasmtime::Result<Instant> {
        Ok(0)
    }

    fn resolution(&mut self) -> wasmtime::Result<Duration> {
        Ok(1)
    }

    fn subscribe_instant(&mut self, when: Instant) -> wasmtime::Result<Resource<DynPollable>> {
        self.subscribe_duration(when)
    }

    fn subscribe_duration(&mut self, when: Duration) -> wasmtime::Result<Resource<DynPollable>> {
        let when = if when == 0 { 0 } else { NEVER };
        monotonic_clock::Host::subscribe_duration(&mut self.0.clocks(), when)
    }
}
