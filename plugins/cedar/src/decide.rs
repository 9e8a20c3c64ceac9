//! One question, answered by rules that are ready. Nothing of policies is parsed here.
//!
//! A call is asked about twice, with `context.unattended` false and then true: may it happen with a person
//! attending, and may it without? Only rules that read `unattended` are evaluated the second time.

use crate::context::Asked;
use crate::load::{Cedar, Ready};
use crate::policies::Rule;
use cedar_policy_core::ast::{EntityUIDEntry, Literal, Request as Question, SlotEnv, ValueKind};
use cedar_policy_core::entities::Entities;
use cedar_policy_core::evaluator::{EvaluationError, Evaluator};
use cedar_policy_core::extensions::Extensions;
use initrunner_sdk::policy::{Decision, Effect, Question as Kind, Reason, Request};

/// How long the text of a call's arguments may be, in bytes. A model writes at most a few hundred kilobytes;
/// an instance has 64 MiB, and the text exists some four times while it is judged.
pub const MAX_ARGUMENTS: usize = 4 * 1024 * 1024;

/// What a rule says to a question.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    /// It applies.
    Yes,
    /// It does not.
    No,
    /// It cannot tell: the sentence is in the list of errors.
    Failed,
}

/// What the rules say to a question, by their places.
#[derive(Default)]
struct Answer {
    said: Vec<(usize, Said)>,
    errors: Vec<String>,
}

impl Cedar {
    /// Answers.
    #[must_use]
    pub fn decide(&self, request: &Request) -> Decision {
        let Some(tool) = self.tools.get(&request.subject.name) else {
            return Decision::error(format!(
                "the policies were not loaded for a tool called `{}`",
                request.subject.name
            ));
        };
        if !same(tool, request) {
            return Decision::error(format!(
                "the tool `{}` is not what it was when the policies were loaded",
                tool.declared.name
            ));
        }
        if request.arguments.len() > MAX_ARGUMENTS {
            return Decision::error(format!(
                "the arguments of `{}` are longer than {MAX_ARGUMENTS} bytes, and the policies cannot judge them",
                tool.declared.name
            ));
        }
        let asked = match Asked::new(self, tool, request) {
            Ok(asked) => asked,
            Err(sentence) => {
                return Decision::error(format!(
                    "the policies cannot judge this call of `{}`: {sentence}",
                    tool.declared.name
                ));
            }
        };
        match &request.question {
            Kind::Invoke => self.invoke(tool, &asked),
            Kind::Approve(_) => self.approve(tool, &asked),
        }
    }

    fn invoke(&self, tool: &Ready, asked: &Asked) -> Decision {
        let attended = asked.question(tool.action.clone(), tool.resource.clone(), Some(false));
        let first = self.ask(attended, &asked.entities, &tool.invoke, None);
        if let Some(refusal) = self.refusal(&first) {
            return refusal;
        }
        let alone = asked.question(tool.action.clone(), tool.resource.clone(), Some(true));
        let second = self.ask(alone, &asked.entities, &tool.invoke, Some(&first));
        if !second.errors.is_empty() {
            return Decision { effect: Effect::Deny, reasons: Vec::new(), errors: second.errors };
        }
        let forbids = self.applying(&second, true);
        if !forbids.is_empty() {
            return self.because(Effect::Ask, &forbids);
        }
        let permits = self.applying(&second, false);
        if permits.is_empty() {
            // What permits it only where somebody attends is why somebody is asked.
            return self.because(Effect::Ask, &self.applying(&first, false));
        }
        self.because(Effect::Allow, &permits)
    }

    /// Whether somebody may approve. Policies that only forbid leave everybody else to the role; where one
    /// permits, nobody whom none permits may.
    fn approve(&self, tool: &Ready, asked: &Asked) -> Decision {
        let question = asked.question(self.approve.clone(), tool.resource.clone(), None);
        let answer = self.ask(question, &asked.entities, &tool.approve, None);
        if !answer.errors.is_empty() || !self.applying(&answer, true).is_empty() {
            return self.refusal(&answer).unwrap_or_else(Decision::allow);
        }
        let permits = self.applying(&answer, false);
        if permits.is_empty() {
            let unfit: Vec<usize> =
                tool.approve.iter().copied().filter(|at| !self.rule_forbids(*at)).collect();
            let effect = if unfit.is_empty() { Effect::Allow } else { Effect::Deny };
            return self.because(effect, &unfit);
        }
        self.because(Effect::Allow, &permits)
    }

