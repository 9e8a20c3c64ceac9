//! What one instance of a component has: an inert WASI, its limits, and what it was granted.

use super::access::{Access, Reach};
use super::egress::Egress;
use super::files::Files;
use super::import::files::FilesView;
use super::import::http::{self, Outgoing};
use super::limits::{CallLimits, RANDOM};
use super::log::Log;
use crate::domain::limit::Limit;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::ResourceLimiter;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::random::Deterministic;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// The data of one store. Made for one call, dropped after it.
pub(super) struct State {
    /// Made when the component first asks for something of it, which few calls do.
    wasi: Option<WasiCtx>,
    table: ResourceTable,
    http: WasiHttpCtx,
    http_hooks: Outgoing,
    /// What the component printed.
    pub(super) log: Log,
    /// Limits, and which were hit.
    pub(super) usage: Usage,
    /// When the call must be over; host calls get what is left.
    pub(super) deadline: Instant,
    /// What it was granted.
    pub(super) access: Access,
    files: Files,
}

/// Counts against the limits. The first limit hit is what the person is told.
pub(super) struct Usage {
    limits: CallLimits,
    memory: usize,
    host_calls: u32,
    /// Whether it was refused memory.
    pub(super) out_of_memory: bool,
    /// The sentence for the first limit hit.
    pub(super) note: Option<String>,
}

impl State {
    pub(super) fn new(limits: CallLimits, access: Access, egress: &Arc<Egress>) -> Self {
        let log = Log::new(limits.log);
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.handles);
        Self {
            wasi: None,
            table,
            http: http::context(),
            http_hooks: Outgoing::new(egress, &access, limits),
            log,
            usage: Usage { limits, memory: 0, host_calls: 0, out_of_memory: false, note: None },
            deadline: Instant::now() + limits.timeout,
            files: Files::new(access.clone()),
            access,
        }
    }

    /// The inert world. Everything that the builder allows by default is closed: no files, arguments or
    /// input; sockets and name look-up answer access-denied. Clocks and randomness are harmless to a tool,
    /// which may be asked twice and keeps nothing.
    fn inert(access: &Access, log: &Log) -> WasiCtx {
        let mut wasi = WasiCtx::builder();
        wasi.allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .max_random_size(RANDOM)
            .stdout(log.clone())
            .stderr(log.clone());
        if access.reach != Reach::Nothing {
            for (name, value) in access.environment.iter() {
                if access.grants.env.contains(name) {
                    wasi.env(name, value);
                }
            }
        }
        wasi.build()
    }

    /// Takes away what would tell one moment from another: the clocks stand still, and randomness is zero.
    pub(super) fn stand_still(&mut self) {
        let zero = || Deterministic::new(vec![0]);
        let mut wasi = WasiCtx::builder();
        wasi.allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .max_random_size(RANDOM)
            .wall_clock(Still)
            .monotonic_clock(Still)
            .secure_random(zero())
            .insecure_random(zero())
            .insecure_random_seed(0)
            .stdout(self.log.clone())
            .stderr(self.log.clone());
        self.wasi = Some(wasi.build());
    }

    /// What to tell about a call that failed, beyond the failure itself: the limit that it hit, or what it
    /// tried to reach and was not granted.
    pub(super) fn note(&self) -> Option<String> {
        let stopped = self.usage.note.clone().or_else(|| self.files.stopped());
        stopped.or_else(|| self.http_hooks.note())
    }

    /// What explains a failure of its own, which `said` why: what it was refused on its way.
    pub(super) fn hint(&self, said: &str) -> Option<String> {
        self.note().or_else(|| self.files.hint(said))
    }

    /// What its `wasi:filesystem` reaches.
    pub(super) fn files(&mut self) -> FilesView<'_> {
        FilesView { files: &mut self.files, table: &mut self.table }
    }
}

/// A clock that stands still at its beginning.
struct Still;

impl HostWallClock for Still {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

impl HostMonotonicClock for Still {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        0
    }
}

impl Usage {
    /// Begins to count anew, for another call of the same instance; its memory stays counted.
    pub(super) fn restart(&mut self) {
        self.host_calls = 0;
        self.out_of_memory = false;
        self.note = None;
    }

    /// Bytes of its memories now.
    pub(super) const fn memory(&self) -> usize {
        self.memory
    }

    /// Counts a call into the host.
    pub(super) fn host_call(&mut self) -> wasmtime::Result<()> {
        self.host_calls += 1;
        if self.host_calls > self.limits.host_calls {
            let sentence = format!(
                "it called the host more than {} times in one call; {}",
                self.limits.host_calls,
                self.limits.more(Limit::MaxHostCalls)
            );
            self.note.get_or_insert(sentence);
            wasmtime::bail!("host call limit");
        }
        Ok(())
    }
}

impl ResourceLimiter for Usage {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.memory.saturating_sub(current).saturating_add(desired);
        if total > self.limits.memory {
            let sentence = format!(
                "it asked for more than its {} MiB of memory; {}",
                self.limits.memory >> 20,
                self.limits.more(Limit::MemoryMb)
            );
            self.out_of_memory |= self.note.is_none();
            self.note.get_or_insert(sentence);
            return Ok(false);
        }
        self.memory = total;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let fits = desired <= self.limits.table_elements;
        if !fits {
            let sentence = format!(
                "it asked for a table of more than {} elements; {}",
                self.limits.table_elements,
                self.limits.more(Limit::MaxTableElements)
            );
            self.note.get_or_insert(sentence);
        }
        Ok(fits)
    }

    fn instances(&self) -> usize {
        self.limits.instances
    }

    fn tables(&self) -> usize {
        self.limits.tables
    }

    fn memories(&self) -> usize {
        self.limits.memories
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let Self { wasi, access, log, table, .. } = self;
        WasiCtxView { ctx: wasi.get_or_insert_with(|| Self::inert(access, log)), table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.http_hooks, table: &mut self.table, ctx: &mut self.http }
    }
}
