//! The third link: a person. Where the role or a policy wants one asked, the component first says what it
//! would do; that preview, and everything else that decides what will happen, is what the approval is for.

use super::bind::bind;
use super::permission::Permitted;
use super::resolve::Call;
use super::tell_changes::changes;
use super::{Gate, Refusal, Toolset, Verdict};
use crate::domain::approval::{ApprovalMode, Binding, Preview};
use crate::domain::policy::{Effect, PolicyRecord, strictest};
use crate::domain::rule::ApprovalRule;
use crate::domain::tool_call::RefusedBy;
use crate::plugin::{CallError, CallInput};

/// A call that may happen now, once. Only this file makes one, and invoking it uses it up.
pub struct Admitted(Call);

/// A call that waits for a person.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// What the person sees; `None` where the tool cannot say.
    pub preview: Option<Preview>,
    /// What the approval will be for.
    pub binding: Binding,
    /// Who must approve.
    pub rule: ApprovalRule,
    /// What differs from what was approved before, in words, old beside new.
    pub changed: Vec<String>,
}

/// What a person approved before.
#[derive(Debug, Clone)]
pub struct Prior {
    /// What the approval is for.
    pub binding: Binding,
    /// What the person saw.
    pub preview: Option<Preview>,
    /// The rule that they approved under.
    pub rule: ApprovalRule,
}

impl Admitted {
    pub(super) fn into_call(self) -> Call {
        self.0
    }
}

/// `said` is what policies said of the call just now.
///
/// # Errors
/// The component's own refusal: nobody is asked about what would not be done.
pub(super) async fn check(
    gate: &Gate,
    tools: &Toolset,
    permitted: Permitted,
    said: &[PolicyRecord],
    prior: Option<&Prior>,
) -> Result<Verdict, Refusal> {
    let call = permitted.into_call();
    let rule = rule_of(tools, &call);
    // A policy that asks does so whatever the role says.
    if rule.mode == ApprovalMode::Auto && strictest(said) != Effect::Ask {
        return Ok(Verdict::Admitted(Admitted(call)));
    }
    let waiting = question(gate, tools, &call, said).await?;
    match prior {
        Some(prior) if prior.binding.fits(&waiting.binding) && prior.rule == waiting.rule => {
            Ok(Verdict::Admitted(Admitted(call)))
        }
        Some(prior) => {
            let preview = waiting.preview.as_ref();
            let changed = changes(prior, &waiting.binding, preview, &waiting.rule);
            Ok(Verdict::Waiting(Waiting { changed, ..waiting }))
        }
        None => Ok(Verdict::Waiting(waiting)),
    }
}

/// The question itself, for whoever decides about the call already, whether or not it would be asked: what
/// they make of a call may be something that nobody needs to be asked about.
///
/// # Errors
/// As for [`check`].
pub(super) async fn ask_anyway(
    gate: &Gate,
    tools: &Toolset,
    permitted: Permitted,
    said: &[PolicyRecord],
) -> Result<Waiting, Refusal> {
    question(gate, tools, &permitted.into_call(), said).await
}

fn rule_of(tools: &Toolset, call: &Call) -> ApprovalRule {
    call.entry(tools).entry.approval_rule(&call.tool(tools).name)
}

async fn question(
    gate: &Gate,
    tools: &Toolset,
    call: &Call,
    said: &[PolicyRecord],
) -> Result<Waiting, Refusal> {
    let entry = call.entry(tools);
    let name = &call.tool(tools).name;
    let input = input(call, name, 1);
    let preview = match gate.runtime.prepare(entry, entry.limits(name), input).await {
        Ok(preview) => Some(preview),
        Err(CallError::Broken(sentence)) => {
            // A component that cannot say what it would do must not be approved blindly.
            let result = format!("The tool could not say what it would do: {sentence}");
            return Err(Refusal { by: RefusedBy::Component, result });
        }
        Err(error) => {
            return Err(Refusal {
                by: RefusedBy::Component,
                result: super::invoke::error_text(&error),
            });
        }
    };
    let binding = bind(gate, tools, call, preview.as_ref(), said);
    // Whom the role names for the calls that it wants asked about is asked about the others too.
    let mut rule = ApprovalRule { mode: ApprovalMode::Required, ..rule_of(tools, call) };
    if tools.speaks_of_approval() {
        // Who may say yes is asked for each call anew; what was said of another answers nothing.
        rule.remember = Remember::None;
    }
    Ok(Waiting { preview, binding, rule, changed: Vec::new() })
}

/// What a component is given of a call.
pub(super) fn input(call: &Call, tool: &str, attempt: u32) -> CallInput {
    CallInput {
        id: call.id.to_string(),
        attempt,
        // The same for every attempt, and no other call's: services compare it across runs.
        idempotency_key: format!("{}/{}", call.run, call.id),
        tool: tool.to_owned(),
        arguments: call.arguments.text().to_owned(),
    }
}
