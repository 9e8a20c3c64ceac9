//! Replacing values in bytes, whole or in pieces. Both ways give the same: at each place the longest
//! form that begins there is replaced, from left to right.
//!
//! A single line end within a value is no part of it, neither in the value nor in the text: tools wrap
//! what they encode, at widths of their own.

use aho_corasick::{AhoCorasick, Input, MatchKind};
use std::borrow::Cow;
use std::sync::Arc;

/// Finds every form of every value.
pub(super) struct Matcher {
    automaton: AhoCorasick,
    /// What each form is replaced by.
    placeholders: Vec<String>,
    /// Bytes of the longest form, line ends left out.
    longest: usize,
}

impl Matcher {
    /// Looks for `forms`, each with what it is replaced by. `None`: there is none to look for.
    pub(super) fn new<'s>(forms: impl IntoIterator<Item = (Vec<u8>, &'s str)>) -> Option<Self> {
        let (mut needles, mut placeholders) = (Vec::new(), Vec::new());
        for (form, placeholder) in forms {
            needles.push(Joined::of(&form, Before::Text).bytes.into_owned());
            placeholders.push(placeholder.to_owned());
        }
        let longest = needles.iter().map(Vec::len).max()?;
        // Fails beyond two billion bytes of forms, which no environment holds.
        let automaton =
            AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&needles).ok()?;
        Some(Self { automaton, placeholders, longest })
    }
}

/// What stands before a byte, as far as it decides whether a line end counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// Text, or nothing.
    Text,
    /// A carriage return that does not count.
    Return,
    /// A line end; the next one would make an empty line, and counts.
    LineEnd,
}

impl Before {
    /// Whether a byte counts, and what stands before the next one.
    fn step(self, byte: u8) -> (bool, Self) {
        match (byte, self) {
            (b'\r', Before::Text) => (false, Before::Return),
            (b'\n', Before::Text | Before::Return) => (false, Before::LineEnd),
            (b'\r' | b'\n', _) => (true, Before::LineEnd),
            _ => (true, Before::Text),
        }
    }
}

/// Bytes without the line ends that do not count.
struct Joined<'b> {
    bytes: Cow<'b, [u8]>,
    /// For each line end that was left out: how many bytes were kept before it.
    gaps: Vec<usize>,
}

impl<'b> Joined<'b> {
    fn of(bytes: &'b [u8], mut before: Before) -> Self {
        if !bytes.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
            return Self { bytes: Cow::Borrowed(bytes), gaps: Vec::new() };
        }
        let (mut kept, mut gaps) = (Vec::with_capacity(bytes.len()), Vec::new());
        for &byte in bytes {
            let (counts, next) = before.step(byte);
            before = next;
            if counts {
                kept.push(byte);
            } else {
                gaps.push(kept.len());
            }
        }
        Self { bytes: Cow::Owned(kept), gaps }
    }

    /// Where the kept byte number `at` stands in the original; its end, where there is none.
    fn original(&self, at: usize) -> usize {
        at + self.gaps.partition_point(|gap| *gap <= at)
    }

    /// Where the original goes on after the kept byte number `end - 1`.
    fn after(&self, end: usize) -> usize {
        end.checked_sub(1).map_or(0, |last| self.original(last) + 1)
    }
}

/// All of it at once. `None`: nothing was replaced.
pub(super) fn redact_all(matcher: &Matcher, bytes: &[u8]) -> Option<Vec<u8>> {
    let joined = Joined::of(bytes, Before::Text);
    let (mut out, mut done) = (Vec::new(), 0);
    for found in matcher.automaton.find_iter(&*joined.bytes) {
        out.extend_from_slice(&bytes[done..joined.original(found.start())]);
        out.extend_from_slice(matcher.placeholders[found.pattern().as_usize()].as_bytes());
        done = joined.after(found.end());
    }
    if done == 0 {
        return None;
    }
    out.extend_from_slice(&bytes[done..]);
    Some(out)
}

/// A stream whose pieces may cut a value in two: it holds back at most one byte less than the longest
/// form, and the line ends within.
pub struct RedactedStream {
    matcher: Option<Arc<Matcher>>,
    held: Vec<u8>,
    /// What stood before `held`.
    before: Before,
}

impl RedactedStream {
    pub(super) fn new(matcher: Option<Arc<Matcher>>) -> Self {
        Self { matcher, held: Vec::new(), before: Before::Text }
    }

