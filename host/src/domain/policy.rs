//! What policies are asked, and what they answer.

use super::clock::Timestamp;
use super::digest::Digest;
use super::role::Role;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// An answer, the strictest last: of several policies the greatest holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The call may happen, as far as the policy is concerned.
    Allow,
    /// Only if a person says so.
    Ask,
    /// It may not.
    Deny,
}

impl Effect {
    /// The word for a person.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Ask => "ask",
            Self::Deny => "deny",
        }
    }

    /// The answer that the word names.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Allow, Self::Ask, Self::Deny].into_iter().find(|effect| effect.as_str() == word)
    }
}

/// What a source holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// Policies, in the component's language.
    Policies,
    /// Names and types beyond what the tools say.
    Schema,
    /// People, groups and what is known of them.
    Entities,
}

/// One text that a policy component decides by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicySource {
    /// What people call it: its path, as named.
    pub name: String,
    /// What it holds.
    pub kind: SourceKind,
    /// All of it.
    pub text: String,
}

/// Something about a source, for its author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The source's name.
    pub source: String,
    /// Line and column, both from 1.
    pub place: Option<(u32, u32)>,
    /// Whether the sources can be used in spite of it.
    pub is_warning: bool,
    /// One sentence.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

/// The role, as policies see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub team: Option<String>,
    /// Who wrote it.
    pub author: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
}

impl Agent {
    /// A role, as policies see it.
    pub fn of(role: &Role) -> Self {
        Self {
            name: role.name.clone(),
            team: role.team.clone(),
            author: role.author.clone(),
            version: role.version.clone(),
            tags: role.tags.clone(),
        }
    }
}

/// A tool, as policies see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// As the model calls it.
    pub name: String,
    /// The entry's name.
    pub entry: String,
    /// What the entry names as its type, or the file that it names: never what a component calls itself,
    /// since a file could call itself like a built-in.
    pub plugin: String,
    /// The component's name of the tool.
    pub tool: String,
    /// Claims of the component: read-only, destructive, idempotent, open-world.
    pub effects: [Option<bool>; 4],
}

/// What a run has done when a call is asked about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests to the model.
    pub requests: u32,
    /// Calls to tools.
    pub tool_calls: u32,
    /// Calls to the tool in question.
    pub calls_of_tool: u32,
    /// Milliseconds of running time.
    pub running_ms: u64,
}

/// What is asked about a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// May it happen?
    Invoke,
    /// May the person with this authenticated identity approve it?
    Approve(String),
}

/// One question about one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRequest {
    /// What is asked.
    pub question: Question,
    /// Who would call.
    pub agent: Agent,
    /// What would be called.
    pub subject: Subject,
    /// The canonical arguments.
    pub arguments: String,
    /// Who started the run.
    pub requester: String,
    /// How it was started.
    pub trigger: String,
    /// When it is asked.
    pub at: Timestamp,
    /// How far programs of the call would be isolated; `None`: it may run none.
    pub isolation: Option<Vec<String>>,
    /// What the run has done.
    pub counts: Counts,
}

/// Why, in the words of one policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reason {
    /// The policy's name.
    pub policy: String,
    /// What its author wants to have read.
    pub message: Option<String>,
    /// The author's word for how much it matters.
    pub severity: Option<String>,
}

/// The answer of one policy component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyAnswer {
    /// The answer; `Deny` where something went wrong.
    pub effect: Effect,
    /// The policies that determined it; none where no policy speaks of the question.
    pub reasons: Vec<Reason>,
    /// What went wrong.
    pub errors: Vec<String>,
    /// Of the component and everything that it decides by.
    pub digest: Digest,
    /// How long it took, in microseconds.
    pub took_us: u64,
}

impl PolicyAnswer {
    /// Whether no policy had anything to say: then rules written elsewhere hold alone. A denial is never
    /// silent, since what nobody permits is denied for no policy's reason.
    pub fn is_silent(&self) -> bool {
        self.effect == Effect::Allow && self.reasons.is_empty() && self.errors.is_empty()
    }
}

/// Where a call stands: what policies are asked by, beside the call itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circumstances {
    /// Who started the run: an authenticated identity.
    pub requester: String,
    /// How it was started.
    pub trigger: String,
    /// Now.
    pub at: Timestamp,
    /// What the run had done before the call.
    pub counts: Counts,
}

/// What one policy said of one call, for the journal: all that it takes to say later why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRecord {
    /// What people call the policy.
    pub policy: String,
    /// What was asked.
    pub question: Question,
    /// What the run had done.
    pub counts: Counts,
    /// How far programs of the call would have been isolated.
    pub isolation: Option<Vec<String>>,
    /// Whether it was asked about what a person would make of the call, and not about the call as it stood.
    pub edited: bool,
    /// What it said.
    pub answer: PolicyAnswer,
}

impl PolicyRecord {
    /// The body of an event: canonical once written.
    pub fn to_body(&self) -> Value {
        let Self { policy, question, counts, isolation, edited, answer } = self;
        let Counts { requests, tool_calls, calls_of_tool, running_ms } = counts;
        let mut body = json!({
            "policy": policy,
            "question": match question {
                Question::Invoke => "invoke",
                Question::Approve(_) => "approve",
            },
            "counts": [requests, tool_calls, calls_of_tool, running_ms],
            "isolation": isolation,
            "effect": answer.effect,
            "reasons": answer.reasons,
            "errors": answer.errors,
            "digest": answer.digest.hex(),
            "took_us": answer.took_us,
        });
        if let Question::Approve(reviewer) = question {
            body["reviewer"] = json!(reviewer);
        }
        // Most calls are asked about as they are: nothing is said of that.
        if *edited {
            body["edited"] = json!(true);
        }
        body
    }

