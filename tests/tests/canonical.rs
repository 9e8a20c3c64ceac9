//! The canonical text of JSON is what Node writes, with sorted keys: RFC 8785 is defined by it.

use initrunner::domain::canonical::{LARGEST_INTEGER, parse, to_text};
use initrunner_tests::{random::Random, reference};
use serde_json::json;
use std::fmt::Write as _;

/// `Array.prototype.sort` without a function sorts by UTF-16 code units, as section 3.2.3 asks.
const ASK: &str = "
const canonical = value =>
  Array.isArray(value) ? `[${value.map(canonical).join()}]`
  : value !== null && typeof value === 'object'
  ? `{${Object.keys(value).sort()
      .map(key => `${JSON.stringify(key)}:${canonical(value[key])}`).join()}}`
  : JSON.stringify(value);
const texts = JSON.parse(require('node:fs').readFileSync(0));
process.stdout.write(JSON.stringify(texts.map(text => canonical(JSON.parse(text)))));
";

/// Compares each text's canonical form with Node's, and with its own canonical form.
fn check(texts: &[String]) {
    let answer = reference::answer("node", &["-e", ASK], &json!(texts));
    let answers: Vec<String> = serde_json::from_value(answer).unwrap();
    assert_eq!(answers.len(), texts.len());
    let mut differences = Vec::new();
    for (text, expected) in texts.iter().zip(&answers) {
        match parse(text).map(|value| to_text(&value)) {
            Ok(ours) if ours == *expected => {
                let again = parse(&ours).map(|value| to_text(&value));
                if again.as_ref() != Ok(&ours) {
                    differences.push(format!("{ours}\n  read again: {again:?}"));
                }
            }
            ours => differences.push(format!("{text}\n  Node: {expected}\n  ours: {ours:?}")),
        }
    }
    let shown = differences.iter().take(20).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(differences.is_empty(), "{} of {} differ:\n{shown}", differences.len(), texts.len());
}

/// Whether a number is let in.
fn is_within(number: f64) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "2^53 - 1 is exact as f64")]
    let largest = LARGEST_INTEGER as f64;
    number.abs() <= largest
}

/// A number within ±(2^53−1), in one of the ways to write it.
fn number(random: &mut Random) -> String {
    loop {
        let number = match random.below(6) {
            // Any double, also a subnormal one.
            0 => f64::from_bits(random.bits()),
            // About as many digits before the point as behind it.
            1 => f64::from_bits(random.bits()).rem_euclid(1e9),
            2 => random.bits() as i32 as f64 / 1000.0,
            3 => (random.bits() >> random.below(64)) as f64,
            // Where the notation changes: 1e-6 is written out, 1e-7 is not.
            4 => format!("{}e{}", 1 + random.below(9999), random.below(30) as i32 - 20)
                .parse()
                .unwrap_or(0.0),
            _ => 9_007_199_254_740_990.0 + random.below(4) as f64,
        };
        let number = if random.once_in(2) { -number } else { number };
        let text = match random.below(6) {
            0 => format!("{number:e}"),
            1 => format!("{number:E}").replacen('E', "E+", 1).replace("E+-", "E-"),
            2 => format!("{number}"),
            3 => format!("{number:.25}"),
            // More digits than a double has: the nearest one counts.
            4 => format!("{number:.17e}"),
            _ => format!("{number:.3}"),
        };
        if text.parse().is_ok_and(|number: f64| number.is_finite() && is_within(number)) {
            return text;
        }
    }
}

/// Characters that are escaped, that could be, and that stand beside surrogates.
const SPECIAL: &[char] = &[
    '"',
    '\\',
    '/',
    '\u{8}',
    '\u{9}',
    '\u{a}',
    '\u{c}',
    '\u{d}',
    '\0',
    '\u{1}',
    '\u{1f}',
    '\u{7f}',
    '\u{80}',
    '\u{2028}',
    '\u{2029}',
    '\u{d7ff}',
    '\u{e000}',
    '\u{fb33}',
    '\u{feff}',
    '\u{ffff}',
    '\u{10000}',
    '\u{10ffff}',
    '😀',
    'a',
    'b',
    'B',
    '1',
    '_',
    'é',
    '€',
    ' ',
];

