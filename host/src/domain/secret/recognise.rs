//! Secrets by their shape: values that nobody declared and that look like a key all the same.
//!
//! One pass over the text looks for the words that such values begin with; what follows is then read by
//! hand. Few words occur in ordinary text, so that a text without secrets costs little more than
//! reading it.
//!
//! | shape | from | at least |
//! |---|---|---|
//! | `-----BEGIN … PRIVATE KEY-----` to its end | RFC 7468, RFC 4880 | 64 characters within |
//! | `sk-…` | OpenAI, Anthropic, DeepSeek, OpenRouter | 20 characters, 2 digits among them |
//! | `sk_live_…`, `rk_live_…` | Stripe | 16 characters |
//! | `ghp_…`, `gho_…`, `ghu_…`, `ghs_…`, `ghr_…` | GitHub | 36 characters |
//! | `github_pat_…` | GitHub, fine-grained | 22 characters |
//! | `glpat-…` | GitLab | 20 characters |
//! | 40 characters near `AKIA…`, `ASIA…` or a name such as `aws_secret_access_key` | AWS | exactly 40 |
//! | `xoxa-…`, `xoxb-…`, `xoxp-…`, `xoxr-…`, `xoxs-…` | Slack | 10 characters |
//! | `AIza…` | Google | 35 characters |
//! | `npm_…` | npm | 36 characters |
//! | `hf_…` | Hugging Face | 30 characters |
//! | `eyJ….eyJ….…` | JSON Web Tokens, RFC 7519 | 10 characters in each part |
//! | `Bearer …` | RFC 6750 | 20 characters, a digit among them |
//! | the password of `scheme://user:password@` | RFC 3986 | 3 characters |
//!
//! A text that looks like the token of a sealed value is one too: otherwise whoever wrote it could have
//! another value put in its place.

use aho_corasick::{AhoCorasick, packed};
use std::ops::Range;
use std::sync::OnceLock;

/// How the token of a sealed value begins.
pub const SEAL_BEGIN: &str = "[sealed:";

/// How it ends.
pub const SEAL_END: &str = "]";

/// How many hexadecimal digits stand between: 64 bits, so that no two values of a run share one.
pub const SEAL_LENGTH: usize = 16;

/// How far from an AWS key id its secret is looked for: the next line of a file, or the next column.
const NEAR: usize = 80;

/// The longest user and password of a URL that are looked for.
const LONGEST_USER: usize = 512;

/// What a word at the beginning announces.
#[derive(Debug, Clone, Copy)]
enum Shape {
    /// A private key with its frame.
    Pem,
    /// A run of characters of a kind, so many at least, so many digits among them.
    Token(fn(u8) -> bool, usize, usize),
    /// The same, and the word itself is not part of the secret.
    After(fn(u8) -> bool, usize, usize),
    /// A JSON Web Token.
    Jwt,
    /// Something that an AWS secret stands near to.
    Aws,
    /// A URL, from its `://` on.
    Url,
    /// What looks like the token of a sealed value.
    Seal,
}

const SHAPES: [(&str, Shape); 27] = [
    ("-----BEGIN ", Shape::Pem),
    ("sk-", Shape::Token(is_dashed, 20, 2)),
    ("sk_live_", Shape::Token(is_alphanumeric, 16, 0)),
    ("rk_live_", Shape::Token(is_alphanumeric, 16, 0)),
    ("ghp_", Shape::Token(is_alphanumeric, 36, 0)),
    ("gho_", Shape::Token(is_alphanumeric, 36, 0)),
    ("ghu_", Shape::Token(is_alphanumeric, 36, 0)),
    ("ghs_", Shape::Token(is_alphanumeric, 36, 0)),
    ("ghr_", Shape::Token(is_alphanumeric, 36, 0)),
    ("github_pat_", Shape::Token(is_dashed, 22, 0)),
    ("glpat-", Shape::Token(is_dashed, 20, 0)),
    ("AKIA", Shape::Aws),
    ("ASIA", Shape::Aws),
    ("aws_secret", Shape::Aws),
    ("AWS_SECRET", Shape::Aws),
    ("SecretAccessKey", Shape::Aws),
    ("xoxa-", Shape::Token(is_dashed, 10, 0)),
    ("xoxb-", Shape::Token(is_dashed, 10, 0)),
    ("xoxp-", Shape::Token(is_dashed, 10, 0)),
    ("xoxr-", Shape::Token(is_dashed, 10, 0)),
    ("xoxs-", Shape::Token(is_dashed, 10, 0)),
    ("AIza", Shape::Token(is_dashed, 35, 0)),
    ("npm_", Shape::Token(is_alphanumeric, 36, 0)),
    ("eyJ", Shape::Jwt),
    ("earer ", Shape::After(is_bearer, 20, 1)),
    ("://", Shape::Url),
    (SEAL_BEGIN, Shape::Seal),
];

