//! The one wasmtime engine: how it compiles, where instances live, and the clock that makes guests
//! yield.

use super::limits::LARGEST_MEMORY;
use crate::domain::limit::Limit;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::{Duration, Instant};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// How often a running guest yields. Two spinning guests then delay a third call by 20 ms at worst on
/// one thread, and the tick itself costs nothing that a call would notice.
pub(super) const TICK: Duration = Duration::from_millis(10);

/// The pool of instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// Instances at a time, over all runs of the process: a call beyond them waits for a slot.
    pub instances: u32,
    /// Bytes of a used slot that are zeroed in place rather than given back to the kernel. Giving pages
    /// back takes the address space's lock, which halves the rate on two threads instead of doubling
    /// it; zeroing pages that were never used costs the first call of each slot.
    pub keep_resident: usize,
    /// Whether an instance's memory begins as a copy-on-write mapping of the component's data, rather than
    /// by copying it. Mapping takes the address space's lock, twice for each instance.
    pub copy_on_write: bool,
}

impl Pool {
    /// For a process that serves many runs: two cores have no use for more instances. Measured with
    /// four megabytes kept: 32,000 calls a second on one thread and 62,000 on two, and the same with
    /// copy-on-write; with nothing kept, 36,000 and 33,000.
    pub const MANY_RUNS: Self =
        Self { instances: 64, keep_resident: 4 << 20, copy_on_write: false };

    /// For a process that drives one run, which invokes one call after the other, and is gone: a small
    /// pool is made faster, and on one thread nothing is gained by keeping pages.
    pub const ONE_RUN: Self = Self { instances: 4, keep_resident: 0, copy_on_write: true };
}

/// An engine with pooled instances, or, where the address space is too short for a pool (a limit on
/// virtual memory, a small machine), one that allocates each instance when it is needed.
pub(super) fn build(pool: Pool) -> wasmtime::Result<Engine> {
    Engine::new(&pooled(pool)).or_else(|_| Engine::new(&on_demand()))
}

/// What both allocators share. Compiled code also depends on where memories lie, so each allocator has
/// entries of its own in the cache.
fn common() -> Config {
    let mut config = Config::new();
    config.epoch_interruption(true);
    // Traps are told to models and people as sentences; nobody maps addresses back to source.
    config.wasm_backtrace_max_frames(None);
    config.generate_address_map(false);
    // Nothing unwinds through compiled code from outside: traps do not need it.
    config.native_unwind_info(false);
    // Only what the contract's guests need.
    config.wasm_memory64(false);
    config.wasm_relaxed_simd(false);
    config
}

fn pooled(settings: Pool) -> Config {
    let Pool { instances, keep_resident, copy_on_write } = settings;
    // Room for what a call may have at the very most: its own limits are for the call to check, since only
    // that can say which was hit. What is not used costs address space and nothing else.
    let [core_instances, memories, tables] =
        [Limit::MaxInstances, Limit::MaxMemories, Limit::MaxTables].map(Limit::most);
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(instances)
        .total_core_instances(instances * core_instances)
        .total_memories(instances * memories)
        .total_tables(instances * tables)
        .total_stacks(instances)
        .max_core_instances_per_component(core_instances)
        .max_memories_per_component(memories)
        .max_memories_per_module(memories)
        .max_tables_per_component(tables)
        .max_tables_per_module(tables)
        .table_elements(Limit::MaxTableElements.most() as usize)
        .max_memory_size(LARGEST_MEMORY)
        .linear_memory_keep_resident(keep_resident)
        // A small guest's table is a few kilobytes; the same reason as for memories.
        .table_keep_resident(64 << 10)
        .async_stack_keep_resident(64 << 10);
    let mut config = common();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config.memory_init_cow(copy_on_write);
    config
}

/// An engine whose instances are allocated when they are made, for those that stay.
pub(super) fn lasting() -> wasmtime::Result<Engine> {
    Engine::new(&on_demand())
}

fn on_demand() -> Config {
    let mut config = common();
    config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    // Where address space is short, memories may move rather than reserve four gigabytes each.
    config.memory_reservation(256 << 20);
    config.memory_guard_size(64 << 10);
    config.memory_reservation_for_growth(1 << 20);
    config
}

