//! The schema that policies are checked against: made from the tools, joined with what authors add.
//!
//! What is made, in Cedar's own schema syntax, is what `summary.schema` shows. An author's schema adds
//! entity types and common types. It may say what `Group` and `Reviewer` are in the place of the plain ones,
//! and it may declare actions for tools that other roles have, so that one folder of policies serves all.

use crate::place;
use crate::shape::{self, Object, Shape};
use crate::tools::{self, APPROVE, Tool};
use crate::value::token;
use cedar_policy::{Schema, SchemaFragment};
use initrunner_sdk::policy::{Diagnostic, Severity, Source};
use serde_json::Value;
use std::collections::HashSet;
use std::fmt::Write as _;

/// A schema, and what it says of the tools.
#[derive(Debug)]
pub struct Made {
    /// As Cedar uses it.
    pub schema: Schema,
    /// As people read it: what was made, then what authors added.
    pub text: String,
    /// The shape of each tool's arguments, in the order of the tools.
    pub shapes: Vec<Object>,
}

/// Makes the schema for these tools and an author's additions.
///
/// # Errors
/// What is wrong with the additions.
pub fn make(tools: &[Tool], additions: &[&Source]) -> Result<Made, Vec<Diagnostic>> {
    let mut errors = Vec::new();
    let mut fragments = Vec::new();
    let mut declared = HashSet::new();
    for source in additions {
        match read(source, tools, &mut declared) {
            Ok(fragment) => fragments.push(fragment),
            Err(found) => errors.extend(found),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let shapes: Vec<Object> =
        tools.iter().map(|tool| shape::of_arguments(&tool.parameters)).collect();
    let mut text = write(tools, &shapes, &declared);
    let made = SchemaFragment::from_cedarschema_str(&text).map_err(|error| {
        // The tools made it so: no author of policies can mend it.
        vec![Diagnostic::error(
            "",
            None,
            format!("the schema of the tools is not usable: {}", place::sentence(&error)),
        )]
    })?;
    fragments.push(made.0);
    let schema = Schema::from_schema_fragments(fragments)
        .map_err(|error| vec![attribute(&error, additions)])?;
    for source in additions {
        let name = source.name.replace(char::is_control, " ");
        let _ = write!(text, "\n// {name}\n{}", source.text);
        if !text.ends_with('\n') {
            text.push('\n');
        }
    }
    Ok(Made { schema, text, shapes })
}

/// The types that are the host's to say.
const OURS: [&str; 3] = ["Agent", "Tool", "Action"];

/// Reads an author's addition. What it declares of the types that may be replaced goes to `declared`.
fn read(
    source: &Source,
    tools: &[Tool],
    declared: &mut HashSet<&'static str>,
) -> Result<SchemaFragment, Vec<Diagnostic>> {
    let text = &source.text;
    let lines = place::Lines::new(text);
    let (fragment, warnings) = SchemaFragment::from_cedarschema_str(text).map_err(|error| {
        place::each(&error)
            .map(|error| place::diagnose(&source.name, &lines, Severity::Error, error))
            .collect::<Vec<_>>()
    })?;
    drop(warnings);
    let not_json = |error: &dyn std::fmt::Display| {
        vec![Diagnostic::error(&source.name, None, format!("the schema cannot be used: {error}"))]
    };
    let mut json = fragment.clone().to_json_value().map_err(|error| not_json(&error))?;
    let mut errors = Vec::new();
    let Some(plain) = json.get_mut("").and_then(Value::as_object_mut) else { return Ok(fragment) };
    if let Some(types) = plain.get("entityTypes").and_then(Value::as_object) {
        for ours in OURS.iter().filter(|ours| types.contains_key(**ours)) {
            errors.push(Diagnostic {
                hint: Some("take another name, or a namespace of your own".to_owned()),
                ..Diagnostic::error(
                    &source.name,
                    find(text, "entity", ours),
                    format!("the entity type `{ours}` is declared by the host"),
                )
            });
        }
        declared.extend(["Group", "Reviewer"].into_iter().filter(|name| types.contains_key(*name)));
    }
    // What the role's own tools are, the role knows best.
    let groups = tools::groups(tools);
    let mut dropped = false;
    if let Some(actions) = plain.get_mut("actions").and_then(Value::as_object_mut) {
        for (name, action) in actions.iter() {
            if name == APPROVE {
                errors.push(Diagnostic::error(
                    &source.name,
                    find(text, "action", name),
                    format!("the action `{name}` is declared by the host"),
                ));
            } else if let Some(stranger) = stranger(action) {
                errors.push(Diagnostic {
                    hint: Some("write `appliesTo { principal: Agent, resource: Tool, … }`".to_owned()),
                    ..Diagnostic::error(
                        &source.name,
                        find(text, "action", name),
                        format!("the action `{name}` applies to `{stranger}`, but an action is a tool, which an `Agent` calls"),
                    )
                });
            }
        }
        let before = actions.len();
        actions.retain(|name, _| {
            !tools.iter().any(|tool| tool.name == *name) && !groups.contains(name)
        });
        dropped = actions.len() < before;
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    if !dropped {
        return Ok(fragment);
    }
    SchemaFragment::from_json_value(json).map_err(|error| not_json(&error))
}

/// A type that an action of an author applies to and must not.
fn stranger(action: &Value) -> Option<String> {
    let applies = action.get("appliesTo")?;
    for (key, wanted) in [("principalTypes", "Agent"), ("resourceTypes", "Tool")] {
        let types =
            applies.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for name in types.iter().filter_map(Value::as_str) {
            if name != wanted {
                return Some(name.to_owned());
            }
        }
    }
    None
}

/// The first place where a name follows a word.
fn find(text: &str, word: &str, name: &str) -> Option<(u32, u32)> {
    let mut from = 0;
    while let Some(at) = text.get(from..)?.find(word) {
        let after = from + at + word.len();
        let rest = text.get(after..)?;
        if let Some(offset) = rest.split([';', '{', '}']).next().and_then(|part| part.find(name)) {
            return Some(place::of_byte(text, after + offset));
        }
        from = after;
    }
    None
}

/// An error about everything together, at the source that it is about.
fn attribute(error: &dyn miette::Diagnostic, additions: &[&Source]) -> Diagnostic {
    let span = error.labels().and_then(|mut labels| labels.next());
    let seen = span.as_ref().and_then(|label| {
        let code = error.source_code()?;
        let contents = code.read_span(label.inner(), 0, 0).ok()?;
        Some((label.offset(), std::str::from_utf8(contents.data()).ok()?.to_owned()))
    });
    let home = seen.as_ref().and_then(|(offset, snippet)| {
        additions
            .iter()
            .find(|source| source.text.get(*offset..).is_some_and(|rest| rest.starts_with(snippet)))
    });
    match (home, additions) {
        (Some(source), _) => {
            place::diagnose(&source.name, &place::Lines::new(&source.text), Severity::Error, error)
        }
        // Nothing of the host's own is wrong by itself.
        (None, [source, ..]) => Diagnostic {
            hint: error.help().map(|help| help.to_string()),
            ..Diagnostic::error(&source.name, None, place::sentence(error))
        },
        (None, []) => Diagnostic::error("", None, place::sentence(error)),
    }
}

/// The schema of the tools, as text.
fn write(tools: &[Tool], shapes: &[Object], declared: &HashSet<&'static str>) -> String {
    let mut text = String::new();
    if !declared.contains("Group") {
        text.push_str("// What people and agents belong to.\nentity Group in [Group];\n\n");
    }
    if !declared.contains("Reviewer") {
        text.push_str(
            "// A person or a key: who started the run, or who wants to approve a call.\n\
             entity Reviewer in [Group];\n\n",
        );
    }
    text.push_str(
        "// The role whose model wants to make a call.\n\
         entity Agent in [Group] = {\n  name: String,\n  team?: String,\n  author?: String,\n  \
         version?: String,\n  tags: Set<String>,\n};\n\n\
         // The tool to be called. Of effects that nobody claims, the dangerous reading.\n\
         entity Tool = {\n  name: String,\n  entry: String,\n  plugin: String,\n  tool: String,\n  \
         read_only: Bool,\n  destructive: Bool,\n  idempotent: Bool,\n  open_world: Bool,\n};\n\n\
         // How much the run has done, this call not counted.\n\
         type CallCounts = {\n  requests: Long,\n  tool_calls: Long,\n  calls_of_tool: Long,\n  \
         running_ms: Long,\n};\n\n",
    );
    for group in tools::groups(tools) {
        let _ = writeln!(text, "action {};", quote(&group));
    }
    let mut calls = String::new();
    for (index, (tool, shape)) in tools.iter().zip(shapes).enumerate() {
        let stem = stem(index, &tool.name);
        let mut raw = Vec::new();
        let arguments = members(shape, "", Some(&mut raw));
        let _ = write!(text, "\ntype {stem}_arguments = {arguments};\ntype {stem}_raw = {{");
        for place in raw {
            let _ = write!(text, "{}?: String, ", quote(&place));
        }
        text.push_str("};\n");
        let groups: Vec<String> =
            tool.groups().iter().map(|group| format!("Action::{}", quote(group))).collect();
        let _ = write!(
            text,
            "action {} in [{}] appliesTo {{\n  principal: Agent,\n  resource: Tool,\n  context: {{\n    \
             unattended: Bool,\n    arguments: {stem}_arguments,\n    raw: {stem}_raw,\n{COMMON}  }},\n}};\n",
            quote(&tool.name),
            groups.join(", "),
        );
        let _ = writeln!(
            calls,
            "      {}?: {{arguments: {stem}_arguments, raw: {stem}_raw}},",
            quote(&tool.name),
        );
    }
    let _ = write!(
        text,
        "\n// May this person approve the waiting call?\naction {} appliesTo {{\n  principal: Reviewer,\n  \
         resource: Tool,\n  context: {{\n    agent: Agent,\n    call: {{\n{calls}    }},\n{COMMON}  }},\n}};\n",
        quote(APPROVE),
    );
    text
}

/// What every question knows.
const COMMON: &str = "    requester: Reviewer,\n    trigger: String,\n    time: datetime,\n    \
                      isolation?: Set<String>,\n    counts: CallCounts,\n";

/// A name for a tool's types that no other tool's have: Cedar's have no `-`.
fn stem(index: usize, name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|char| if char.is_ascii_alphanumeric() || char == '_' { char } else { '_' })
        .collect();
    format!("call{index}_{plain}")
}

/// A record of an object's members. The places of what has no type go to `raw`, if there is one.
fn members(object: &Object, place: &str, mut raw: Option<&mut Vec<String>>) -> String {
    // Of members that it does not name, as far as its schema allows them.
    if let Some(raw) = &mut raw
        && object.open
    {
        raw.push(place.to_owned());
    }
    let mut text = "{".to_owned();
    for member in &object.members {
        let place = format!("{place}/{}", token(&member.name));
        match &member.shape {
            Some(shape) => {
                let optional = if member.required { "" } else { "?" };
                let written = written(shape, &place, raw.as_deref_mut());
                let _ = write!(text, "{}{optional}: {written}, ", quote(&member.name));
            }
            None => {
                if let Some(raw) = &mut raw {
                    raw.push(place);
                }
            }
        }
    }
    text.push('}');
    text
}

fn written(shape: &Shape, place: &str, raw: Option<&mut Vec<String>>) -> String {
    match shape {
        Shape::Bool => "Bool".to_owned(),
        Shape::Long => "Long".to_owned(),
        Shape::Number => "{text: String, long?: Long, decimal?: decimal}".to_owned(),
        Shape::String => "String".to_owned(),
        Shape::Nullable(shape) => {
            format!("{{\"null\"?: Bool, value?: {}}}", written(shape, place, raw))
        }
        Shape::Array(None) => "{len: Long, json: String}".to_owned(),
        Shape::Array(Some(shape)) => {
            format!("{{len: Long, json: String, items: Set<{}>}}", written(shape, place, None))
        }
        Shape::Object(object) => members(object, place, raw),
    }
}

/// A string of Cedar.
#[must_use]
pub fn quote(text: &str) -> String {
    let mut quoted = "\"".to_owned();
    for char in text.chars() {
        match char {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            char if char.is_control() => {
                let _ = write!(quoted, "\\u{{{:x}}}", u32::from(char));
            }
            char => quoted.push(char),
        }
    }
    quoted.push('"');
    quoted
}
