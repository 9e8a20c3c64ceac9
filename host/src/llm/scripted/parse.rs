//! Reading a script.
//!
//! ```yaml
//! rules:                        # the first rule that matches answers
//!   - when: "delete (\\S+)"     # a regular expression on the last user message
//!     reply: "I will."          # said before the calls
//!     calls:
//!       - tool: shell
//!         arguments: {command: "rm -rf $1"}   # or one text, sent exactly as it is
//!   - from: tool                # on the results of the last calls, joined by line feeds
//!     tool: shell               # only results of this tool
//!     is_error: true            # only results that are errors
//!     user: "delete (\\S+)"     # and the last user message, as ${user.1}
//!     turn: 1                   # only after this many answers since the last user message
//!     reply: "I could not delete ${user.1}: $0"
//! fallback: "Done."             # where no rule matches
//! delay_ms: 20                  # between words
//! ```

use super::ScriptError;
use super::template::{Patterns, Template};
use crate::domain::nearest::nearest;
use crate::domain::yaml::{self, Key, Kind, Node, NodeValue, Position, Problems, Typed, listed};
use regex::{Regex, RegexBuilder};
use serde_json::Value;
use std::time::Duration;

/// What an empty file is told, and what a script is called in messages.
const KIND: Kind = Kind { noun: "script", begin: "begin with `rules:`" };

/// The most rules. Each holds up to two compiled patterns.
const MOST_RULES: usize = 1000;

/// The memory of one compiled pattern. 1 MiB holds any that a person writes, and repetitions of
/// repetitions that would take all of it are refused.
const LARGEST_PATTERN: usize = 1 << 20;

/// The longest `delay_ms`: the pause is for people who watch.
const LONGEST_DELAY_MS: u64 = 60_000;

/// A script.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) rules: Vec<Rule>,
    pub(super) fallback: Option<Template>,
    pub(super) delay: Duration,
}

/// One rule. It matches when everything that it names does.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) from: From,
    pub(super) when: Option<Regex>,
    pub(super) user: Option<Regex>,
    pub(super) turn: Option<usize>,
    pub(super) reply: Option<Template>,
    pub(super) calls: Vec<Call>,
}

/// What a rule answers.
#[derive(Debug)]
pub(super) enum From {
    User,
    Tool { tool: Option<String>, is_error: Option<bool> },
}

/// One call of a rule.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) tool: Template,
    pub(super) arguments: Arguments,
}

/// A call's arguments.
#[derive(Debug)]
pub(super) enum Arguments {
    /// Sent as it is, JSON or not.
    Text(Template),
    /// Written as JSON; groups are filled into texts, which quotes them rightly.
    Json(Json),
}