/// Apart, since the short word occurs within others.
const HUGGING_FACE: (&str, Shape) = ("hf_", Shape::Token(is_alphanumeric, 30, 1));

fn is_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn is_dashed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn is_bearer(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

/// What looks for all words at once: with the processor's vector instructions where it has them, several
/// times as fast as the automaton.
enum Finder {
    Vector(packed::Searcher),
    Automaton(AhoCorasick),
}

impl Finder {
    /// Made when first needed.
    fn get() -> Option<&'static Self> {
        static FINDER: OnceLock<Option<Finder>> = OnceLock::new();
        let words = || SHAPES.iter().chain([&HUGGING_FACE]).map(|(word, _)| word);
        let make = || match packed::Searcher::new(words()) {
            Some(searcher) => Some(Finder::Vector(searcher)),
            // So few words always make one.
            None => AhoCorasick::new(words()).ok().map(Finder::Automaton),
        };
        FINDER.get_or_init(make).as_ref()
    }

    /// Calls `found` with each word: its number, where it begins and where it ends.
    fn each(&self, bytes: &[u8], mut found: impl FnMut(usize, usize, usize)) {
        let mut tell =
            |at: aho_corasick::Match| found(at.pattern().as_usize(), at.start(), at.end());
        match self {
            Finder::Vector(searcher) => searcher.find_iter(bytes).for_each(&mut tell),
            Finder::Automaton(automaton) => automaton.find_iter(bytes).for_each(&mut tell),
        }
    }
}

/// Where secrets stand in a text, from left to right, none within another.
pub fn shapes(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let Some(finder) = Finder::get() else { return found };
    let bytes = text.as_bytes();
    finder.each(bytes, |number, start, end| {
        let (_, shape) = SHAPES.get(number).unwrap_or(&HUGGING_FACE);
        if found.last().is_some_and(|last| start < last.end) {
            return;
        }
        if let Some(range) = shape.read(bytes, start, end)
            && found.last().is_none_or(|last| last.end <= range.start)
            // Secrets are ASCII, and so are the ends of what is not.
            && text.is_char_boundary(range.start)
            && text.is_char_boundary(range.end)
        {
            found.push(range);
        }
    });
    found
}

/// Whether a text holds a secret by its shape.
pub fn any_shape(text: &str) -> bool {
    !shapes(text).is_empty()
}

/// Whether a word that has just begun may be one that announces a secret.
pub(super) fn announces(word: &str) -> bool {
    let words = SHAPES.iter().chain([&HUGGING_FACE]).map(|(known, _)| *known);
    !word.is_empty()
        && words.into_iter().any(|known| known.starts_with(word) || word.starts_with(known))
}

