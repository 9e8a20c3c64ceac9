//! YAML as a tree that knows where everything stands.
//!
//! A script needs mappings, lists and scalars. Anchors, tags and several documents are refused: they
//! make a file say something else than it shows.

use super::ScriptError;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span};
use serde_json::{Number, Value};

/// The deepest nesting. 32: arguments of a call nest a few levels, and reading them recurses.
const DEEPEST: usize = 32;

/// Where something stands; both count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl From<&Marker> for At {
    fn from(marker: &Marker) -> Self {
        Self { line: marker.line(), column: marker.col() + 1 }
    }
}

/// A value and where it stands.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) at: At,
    pub(super) value: Yaml,
}

#[derive(Debug)]
pub(super) enum Yaml {
    /// A scalar, with what it means: a quoted one is always text.
    Scalar {
        text: String,
        meaning: Value,
    },
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A mapping's key.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) at: At,
    pub(super) text: String,
}

impl Node {
    /// What to call it in an error.
    pub(super) fn kind(&self) -> &'static str {
        match &self.value {
            Yaml::Scalar { meaning: Value::Null, .. } => "nothing",
            Yaml::Scalar { meaning: Value::Bool(_), .. } => "a boolean",
            Yaml::Scalar { meaning: Value::Number(_), .. } => "a number",
            Yaml::Scalar { .. } => "a text",
            Yaml::List(_) => "a list",
            Yaml::Map(_) => "a mapping",
        }
    }
}

/// Reads one document; `None` where the text holds nothing.
pub(super) fn read(text: &str) -> Result<Option<Node>, ScriptError> {
    let mut reader = Reader { parser: Parser::new_from_str(text), depth: 0 };
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
            Event::StreamEnd | Event::DocumentEnd => return Ok(None),
            event => {
                let root = reader.node(event, span)?;
                reader.end()?;
                return Ok(Some(root));
            }
        }
    }
}

struct Reader<'t> {
    parser: Parser<'t, saphyr_parser::StrInput<'t>>,
    depth: usize,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), ScriptError> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(scan_error(&error)),
            None => Ok((Event::StreamEnd, Span::empty(Marker::default()))),
        }
    }

    /// After the document only its end may come.
    fn end(&mut self) -> Result<(), ScriptError> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(()),
                Event::DocumentEnd | Event::Nothing => {}
                _ => {
                    let at = At::from(&span.start);
                    return Err(ScriptError::at(at, "a second document begins; keep to one"));
                }
            }
        }
    }

    fn node(&mut self, event: Event<'t>, span: Span) -> Result<Node, ScriptError> {
        let at = At::from(&span.start);
        let refuse =
            |what: &str| Err(ScriptError::at(at, format!("{what} cannot be used in a script")));
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(ScriptError::at(
                at,
                format!("the nesting is deeper than {DEEPEST} levels"),
            ));
        }
        let value = match event {
            Event::Alias(_) => return refuse("an alias"),
            Event::Scalar(_, _, anchor, _)
            | Event::SequenceStart(anchor, _)
            | Event::MappingStart(anchor, _)
                if anchor != 0 =>
            {
                return refuse("an anchor");
            }
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, Some(_))
            | Event::MappingStart(_, Some(_)) => return refuse("a tag"),
            Event::Scalar(text, style, _, None) => {
                let meaning = match style {
                    ScalarStyle::Plain => plain(&text),
                    _ => Value::String(text.clone().into_owned()),
                };
                Yaml::Scalar { text: text.into_owned(), meaning }
            }
            Event::SequenceStart(..) => self.list()?,
            Event::MappingStart(..) => self.map()?,
            _ => return Err(ScriptError::at(at, "the text ends too early")),
        };
        self.depth -= 1;
        Ok(Node { at, value })
    }

    fn list(&mut self) -> Result<Yaml, ScriptError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Yaml::List(items)),
                (event, span) => items.push(self.node(event, span)?),
            }
        }
    }

    fn map(&mut self) -> Result<Yaml, ScriptError> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(Yaml::Map(entries));
            }
            let key = self.node(event, span)?;
            let Yaml::Scalar { text, .. } = key.value else {
                return Err(ScriptError::at(
                    key.at,
                    format!("a key is {}, not a text", key.kind()),
                ));
            };
            if entries.iter().any(|(known, _)| known.text == text) {
                return Err(ScriptError::at(key.at, format!("the key `{text}` occurs twice")));
            }
            let (event, span) = self.next()?;
            entries.push((Key { at: key.at, text }, self.node(event, span)?));
        }
    }
}

/// What an unquoted scalar means: the core schema of YAML 1.2, section 10.3.2.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let integer = match text.as_bytes() {
        [b'0', b'x', ..] => i64::from_str_radix(&text[2..], 16).ok(),
        [b'0', b'o', ..] => i64::from_str_radix(&text[2..], 8).ok(),
        _ if digits.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    };
    if let Some(integer) = integer {
        return Value::from(integer);
    }
    let numeric = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    let float = if numeric { text.parse().ok().and_then(Number::from_f64) } else { None };
    float.map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

fn scan_error(error: &ScanError) -> ScriptError {
    ScriptError::at(At::from(error.marker()), error.info())
}
