//! Policies, from their text to rules that can be asked.

use crate::place::{self, Lines};
use crate::tools::{self, APPROVE};
use cedar_policy_core::ast::{
    ActionConstraint, Effect, EntityUID, Expr, ExprKind, Policy, PolicyID,
    PrincipalOrResourceConstraint, Template, Var,
};
use cedar_policy_core::parser;
use initrunner_sdk::policy::{Diagnostic, Severity, Source};
use std::collections::HashMap;

/// How deep brackets nest in a policy. Cedar recurses, and a component cannot tell how much of its stack is
/// left; people stop understanding far earlier.
const MAX_NESTING: usize = 48;

/// How many `&&`, `||`, `+`, `-`, `*` and `if` one policy has. A chain of them is as deep as it is long. Measured
/// in the component with an engine's default stack: 490 of each could be loaded and asked, 1,900 `+` could not.
const MAX_OPERATORS: usize = 500;

/// How many `.`, `!` and the like stand in a row, with nothing but names between.
const MAX_STEPS: usize = 32;

/// How long a policy's name is: it appears in sentences.
const MAX_NAME: usize = 128;

/// One policy, ready to be asked.
#[derive(Debug)]
pub struct Rule {
    /// What decisions cite it by.
    pub name: String,
    /// Which of the sources it is from.
    pub source: usize,
    /// As Cedar has it.
    pub policy: Policy,
    /// What must hold for it to speak, put together once: its condition, and of its scope what is not known
    /// before a question.
    pub condition: Expr,
    /// Whether it forbids.
    pub forbids: bool,
    /// The actions that its scope names: tools, groups, or approval alone.
    pub actions: Vec<EntityUID>,
    /// Whether it is about approval.
    pub approves: bool,
    /// Whether its answer can depend on `context.unattended`.
    pub minds_attendance: bool,
    /// Whether its types can depend on which tool is called.
    pub minds_tool: bool,
    /// `@message`.
    pub message: Option<String>,
    /// `@severity`.
    pub severity: Option<String>,
}

impl Rule {
    /// The template that Cedar checks.
    #[must_use]
    pub fn template(&self) -> &Template {
        self.policy.template()
    }

    /// Where it begins, in bytes of its source.
    #[must_use]
    pub fn start(&self) -> usize {
        self.policy.loc().map_or(0, |loc| loc.start())
    }
}

/// Reads all the sources of policies.
#[must_use]
pub fn read(sources: &[&Source]) -> (Vec<Rule>, Vec<Diagnostic>) {
    let mut rules = Vec::new();
    let mut found = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        if let Some(problem) = too_deep(source) {
            found.push(problem);
            continue;
        }
        let lines = Lines::new(&source.text);
        match parser::parse_policyset(&source.text) {
            Ok(set) => {
                for template in set.templates() {
                    let at = template.loc().map(|loc| lines.of_byte(loc.start()));
                    found.push(Diagnostic {
                        hint: Some(
                            "name the principal or the resource in the place of the slot"
                                .to_owned(),
                        ),
                        ..Diagnostic::error(
                            &source.name,
                            at,
                            "this is a template, and nothing fills in its slots",
                        )
                    });
                }
                let mut policies: Vec<&Policy> = set.static_policies().collect();
                policies.sort_by_key(|policy| policy.loc().map_or(0, |loc| loc.start()));
                for (number, policy) in policies.into_iter().enumerate() {
                    match rule(index, source, &lines, number, policy) {
                        Ok(rule) => rules.push(rule),
                        Err(problem) => found.push(problem),
                    }
                }
            }
            Err(errors) => found.extend(
                place::each(&errors)
                    .map(|error| place::diagnose(&source.name, &lines, Severity::Error, error)),
            ),
        }
    }
    found.extend(same_names(&rules, sources));
    (rules, found)
}