/// A JSON value whose texts are templates.
#[derive(Debug)]
pub(super) enum Json {
    Value(Value),
    Text(Template),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// Reads a script.
pub(super) fn parse(text: &str) -> Result<Script, ScriptError> {
    let mut fields = Fields::of(read(text)?, "a script", &["rules", "fallback", "delay_ms"])?;
    let rules = match fields.take("rules") {
        Some(node) => list(node, "rules")?,
        None => Vec::new(),
    };
    if let Some(node) = rules.get(MOST_RULES) {
        return Err(ScriptError::at(
            node.position,
            format!("there are more than {MOST_RULES} rules"),
        ));
    }
    let rules = rules.into_iter().map(rule).collect::<Result<_, _>>()?;
    let nothing = Patterns { when: None, user: None };
    let fallback = fields.take("fallback").map(|node| template(&node, nothing)).transpose()?;
    let delay_ms = fields.integer("delay_ms", LONGEST_DELAY_MS)?.unwrap_or(0);
    Ok(Script { rules, fallback, delay: Duration::from_millis(delay_ms) })
}

/// The tree of a script. What `${…}` means here is up to templates, so no variable is filled in.
fn read(text: &str) -> Result<Node, ScriptError> {
    let mut problems = Problems::default();
    let root = yaml::read(text, &KIND, None, &mut problems);
    match (root, problems.into_sorted().into_iter().next()) {
        (Some(root), None) => Ok(root),
        (_, Some(problem)) => {
            let hint = problem.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
            Err(ScriptError::at(problem.position, problem.message + &hint))
        }
        // A tree or a problem: the reader gives one of the two.
        (None, None) => {
            let start = Position { line: 1, column: 1 };
            Err(ScriptError::at(start, "the script cannot be read"))
        }
    }
}

fn rule(node: Node) -> Result<Rule, ScriptError> {
    let at = node.position;
    let known = ["from", "when", "tool", "is_error", "user", "turn", "reply", "calls"];
    let mut fields = Fields::of(node, "a rule", &known)?;
    let from = match fields.take("from") {
        None => From::User,
        Some(node) => match text(&node)? {
            "user" => From::User,
            "tool" => From::Tool { tool: None, is_error: None },
            other => {
                let problem = format!("`from` is `user` or `tool`, not `{}`", shown(other));
                return Err(ScriptError::at(node.position, problem));
            }
        },
    };
    let from = match from {
        From::Tool { .. } => {
            let tool =
                fields.take("tool").map(|node| text(&node).map(str::to_owned)).transpose()?;
            From::Tool { tool, is_error: fields.boolean("is_error")? }
        }
        From::User => {
            for key in ["tool", "is_error", "user"] {
                if let Some(at) = fields.position(key) {
                    let problem = format!("`{key}` is only for rules `from: tool`");
                    return Err(ScriptError::at(at, problem));
                }
            }
            From::User
        }
    };
    let when = fields.take("when").map(|node| pattern(&node)).transpose()?;
    let user = fields.take("user").map(|node| pattern(&node)).transpose()?;
    let turn = fields.integer("turn", u64::from(u16::MAX))?;
    let turn = turn.map(|turn| usize::try_from(turn).unwrap_or(usize::MAX));
    let patterns = Patterns { when: when.as_ref(), user: user.as_ref() };
    let reply = fields.take("reply").map(|node| template(&node, patterns)).transpose()?;
    let calls = match fields.take("calls") {
        Some(node) => {
            let calls = list(node, "calls")?.into_iter().map(|node| call(node, patterns));
            calls.collect::<Result<Vec<_>, _>>()?
        }
        None => Vec::new(),
    };
    if reply.is_none() && calls.is_empty() {
        return Err(ScriptError::at(at, "a rule needs `reply`, `calls` or both"));
    }
    Ok(Rule { from, when, user, turn, reply, calls })
}

fn call(node: Node, patterns: Patterns<'_>) -> Result<Call, ScriptError> {
    let at = node.position;
    let mut fields = Fields::of(node, "a call", &["tool", "arguments"])?;
    let Some(tool) = fields.take("tool") else {
        return Err(ScriptError::at(at, "a call needs `tool`"));
    };
    let tool = template(&tool, patterns)?;
    let arguments = match fields.take("arguments") {
        None => Arguments::Json(Json::Object(Vec::new())),
        Some(node) => match &node.value {
            NodeValue::Mapping(_) => Arguments::Json(json(node, patterns)?),
            NodeValue::Scalar(scalar) if scalar.typed == Typed::Text => {
                Arguments::Text(template(&node, patterns)?)
            }
            _ => {
                let problem =
                    format!("`arguments` is a mapping or the exact text, not {}", kind(&node));
                return Err(ScriptError::at(node.position, problem));
            }
        },
    };
    Ok(Call { tool, arguments })
}

fn json(node: Node, patterns: Patterns<'_>) -> Result<Json, ScriptError> {
    Ok(match node.value {
        NodeValue::Scalar(ref scalar) if scalar.typed == Typed::Text => {
            Json::Text(template(&node, patterns)?)
        }
        NodeValue::Scalar(scalar) => Json::Value(scalar.to_json()),
        // There is a problem then, and the script is not used.
        NodeValue::Broken => Json::Value(Value::Null),
        NodeValue::Sequence(items) => {
            let items = items.into_iter().map(|item| json(item, patterns));
            Json::List(items.collect::<Result<_, _>>()?)
        }
        NodeValue::Mapping(entries) => {
            let entries =
                entries.into_iter().map(|(key, node)| Ok((key.text, json(node, patterns)?)));
            Json::Object(entries.collect::<Result<_, _>>()?)
        }
    })
}

fn template(node: &Node, patterns: Patterns<'_>) -> Result<Template, ScriptError> {
    Template::parse(text(node)?, patterns)
        .map_err(|problem| ScriptError::at(node.position, problem))
}

fn pattern(node: &Node) -> Result<Regex, ScriptError> {
    let text = text(node)?;
    let built = RegexBuilder::new(text).size_limit(LARGEST_PATTERN).build();
    built.map_err(|error| {
        let problem = match &error {
            regex::Error::CompiledTooBig(_) => "it becomes too large; repeat less".to_owned(),
            // The library draws the pattern and an arrow under it; its last line says why.
            _ => {
                let drawn = error.to_string();
                let last = drawn.lines().last().unwrap_or_default();
                last.strip_prefix("error: ").unwrap_or(last).to_owned()
            }
        };
        let problem = format!("`{}` is no regular expression: {problem}", shown(text));
        ScriptError::at(node.position, problem)
    })
}

fn text(node: &Node) -> Result<&str, ScriptError> {
    match &node.value {
        NodeValue::Scalar(scalar) if scalar.typed == Typed::Text => Ok(&scalar.text),
        value => {
            let quote = if matches!(value, NodeValue::Scalar(_)) { "; quote it" } else { "" };
            let problem = format!("expected a text, found {}{quote}", kind(node));
            Err(ScriptError::at(node.position, problem))
        }
    }
}

fn list(node: Node, key: &str) -> Result<Vec<Node>, ScriptError> {
    let (at, kind) = (node.position, kind(&node));
    match node.value {
        NodeValue::Sequence(items) => Ok(items),
        _ => Err(ScriptError::at(at, format!("`{key}` is a list, not {kind}"))),
    }
}

fn typed(node: &Node) -> Option<Typed> {
    match &node.value {
        NodeValue::Scalar(scalar) => Some(scalar.typed),
        _ => None,
    }
}

/// What to call a value in an error.
fn kind(node: &Node) -> &'static str {
    match &node.value {
        NodeValue::Sequence(_) => "a list",
        NodeValue::Mapping(_) => "a mapping",
        NodeValue::Broken => "a faulty value",
        NodeValue::Scalar(scalar) => match scalar.typed {
            Typed::Null => "nothing",
            Typed::Bool(_) => "a boolean",
            Typed::Integer(_) | Typed::Float(_) => "a number",
            Typed::Text => "a text",
        },
    }
}

