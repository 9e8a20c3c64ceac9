//! Rules, from their text.

use initrunner_sdk::policy::{Diagnostic, Effect, Severity, Source, SourceKind, Summary};
use jiff::civil::{Time, Weekday};
use jiff::tz::{Offset, TimeZone};
use serde::Deserialize;
use std::collections::HashSet;
use std::ops::Range;
use toml::Spanned;

/// Everything that was loaded.
#[derive(Debug)]
pub struct Rules {
    /// In the order of the sources, the hours of each before its rates.
    pub rules: Vec<Rule>,
}

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// What decisions cite it by.
    pub name: String,
    /// The tools that it is about, by the names that the model calls them.
    pub tools: HashSet<String>,
    /// The answer where it is not kept.
    pub otherwise: Effect,
    /// What its author wants people to read then.
    pub message: String,
    /// What it wants.
    pub wants: Wants,
}

/// What a rule wants of a call.
#[derive(Debug)]
pub enum Wants {
    /// That it happens at these times.
    Hours {
        /// Where the clock hangs.
        zone: TimeZone,
        /// The days on which the hours begin.
        days: Vec<Weekday>,
        /// The first moment.
        from: Time,
        /// The first moment after. If not after `from`, on the next day.
        to: Time,
    },
    /// That there were fewer calls of the tool in this run.
    Rate {
        /// How many.
        calls: u64,
        /// After how many milliseconds of running time there are as many again.
        every_ms: Option<u64>,
    },
}