/// A string, its characters written as they are or escaped.
fn string(random: &mut Random) -> String {
    let mut text = String::from("\"");
    for _ in 0..random.below(5) {
        let c = match random.below(4) {
            0 => char::from_u32(random.bits() as u32 % 0x11_0000).unwrap_or('x'),
            _ => *random.pick(SPECIAL),
        };
        let must = matches!(c, '"' | '\\') || u32::from(c) < 0x20;
        if must || random.once_in(4) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = if random.once_in(2) {
                    write!(text, "\\u{unit:04x}")
                } else {
                    write!(text, "\\u{unit:04X}")
                };
            }
        } else {
            text.push(c);
        }
    }
    text.push('"');
    text
}

fn document(random: &mut Random, depth: usize) -> String {
    let space = |random: &mut Random| *random.pick(&["", "", " ", "\n", "\t", "\r\n "]);
    match random.below(if depth == 0 { 5 } else { 8 }) {
        0 => (*random.pick(&["null", "true", "false"])).to_owned(),
        1 | 2 => number(random),
        3 | 4 => string(random),
        5 => {
            let items = (0..random.below(4)).map(|_| {
                let (before, after) = (space(random), space(random));
                format!("{before}{}{after}", document(random, depth - 1))
            });
            format!("[{}]", items.collect::<Vec<_>>().join(","))
        }
        _ => {
            // By its meaning: a key may be written in several ways, but given only once.
            let mut keys = Vec::new();
            let mut entries = Vec::new();
            for _ in 0..random.below(6) {
                let key = string(random);
                let meaning = parse(&key);
                if !keys.contains(&meaning) {
                    keys.push(meaning);
                    let (before, after) = (space(random), space(random));
                    let value = document(random, depth - 1);
                    entries.push(format!("{before}{key}{after}:{before}{value}"));
                }
            }
            format!("{{{}}}", entries.join(","))
        }
    }
}

#[test]
fn numbers_are_written_as_in_node() {
    let mut random = Random::new(1);
    let mut texts: Vec<String> = (0..30_000).map(|_| number(&mut random)).collect();
    let edges = ["0", "-0", "-0.0", "0e9", "1e-400", "5e-324", "2.2250738585072014e-308"];
    texts.extend(edges.map(str::to_owned));
    for exponent in -30..16 {
        texts.extend([format!("1e{exponent}"), format!("9.999999999999999e{}", exponent - 1)]);
    }
    check(&texts);
}

#[test]
fn strings_are_written_as_in_node() {
    let mut random = Random::new(2);
    let mut texts: Vec<String> = (0..10_000).map(|_| string(&mut random)).collect();
    let each = (0..0x3000).filter_map(char::from_u32).filter(|c| !matches!(c, '"' | '\\'));
    texts.extend(each.filter(|c| u32::from(*c) >= 0x20).map(|c| format!("\"{c}\"")));
    texts.extend((0..0x20).map(|control| format!("\"\\u{control:04x}\"")));
    check(&texts);
}

#[test]
fn documents_are_written_as_in_node_with_keys_in_its_order() {
    let mut random = Random::new(3);
    check(&(0..10_000).map(|_| document(&mut random, 4)).collect::<Vec<_>>());
}

#[test]
fn numbers_beyond_are_refused_however_they_are_written() {
    let mut random = Random::new(4);
    for _ in 0..10_000 {
        let number = f64::from_bits(random.bits());
        if number.is_finite() && !is_within(number) {
            for text in [format!("{number:e}"), format!("{number}"), format!("{number:.1}")] {
                assert!(parse(&text).is_err(), "{text}");
            }
        }
    }
    for text in ["9007199254740992", "-9007199254740992.0", "9007199254740991.5", "9.1e15", "1e999"]
    {
        assert!(parse(text).is_err(), "{text}");
    }
}