    /// Reads a body back; `None` where it is not of this kind.
    pub fn of_body(body: &Value) -> Option<Self> {
        let texts =
            |value: &Value| -> Option<Vec<String>> { serde_json::from_value(value.clone()).ok() };
        let question = match body["question"].as_str()? {
            "invoke" => Question::Invoke,
            "approve" => Question::Approve(body["reviewer"].as_str()?.to_owned()),
            _ => return None,
        };
        let [requests, tool_calls, calls_of_tool, running_ms]: [u64; 4] =
            serde_json::from_value(body["counts"].clone()).ok()?;
        let count = |number: u64| u32::try_from(number).ok();
        Some(Self {
            policy: body["policy"].as_str()?.to_owned(),
            question,
            counts: Counts {
                requests: count(requests)?,
                tool_calls: count(tool_calls)?,
                calls_of_tool: count(calls_of_tool)?,
                running_ms,
            },
            isolation: match &body["isolation"] {
                Value::Null => None,
                words => Some(texts(words)?),
            },
            edited: match &body["edited"] {
                Value::Null => false,
                edited => edited.as_bool()?,
            },
            answer: PolicyAnswer {
                effect: Effect::parse(body["effect"].as_str()?)?,
                reasons: serde_json::from_value(body["reasons"].clone()).ok()?,
                errors: texts(&body["errors"])?,
                digest: Digest::parse(body["digest"].as_str()?)?,
                took_us: body["took_us"].as_u64()?,
            },
        })
    }
}

/// The strictest of several answers: what the call comes to. Nobody objects where nobody was asked.
pub fn strictest(records: &[PolicyRecord]) -> Effect {
    records.iter().map(|record| record.answer.effect).max().unwrap_or(Effect::Allow)
}

/// What the answers come to, as one text that is equal exactly when the same policies determined the same
/// answer: an approval holds as long as it does. Policies that say nothing are no part of it.
pub fn determination(records: &[PolicyRecord]) -> String {
    let speaking = records.iter().filter(|record| !record.answer.is_silent());
    let lines: BTreeSet<String> = speaking
        .map(|record| {
            let names = record.answer.reasons.iter().map(|reason| reason.policy.as_str());
            let names: BTreeSet<&str> = names.collect();
            json!([record.policy, record.answer.effect, names]).to_string()
        })
        .collect();
    lines.into_iter().collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(policy: &str, effect: Effect, reasons: &[&str]) -> PolicyRecord {
        let reason = |name: &&str| Reason {
            policy: (*name).to_owned(),
            message: Some(format!("{name} says so")),
            severity: None,
        };
        PolicyRecord {
            policy: policy.to_owned(),
            question: Question::Invoke,
            counts: Counts { requests: 1, tool_calls: 2, calls_of_tool: 3, running_ms: 4 },
            isolation: Some(vec!["landlock-7".into()]),
            edited: false,
            answer: PolicyAnswer {
                effect,
                reasons: reasons.iter().map(reason).collect(),
                errors: vec!["`x` broke".into()],
                digest: Digest::of(b"policies"),
                took_us: 12,
            },
        }
    }

    #[test]
    fn what_was_written_down_is_read_back() {
        let mut one = record("cedar", Effect::Ask, &["large"]);
        assert_eq!(PolicyRecord::of_body(&one.to_body()), Some(one.clone()));
        one.question = Question::Approve("os:ann".into());
        one.isolation = None;
        one.edited = true;
        assert_eq!(PolicyRecord::of_body(&one.to_body()), Some(one.clone()));
        let mut body = one.to_body();
        body["effect"] = json!("maybe");
        assert_eq!(PolicyRecord::of_body(&body), None);
        assert_eq!(PolicyRecord::of_body(&json!({})), None);
    }

    #[test]
    fn the_strictest_answer_holds() {
        assert_eq!(strictest(&[]), Effect::Allow);
        let of = |effects: &[Effect]| {
            let records: Vec<_> = effects.iter().map(|it| record("p", *it, &[])).collect();
            strictest(&records)
        };
        assert_eq!(of(&[Effect::Allow, Effect::Ask]), Effect::Ask);
        assert_eq!(of(&[Effect::Deny, Effect::Ask, Effect::Allow]), Effect::Deny);
    }

    #[test]
    fn an_approval_holds_for_the_same_answer_of_the_same_policies() {
        let same = |a: &[PolicyRecord], b: &[PolicyRecord]| determination(a) == determination(b);
        let asked = record("cedar", Effect::Ask, &["a", "b"]);
        let again = record("cedar", Effect::Ask, &["b", "a", "a"]);
        assert!(same(std::slice::from_ref(&asked), &[again]));
        assert!(!same(std::slice::from_ref(&asked), &[record("cedar", Effect::Ask, &["a"])]));
        assert!(!same(
            std::slice::from_ref(&asked),
            &[record("cedar", Effect::Allow, &["a", "b"])]
        ));
        assert!(!same(std::slice::from_ref(&asked), &[record("hours", Effect::Ask, &["a", "b"])]));
        let mut silent = record("hours", Effect::Allow, &[]);
        silent.answer.errors.clear();
        assert!(same(&[asked.clone(), silent.clone()], &[asked]));
        assert!(same(&[silent], &[]));
    }
}