fn shown(text: &str) -> String {
    super::super::show::visible_up_to(text, 80)
}

/// The entries of one mapping, taken key by key.
struct Fields(Vec<(Key, Node)>);

impl Fields {
    /// The mapping that `what` is; a key that is not `known` is refused.
    fn of(node: Node, what: &str, known: &[&str]) -> Result<Self, ScriptError> {
        let (at, kind) = (node.position, kind(&node));
        let NodeValue::Mapping(entries) = node.value else {
            return Err(ScriptError::at(at, format!("{what} is a mapping, not {kind}")));
        };
        for (key, _) in &entries {
            if !known.contains(&key.text.as_str()) {
                let unknown = shown(&key.text);
                let cure = match nearest(&key.text, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("it has {}", listed(known.iter().copied())),
                };
                let problem = format!("{what} has no key `{unknown}`; {cure}");
                return Err(ScriptError::at(key.position, problem));
            }
        }
        Ok(Self(entries))
    }

    fn take(&mut self, key: &str) -> Option<Node> {
        let index = self.0.iter().position(|(known, _)| known.text == key)?;
        Some(self.0.swap_remove(index).1)
    }

    fn position(&self, key: &str) -> Option<Position> {
        self.0.iter().find(|(known, _)| known.text == key).map(|(known, _)| known.position)
    }

    fn boolean(&mut self, key: &str) -> Result<Option<bool>, ScriptError> {
        let Some(node) = self.take(key) else { return Ok(None) };
        if let Some(Typed::Bool(flag)) = typed(&node) {
            return Ok(Some(flag));
        }
        let problem = format!("`{key}` is `true` or `false`, not {}", kind(&node));
        Err(ScriptError::at(node.position, problem))
    }

    fn integer(&mut self, key: &str, largest: u64) -> Result<Option<u64>, ScriptError> {
        let Some(node) = self.take(key) else { return Ok(None) };
        if let Some(Typed::Integer(number)) = typed(&node)
            && let Ok(number) = u64::try_from(number)
            && number <= largest
        {
            return Ok(Some(number));
        }
        let problem = format!("`{key}` is a whole number from 0 to {largest}");
        Err(ScriptError::at(node.position, problem))
    }
}