/// A file, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    hours: Vec<Spanned<HoursText>>,
    #[serde(default)]
    rate: Vec<Spanned<RateText>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HoursText {
    name: Option<Spanned<String>>,
    zone: Option<Spanned<String>>,
    days: Option<Spanned<Vec<Spanned<String>>>>,
    from: Spanned<String>,
    to: Spanned<String>,
    tools: Option<Spanned<Vec<Spanned<String>>>>,
    outside: Option<Spanned<String>>,
    message: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RateText {
    name: Option<Spanned<String>>,
    tools: Option<Spanned<Vec<Spanned<String>>>>,
    calls: Spanned<i64>,
    minutes: Option<Spanned<i64>>,
    beyond: Option<Spanned<String>>,
    message: Option<String>,
}

/// A tool, as far as rules choose by it.
#[derive(Deserialize)]
struct Tool {
    name: String,
    plugin: String,
    #[serde(default)]
    effects: Claims,
}

#[derive(Default, Deserialize)]
struct Claims {
    #[serde(default)]
    read_only: Option<bool>,
}

/// Reads all sources.
///
/// # Errors
/// Everything that is wrong with them.
pub fn read(sources: &[Source]) -> Result<(Rules, Summary), Vec<Diagnostic>> {
    let mut reader = Reader { tools: Vec::new(), rules: Vec::new(), found: Vec::new() };
    for source in sources {
        match source.kind {
            SourceKind::Tools => match serde_json::from_str(&source.text) {
                Ok(tools) => reader.tools = tools,
                Err(error) => reader.found.push(Diagnostic::error(
                    &source.name,
                    None,
                    format!("the list of tools cannot be read: {error}"),
                )),
            },
            SourceKind::Policies => reader.file(source),
            SourceKind::Schema | SourceKind::Entities => reader.found.push(Diagnostic {
                severity: Severity::Warning,
                hint: Some("leave it out".to_owned()),
                ..Diagnostic::error(
                    &source.name,
                    None,
                    "hours and rates need no schema and no entities",
                )
            }),
        }
    }
    let (errors, warnings): (Vec<_>, Vec<_>) =
        reader.found.into_iter().partition(|found| found.severity == Severity::Error);
    if !errors.is_empty() {
        return Err(errors);
    }
    let names = reader.rules.iter().map(|rule| rule.name.as_str());
    let summary = Summary { warnings, ..Summary::of(names) };
    Ok((Rules { rules: reader.rules }, summary))
}

struct Reader {
    tools: Vec<Tool>,
    rules: Vec<Rule>,
    found: Vec<Diagnostic>,
}

impl Reader {
    fn file(&mut self, source: &Source) {
        let file: File = match toml::from_str(&source.text) {
            Ok(file) => file,
            Err(error) => {
                let message = error.message().to_owned();
                let hint = unknown_key(&message);
                let place = error.span().map(|span| place(&source.text, span));
                let sentence = message.split(", expected").next().unwrap_or(&message).to_owned();
                self.found
                    .push(Diagnostic { hint, ..Diagnostic::error(&source.name, place, sentence) });
                return;
            }
        };
        for (number, text) in file.hours.into_iter().enumerate() {
            if let Err(found) = self.hours(source, number, text) {
                self.found.push(found);
            }
        }
        for (number, text) in file.rate.into_iter().enumerate() {
            if let Err(found) = self.rate(source, number, text) {
                self.found.push(found);
            }
        }
    }

    fn hours(
        &mut self,
        source: &Source,
        number: usize,
        text: Spanned<HoursText>,
    ) -> Result<(), Diagnostic> {
        let whole = text.span();
        let text = text.into_inner();
        let zone = match &text.zone {
            Some(zone) => self::zone(zone.get_ref()).ok_or_else(|| {
                let hint = "write a name such as `Europe/Vienna`, or an offset such as `+01:00`";
                refuse(source, zone.span(), format!("`{}` is no time zone", zone.get_ref()), hint)
            })?,
            None => TimeZone::UTC,
        };
        let time = |text: &Spanned<String>| {
            self::time(text.get_ref()).ok_or_else(|| {
                let hint = "write hours and minutes, such as `09:00`";
                refuse(
                    source,
                    text.span(),
                    format!("`{}` is no time of a day", text.get_ref()),
                    hint,
                )
            })
        };
        let (from, to) = (time(&text.from)?, time(&text.to)?);
        let mut days = Vec::new();
        match &text.days {
            None => days.extend(DAYS.iter().take(5).map(|(_, day)| *day)),
            Some(names) => {
                for name in names.get_ref() {
                    let known = DAYS.iter().find(|(known, _)| known == name.get_ref());
                    let (_, day) = known.ok_or_else(|| {
                        let hint = "write `mon`, `tue`, `wed`, `thu`, `fri`, `sat` or `sun`";
                        refuse(source, name.span(), format!("`{}` is no day", name.get_ref()), hint)
                    })?;
                    days.push(*day);
                }
                if days.is_empty() {
                    let hint = "name one, or leave `days` out for Monday to Friday";
                    return Err(refuse(source, names.span(), "there are no days".to_owned(), hint));
                }
            }
        }
        let message = text.message.unwrap_or_else(|| {
            format!("only from {} to {}", text.from.get_ref(), text.to.get_ref())
        });
        let rule = Rule {
            name: self.name(source, text.name.as_ref(), "hours", number, whole)?,
            tools: self.chosen(source, text.tools.as_ref())?,
            otherwise: otherwise(source, "outside", text.outside.as_ref())?,
            message,
            wants: Wants::Hours { zone, days, from, to },
        };
        self.rules.push(rule);
        Ok(())
    }

    fn rate(
        &mut self,
        source: &Source,
        number: usize,
        text: Spanned<RateText>,
    ) -> Result<(), Diagnostic> {
        let whole = text.span();
        let text = text.into_inner();
        let positive = |number: &Spanned<i64>, least: i64| {
            u64::try_from(*number.get_ref()).ok().filter(|_| *number.get_ref() >= least).ok_or_else(
                || {
                    let sentence = format!("`{}` is too small", number.get_ref());
                    refuse(source, number.span(), sentence, &format!("write {least} or more"))
                },
            )
        };
        let calls = positive(&text.calls, 0)?;
        let minutes = text.minutes.as_ref().map(|minutes| positive(minutes, 1)).transpose()?;
        let message = text.message.unwrap_or_else(|| match minutes {
            Some(minutes) => format!("at most {calls} calls of this tool in {minutes} minutes"),
            None => format!("at most {calls} calls of this tool in a run"),
        });
        let rule = Rule {
            name: self.name(source, text.name.as_ref(), "rate", number, whole)?,
            tools: self.chosen(source, text.tools.as_ref())?,
            otherwise: otherwise(source, "beyond", text.beyond.as_ref())?,
            message,
            wants: Wants::Rate {
                calls,
                every_ms: minutes.map(|minutes| minutes.saturating_mul(60_000)),
            },
        };
        self.rules.push(rule);
        Ok(())
    }

    /// A rule's name, which no other has.
    fn name(
        &self,
        source: &Source,
        given: Option<&Spanned<String>>,
        kind: &str,
        number: usize,
        whole: Range<usize>,
    ) -> Result<String, Diagnostic> {
        let (name, span) = match given {
            Some(name) => (name.get_ref().clone(), name.span()),
            None => (format!("{}:{kind}{number}", source.name), whole),
        };
        // A name appears in sentences.
        if name.is_empty() || name.len() > 128 || name.chars().any(char::is_control) {
            let hint = "write 1 to 128 characters";
            return Err(refuse(source, span, "this is no name of a rule".to_owned(), hint));
        }
        if self.rules.iter().any(|rule| rule.name == name) {
            let hint = "give one of them another `name`";
            return Err(refuse(source, span, format!("two rules are called `{name}`"), hint));
        }
        Ok(name)
    }

    /// The tools that a rule is about.
    fn chosen(
        &self,
        source: &Source,
        patterns: Option<&Spanned<Vec<Spanned<String>>>>,
    ) -> Result<HashSet<String>, Diagnostic> {
        let Some(patterns) = patterns else {
            let changing = self.tools.iter().filter(|tool| tool.effects.read_only != Some(true));
            return Ok(changing.map(|tool| tool.name.clone()).collect());
        };
        let mut chosen = HashSet::new();
        for pattern in patterns.get_ref() {
            let text = pattern.get_ref();
            let fits = |tool: &&Tool| match (text.strip_prefix("plugin:"), text.strip_suffix('*')) {
                (Some(plugin), _) => tool.plugin == plugin,
                (None, Some(prefix)) => tool.name.starts_with(prefix),
                (None, None) => tool.name == *text,
            };
            let before = chosen.len();
            chosen.extend(self.tools.iter().filter(fits).map(|tool| tool.name.clone()));
            // A pattern may be for tools of other roles; one name is a slip.
            let one = !text.ends_with('*') && !text.starts_with("plugin:");
            if one && chosen.len() == before && !chosen.contains(text) {
                let names: Vec<&str> = self.tools.iter().map(|tool| tool.name.as_str()).collect();
                let hint = match nearest(text, &names) {
                    Some(name) => format!("did you mean `{name}`?"),
                    None => format!(
                        "this role has {}; a pattern such as `{text}*` may fit nothing",
                        list(&names)
                    ),
                };
                return Err(refuse(
                    source,
                    pattern.span(),
                    format!("no tool is called `{text}`"),
                    &hint,
                ));
            }
        }
        Ok(chosen)
    }
}

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// A zone by its name, or by its distance from UTC.
fn zone(text: &str) -> Option<TimeZone> {
    if text == "UTC" || text == "Z" {
        return Some(TimeZone::UTC);
    }
    if let Some(sign) = [('+', 1), ('-', -1)].iter().find(|(sign, _)| text.starts_with(*sign)) {
        let time = time(text.get(1..)?)?;
        let seconds = (i32::from(time.hour()) * 60 + i32::from(time.minute())) * 60;
        return Offset::from_seconds(sign.1 * seconds).ok().map(TimeZone::fixed);
    }
    // Of the zones inside the component; it has no others.
    TimeZone::get(text).ok()
}

/// `HH:MM`.
fn time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let plain = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(hour) || !plain(minute) {
        return None;
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

fn otherwise(
    source: &Source,
    key: &str,
    text: Option<&Spanned<String>>,
) -> Result<Effect, Diagnostic> {
    match text.map(|text| (text.get_ref().as_str(), text.span())) {
        None | Some(("ask", _)) => Ok(Effect::Ask),
        Some(("deny", _)) => Ok(Effect::Deny),
        Some((other, span)) => {
            let sentence = format!("`{other}` is no answer of `{key}`");
            Err(refuse(source, span, sentence, "write `ask` or `deny`"))
        }
    }
}

fn refuse(source: &Source, span: Range<usize>, sentence: String, hint: &str) -> Diagnostic {
    Diagnostic {
        hint: Some(hint.to_owned()),
        ..Diagnostic::error(&source.name, Some(place(&source.text, span)), sentence)
    }
}

/// Line and column, from 1, columns in characters.
fn place(text: &str, span: Range<usize>) -> (u32, u32) {
    let before = text.get(..span.start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    (number(line), number(column))
}

/// The hint for a message such as "unknown field `form`, expected one of `from`, `to`".
fn unknown_key(message: &str) -> Option<String> {
    let (unknown, known) = message.split_once(", expected")?;
    let unknown = unknown.strip_prefix("unknown field `")?.strip_suffix('`')?;
    let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
    Some(match nearest(unknown, &known) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("the keys are {}", list(&known)),
    })
}

fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// The name that differs by at most two characters inserted, removed or replaced.
fn nearest<'n>(name: &str, known: &[&'n str]) -> Option<&'n str> {
    let near = known.iter().map(|known| (distance(name, known), *known)).min()?;
    (near.0 <= 2).then_some(near.1)
}

fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, char) in one.chars().enumerate() {
        let mut next = vec![line + 1];
        for (pair, different) in row.windows(2).zip(&other) {
            let &[replaced, removed] = pair else { continue };
            let inserted = next.last().copied().unwrap_or(0) + 1;
            next.push((replaced + usize::from(char != *different)).min(removed + 1).min(inserted));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}
