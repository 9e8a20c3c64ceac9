//! The first link: policies. Each one that the role or the host names is asked, the strictest answer
//! holds, and every answer is kept for the journal. Without a policy every call goes on to permissions.

use super::resolve::{Call, Unresolved, locate};
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
    let about = About::call(tools, &call);
    let records = ask(gate, tools, about, &Question::Invoke, circumstances).await;
    said.clone_from(&records);
    match strictest(&records) {
        Effect::Deny => Err(Refusal {
            by: RefusedBy::Policy,
            result: refusal_text("This call is refused by policy", &records),
        }),
        Effect::Allow | Effect::Ask => Ok(Reviewed { call, records }),
    }
}

/// A question about a call that nobody is about to make, for those who try policies: no run has it, and
/// nothing is written down.
#[derive(Debug, Clone)]
pub struct PolicyQuery<'q> {
    /// The tool, as the model names it.
    pub tool: &'q str,
    /// The arguments, a JSON object as a model would write it.
    pub arguments: &'q str,
    /// What is asked.
    pub question: &'q Question,
    /// Where the call would stand.
    pub circumstances: &'q Circumstances,
    /// How far programs of the call would be isolated.
    pub isolation: AssumedIsolation<'q>,
}

/// How far programs of a call would be isolated that nobody makes.
#[derive(Debug, Clone, Copy)]
pub enum AssumedIsolation<'q> {
    /// As on this machine.
    Here,
    /// By these words, where the tool runs programs at all.
    By(&'q [String]),
    /// Exactly as said: words, or `None` for a call that may run no programs.
    Exactly(Option<&'q [String]>),
}

impl Gate {
    /// What every policy over `tools` would say of a call, in their order: by the same way as for a call
    /// of a run, from strict arguments that fit the tool's schema on. [`strictest`] of the records is what
    /// they come to; without policies there are none. Of [`Question::Approve`], only policies that speak of
    /// approval are asked, so no record means that the role's own rules hold alone. Nothing is invoked,
    /// and neither permissions nor `approval:` are looked at.
    ///
    /// # Errors
    /// Why it is no call: an unknown tool, or arguments that do not fit. No policy is asked then.
    pub async fn ask_policies(
        &self,
        tools: &Toolset,
        query: &PolicyQuery<'_>,
    ) -> Result<Vec<PolicyRecord>, Refusal> {
        let PolicyQuery { tool, arguments, question, circumstances, isolation } = query;
        let (entry, tool, arguments) =
            locate(tools, tool, arguments).map_err(Unresolved::into_refusal)?;
        let entry = &tools.entries()[entry];
        let here = isolation_here(entry);
        let isolation = match isolation {
            AssumedIsolation::Here => here,
            AssumedIsolation::By(words) => here.map(|_| words.to_vec()),
            AssumedIsolation::Exactly(words) => words.map(<[String]>::to_vec),
        };
        let about =
            About { entry, tool: &entry.tools[tool], arguments: arguments.text(), isolation };
        Ok(ask(self, tools, about, question, circumstances).await)
    }

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
        let about = About::call(tools, &resolved);
        let records = ask(self, tools, about, &question, &call.circumstances).await;
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

/// What policies are asked about: a call, of a run or not.
struct About<'a> {
    entry: &'a LoadedEntry,
    tool: &'a LoadedTool,
    arguments: &'a str,
    isolation: Option<Vec<String>>,
}

impl<'a> About<'a> {
    fn call(tools: &'a Toolset, call: &'a Call) -> Self {
        let (entry, tool) = (call.entry(tools), call.tool(tools));
        Self { entry, tool, arguments: call.arguments.text(), isolation: isolation_here(entry) }
    }
}

/// How far this machine isolates the programs of an entry.
fn isolation_here(entry: &LoadedEntry) -> Option<Vec<String>> {
    entry.isolation().map(|words| match &*words {
        "none" => Vec::new(),
        words => words.split(' ').map(str::to_owned).collect(),
    })
}

/// What every policy that speaks of the question says, in their order.
async fn ask(
    gate: &Gate,
    tools: &Toolset,
    about: About<'_>,
    question: &Question,
    circumstances: &Circumstances,
) -> Vec<PolicyRecord> {
    let About { entry, tool, arguments, isolation } = about;
    let Circumstances { requester, trigger, at, counts } = circumstances.clone();
    let request = PolicyRequest {
        question: question.clone(),
        agent: tools.agent().clone(),
        subject: subject(entry, tool),
        arguments: arguments.to_owned(),
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
            edited: false,
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

/// The refusal, in the policies' own words.
fn refusal_text(what: &str, records: &[PolicyRecord]) -> String {
    format!("{what}: {}.", grounds(records).join("; "))
}

/// Why the answers come to what they come to, in the words of the policies whose answer is the strictest.
/// One that went wrong says what went wrong. Nothing where all allow and none has a reason.
pub fn grounds(records: &[PolicyRecord]) -> Vec<String> {
    let effect = strictest(records);
    let deciding = records.iter().filter(|record| record.answer.effect == effect);
    deciding
        .flat_map(|record| {
            let errors = record.answer.errors.iter().cloned();
            let reasons = record.answer.reasons.iter().map(reason_text);
            let none = record.answer.errors.is_empty() && record.answer.reasons.is_empty();
            let none = none && effect != Effect::Allow;
            let nothing = none.then(|| format!("no policy of `{}` permits it", record.policy));
            errors.chain(reasons).chain(nothing)
        })
        .collect()
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
