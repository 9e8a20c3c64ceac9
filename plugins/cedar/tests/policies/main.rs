//! Policies, as a host would load and ask them, natively.

#![expect(clippy::unwrap_used, reason = "what the tests share may fail as tests do")]

mod bad_input;
mod common;
mod decide;
mod docs;
mod mapping;
mod oracle;
mod schema;