impl Shape {
    /// The secret that the word from `start` to `end` announces, if it is one.
    fn read(self, bytes: &[u8], start: usize, end: usize) -> Option<Range<usize>> {
        match self {
            Shape::Pem => pem(bytes, start, end),
            Shape::Token(kind, least, digits) => {
                let range = token(bytes, end, kind, least, digits)?;
                begins_a_word(bytes, start).then_some(start..range.end)
            }
            Shape::After(kind, least, digits) => token(bytes, end, kind, least, digits),
            Shape::Jwt => begins_a_word(bytes, start).then(|| jwt(bytes, start))?,
            Shape::Aws => aws(bytes, start, end),
            Shape::Url => url(bytes, start, end),
            Shape::Seal => {
                let digits = bytes.get(end..end + SEAL_LENGTH)?;
                let last = end + SEAL_LENGTH + SEAL_END.len();
                let whole = digits.iter().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
                    && bytes.get(end + SEAL_LENGTH..last)? == SEAL_END.as_bytes();
                whole.then_some(start..last)
            }
        }
    }
}

/// How far a run of bytes of one kind goes.
fn run(bytes: &[u8], from: usize, kind: impl Fn(u8) -> bool) -> usize {
    bytes[from..].iter().position(|byte| !kind(*byte)).map_or(bytes.len(), |length| from + length)
}

/// A token is judged by so many of its characters: more than the longest that is asked for. Hostile
/// text can begin a token with every third byte, and must not be read to its end each time.
const JUDGED: usize = 128;

fn token(
    bytes: &[u8],
    from: usize,
    kind: fn(u8) -> bool,
    least: usize,
    digits: usize,
) -> Option<Range<usize>> {
    let judged = run(&bytes[..bytes.len().min(from + JUDGED)], from, kind);
    let enough = judged - from >= least
        && bytes[from..judged].iter().filter(|byte| byte.is_ascii_digit()).count() >= digits;
    enough.then(|| from..run(bytes, judged, kind))
}

/// Whether no word goes on across `at`. In JSON and in URLs the letter before may belong to an escape:
/// `\nsk-…`, `%3Dsk-…`.
fn begins_a_word(bytes: &[u8], at: usize) -> bool {
    let before = |count: usize| at.checked_sub(count).map(|place| bytes[place]);
    match before(1) {
        Some(letter) if letter.is_ascii_alphanumeric() => {
            let in_json = matches!(letter, b'n' | b'r' | b't' | b'b' | b'f' | b'v');
            let in_url = letter.is_ascii_hexdigit() && before(3) == Some(b'%');
            in_json && before(2) == Some(b'\\') || in_url
        }
        _ => true,
    }
}

fn pem(bytes: &[u8], start: usize, end: usize) -> Option<Range<usize>> {
    const KIND: &[u8] = b"PRIVATE KEY";
    let label = run(bytes, end, |byte| byte.is_ascii_uppercase() || byte == b' ');
    let label = &bytes[end..label];
    if !label.windows(KIND.len()).any(|word| word == KIND) {
        return None;
    }
    let body = end + label.len();
    // To the closing line, or as far as a key that was cut off goes: base64, headers such as
    // `Version: GnuPG v2 (GNU/Linux)`, line ends, also escaped ones.
    let closing = [b"-----END ", label].concat();
    let part = |byte: u8| {
        is_base64(byte)
            || byte.is_ascii_whitespace()
            || matches!(
                byte,
                b'=' | b'-' | b'\\' | b':' | b',' | b'.' | b'(' | b')' | b'@' | b'<' | b'>'
            )
    };
    let mut at = body;
    while at < bytes.len() && part(bytes[at]) {
        if bytes[at..].starts_with(&closing) {
            // No further than the line's own five: another key may follow at once.
            at += closing.len();
            at = run(&bytes[..bytes.len().min(at + 5)], at, |byte| byte == b'-');
            break;
        }
        at += 1;
    }
    (at - body >= 64).then_some(start..at)
}

/// The longest header of a JSON Web Token that is read: ten times the usual.
const LONGEST_HEADER: usize = 512;

fn jwt(bytes: &[u8], start: usize) -> Option<Range<usize>> {
    let part = |from: usize| Some(token(bytes, from, is_dashed, 10, 0)?.end);
    let point = |at: usize| (bytes.get(at) == Some(&b'.')).then_some(at + 1);
    let header = run(&bytes[..bytes.len().min(start + LONGEST_HEADER)], start, is_dashed);
    let payload = point(header).filter(|_| header - start >= 10)?;
    if !bytes[payload..].starts_with(b"eyJ") {
        return None;
    }
    Some(start..part(point(part(payload)?)?)?)
}

