//! The one wasmtime engine: how it compiles, where instances live, and the clock that makes guests
//! yield.

use super::limits::LARGEST_MEMORY;
use crate::domain::limit::Limit;
use std::time::{Duration, Instant};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// How often a running guest yields. Two spinning guests then delay a third call by 20 ms at worst on
/// one thread, and the tick itself costs nothing measurable.
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

/// Advances the engine's epoch every [`TICK`] on a thread of its own, until the engine is gone. Missed
/// ticks are skipped: a host that was busy for a second must not time its guests out for it.
pub(super) fn tick(engine: &Engine) -> std::io::Result<()> {
    let engine = engine.weak();
    std::thread::Builder::new().name("epoch".into()).stack_size(64 << 10).spawn(move || {
        let mut next = Instant::now() + TICK;
        loop {
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
            let Some(engine) = engine.upgrade() else { return };
            engine.increment_epoch();
            next = (next + TICK).max(Instant::now());
        }
    })?;
    Ok(())
}
