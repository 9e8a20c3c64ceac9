//! Why the sandbox ended a call, for whoever counts that; the sentence for people is in `call.rs`.

/// Why the sandbox ended a call into a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SandboxFailure {
    /// It took longer than it may.
    Timeout,
    /// Other calls had all the places that there are, so it never began.
    NoTurn,
    /// It asked for more memory than it may have.
    Memory,
    /// It ran into another limit: host calls, handles, tables, what it may write.
    Limit,
    /// It crashed, or ended itself.
    Trap,
}

impl SandboxFailure {
    /// One word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::NoTurn => "no_turn",
            Self::Memory => "memory",
            Self::Limit => "limit",
            Self::Trap => "trap",
        }
    }
}
