//! What a person sees in place of a secret that was recognised by its shape.

use super::recognise::shapes;
use std::borrow::Cow;

/// What stands there.
const MASK: &str = "[redacted]";

/// Words after which the secret itself follows: a text is not cut behind one of them.
const LEADS: [&str; 6] =
    ["-----BEGIN ", "AKIA", "ASIA", "aws_secret", "AWS_SECRET", "SecretAccessKey"];

/// How far behind such a word a text is held together: as far as its secret may stand, and the secret.
const REACH: usize = 160;

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

/// Masks a text that arrives in pieces. It gives whole words, and holds back what may still become part
/// of a secret.
#[derive(Debug, Default)]
pub struct Masker {
    held: String,
}

impl Masker {
    /// Takes a piece and gives what can be shown by now.
    pub fn push(&mut self, piece: &str) -> String {
        self.held.push_str(piece);
        let cut = self.cut();
        let rest = self.held.split_off(cut);
        let ready = std::mem::replace(&mut self.held, rest);
        mask(&ready).into_owned()
    }

    /// Gives what is left.
    pub fn finish(&mut self) -> String {
        mask(&std::mem::take(&mut self.held)).into_owned()
    }

    /// How much of what is held can be shown.
    fn cut(&self) -> usize {
        // Before the last word, and before the word that announces it (`Bearer …`).
        let blank = |text: &str| text.rfind(char::is_whitespace);
        let Some(mut cut) = blank(&self.held) else { return 0 };
        if self.held[..cut].to_ascii_lowercase().ends_with("bearer") {
            cut = blank(&self.held[..cut]).unwrap_or(0);
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
        let mut masker = Masker::default();
        assert_eq!(masker.push("one tw"), "one");
        assert_eq!(masker.push("o three"), " two");
        assert_eq!(masker.finish(), " three");
        assert!(matches!(mask("one"), Cow::Borrowed("one")));
    }
}
