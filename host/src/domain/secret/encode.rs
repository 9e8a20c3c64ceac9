//! The forms in which a value is looked for: itself, base64, percent-encoded and JSON-escaped, each as
//! the usual programs and libraries write it.

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD};
use std::collections::BTreeSet;

/// Every form of a value, none of them empty.
pub(super) fn forms(value: &str) -> BTreeSet<Vec<u8>> {
    let mut forms = BTreeSet::from([value.as_bytes().to_vec()]);
    base64(value.as_bytes(), &mut forms);
    for keeps in KEEPS {
        for hex in [b"0123456789ABCDEF", b"0123456789abcdef"] {
            forms.insert(percent(value, keeps, hex));
        }
    }
    json(value, &mut forms);
    forms
}

/// Base64, wherever the value begins in what was encoded: three bytes make four characters, so there
/// are three alignments. Characters that also hold bits of a neighbour are not part of the form; at
/// most four bits of the value stay in each of them.
fn base64(value: &[u8], forms: &mut BTreeSet<Vec<u8>>) {
    for (before, skipped) in [(0, 0), (1, 2), (2, 3)] {
        let mut bytes = vec![0; before];
        bytes.extend_from_slice(value);
        let whole = bytes.len() * 8 / 6;
        for encoding in [BASE64_NOPAD, BASE64URL_NOPAD, BASE64, BASE64URL] {
            let text = encoding.encode(&bytes);
            // As it stands at the end of what was encoded, and before anything else.
            forms.insert(text.as_bytes()[skipped..].to_vec());
            forms.insert(text.as_bytes()[skipped..whole].to_vec());
        }
    }
}

/// Which characters beside letters and digits an encoder leaves as they are; a space in the first
/// place means that it writes `+` for one.
const KEEPS: [&str; 6] = [
    // RFC 3986, section 2.3: most libraries.
    "-._~",
    // encodeURIComponent of JavaScript.
    "-._~!'()*",
    // encodeURI of JavaScript.
    "-._~!'()*;,/?:@&=+$#",
    // urllib.parse.quote of Python.
    "-._~/",
    // application/x-www-form-urlencoded.
    " -._*",
    // Go's and Rust's form serialisers differ in what else they keep; the strictest keep nothing.
    "",
];

fn percent(value: &str, keeps: &str, hex: &[u8; 16]) -> Vec<u8> {
    let plus = keeps.starts_with(' ');
    let mut out = Vec::with_capacity(value.len() * 3);
    for byte in value.bytes() {
        if byte == b' ' && plus {
            out.push(b'+');
        } else if byte.is_ascii_alphanumeric() || keeps.as_bytes().contains(&byte) {
            out.push(byte);
        } else {
            out.extend([b'%', hex[usize::from(byte >> 4)], hex[usize::from(byte & 15)]]);
        }
    }
    out
}

/// The inside of a JSON string: plain, with `/` escaped, with everything beyond ASCII escaped, with
/// what is special in HTML escaped.
fn json(value: &str, forms: &mut BTreeSet<Vec<u8>>) {
    for slash in [false, true] {
        for ascii in [false, true] {
            for html in [false, true] {
                for upper in [false, true] {
                    forms.insert(escape(value, slash, ascii, html, upper).into_bytes());
                }
            }
        }
    }
}

fn escape(value: &str, slash: bool, ascii: bool, html: bool, upper: bool) -> String {
    let mut out = String::with_capacity(value.len());
    let unicode = |out: &mut String, unit: u16| {
        if upper {
            out.push_str(&format!("\\u{unit:04X}"));
        } else {
            out.push_str(&format!("\\u{unit:04x}"));
        }
    };
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '/' if slash => out.push_str("\\/"),
            '<' | '>' | '&' | '\'' if html => unicode(&mut out, c as u16),
            c if u32::from(c) < 0x20 || ascii && !c.is_ascii() => {
                let mut units = [0; 2];
                c.encode_utf16(&mut units).iter().for_each(|unit| unicode(&mut out, *unit));
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_word_has_few_forms() {
        let forms: Vec<String> = forms("abcdefgh")
            .into_iter()
            .map(|form| String::from_utf8_lossy(&form).into())
            .collect();
        let base64: BTreeSet<&str> =
            forms.iter().map(String::as_str).filter(|form| *form != "abcdefgh").collect();
        assert_eq!(
            base64,
            BTreeSet::from([
                "YWJjZGVmZ2",
                "YWJjZGVmZ2g",
                "YWJjZGVmZ2g=",
                "FiY2RlZmdo",
                "hYmNkZWZnaA",
                "hYmNkZWZna",
                "hYmNkZWZnaA==",
            ])
        );
    }

    #[test]
    fn every_encoder_is_there() {
        let forms = forms("a b+c/ü<\"");
        let has = |form: &str| assert!(forms.contains(form.as_bytes()), "{form}");
        has("a%20b%2Bc%2F%C3%BC%3C%22");
        has("a%20b%2bc%2f%c3%bc%3c%22");
        has("a%20b+c/%C3%BC%3C%22");
        has("a%20b%2Bc/%C3%BC%3C%22");
        has("a+b%2Bc%2F%C3%BC%3C%22");
        has(r#"a b+c/ü<\""#);
        has(r#"a b+c/\u00fc<\""#);
        has(r#"a b+c\/\u00FC<\""#);
        has(r#"a b+c/ü\u003c\""#);
    }
}
