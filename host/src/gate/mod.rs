//! The gate: the only way to a tool. Every call goes through the same chain, each time it is about to
//! happen, and each link's answer can be made only by that link's own file:
//!
//! ```text
//! resolve → policy::review → permission::check → approval::check → invoke
//!   Call       Reviewed          Permitted          Admitted
//! ```
//!
//! [`Gate`] owns the plugin runtime; nothing above it can name one, so nothing can go around.

mod approval;
mod invoke;
mod open;
mod permission;
mod policy;
mod resolve;

/// A program that a call is about to run: whoever invokes the call lets it run.
pub use crate::plugin::process::Started as ProgramStarted;
pub use approval::{Admitted, Prior, Waiting};
pub use invoke::Outcome;
pub use open::{OpenError, OpenRequest, PolicyOrigin, PolicyParts, PolicyProblem, Toolset};
pub use policy::{AssumedIsolation, PolicyQuery, grounds, reason_text};

use crate::domain::decision::Decision;
use crate::domain::ids::{CallId, RunId};
use crate::domain::policy::{Circumstances, PolicyRecord};
use crate::domain::tool_call::RefusedBy;
use crate::plugin::{LoadError, Runtime, RuntimeOptions};

/// The only way to a tool.
pub struct Gate {
    runtime: Runtime,
    /// Hashes of configurations are keyed, since a configuration may hold a secret.
    key: [u8; 32],
}

/// A call as the model asked for it.
#[derive(Debug, Clone)]
pub struct Proposed {
    /// The run.
    pub run: RunId,
    /// Our id.
    pub id: CallId,
    /// The tool as the model named it.
    pub tool: String,
    /// The arguments, as the model wrote them.
    pub arguments: String,
    /// Where the call stands, for policies.
    pub circumstances: Circumstances,
}

/// A call that nobody will be asked about, and that will not happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// By whom.
    pub by: RefusedBy,
    /// The text for the model: it never holds an argument's value.
    pub result: String,
}

/// The gate's answer for one call, and what it is about.
pub struct Answer {
    /// The entry's name; empty where the model named no tool of the role.
    pub entry: String,
    /// The component's name of the tool; the model's where there is none.
    pub tool: String,
    /// Canonical arguments; the model's own text where they are invalid.
    pub arguments: String,
    /// The answer.
    pub verdict: Verdict,
    /// What policies said, each on its own: to be written down with whatever comes of the call.
    pub said: Vec<PolicyRecord>,
}

/// What a person would make of a call that waits, as the gate sees it.
pub struct Reconsidered {
    /// The canonical arguments.
    pub arguments: String,
    /// What the person would approve, or why that is refused.
    pub outcome: Result<Waiting, Refusal>,
    /// What policies said.
    pub said: Vec<PolicyRecord>,
}

/// Whether a call may happen.
pub enum Verdict {
    /// Now.
    Admitted(Admitted),
    /// When a person says so.
    Waiting(Waiting),
    /// Never.
    Refused(Refusal),
}

impl Gate {
    /// A gate over a runtime of its own. `key` makes the hashes of configurations unguessable.
    ///
    /// # Errors
    /// Where this machine cannot run components.
    pub fn new(options: RuntimeOptions, key: [u8; 32]) -> Result<Self, LoadError> {
        Ok(Self { runtime: Runtime::new(options)?, key })
    }

    /// Takes one call through the whole chain. `prior` is what a person said about it before, where
    /// somebody did.
    pub async fn admit(&self, tools: &Toolset, call: &Proposed, prior: Option<&Prior>) -> Answer {
        let resolved = match resolve::resolve(tools, call) {
            Ok(resolved) => resolved,
            Err(unresolved) => return unresolved.into_answer(call),
        };
        let (entry, tool, arguments) = resolved.describe(tools);
        let mut said = Vec::new();
        let chain = self.chain(tools, resolved, &call.circumstances, prior, &mut said);
        let verdict = match chain.await {
            Ok(verdict) => verdict,
            Err(refusal) => Verdict::Refused(refusal),
        };
        Answer { entry, tool, arguments, verdict, said }
    }

    /// Takes a call through the whole chain that a person would make of one that waits: the question about
    /// it, or why it is refused. It admits nothing.
    pub async fn reconsider(&self, tools: &Toolset, call: &Proposed) -> Reconsidered {
        let resolved = match resolve::resolve(tools, call) {
            Ok(resolved) => resolved,
            Err(unresolved) => {
                let refusal = unresolved.into_refusal();
                return Reconsidered {
                    arguments: call.arguments.clone(),
                    outcome: Err(refusal),
                    said: Vec::new(),
                };
            }
        };
        let (_, _, arguments) = resolved.describe(tools);
        let mut said = Vec::new();
        let asking = async {
            let reviewed =
                policy::review(self, tools, resolved, &call.circumstances, &mut said).await?;
            approval::ask_anyway(self, tools, permission::check(tools, reviewed)?).await
        };
        let outcome = asking.await;
        Reconsidered { arguments, outcome, said }
    }

    async fn chain(
        &self,
        tools: &Toolset,
        call: resolve::Call,
        circumstances: &Circumstances,
        prior: Option<&Prior>,
        said: &mut Vec<PolicyRecord>,
    ) -> Result<Verdict, Refusal> {
        let reviewed = policy::review(self, tools, call, circumstances, said).await?;
        let permitted = permission::check(tools, reviewed)?;
        approval::check(self, tools, permitted, prior).await
    }
}

/// The text that the model reads for a call whose arguments a person changed. Both versions are canonical
/// JSON, so the model sees where each begins and ends: they are data, as the result is.
pub fn edit_text(proposed: &str, arguments: &str, result: &str) -> String {
    format!(
        "A person changed this call's arguments before approving it: from {proposed} to {arguments}. \
         Result: {result}"
    )
}

/// The text that the model reads for a call that a person denied. The reason is quoted: it is data
/// from a person, not an instruction of the role.
pub fn denial_text(decision: &Decision) -> Option<String> {
    match decision {
        Decision::Approve => None,
        Decision::Deny { reason: None } => {
            Some("A person denied this call; it was not executed.".into())
        }
        Decision::Deny { reason: Some(reason) } => Some(format!(
            "A person denied this call; it was not executed. The reason given: {}",
            serde_json::Value::String(reason.clone())
        )),
    }
}