/// A run of exactly forty characters near the word: longer and shorter ones are something else.
fn aws(bytes: &[u8], start: usize, end: usize) -> Option<Range<usize>> {
    const LENGTH: usize = 40;
    if !begins_a_word(bytes, start) {
        return None;
    }
    let mut at = run(bytes, end, is_alphanumeric);
    let limit = at + NEAR;
    while at < limit.min(bytes.len()) {
        if !is_base64(bytes[at]) {
            at += 1;
            continue;
        }
        // The letter of an escape such as `\n` is not the first of the forty.
        if matches!(bytes[at], b'n' | b'r' | b't') && at > 0 && bytes[at - 1] == b'\\' {
            at += 1;
            continue;
        }
        let to = run(&bytes[..bytes.len().min(at + LENGTH + 1)], at, is_base64);
        match to - at {
            LENGTH => return Some(at..to),
            // Something longer; what follows it is no neighbour of the word any more.
            length if length > LENGTH => return None,
            _ => at = to,
        }
    }
    None
}

fn url(bytes: &[u8], start: usize, end: usize) -> Option<Range<usize>> {
    let in_authority = |byte: u8| {
        !byte.is_ascii_whitespace()
            && !byte.is_ascii_control()
            && !matches!(
                byte,
                b'/' | b'?'
                    | b'#'
                    | b'"'
                    | b'\''
                    | b'`'
                    | b'<'
                    | b'>'
                    | b'{'
                    | b'}'
                    | b'\\'
                    | b'('
                    | b')'
            )
    };
    if start == 0 || !bytes[start - 1].is_ascii_alphanumeric() {
        return None;
    }
    let bytes = &bytes[..bytes.len().min(end + LONGEST_USER)];
    let authority = &bytes[end..run(bytes, end, in_authority)];
    let host = authority.iter().rposition(|byte| *byte == b'@')?;
    let password = authority[..host].iter().position(|byte| *byte == b':')? + 1;
    let text = &authority[password..host];
    // `$PASSWORD` is where a secret will be, and `***` is where one was.
    let named = text.first() == Some(&b'$') && text[1..].iter().all(|byte| is_dashed(*byte));
    let is_blank = text.iter().all(|byte| matches!(byte, b'*' | b'.' | b'x' | b'X'));
    (text.len() >= 3 && !named && !is_blank).then_some(end + password..end + host)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secrets of a text, one beside the other.
    fn check(text: &str, expected: &[&str]) {
        let found: Vec<&str> = shapes(text).into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, expected, "{text}");
    }

    const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn keys_are_known_by_how_they_begin() {
        for (word, length) in [
            ("sk-", 20),
            ("sk-proj-", 20),
            ("sk_live_", 16),
            ("ghp_", 36),
            ("ghs_", 36),
            ("github_pat_", 22),
            ("glpat-", 20),
            ("xoxb-", 10),
            ("AIza", 35),
            ("npm_", 36),
            ("hf_", 30),
        ] {
            let key = format!("{word}{}", &HEX[..length]);
            check(&key, &[&key]);
            check(&format!("a \"{key}\", b={key}."), &[&key, &key]);
            check(&format!(r#"{{"a":"x\n{key}\ny"}}"#), &[&key]);
            check(&format!("https://x/?a%3D{key}"), &[&key]);
            check(&format!("word{key}"), &[]);
            if word != "sk-proj-" {
                check(&format!("{word}{}", &HEX[..length - 1]), &[]);
            }
        }
    }

    #[test]
    fn ordinary_text_is_none() {
        for text in [
            "",
            "sk-learn-something-that-is-a-long-name",
            "the task-0123456789012345678901234567890",
            "https://example.com/a@b:c",
            "https://user@example.com:80/",
            "https://example.com:8080/@x",
            "ssh://git@example.com/x.git",
            "postgres://app:$PASSWORD@db/x",
            "postgres://app:${PASSWORD}@db/x",
            "postgres://app:<password>@db/x",
            "postgres://app:{{secret:PASSWORD}}@db/x",
            "postgres://app:****@db/x",
            "-----BEGIN CERTIFICATE-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAAAAAAAAAAAAAAAAAAAAAAAAA",
            "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAAAAAAAAAAAAAAAAAAAAAAAAA",
            "-----BEGIN RSA PRIVATE KEY----- is how a key begins",
            "AKIAIOSFODNN7EXAMPLE alone is a name and no secret",
            "a commit 0123456789012345678901234567890123456789",
            "Bearer of good news, and a long sentence",
            "Bearer {{secret:KEY}}",
            "eyJhbGciOiJIUzI1NiJ9 is half of one",
            "[sealed:no]",
        ] {
            check(text, &[]);
        }
    }

    #[test]
    fn a_private_key_is_one_secret() {
        let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7\nVJTUt9Us8cKjMzEf/w==";
        for label in
            ["PRIVATE KEY", "RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"]
        {
            let key = format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----");
            check(&format!("x\n{key}\ny"), &[&key]);
            let escaped = key.replace('\n', "\\n");
            check(&format!(r#"{{"k":"{escaped}\n"}}"#), &[&escaped]);
            let cut = format!("-----BEGIN {label}-----\n{body}");
            check(&format!("{cut}\u{1b}"), &[&cut]);
        }
    }

    #[test]
    fn the_secret_of_a_pair_is_found_beside_its_name() {
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        check(&format!("AKIAIOSFODNN7EXAMPLE,{secret}"), &[secret]);
        check(&format!("aws_secret_access_key = {secret}\n"), &[secret]);
        check(&format!("AWS_SECRET_ACCESS_KEY='{secret}'"), &[secret]);
        check(
            &format!(r#"{{"AccessKeyId":"ASIAIOSFODNN7EXAMPLE","SecretAccessKey":"{secret}"}}"#),
            &[secret],
        );
        check(&format!(r#""AKIAIOSFODNN7EXAMPLE\n{secret}""#), &[secret]);
        check(&format!("AKIAIOSFODNN7EXAMPLE {secret}x"), &[]);
        check(secret, &[]);
    }

    #[test]
    fn tokens_and_passwords_are_found_where_they_stand() {
        let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N";
        check(&format!("token={jwt};"), &[jwt]);
        check(&format!("Authorization: Bearer {jwt}"), &[jwt]);
        check("authorization: bearer abcdefghij0123456789+/=", &["abcdefghij0123456789+/="]);
        check("postgres://app:s3cret!@db:5432/x", &["s3cret!"]);
        check("redis://:p4ssw0rd@h", &["p4ssw0rd"]);
        check("https://u:p@ss@h/x a@b", &["p@ss"]);
        check("x [sealed:0123456789abcdef] y", &["[sealed:0123456789abcdef]"]);
    }

    #[test]
    fn hostile_text_is_read_once() {
        let key = "-----BEGIN PRIVATE KEY-----";
        for word in
            ["sk-", "-eyJ", "/AKIA", "://", ":a@://", "earer ", "[sealed:", "!", &format!("{key}!")]
        {
            // It would take hours if each word had the rest of the text read.
            assert!(shapes(&word.repeat((1 << 20) / word.len())).len() < 2, "{word}");
        }
        let whole = format!("{key}{}-----END PRIVATE KEY-----", "A".repeat(64));
        assert_eq!(shapes(&whole.repeat(10_000)).len(), 10_000);
    }

    #[test]
    fn characters_beside_a_secret_stay_whole() {
        let key = format!("sk-{}", &HEX[..20]);
        check(&format!("ü{key}ü"), &[&key]);
        check("postgres://ä:ößü@db", &["ößü"]);
    }
}
