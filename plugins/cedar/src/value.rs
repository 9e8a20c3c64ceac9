//! Arguments as Cedar values, by the shape of their places.
//!
//! | JSON, where the schema says | Cedar |
//! |---|---|
//! | a boolean | `Bool` |
//! | an integer | `Long` |
//! | a number | `{text: String, long?: Long, decimal?: decimal}`, the last two where they are exact |
//! | a string | `String` |
//! | something or `null` | `{null: true}`, or `{value: …}` |
//! | an array | `{len: Long, json: String, items?: Set}`; `items` where elements have a type |
//! | an object | a record of the members that the schema names |
//! | anything else | nothing here; its canonical text in `raw`, under its place as a JSON Pointer |
//!
//! Two different arguments of one tool never become the same pair of `arguments` and `raw`: each row can be
//! read backwards, what has no row is text, and an array carries its text beside the set that forgets order
//! and repetition. Members that the schema does not name are in `raw` under the place of their object.
//!
//! Values are built, never parsed: nothing in an argument means anything to Cedar. `{"__entity": …}` is an
//! object with a member of that name.

use crate::shape::{Object, Shape};
use cedar_policy::RestrictedExpression as Expression;
use std::borrow::Cow;
use std::collections::HashMap;

/// How many values one call's arguments may make; a record counts for some more. Beyond it
/// nothing is left out silently: the call cannot be judged. A value takes up to a kilobyte on its way, and an
/// instance has 64 MiB.
pub const MAX_VALUES: usize = 50_000;

/// Arguments, as policies see them.
#[derive(Debug)]
pub struct Mapped {
    /// A record of what has a type.
    pub arguments: Expression,
    /// A record of texts: what has none.
    pub raw: Expression,
}

/// Why arguments cannot be judged: a sentence that names places and repeats no value.
pub type Refusal = String;

/// Maps the text of an object.
///
/// # Errors
/// It does not fit the shape that its own schema gave, is no JSON, or is too large to look at.
pub fn map(text: &str, shape: &Object) -> Result<Mapped, Refusal> {
    let mut mapper = Mapper { text, at: 0, values: 0, place: String::new(), raw: Some(Vec::new()) };
    let arguments = mapper.object(shape)?;
    mapper.space();
    if mapper.at < text.len() {
        return Err(mapper.broken());
    }
    let raw = mapper.raw.unwrap_or_default();
    let raw = raw.into_iter().map(|(place, text)| (place, Expression::new_string(text)));
    Ok(Mapped { arguments, raw: record(raw)? })
}

fn record(members: impl IntoIterator<Item = (String, Expression)>) -> Result<Expression, Refusal> {
    // It fails where a name comes twice, which is seen before.
    Expression::new_record(members).map_err(|_| "a member occurs twice".to_owned())
}

/// Reads text from the front, once.
struct Mapper<'t> {
    text: &'t str,
    at: usize,
    values: usize,
    /// Where it is, as a JSON Pointer.
    place: String,
    /// What has no type so far. None inside of arrays, whose text has everything.
    raw: Option<Vec<(String, String)>>,
}

