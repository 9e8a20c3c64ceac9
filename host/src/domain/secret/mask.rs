//! What a person sees in place of a secret that was recognised by its shape.

use super::recognise::{announces, shapes};
use std::borrow::Cow;

/// What stands there.
const MASK: &str = "[redacted]";

/// Words after which the secret itself follows: a text is not cut behind one of them.
const LEADS: [&str; 6] =
    ["-----BEGIN ", "AKIA", "ASIA", "aws_secret", "AWS_SECRET", "SecretAccessKey"];

/// How far behind such a word a text is held together: as far as its secret may stand, and the secret.
const REACH: usize = 160;

/// The most that is held back: twice the largest private key. What is longer is no secret, and looking
/// at it again with each piece would take ever longer.
const LONGEST: usize = 16 << 10;

/// The text with every secret masked.
pub fn mask(text: &str) -> Cow<'_, str> {
    let found = shapes(text);
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let (mut out, mut done) = (String::with_capacity(text.len()), 0);
    for range in found {
        out.push_str(&text[done..range.start]);
        out.push_str(MASK);
        done = range.end;
    }
    out.push_str(&text[done..]);
    Cow::Owned(out)
}

/// Masks a text that arrives in pieces. It shows what is certain, and holds back what may still become
/// part of a secret.
#[derive(Debug, Default)]
pub struct Masker {
    /// From the beginning of a word on.
    held: String,
    /// How much of that has been shown: ordinary letters only.
    shown: usize,
}

impl Masker {
    /// Takes a piece and gives what can be shown by now.
    pub fn push(&mut self, piece: &str) -> String {
        if self.held.len() > LONGEST {
            let more = self.finish();
            self.held.push_str(piece);
            return more;
        }
        self.held.push_str(piece);
        let cut = self.cut();
        let show = self.ordinary(cut).max(self.shown);
        let masked = mask(&self.held[..show]);
        let more = masked.get(self.shown..).unwrap_or_default().to_owned();
        self.held.drain(..cut);
        self.shown = show - cut;
        more
    }

    /// Gives what is left.
    pub fn finish(&mut self) -> String {
        let masked = mask(&self.held).into_owned();
        let more = masked.get(self.shown..).unwrap_or_default().to_owned();
        *self = Self::default();
        more
    }

    /// How far the text after `cut` cannot be the beginning of a secret, whatever follows.
    fn ordinary(&self, cut: usize) -> usize {
        let tail = &self.held[cut..];
        let may_be_url = tail.contains("://") || tail.ends_with(':') || tail.ends_with(":/");
        if may_be_url || tail.contains(char::is_whitespace) {
            return cut;
        }
        let word = tail
            .rfind(|c: char| !c.is_ascii())
            .map_or(0, |at| at + tail[at..].chars().next().map_or(0, char::len_utf8));
        let is_ordinary = tail[word..].bytes().all(|byte| byte.is_ascii_alphabetic())
            && !announces(&tail[word..]);
        cut + if is_ordinary { tail.len() } else { word }
    }

    /// How much of what is held is over: no secret begins before that and ends after it.
    fn cut(&self) -> usize {
        // Up to the last word, or to the one before where it announces it (`Bearer …`).
        let words = self.held.trim_end_matches(|c: char| !c.is_whitespace());
        let mut cut = words.len();
        let before = words.trim_end();
        if before.to_ascii_lowercase().ends_with("bearer") {
            cut = before.trim_end_matches(|c: char| !c.is_whitespace()).len();
        }
        for lead in LEADS {
            let Some(at) = self.held.rfind(lead) else { continue };
            let open = if lead == LEADS[0] {
                let frame = &self.held[at..];
                // A key is whole once its last line is; until its first one is, it may be one.
                let whole = frame.find("-----END ").is_some_and(|end| frame[end..].contains('\n'));
                frame.len() < REACH || frame.contains("PRIVATE KEY") && !whole
            } else {
                self.held.len() - at < REACH
            };
            if open {
                cut = cut.min(at);
            }
        }
        cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "use Bearer abcdefghij0123456789 or\nsk-0123456789abcdef0123 with AKIAIOSFODNN7EXAMPLE \
        wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY and\n-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQE\
        FAASCBKcwggSjAgEAAoIBAQC7\nVJTUt9Us8cKjMzEf\n-----END PRIVATE KEY-----\nthen postgres://a:s3cret@db done";

    #[test]
    fn what_is_masked_in_pieces_is_what_is_masked_whole() {
        let whole = mask(TEXT).into_owned();
        assert_eq!(
            whole,
            "use Bearer [redacted] or\n[redacted] with AKIAIOSFODNN7EXAMPLE [redacted] and\n[redacted]\n\
             then postgres://a:[redacted]@db done"
        );
        for size in 1..TEXT.len() {
            let mut masker = Masker::default();
            let mut out = String::new();
            for piece in TEXT.as_bytes().chunks(size) {
                out.push_str(&masker.push(std::str::from_utf8(piece).unwrap()));
            }
            out.push_str(&masker.finish());
            assert_eq!(out, whole, "{size}");
        }
    }

    #[test]
    fn ordinary_text_is_shown_word_by_word() {
        let shown = |pieces: &[&str]| {
            let mut masker = Masker::default();
            let mut shown: Vec<String> = pieces.iter().map(|piece| masker.push(piece)).collect();
            shown.push(masker.finish());
            shown
        };
        assert_eq!(shown(&["one tw", "o, th", "ree"]), ["one tw", "o, th", "ree", ""]);
        assert_eq!(shown(&["g", "ood"]), ["", "good", ""]);
        assert_eq!(shown(&["很好", "，再"]), ["很好", "，再", ""]);
        assert_eq!(shown(&["a: s", "k"]), ["a: ", "", "sk"]);
        assert_eq!(
            shown(&["time", "sk-0123456789abcdef0123"]),
            ["time", "", "sk-0123456789abcdef0123"]
        );
        assert!(matches!(mask("one"), Cow::Borrowed("one")));
    }
}