    /// Takes a piece and gives what is certain by now. Where all pieces are text, so is each answer.
    pub fn push<'p>(&mut self, piece: &'p [u8]) -> Cow<'p, [u8]> {
        let Some(matcher) = self.matcher.clone() else { return Cow::Borrowed(piece) };
        self.held.extend_from_slice(piece);
        Cow::Owned(self.take(&matcher, false))
    }

    /// Gives what is left.
    pub fn finish(&mut self) -> Vec<u8> {
        let Some(matcher) = self.matcher.clone() else { return Vec::new() };
        self.take(&matcher, true)
    }

    fn take(&mut self, matcher: &Matcher, last: bool) -> Vec<u8> {
        let joined = Joined::of(&self.held, self.before);
        let length = joined.bytes.len();
        // What begins before this is decided by bytes that are here.
        let certain = if last { length } else { length.saturating_sub(matcher.longest - 1) };
        let (mut out, mut done, mut at) = (Vec::new(), 0, 0);
        while at < certain {
            let Some(found) = matcher.automaton.find(Input::new(&*joined.bytes).range(at..)) else {
                break;
            };
            if found.start() >= certain {
                break;
            }
            out.extend_from_slice(&self.held[done..joined.original(found.start())]);
            out.extend_from_slice(matcher.placeholders[found.pattern().as_usize()].as_bytes());
            at = found.end();
            done = joined.after(at);
        }
        let mut end = certain.max(at);
        // Not within a character: a piece of text stays text.
        while !last && end > at && joined.bytes.get(end).is_some_and(|byte| byte & 0xc0 == 0x80) {
            end -= 1;
        }
        let end = match last {
            true => self.held.len(),
            false if end > at => joined.original(end),
            false => done,
        };
        out.extend_from_slice(&self.held[done..end]);
        for byte in self.held.drain(..end) {
            self.before = self.before.step(byte).1;
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::super::Secrets;
    use proptest::prelude::*;

    fn streamed(secrets: &Secrets, pieces: &[&[u8]]) -> Vec<u8> {
        let mut stream = secrets.stream();
        let mut out = Vec::new();
        for piece in pieces {
            out.extend_from_slice(&stream.push(piece));
        }
        out.extend(stream.finish());
        out
    }

    #[test]
    fn a_value_is_found_across_pieces_and_nothing_is_held_for_long() {
        let secrets = Secrets::new([("K".to_owned(), "abcdefgh".to_owned())]);
        let pieces: Vec<&[u8]> = b"xabcd\nefghy".chunks(1).collect();
        assert_eq!(streamed(&secrets, &pieces), b"x{{secret:K}}y");
        let mut stream = secrets.stream();
        let mut given = 0;
        for sent in 1..=1000 {
            given += stream.push(b"-").len();
            // `YWJjZGVmZ2g=`, percent-encoded throughout, is the longest form.
            assert!(sent - given < 36, "{sent} {given}");
        }
    }

    #[test]
    fn pieces_of_text_stay_text() {
        let secrets = Secrets::new([("K".to_owned(), "äöüßäöüß".to_owned())]);
        let text = "a→äöü→äöüßäöüß→".repeat(20);
        let mut stream = secrets.stream();
        let mut out = String::new();
        for piece in text.split_inclusive('→') {
            out.push_str(std::str::from_utf8(&stream.push(piece.as_bytes())).unwrap());
        }
        out.push_str(std::str::from_utf8(&stream.finish()).unwrap());
        assert_eq!(out, text.replace("äöüßäöüß", "{{secret:K}}"));
    }

    #[test]
    fn without_secrets_nothing_is_held() {
        let mut stream = Secrets::default().stream();
        assert_eq!(&*stream.push(b"abc"), b"abc");
        assert_eq!(stream.finish(), b"");
    }

    /// A piece of text: noise that shares letters with values, a value in some form, line ends.
    fn part(values: [String; 2]) -> impl Strategy<Value = String> {
        let forms: Vec<String> = values
            .iter()
            .flat_map(|value| super::super::encode::forms(value))
            .map(|form| String::from_utf8(form).unwrap())
            .collect();
        let whole = prop::sample::select(forms.clone());
        let broken = (prop::sample::select(forms), any::<prop::sample::Index>(), "\r?\n{0,2}")
            .prop_map(|(form, at, line_end)| {
                let at = at.index(form.len());
                let at = (0..=at).rev().find(|at| form.is_char_boundary(*at)).unwrap_or(0);
                format!("{}{line_end}{}", &form[..at], &form[at..])
            });
        prop_oneof!["[a-dA-D%=\\\\ü\r\n]{0,12}", whole, broken]
    }

    fn values() -> impl Strategy<Value = [String; 2]> {
        // No braces: a value that overlaps the placeholder itself could be made from one.
        ["[a-dA-D%\"\\\\/+ üñ\n]{8,14}", "[a-d]{8,10}"]
            .prop_map(|values| values.map(|value| format!("a{}b", value.trim())))
            .prop_filter("long enough", |values| values.iter().all(|it| it.chars().count() >= 8))
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn streamed_is_whole_and_no_form_survives(
            (values, parts) in values().prop_flat_map(|values| {
                (Just(values.clone()), prop::collection::vec(part(values), 0..12))
            }),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        ) {
            let secrets = Secrets::new(
                values.iter().enumerate().map(|(n, value)| (format!("N{n}"), value.clone())),
            );
            let text = parts.concat();
            let whole = secrets.redact(&text).into_owned();

            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for cut in cuts.into_iter().chain([text.len()]) {
                pieces.push(&text.as_bytes()[from..cut]);
                from = cut;
            }
            prop_assert_eq!(streamed(&secrets, &pieces), whole.as_bytes());

            for value in &values {
                for form in super::super::encode::forms(value) {
                    let form = String::from_utf8(form).unwrap();
                    prop_assert!(!whole.contains(&form), "{form:?} in {whole:?} of {text:?}");
                }
            }
            prop_assert_eq!(secrets.redact(&whole), whole.as_str());
        }
    }
}
