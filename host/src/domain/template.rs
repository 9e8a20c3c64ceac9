//! A prompt with places that an event fills: `{{ body.repository.name }}`.
//!
//! What is filled in is somebody else's text: it is put in once, and is never read as a template itself.

use serde_json::Value;

/// Bytes that an event may add to a prompt: more is more than a model should read unasked, and the whole
/// event is there for tools that the role has.
pub const LONGEST_FILLED: usize = 64 << 10;

/// A prompt, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// A name, and the keys and numbers that lead from it to the value.
    Value(Vec<String>),
}

/// Text that is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoTemplate {
    /// A place has no end.
    #[error("a `{{{{` has no `}}}}` behind it")]
    Open,
    /// A place names nothing.
    #[error("`{{{{{0}}}}}` names nothing that an event of this kind has")]
    Unknown(String),
}

impl Template {
    /// Reads it; places may begin with the given `names`.
    ///
    /// # Errors
    /// [`NoTemplate`].
    pub fn parse(text: &str, names: &[&str]) -> Result<Self, NoTemplate> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(begin) = rest.find("{{") {
            let (before, inside) = (&rest[..begin], &rest[begin + 2..]);
            let end = inside.find("}}").ok_or(NoTemplate::Open)?;
            let path: Vec<String> = inside[..end].trim().split('.').map(str::to_owned).collect();
            let known = path.first().is_some_and(|name| names.contains(&name.as_str()));
            if !known || path.iter().any(String::is_empty) {
                return Err(NoTemplate::Unknown(inside[..end].to_owned()));
            }
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(Piece::Value(path));
            rest = &inside[end + 2..];
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self { pieces })
    }

    /// Fills it from an event, an object. What is not there leaves its place empty. A text without places is
    /// followed by the `rest` of the event, where there is any.
    pub fn fill(&self, event: &Value, rest: Option<&str>) -> String {
        let mut filled = String::new();
        let mut left = LONGEST_FILLED;
        let mut places = false;
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Value(path) => {
                    places = true;
                    put(&mut filled, &told(find(event, path)), &mut left);
                }
            }
        }
        if let Some(rest) = rest.filter(|rest| !places && !rest.is_empty()) {
            filled.push_str("\n\n");
            put(&mut filled, rest, &mut left);
        }
        filled
    }
}

fn find<'v>(event: &'v Value, path: &[String]) -> Option<&'v Value> {
    path.iter().try_fold(event, |value, key| match value {
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        value => value.get(key),
    })
}

/// A text as it is; anything else as JSON.
fn told(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// Adds as much as is left of what may be added, and says how much is not there.
fn put(filled: &mut String, text: &str, left: &mut usize) {
    let mut end = text.len().min(*left);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    filled.push_str(&text[..end]);
    *left -= end;
    if end < text.len() {
        filled.push_str(&format!(" … ({} bytes more)", text.len() - end));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn filled(text: &str) -> String {
        let event = json!({"body": {"a": {"b": "c"}, "list": [1, {"x": true}], "evil": "{{ body }}"},
            "header": {"x-event": "push"}});
        match Template::parse(text, &["body", "header"]) {
            Ok(template) => template.fill(&event, Some("the rest")),
            Err(why) => why.to_string(),
        }
    }

    #[test]
    fn places_are_filled() {
        assert_eq!(filled("x {{ body.a.b }} y {{header.x-event}}"), "x c y push");
        assert_eq!(filled("{{ body.a }}{{ body.list.1.x }}{{ body.none }}"), r#"{"b":"c"}true"#);
        // What is filled in is no template.
        assert_eq!(filled("{{ body.evil }}"), "{{ body }}");
        assert_eq!(filled("look:"), "look:\n\nthe rest");
        assert_eq!(
            filled("{{ other }}"),
            "`{{ other }}` names nothing that an event of this kind has"
        );
        assert_eq!(
            filled("{{ body..x }}"),
            "`{{ body..x }}` names nothing that an event of this kind has"
        );
        assert_eq!(filled("{{ body"), "a `{{` has no `}}` behind it");
    }

    #[test]
    fn a_large_event_is_clipped_and_says_so() {
        let Ok(template) = Template::parse("{{ body }}!", &["body"]) else { panic!("a template") };
        let long = "ü".repeat(LONGEST_FILLED);
        let text = template.fill(&json!({"body": long}), None);
        assert!(text.ends_with(&format!("ü … ({LONGEST_FILLED} bytes more)!")), "{}", text.len());
    }
}
