//! How much requests may use. Each limit ends in a sentence.

/// How much requests may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EgressLimits {
    /// Headers of a request, and of a response.
    pub headers: usize,
    /// Bytes of all headers of a request.
    pub request_head: usize,
    /// Bytes of a path with its query.
    pub path: usize,
    /// Bytes of a request's body.
    pub request_body: usize,
    /// Bytes of a response's status line and headers. At least 8 KiB.
    pub response_head: usize,
    /// Bytes of a response's body.
    pub response_body: usize,
    /// Requests that one call may send.
    pub requests: u32,
    /// Bytes of the bodies of all responses to one call: it may keep every one of them.
    pub received: usize,
    /// Requests of one call at a time: the next waits.
    pub at_a_time: usize,
    /// Connections at a time, over all calls of the process: the next request waits.
    pub connections: usize,
}

impl Default for EgressLimits {
    fn default() -> Self {
        Self {
            // Browsers send about twenty, services answer with up to sixty; servers take a hundred.
            headers: 100,
            // The largest tokens are some eight kilobytes; servers refuse more than 8 to 64.
            request_head: 32 << 10,
            // What RFC 9110 (4.1) asks everybody to support at least, and many servers at most.
            path: 8 << 10,
            // A request is written by a model or is a file that one call handles; it is held in memory.
            request_body: 2 << 20,
            response_head: 64 << 10,
            // The largest result of a call. It is held in memory, as often as there are connections.
            response_body: 4 << 20,
            // A call that follows pages makes tens; a loop makes thousands.
            requests: 100,
            // Half of the memory that a component has by default; these are in the host's.
            received: 32 << 20,
            // Fewer than browsers open to one server: a tool has no page to show at once.
            at_a_time: 4,
            // 128 MiB of responses at worst, and far from the 1,024 descriptors of a process.
            connections: 32,
        }
    }
}
