//! How much one call of a tool may use: twelve limits, each with a default, a ceiling that a role may
//! go up to, and the most that a host's own configuration may make of that ceiling.

use super::yaml::Position;
use std::collections::BTreeMap;

/// One limit of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    /// Seconds that a call may take, with all that it waits for.
    TimeoutSeconds,
    /// MiB of linear memory, over all memories of the instance.
    MemoryMb,
    /// Bytes of a result.
    MaxOutputBytes,
    /// Bytes kept of what the component prints.
    MaxLogBytes,
    /// Calls from the component into the host.
    MaxHostCalls,
    /// Bytes that one call into the host, or one result, may copy into the host.
    MaxHostCallBytes,
    /// Handles (streams, files, requests) open at a time.
    MaxHandles,
    /// Elements of each table.
    MaxTableElements,
    /// Tables of the instance.
    MaxTables,
    /// Linear memories of the instance.
    MaxMemories,
    /// Core instances that the component is made of.
    MaxInstances,
    /// Calls of one plugin at a time, over all runs of the process.
    MaxConcurrentCalls,
}

/// What is known of a limit beforehand.
struct Fact {
    limit: Limit,
    key: &'static str,
    /// Where nobody says anything: what a laptop can give to each of a few calls at a time.
    default: u32,
    /// What a role may ask for where the host's configuration says nothing.
    ceiling: u32,
    /// What the host's configuration may make of the ceiling: beyond it the host itself cannot go.
    most: u32,
}

/// In the order of [`Limit`].
const FACTS: [Fact; 12] = [
    Fact {
        limit: Limit::TimeoutSeconds,
        key: "timeout_seconds",
        // Longer than the default limit of a program run by a tool (30 s), so that the tool can still
        // report that its program was too slow.
        default: 40,
        // A day: nobody waits longer for one call.
        ceiling: 86_400,
        // What 32 bits of milliseconds hold: programs are timed in them.
        most: 4_294_967,
    },
    Fact {
        limit: Limit::MemoryMb,
        key: "memory_mb",
        // A Python guest needs about 30 MiB; most tools need one or two.
        default: 64,
        // A sixteenth of a laptop with 4 GiB.
        ceiling: 256,
        // All that 32-bit WebAssembly can address.
        most: 4_096,
    },
    Fact {
        limit: Limit::MaxOutputBytes,
        key: "max_output_bytes",
        // Models read about four bytes a token: this is already 64,000 tokens.
        default: 256 << 10,
        // A result also goes into the store and to the model: four megabytes serve neither.
        ceiling: 4 << 20,
        // As much as an answer of a model may have.
        most: 16 << 20,
    },
    Fact {
        limit: Limit::MaxLogBytes,
        key: "max_log_bytes",
        // Enough for a panic's message and a page of notes.
        default: 16 << 10,
        // More is a file, not a log.
        ceiling: 1 << 20,
        most: 16 << 20,
    },
    Fact {
        limit: Limit::MaxHostCalls,
        key: "max_host_calls",
        // A tool that reads a megabyte in four-kilobyte pieces makes 256; a loop makes millions.
        default: 100_000,
        // Some ten seconds of nothing but such calls.
        ceiling: 10_000_000,
        most: u32::MAX,
    },
    Fact {
        limit: Limit::MaxHostCallBytes,
        key: "max_host_call_bytes",
        // Four of the largest results; wasmtime's own default is 128 MiB.
        default: 16 << 20,
        ceiling: 64 << 20,
        // wasmtime's own default.
        most: 128 << 20,
    },
    Fact {
        limit: Limit::MaxHandles,
        key: "max_handles",
        // As many files as a process may open on most systems; wasmtime's own default is a million.
        default: 1_000,
        ceiling: 10_000,
        most: 1_000_000,
    },
    Fact {
        limit: Limit::MaxTableElements,
        key: "max_table_elements",
        // Python and JavaScript guests have about 10,000 functions.
        default: 20_000,
        ceiling: 50_000,
        // The pool reserves eight bytes of address space for each.
        most: 100_000,
    },
    Fact {
        limit: Limit::MaxTables,
        key: "max_tables",
        // One is usual; dynamically linked guests (Python) have several.
        default: 8,
        ceiling: 16,
        // The pool reserves address space for each.
        most: 16,
    },
    Fact {
        limit: Limit::MaxMemories,
        key: "max_memories",
        // One is usual; composed components have one each.
        default: 4,
        ceiling: 8,
        // The pool reserves six gigabytes of address space for each.
        most: 8,
    },
    Fact {
        limit: Limit::MaxInstances,
        key: "max_instances",
        // A component from `cargo build` has three core instances; Python and JavaScript ones about ten.
        default: 20,
        ceiling: 40,
        most: 40,
    },
    Fact {
        limit: Limit::MaxConcurrentCalls,
        key: "max_concurrent_calls",
        // A quarter of the slots for instances: a plugin whose calls hang leaves room for the others.
        default: 16,
        ceiling: 32,
        // All slots of a process.
        most: 64,
    },
];