/// How many ticks without a guest the thread waits before it rests: where calls follow one another it need not
/// be woken for each, and a second of ticks costs less than a call.
const LINGER: u32 = 100;

/// The clock of an engine: its epoch advances every [`TICK`] while guests run, on a thread of its own, which
/// rests while none does. A hundred wake-ups a second would be most of what a daemon does that waits.
#[derive(Default)]
pub(super) struct Ticks {
    guests: Arc<Guests>,
    /// `None` where it could not be started. It is with the first guest.
    thread: OnceLock<Option<Thread>>,
}

#[derive(Default)]
struct Guests {
    running: AtomicUsize,
    resting: AtomicBool,
    over: AtomicBool,
}

/// A guest that runs, until this is dropped.
pub(super) struct Ticking<'t>(&'t Guests);

impl Ticks {
    /// Has the epoch advance from now on. Gives why there is no thread for it where one was to be started.
    pub(super) fn begin(&self, engine: &Engine) -> (Ticking<'_>, Option<std::io::Error>) {
        let mut failed = None;
        let thread = self.thread.get_or_init(|| {
            tick(engine, Arc::clone(&self.guests)).map_err(|error| failed = Some(error)).ok()
        });
        // Of this thread, which counts and then looks, and the other, which says that it rests and then looks,
        // at least one sees what the other did.
        self.guests.running.fetch_add(1, Ordering::SeqCst);
        if self.guests.resting.load(Ordering::SeqCst)
            && let Some(thread) = thread
        {
            thread.unpark();
        }
        (Ticking(&self.guests), failed)
    }
}

impl Drop for Ticking<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Ticks {
    fn drop(&mut self) {
        self.guests.over.store(true, Ordering::SeqCst);
        if let Some(Some(thread)) = self.thread.get() {
            thread.unpark();
        }
    }
}

impl Guests {
    fn rest(&self) {
        self.resting.store(true, Ordering::SeqCst);
        while self.running.load(Ordering::SeqCst) == 0 && !self.over.load(Ordering::SeqCst) {
            std::thread::park();
        }
        self.resting.store(false, Ordering::SeqCst);
    }
}

/// Missed ticks are skipped: a host that was busy for a second must not time its guests out for it.
fn tick(engine: &Engine, guests: Arc<Guests>) -> std::io::Result<Thread> {
    let engine = engine.weak();
    let ticking = move || {
        let (mut next, mut without) = (Instant::now() + TICK, 0);
        while !guests.over.load(Ordering::SeqCst) {
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
            let Some(engine) = engine.upgrade() else { return };
            engine.increment_epoch();
            drop(engine);
            without = if guests.running.load(Ordering::SeqCst) > 0 { 0 } else { without + 1 };
            if without > LINGER {
                guests.rest();
                without = 0;
            }
            next = (next + TICK).max(Instant::now());
        }
    };
    let thread = std::thread::Builder::new().name("epoch".into()).stack_size(64 << 10);
    Ok(thread.spawn(ticking)?.thread().clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn until(what: &str, mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !holds() {
            assert!(Instant::now() < deadline, "waited in vain until {what}");
            std::thread::sleep(TICK);
        }
    }

    #[test]
    fn the_clock_rests_while_no_guest_runs_and_ends_with_its_owner() {
        let engine = lasting().unwrap();
        let ticks = Ticks::default();
        let guests = Arc::clone(&ticks.guests);
        for _ in 0..2 {
            let (first, failed) = ticks.begin(&engine);
            assert!(failed.is_none());
            let (second, _) = ticks.begin(&engine);
            until("it is awake", || !guests.resting.load(Ordering::SeqCst));
            drop(first);
            // Longer than it lingers: one of them still runs.
            std::thread::sleep(TICK * (LINGER + 20));
            assert!(!guests.resting.load(Ordering::SeqCst));
            drop(second);
            until("it rests", || guests.resting.load(Ordering::SeqCst));
        }
        drop(ticks);
        until("the thread is gone", || Arc::strong_count(&guests) == 1);
    }
}
