//! The first link: policies. Each one that the role or the host names is asked, the strictest answer
//! holds, and every answer is kept for the journal. Without a policy every call goes on to permissions.

use super::resolve::Call;
use super::{Gate, Refusal, Toolset};
use crate::domain::policy::{
    Circumstances, Effect, PolicyRecord, PolicyRequest, Question, Reason, Subject, strictest,
};
use crate::domain::secret::mask;
use crate::domain::tool_call::RefusedBy;
use crate::domain::visible::one_line;
use crate::plugin::{LoadedEntry, LoadedTool};

/// A call that policies let through, to a person perhaps. Only this file makes one.
pub(super) struct Reviewed {
    call: Call,
    records: Vec<PolicyRecord>,
}

impl Reviewed {
    /// The call, and what policies said of it.
    pub(super) fn into_parts(self) -> (Call, Vec<PolicyRecord>) {
        (self.call, self.records)
    }
}

/// Asks every policy. What they say goes to `said`, whatever comes of it.
///
/// # Errors
/// The refusal of the policies that denied.
pub(super) async fn review(
    gate: &Gate,
    tools: &Toolset,
    call: Call,
    circumstances: &Circumstances,
    said: &mut Vec<PolicyRecord>,
) -> Result<Reviewed, Refusal> {
    if tools.policies().is_empty() {
        return Ok(Reviewed { call, records: Vec::new() });
    }
    let records = ask(gate, tools, &call, Question::Invoke, circumstances).await;
    said.clone_from(&records);
    match strictest(&records) {
        Effect::Deny => Err(Refusal {
            by: RefusedBy::Policy,
            result: refusal_text("This call is refused by policy", &records),
        }),
        Effect::Allow | Effect::Ask => Ok(Reviewed { call, records }),
    }
}

impl Gate {
    /// Whether policies let a person approve a call: nothing where they say nothing against it, else a
    /// sentence. What they say goes to `said`. To a policy's *ask* there is no further person: it is a
    /// no.
    ///
    /// # Errors
    /// The sentence for the person.
    pub async fn may_approve(
        &self,
        tools: &Toolset,
        call: &super::Proposed,
        reviewer: &str,
        said: &mut Vec<PolicyRecord>,
    ) -> Result<(), String> {
        if !tools.speaks_of_approval() {
            return Ok(());
        }
        let resolved = match super::resolve::resolve(tools, call) {
            Ok(resolved) => resolved,
            // It cannot be invoked any more; the gate says so when it is resumed.
            Err(_) => return Ok(()),
        };
        let question = Question::Approve(reviewer.to_owned());
        let records = ask(self, tools, &resolved, question, &call.circumstances).await;
        said.clone_from(&records);
        match strictest(&records) {
            Effect::Allow => Ok(()),
            Effect::Ask | Effect::Deny => {
                let who = one_line(reviewer);
                Err(refusal_text(&format!("policy does not let {who} approve it"), &records))
            }
        }
    }
}

/// What every policy that speaks of the question says, in their order.
async fn ask(
    gate: &Gate,
    tools: &Toolset,
    call: &Call,
    question: Question,
    circumstances: &Circumstances,
) -> Vec<PolicyRecord> {
    let entry = call.entry(tools);
    let isolation = entry.isolation().map(|words| match &*words {
        "none" => Vec::new(),
        words => words.split(' ').map(str::to_owned).collect(),
    });
    let Circumstances { requester, trigger, at, counts } = circumstances.clone();
    let request = PolicyRequest {
        question: question.clone(),
        agent: tools.agent().clone(),
        subject: subject(entry, call.tool(tools)),
        arguments: call.arguments.text().to_owned(),
        requester,
        trigger,
        at,
        isolation: isolation.clone(),
        counts,
    };
    let mut records = Vec::with_capacity(tools.policies().len());
    for policy in tools.policies() {
        if matches!(question, Question::Approve(_)) && !policy.loaded.speaks_of_approval {
            continue;
        }
        let mut answer = gate.runtime.decide(&policy.loaded, &request).await;
        // A component could repeat what it was told, and the journal keeps its words in clear.
        for reason in &mut answer.reasons {
            for text in [&mut reason.message, &mut reason.severity].into_iter().flatten() {
                *text = mask(text).into_owned();
            }
        }
        for text in &mut answer.errors {
            *text = mask(text).into_owned();
        }
        records.push(PolicyRecord {
            policy: policy.label.clone(),
            question: question.clone(),
            counts,
            isolation: isolation.clone(),
            answer,
        });
    }
    records
}

/// A tool, as policies see it: the same whenever they are asked.
pub(super) fn subject(entry: &LoadedEntry, tool: &LoadedTool) -> Subject {
    let effects = tool.effects;
    Subject {
        name: tool.model_name.clone(),
        entry: entry.entry.name.clone(),
        plugin: entry.entry.plugin().to_owned(),
        tool: tool.name.clone(),
        effects: [effects.read_only, effects.destructive, effects.idempotent, effects.open_world]
            .map(Some),
    }
}

/// The refusal, in the policies' own words. An answer that went wrong says what went wrong.
fn refusal_text(what: &str, records: &[PolicyRecord]) -> String {
    let objecting = records.iter().filter(|record| record.answer.effect == strictest(records));
    let reasons: Vec<String> = objecting
        .flat_map(|record| {
            let errors = record.answer.errors.iter().cloned();
            let reasons = record.answer.reasons.iter().map(reason_text);
            let none = record.answer.errors.is_empty() && record.answer.reasons.is_empty();
            let nothing = none.then(|| format!("no policy of `{}` permits it", record.policy));
            errors.chain(reasons).chain(nothing)
        })
        .collect();
    format!("{what}: {}.", reasons.join("; "))
}

/// A policy's reason: its author's words, then its name.
pub fn reason_text(reason: &Reason) -> String {
    let name = one_line(&reason.policy);
    let severity = match &reason.severity {
        Some(severity) => format!(", severity {}", one_line(severity)),
        None => String::new(),
    };
    match &reason.message {
        Some(message) => format!("{} (policy `{name}`{severity})", one_line(message)),
        None => format!("policy `{name}`{severity}"),
    }
}