impl Limit {
    /// All of them, in the order of the documentation.
    pub fn all() -> impl Iterator<Item = Self> {
        FACTS.iter().map(|fact| fact.limit)
    }

    fn fact(self) -> &'static Fact {
        &FACTS[self as usize]
    }

    /// The key in a role's `limits:` and under `[limits]` in the host's configuration.
    pub fn key(self) -> &'static str {
        self.fact().key
    }

    /// What holds where neither a role nor the host's configuration says anything.
    pub fn default(self) -> u32 {
        self.fact().default
    }

    /// What a role may ask for where the host's configuration says nothing.
    pub fn ceiling(self) -> u32 {
        self.fact().ceiling
    }

    /// What the host's configuration may make of the ceiling.
    pub fn most(self) -> u32 {
        self.fact().most
    }
}

/// The keys of all limits.
pub(crate) const KEYS: [&str; 12] = {
    let mut keys = [""; 12];
    let mut index = 0;
    while index < keys.len() {
        keys[index] = FACTS[index].key;
        index += 1;
    }
    keys
};

/// One number that a role gives, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The number.
    pub value: u32,
    /// Where its key stands in the role.
    pub position: Position,
}

/// What a role says under `limits:`, for an entry or one of its tools.
pub type Limits = BTreeMap<Limit, Asked>;

/// How far roles may go on this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ceilings([u32; FACTS.len()]);

impl Default for Ceilings {
    fn default() -> Self {
        let mut ceilings = [0; FACTS.len()];
        for limit in Limit::all() {
            ceilings[limit as usize] = limit.ceiling();
        }
        Self(ceilings)
    }
}

impl Ceilings {
    /// The ceiling of a limit.
    pub fn of(&self, limit: Limit) -> u32 {
        self.0[limit as usize]
    }

    /// Sets the ceiling of a limit; never above [`Limit::most`], nor to nothing.
    pub fn set(&mut self, limit: Limit, value: u32) {
        self.0[limit as usize] = value.clamp(1, limit.most());
    }

    /// What holds where a role says nothing: the default, or the ceiling where that is lower.
    pub fn default_of(&self, limit: Limit) -> u32 {
        limit.default().min(self.of(limit))
    }

    /// What a role can do to get more than `value`, as a clause; where nothing helps, why.
    pub fn more_than(&self, limit: Limit, value: u64) -> String {
        let (key, ceiling, most) = (limit.key(), self.of(limit), limit.most());
        if value < u64::from(ceiling) {
            format!("`limits: {{{key}: N}}` in the role allows more, up to {ceiling}")
        } else if ceiling < most {
            format!(
                "`{key} = N` under `[limits]` in the host's config.toml lets a role ask for more, up to \
                 {most}"
            )
        } else {
            "this host cannot give more".into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_facts_are_in_order_and_make_sense() {
        for (index, limit) in Limit::all().enumerate() {
            assert_eq!(limit as usize, index);
            assert!(0 < limit.default() && limit.default() <= limit.ceiling());
            assert!(limit.ceiling() <= limit.most());
            assert_eq!(KEYS[index], limit.key());
        }
    }

    #[test]
    fn who_may_allow_more_is_said() {
        let mut ceilings = Ceilings::default();
        assert_eq!(
            ceilings.more_than(Limit::MemoryMb, 64),
            "`limits: {memory_mb: N}` in the role allows more, up to 256"
        );
        assert_eq!(
            ceilings.more_than(Limit::MemoryMb, 256),
            "`memory_mb = N` under `[limits]` in the host's config.toml lets a role ask for more, up to 4096"
        );
        ceilings.set(Limit::MemoryMb, u32::MAX);
        assert_eq!(ceilings.of(Limit::MemoryMb), 4096);
        assert_eq!(ceilings.more_than(Limit::MemoryMb, 4096), "this host cannot give more");
        ceilings.set(Limit::MemoryMb, 16);
        assert_eq!(ceilings.default_of(Limit::MemoryMb), 16);
    }
}
