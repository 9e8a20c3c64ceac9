//! Policies: components that decide whether a call may happen. They reach nothing; what they decide by
//! comes in as sources, what they decide about in each request.
//!
//! ```
//! use initrunner_sdk::policy::{
//!     Decision, Diagnostic, Effect, Policy, Reason, Request, Source, Summary,
//! };
//!
//! /// Lets nothing destructive happen after a run's hundredth call.
//! struct Patience;
//!
//! impl Policy for Patience {
//!     fn load(_: Vec<Source>) -> Result<(Self, Summary), Vec<Diagnostic>> {
//!         Ok((Patience, Summary::of(["patience"])))
//!     }
//!
//!     fn decide(&self, request: &Request) -> Decision {
//!         if request.subject.effects.destructive == Some(false) || request.counts.tool_calls < 100 {
//!             return Decision::allow();
//!         }
//!         Decision::of(Effect::Ask, Reason::new("patience", "this run has made a hundred calls"))
//!     }
//! }
//!
//! initrunner_sdk::export_policy!(Patience);
//! ```

use crate::policy_bindings::exports::initrunner::plugin::policies;
use std::sync::OnceLock;

pub use crate::policy_bindings::initrunner::plugin::types::Effects;
pub use policies::{
    Agent, Counts, Decision, Diagnostic, Effect, Question, Reason, Request, Reviewer, Severity,
    Source, SourceKind, Subject, Summary,
};

/// A component that decides about calls. One value is loaded for each instance and then asked many times,
/// so that nothing is parsed on the way to an answer.
pub trait Policy: Sized + Send + Sync + 'static {
    /// Makes it ready to decide by these sources.
    ///
    /// # Errors
    /// At least one diagnostic that is an error.
    fn load(sources: Vec<Source>) -> Result<(Self, Summary), Vec<Diagnostic>>;

    /// Answers one question, by the sources and the request alone.
    fn decide(&self, request: &Request) -> Decision;
}

impl Summary {
    /// A summary of policies of these names that do not speak of approval.
    pub fn of<'n>(policies: impl IntoIterator<Item = &'n str>) -> Self {
        Self {
            policies: policies.into_iter().map(str::to_owned).collect(),
            approvals: false,
            schema: None,
            warnings: Vec::new(),
        }
    }
}

impl Decision {
    /// Yes, with nothing more to say.
    pub fn allow() -> Self {
        Self { effect: Effect::Allow, reasons: Vec::new(), errors: Vec::new() }
    }

    /// An answer for one reason.
    pub fn of(effect: Effect, reason: Reason) -> Self {
        Self { effect, reasons: vec![reason], errors: Vec::new() }
    }

    /// No, because something went wrong; the sentence names the policy.
    pub fn error(sentence: impl Into<String>) -> Self {
        Self { effect: Effect::Deny, reasons: Vec::new(), errors: vec![sentence.into()] }
    }
}

impl Reason {
    /// A policy's name, and what its author wants people and models to read.
    pub fn new(policy: &str, message: &str) -> Self {
        Self { policy: policy.to_owned(), message: Some(message.to_owned()), severity: None }
    }
}

impl Diagnostic {
    /// Something that makes a source unusable.
    pub fn error(source: &str, place: Option<(u32, u32)>, message: impl Into<String>) -> Self {
        Self {
            source: source.to_owned(),
            place,
            severity: Severity::Error,
            message: message.into(),
            hint: None,
        }
    }
}

/// The one policy of an instance.
#[doc(hidden)]
#[derive(Debug)]
pub struct Loaded<P>(OnceLock<P>);

impl<P: Policy> Default for Loaded<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Policy> Loaded<P> {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Loads it, once.
    ///
    /// # Errors
    /// The policy's diagnostics, or that it is loaded already.
    pub fn load(&self, sources: Vec<Source>) -> Result<Summary, Vec<Diagnostic>> {
        let (policy, summary) = P::load(sources)?;
        match self.0.set(policy) {
            Ok(()) => Ok(summary),
            Err(_) => Err(vec![Diagnostic::error("", None, "the policy is loaded already")]),
        }
    }

    /// Asks it.
    pub fn decide(&self, request: &Request) -> Decision {
        match self.0.get() {
            Some(policy) => policy.decide(request),
            None => Decision::error("the policy was asked before it was loaded"),
        }
    }
}

/// Makes a [`Policy`] what the component exports. Once per crate.
#[macro_export]
macro_rules! export_policy {
    ($policy:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            struct Exported;

            static LOADED: $crate::policy::Loaded<$policy> = $crate::policy::Loaded::new();

            impl $crate::policy_bindings::exports::initrunner::plugin::policies::Guest for Exported {
                fn load(
                    sources: Vec<$crate::policy::Source>,
                ) -> Result<$crate::policy::Summary, Vec<$crate::policy::Diagnostic>> {
                    LOADED.load(sources)
                }

                fn decide(request: $crate::policy::Request) -> $crate::policy::Decision {
                    LOADED.decide(&request)
                }
            }

            $crate::policy_bindings::export_policy_bindings!(Exported with_types_in $crate::policy_bindings);
        };
        #[cfg(not(target_family = "wasm"))]
        const _: fn() = || {
            fn is_a_policy<P: $crate::policy::Policy>() {}
            is_a_policy::<$policy>();
        };
    };
}
