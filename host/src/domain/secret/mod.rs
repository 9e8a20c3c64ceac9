//! Values that only a granted capability may see.
//!
//! *Declared* secrets are environment variables that a role names. Wherever their values would enter
//! the host they are replaced by a placeholder, `{{secret:NAME}}`, in each form that `encode.rs` lists:
//! prompts, configurations, arguments, results and digests hold the placeholder. Only a granted capability
//! turns it back: in the environment of a program that is about to start, in a header of a request that is
//! about to be sent.
//!
//! *Undeclared* ones are recognised by their shape (`recognise.rs`). The model and the component need
//! them as they are; what is written down and what a person sees holds a token in their place.

mod declare;
mod encode;
mod mask;
mod recognise;
mod redact;

pub(in crate::domain) use declare::is_long_enough;
pub use declare::{SHORTEST, Secrets, placeholder};
pub use mask::{Masker, mask};
pub use recognise::{SEAL_BEGIN, SEAL_END, SEAL_LENGTH, any_shape, shapes};
pub use redact::RedactedStream;
