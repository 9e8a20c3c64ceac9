//! What a call costs without the host: the baseline of the benchmark, and nothing else. Compiled only
//! with the feature `bench`, since it goes around every limit.

use super::Runtime;
use super::access::Access;
use super::call::{CallInput, wire};
use super::entry::{LoadedEntry, Pre};
use super::limits::CallLimits;
use super::state::State;
use wasmtime::Store;

impl Runtime {
    /// Instantiates the linked component and invokes it: no limits, no time-out, no checks.
    ///
    /// # Errors
    /// What wasmtime says.
    pub async fn bare(&self, entry: &LoadedEntry, input: CallInput) -> wasmtime::Result<bool> {
        let limits = CallLimits::new(&self.config.ceilings);
        let mut store =
            Store::new(&self.engine, State::new(limits, Access::nothing(), &self.egress));
        store.set_epoch_deadline(u64::MAX / 2);
        let Pre::Tools(pre) = &*entry.linked.pre else { wasmtime::bail!("it offers no tools") };
        let guest = pre.instantiate_async(&mut store).await?;
        let call = wire(input);
        let tools = guest.initrunner_plugin_tools();
        Ok(tools.call_invoke(&mut store, &entry.config, &call).await?.is_ok())
    }
}