/// One policy.
fn rule(
    index: usize,
    source: &Source,
    lines: &Lines<'_>,
    number: usize,
    policy: &Policy,
) -> Result<Rule, Diagnostic> {
    let annotation = |key: &str| {
        policy
            .annotations()
            .find(|(id, _)| id.as_ref() == key)
            .map(|(_, value)| value.val.to_string())
    };
    let refuse = |sentence: String, hint: String| {
        let at = lines.of_byte(policy.loc().map_or(0, |loc| loc.start()));
        Diagnostic { hint: Some(hint), ..Diagnostic::error(&source.name, Some(at), sentence) }
    };
    let name = match annotation("id") {
        Some(id) if id.is_empty() || id.len() > MAX_NAME || id.chars().any(char::is_control) => {
            return Err(refuse(
                "the policy's `@id` is no name".to_owned(),
                format!("write 1 to {MAX_NAME} characters, such as `@id(\"no-force-push\")`"),
            ));
        }
        Some(id) => id,
        None => format!("{}:policy{number}", source.name),
    };
    let actions: Vec<EntityUID> = match policy.action_constraint() {
        ActionConstraint::Any => {
            return Err(refuse(
                format!("the policy `{name}` does not say which actions it is about"),
                format!(
                    "write `action in Action::\"{}\"` for all tools, `action == Action::\"TOOL\"` for one, or \
                     `action == Action::\"{APPROVE}\"` for who may approve",
                    tools::ALL
                ),
            ));
        }
        ActionConstraint::Eq(action) => vec![action.as_ref().clone()],
        ActionConstraint::In(actions) => {
            actions.iter().map(|action| action.as_ref().clone()).collect()
        }
    };
    let approves = actions.iter().any(is_approve);
    if approves && actions.len() > 1 {
        return Err(refuse(
            format!("the policy `{name}` is about approval and about calls at once"),
            format!(
                "make it two policies, one of them with `action == Action::\"{APPROVE}\"` alone: agents call, \
                 and people approve"
            ),
        ));
    }
    let policy = policy.new_id(PolicyID::from_string(&name));
    let condition = condition(policy.template());
    Ok(Rule {
        name,
        source: index,
        forbids: policy.effect() == Effect::Forbid,
        actions,
        approves,
        minds_attendance: minds(&condition, &["unattended"]),
        minds_tool: minds_tool(&condition),
        message: annotation("message").filter(|text| !text.is_empty()),
        severity: annotation("severity").filter(|text| !text.is_empty()),
        condition,
        policy,
    })
}

/// What must hold for a policy to speak of a question that its actions and its resource fit. Which rules
/// those are is known before any question, so that the scope's part about them is left out.
fn condition(policy: &Template) -> Expr {
    let mut parts: Vec<Expr> = policy.non_scope_constraints().cloned().into_iter().collect();
    if matches!(
        policy.resource_constraint().as_inner(),
        PrincipalOrResourceConstraint::Is(_) | PrincipalOrResourceConstraint::IsIn(..)
    ) {
        parts.push(policy.resource_constraint().as_expr());
    }
    if !matches!(policy.principal_constraint().as_inner(), PrincipalOrResourceConstraint::Any) {
        parts.push(policy.principal_constraint().as_expr());
    }
    // In the order of Cedar's own, the scope first: what it refuses is not evaluated.
    let last = parts.first().cloned().unwrap_or_else(|| Expr::val(true));
    parts.into_iter().skip(1).fold(last, |condition, part| Expr::and(part, condition))
}

/// Whether it is the action of approving.
#[must_use]
pub fn is_approve(action: &EntityUID) -> bool {
    crate::names::is(action, "Action", APPROVE)
}