    /// The answer no, if the rules say that.
    fn refusal(&self, answer: &Answer) -> Option<Decision> {
        let forbids = self.applying(answer, true);
        if !answer.errors.is_empty() {
            let decision = self.because(Effect::Deny, &forbids);
            return Some(Decision { errors: answer.errors.clone(), ..decision });
        }
        let refused = !forbids.is_empty() || self.applying(answer, false).is_empty();
        refused.then(|| self.because(Effect::Deny, &forbids))
    }

    /// Asks these rules. Of `before`, what cannot have changed is taken over.
    fn ask(
        &self,
        question: Question,
        entities: &Entities,
        rules: &[usize],
        before: Option<&Answer>,
    ) -> Answer {
        let evaluator = Evaluator::new(question, entities, Extensions::all_available());
        let slots = SlotEnv::new();
        let mut answer = Answer { said: Vec::with_capacity(rules.len()), errors: Vec::new() };
        for (nth, at) in rules.iter().enumerate() {
            let Some(rule) = self.rules.get(*at) else { continue };
            let known = before.filter(|_| !rule.minds_attendance);
            if let Some((_, said)) = known.and_then(|answer| answer.said.get(nth)) {
                answer.said.push((*at, *said));
                continue;
            }
            let said = match evaluator.interpret(&rule.condition, &slots) {
                Ok(value) => match value.value {
                    ValueKind::Lit(Literal::Bool(true)) => Said::Yes,
                    ValueKind::Lit(Literal::Bool(false)) => Said::No,
                    _ => {
                        answer
                            .errors
                            .push(format!("the policy `{}` is neither true nor false", rule.name));
                        Said::Failed
                    }
                },
                Err(error) => {
                    answer.errors.push(failure(rule, &error));
                    Said::Failed
                }
            };
            answer.said.push((*at, said));
        }
        answer
    }

    fn rule_forbids(&self, at: usize) -> bool {
        self.rules.get(at).is_some_and(|rule| rule.forbids)
    }

    /// The rules that apply and forbid, or that apply and permit.
    fn applying(&self, answer: &Answer, forbid: bool) -> Vec<usize> {
        let applies = |(at, said): &(usize, Said)| {
            (*said == Said::Yes && self.rule_forbids(*at) == forbid).then_some(*at)
        };
        answer.said.iter().filter_map(applies).collect()
    }

    fn because(&self, effect: Effect, rules: &[usize]) -> Decision {
        let reason = |at: &usize| {
            let rule = self.rules.get(*at)?;
            Some(Reason {
                policy: rule.name.clone(),
                message: rule.message.clone(),
                severity: rule.severity.clone(),
            })
        };
        Decision { effect, reasons: rules.iter().filter_map(reason).collect(), errors: Vec::new() }
    }
}

impl Asked {
    /// The question about an action, for Cedar.
    fn question(
        &self,
        action: cedar_policy_core::ast::EntityUID,
        resource: cedar_policy_core::ast::EntityUID,
        unattended: Option<bool>,
    ) -> Question {
        Question::new_unchecked(
            EntityUIDEntry::known(self.principal.clone(), None),
            EntityUIDEntry::known(action, None),
            EntityUIDEntry::known(resource, None),
            Some(self.context(unattended)),
        )
    }
}

/// Whether a request is about the tool that was declared.
fn same(tool: &Ready, request: &Request) -> bool {
    let (declared, subject) = (&tool.declared, &request.subject);
    declared.entry == subject.entry
        && declared.plugin == subject.plugin
        && declared.tool == subject.tool
        && declared.effects.equal(&subject.effects)
}

/// Why a policy could not be evaluated. Cedar's own sentences repeat values, and a value may be an argument.
fn failure(rule: &Rule, error: &EvaluationError) -> String {
    let what = match error {
        EvaluationError::EntityDoesNotExist(_) => {
            "it reads an attribute of somebody or something that the entities do not have"
        }
        EvaluationError::EntityAttrDoesNotExist(_) => {
            "it reads an attribute that an entity does not have"
        }
        EvaluationError::RecordAttrDoesNotExist(_) => "it reads a member that is not there",
        EvaluationError::IntegerOverflow(_) => "a sum or product is too large",
        EvaluationError::FailedExtensionFunctionExecution(_) => {
            "a function such as `decimal` or `datetime` cannot use what it is given"
        }
        EvaluationError::TypeError(_) => "a value has another type than it needs",
        EvaluationError::RecursionLimit(_) => "it is nested too deep",
        _ => "it is not a question of true or false",
    };
    format!("the policy `{}` could not be evaluated: {what}", rule.name)
}