impl<'t> Mapper<'t> {
    fn value(&mut self, shape: &Shape) -> Result<Expression, Refusal> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(format!("the arguments have more than {MAX_VALUES} values"));
        }
        match shape {
            Shape::Bool => {
                let value = match self.skip()? {
                    "true" => true,
                    "false" => false,
                    _ => return Err(self.unfit("a boolean")),
                };
                Ok(Expression::new_bool(value))
            }
            Shape::Long => {
                let text = self.skip()?;
                match long(text) {
                    Some(value) => Ok(Expression::new_long(value)),
                    None => Err(self.unfit("a whole number of 64 bits")),
                }
            }
            Shape::Number => {
                self.values += 4;
                let text = self.skip()?;
                if !text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
                    return Err(self.unfit("a number"));
                }
                let mut members =
                    vec![("text".to_owned(), Expression::new_string(text.to_owned()))];
                if let Some(value) = long(text) {
                    members.push(("long".to_owned(), Expression::new_long(value)));
                }
                if let Some(value) = decimal(text) {
                    members.push(("decimal".to_owned(), Expression::new_decimal(value)));
                }
                record(members)
            }
            Shape::String => match self.string()? {
                Some(text) => Ok(Expression::new_string(text.into_owned())),
                None => Err(self.unfit("text")),
            },
            Shape::Nullable(shape) => {
                self.space();
                if self.rest().starts_with("null") {
                    self.at += "null".len();
                    return record([("null".to_owned(), Expression::new_bool(true))]);
                }
                self.values += 3;
                record([("value".to_owned(), self.value(shape)?)])
            }
            Shape::Array(elements) => self.array(elements.as_deref()),
            Shape::Object(object) => self.object(object),
        }
    }

    fn array(&mut self, elements: Option<&Shape>) -> Result<Expression, Refusal> {
        self.space();
        let start = self.at;
        if self.peek() != Some(b'[') {
            return Err(self.unfit("an array"));
        }
        self.at += 1;
        let raw = self.raw.take();
        let mut items = Vec::new();
        let mut length: i64 = 0;
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
        } else {
            loop {
                match elements {
                    Some(shape) => items.push(self.value(shape)?),
                    None => {
                        self.skip()?;
                    }
                }
                length += 1;
                self.space();
                match self.next() {
                    Some(b',') => {}
                    Some(b']') => break,
                    _ => return Err(self.broken()),
                }
            }
        }
        self.raw = raw;
        let text = self.text.get(start..self.at).unwrap_or_default().to_owned();
        let mut members = vec![
            ("len".to_owned(), Expression::new_long(length)),
            ("json".to_owned(), Expression::new_string(text)),
        ];
        if elements.is_some() {
            members.push(("items".to_owned(), Expression::new_set(items)));
        }
        record(members)
    }

    fn object(&mut self, shape: &Object) -> Result<Expression, Refusal> {
        self.space();
        if self.next() != Some(b'{') {
            return Err(self.unfit("an object"));
        }
        self.values += 2;
        let mut seen: HashMap<Cow<'t, str>, ()> = HashMap::new();
        let mut members = Vec::new();
        let mut untyped = String::new();
        self.space();
        let mut more = self.peek() != Some(b'}');
        if !more {
            self.at += 1;
        }
        while more {
            self.space();
            let start = self.at;
            let Some(name) = self.string()? else { return Err(self.broken()) };
            let written = self.text.get(start..self.at).unwrap_or_default();
            self.space();
            if self.next() != Some(b':') {
                return Err(self.broken());
            }
            let member = shape.members.iter().find(|member| member.name == name);
            match member {
                Some(member) => {
                    let length = self.enter(&name);
                    match &member.shape {
                        Some(shape) => members.push((name.to_string(), self.value(shape)?)),
                        None => {
                            let text = self.skip()?.to_owned();
                            if let Some(raw) = &mut self.raw {
                                raw.push((self.place.clone(), text));
                            }
                        }
                    }
                    self.place.truncate(length);
                }
                None if !shape.open => {
                    return Err(format!(
                        "{} has a member that its schema does not name",
                        self.here()
                    ));
                }
                None => {
                    let text = self.skip()?;
                    if self.raw.is_some() {
                        untyped.push(if untyped.is_empty() { '{' } else { ',' });
                        untyped.push_str(written);
                        untyped.push(':');
                        untyped.push_str(text);
                    }
                }
            }
            if seen.insert(name, ()).is_some() {
                return Err(format!("{} has a member twice", self.here()));
            }
            self.space();
            match self.next() {
                Some(b',') => {}
                Some(b'}') => more = false,
                _ => return Err(self.broken()),
            }
        }
        for member in &shape.members {
            if member.required && !seen.contains_key(member.name.as_str()) {
                return Err(format!("{} lacks a member that its schema requires", self.here()));
            }
        }
        if !untyped.is_empty() {
            untyped.push('}');
            if let Some(raw) = &mut self.raw {
                raw.push((self.place.clone(), untyped));
            }
        }
        record(members)
    }

    /// Goes to a member's place; gives the length of the place before.
    fn enter(&mut self, name: &str) -> usize {
        let length = self.place.len();
        self.place.push('/');
        self.place.push_str(&crate::value::token(name));
        length
    }

    /// A string, if there is one.
    fn string(&mut self) -> Result<Option<Cow<'t, str>>, Refusal> {
        self.space();
        if self.peek() != Some(b'"') {
            return Ok(None);
        }
        let written = self.skip()?;
        let inside = written.get(1..written.len().saturating_sub(1)).unwrap_or_default();
        if !inside.contains('\\') {
            return Ok(Some(Cow::Borrowed(inside)));
        }
        match serde_json::from_str::<String>(written) {
            Ok(text) => Ok(Some(Cow::Owned(text))),
            Err(_) => Err(self.broken()),
        }
    }

    /// Goes past one value, without recursion; gives its text.
    fn skip(&mut self) -> Result<&'t str, Refusal> {
        self.space();
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            match self.next() {
                None => return Err(self.broken()),
                Some(b'"') => self.past_string()?,
                Some(b'{' | b'[') => depth += 1,
                Some(b'}' | b']') => {
                    depth = depth.checked_sub(1).ok_or_else(|| self.broken())?;
                }
                Some(b',' | b':' | b' ' | b'\t' | b'\n' | b'\r') if depth > 0 => continue,
                Some(b'-' | b'+' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z') => {
                    while let Some(b'-' | b'+' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z') =
                        self.peek()
                    {
                        self.at += 1;
                    }
                }
                Some(_) => return Err(self.broken()),
            }
            if depth == 0 {
                return Ok(self.text.get(start..self.at).unwrap_or_default());
            }
        }
    }

    /// Goes to the end of a string that has begun.
    fn past_string(&mut self) -> Result<(), Refusal> {
        loop {
            match self.next() {
                Some(b'"') => return Ok(()),
                Some(b'\\') => self.at += 1,
                Some(_) => {}
                None => return Err(self.broken()),
            }
        }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// The place, for people. Its parts are names of the schema.
    fn here(&self) -> String {
        if self.place.is_empty() {
            "the object of the arguments".to_owned()
        } else {
            format!("the argument at `{}`", self.place)
        }
    }

    fn unfit(&self, wanted: &str) -> Refusal {
        format!("{} is not {wanted}, as its schema says", self.here())
    }

    fn broken(&self) -> Refusal {
        "the arguments are no JSON".to_owned()
    }
}

/// A name as a part of a JSON Pointer (RFC 6901).
#[must_use]
pub fn token(name: &str) -> Cow<'_, str> {
    if name.contains(['~', '/']) {
        Cow::Owned(name.replace('~', "~0").replace('/', "~1"))
    } else {
        Cow::Borrowed(name)
    }
}

/// A whole number, if this is the one way to write it.
fn long(text: &str) -> Option<i64> {
    let value: i64 = text.parse().ok()?;
    let digits = text.strip_prefix('-').unwrap_or(text);
    let canonical = digits == "0" || !digits.starts_with(['0', '+']);
    (canonical && text != "-0").then_some(value)
}

/// The number as Cedar's `decimal` is written, if that type holds exactly it: four digits behind the point
/// and 64 bits in all.
fn decimal(text: &str) -> Option<String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !plain(fraction) || fraction.len() > 4 {
        return None;
    }
    let sign = if text.starts_with('-') { "-" } else { "" };
    // As many units of 0.0001 as 64 bits count.
    let units: i64 = format!("{sign}{whole}{fraction:0<4}").parse().ok()?;
    (units != 0 || sign.is_empty()).then(|| format!("{sign}{whole}.{fraction}"))
}