/// Whether a condition can depend on these members of `context`: it reads one, or does something with
/// `context` other than reading a member.
fn minds(condition: &Expr, names: &[&str]) -> bool {
    let is_context = |expr: &Expr| matches!(expr.expr_kind(), ExprKind::Var(Var::Context));
    let mut mentions = 0_usize;
    let mut elsewhere = 0_usize;
    for part in condition.subexpressions() {
        match part.expr_kind() {
            ExprKind::Var(Var::Context) => mentions += 1,
            ExprKind::GetAttr { expr, attr } | ExprKind::HasAttr { expr, attr }
                if is_context(expr) && !names.contains(&attr.as_str()) =>
            {
                elsewhere += 1;
            }
            _ => {}
        }
    }
    mentions > elsewhere
}

/// Whether a condition can depend on which tool is called, beyond what is known of all: it reads arguments,
/// or compares the action.
fn minds_tool(condition: &Expr) -> bool {
    let is_action = |part: &Expr| matches!(part.expr_kind(), ExprKind::Var(Var::Action));
    minds(condition, &["arguments", "raw"]) || condition.subexpressions().any(is_action)
}

/// A diagnostic at each policy whose name another has.
fn same_names(rules: &[Rule], sources: &[&Source]) -> Vec<Diagnostic> {
    let place = |rule: &Rule| {
        let source = sources.get(rule.source)?;
        Some((source.name.as_str(), place::of_byte(&source.text, rule.start())))
    };
    let mut first: HashMap<&str, &Rule> = HashMap::new();
    let mut found = Vec::new();
    for rule in rules {
        let Some(other) = first.get(rule.name.as_str()) else {
            first.insert(&rule.name, rule);
            continue;
        };
        let (Some((name, at)), Some((other, (line, _)))) = (place(rule), place(other)) else {
            continue;
        };
        found.push(Diagnostic {
            hint: Some(format!(
                "give one of them another `@id`; the first is in {other}, line {line}"
            )),
            ..Diagnostic::error(name, Some(at), format!("two policies are called `{}`", rule.name))
        });
    }
    found
}

/// A diagnostic where the text would take Cedar deeper than its stack goes.
fn too_deep(source: &Source) -> Option<Diagnostic> {
    let bytes = source.text.as_bytes();
    let mut at = 0;
    let mut depth = 0_usize;
    let mut operators = 0_usize;
    let mut steps = 0_usize;
    let problem = |at: usize, sentence: String| {
        Some(Diagnostic {
            hint: Some("make several policies of it, or write `[…].contains(…)`".to_owned()),
            ..Diagnostic::error(&source.name, Some(place::of_byte(&source.text, at)), sentence)
        })
    };
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at += 1;
                while let Some(byte) = bytes.get(at) {
                    match byte {
                        b'"' => break,
                        b'\\' => at += 2,
                        _ => at += 1,
                    }
                }
            }
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                while bytes.get(at).is_some_and(|byte| *byte != b'\n') {
                    at += 1;
                }
            }
            b'(' | b'[' | b'{' => {
                depth += 1;
                // `a["b"]["c"]` steps as `a.b.c` does.
                steps = if *byte == b'[' { steps + 1 } else { 0 };
                if depth > MAX_NESTING {
                    return problem(at, format!("more than {MAX_NESTING} brackets are open here"));
                }
            }
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b';' => (operators, steps) = (0, 0),
            b'.' | b'!' | b'-' => steps += 1,
            b',' | b'=' | b'<' | b'>' => steps = 0,
            b'&' | b'|' if bytes.get(at + 1) == Some(byte) => {
                (operators, steps) = (operators + 1, 0);
                at += 1;
            }
            b'+' | b'*' => (operators, steps) = (operators + 1, 0),
            b'i' if bytes.get(at + 1) == Some(&b'f') => operators += 1,
            _ => {}
        }
        // A minus is between two numbers or before one.
        operators += usize::from(*byte == b'-');
        if operators > MAX_OPERATORS {
            return problem(at, format!("a policy has more than {MAX_OPERATORS} operators"));
        }
        if steps > MAX_STEPS {
            return problem(
                at,
                format!("more than {MAX_STEPS} of `.`, `[`, `!` and `-` follow one another here"),
            );
        }
        at += 1;
    }
    None
}
