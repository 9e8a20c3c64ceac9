//! Permissions mean what Python's `fnmatch` means: the two are compared on generated globs.

use initrunner::domain::fnmatch::Pattern;
use initrunner_tests::{random::Random, reference};
use serde_json::json;

/// Globs compared, each with several texts: most of Python's time goes into compiling globs.
const GLOBS: usize = 12_000;
/// Texts for each glob.
const TEXTS: usize = 5;

const ASK: &str = "
import fnmatch, json, sys
cases = json.load(sys.stdin.buffer)
print(json.dumps([[fnmatch.fnmatchcase(text, glob) for text in texts] for glob, texts in cases]))
";

/// Mostly what means something to globs, to Python's regular expressions behind them, or to nobody
/// but stands just before or after those in the order of code points.
const ANY: &[char] = &[
    '*',
    '?',
    '[',
    ']',
    '!',
    '-',
    '^',
    '\\',
    '&',
    '~',
    '|',
    '.',
    '$',
    '(',
    ')',
    '{',
    '}',
    '+',
    '#',
    '/',
    ' ',
    '\n',
    '\r',
    '\t',
    '\0',
    '"',
    '\'',
    ',',
    ':',
    '@',
    '_',
    '`',
    'a',
    'b',
    'c',
    'd',
    'w',
    'z',
    'A',
    'Z',
    '0',
    '5',
    '9',
    'é',
    'ß',
    'İ',
    '\u{301}',
    '\u{85}',
    '\u{2028}',
    '日',
    '\u{d7ff}',
    '\u{e000}',
    '\u{ffff}',
    '😀',
    '\u{10ffff}',
];

/// What sets are made of.
const MEMBERS: &[char] =
    &['-', '-', '-', '-', '!', '!', '^', '\\', '[', ']', '&', '|', '~', 'a', 'b', 'c', 'é', '😀'];

/// What most texts are made of, so that many of them match.
const COMMON: &[char] = &['a', 'b', 'c', '-', '!', '^', ']', '[', '\\', '\n', 'é', '😀'];

fn glob(random: &mut Random) -> String {
    let mut glob = String::new();
    for _ in 0..random.below(6) {
        match random.below(6) {
            0 => glob.push('*'),
            1 => glob.push('?'),
            2 => glob.push(*random.pick(COMMON)),
            3 => glob.push(*random.pick(ANY)),
            _ => set(random, &mut glob),
        }
    }
    glob
}

/// A set, now and then one that is not closed.
fn set(random: &mut Random, glob: &mut String) {
    glob.push('[');
    if random.once_in(3) {
        glob.push('!');
    }
    if random.once_in(4) {
        glob.push(']');
    }
    for _ in 0..random.below(4) {
        match random.below(4) {
            // A range, forward or backward.
            0 => glob.extend([*random.pick(COMMON), '-', *random.pick(COMMON)]),
            1 => glob.extend([*random.pick(ANY), '-', *random.pick(ANY)]),
            _ => glob.push(*random.pick(MEMBERS)),
        }
    }
    if !random.once_in(20) {
        glob.push(']');
    }
}

/// A text, most often one that has a chance: the glob with its wildcards replaced.
fn text(random: &mut Random, glob: &str) -> String {
    if random.once_in(8) {
        return (0..random.below(5)).map(|_| *random.pick(ANY)).collect();
    }
    let mut text = String::new();
    let mut rest = glob;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '*' => text.extend((0..random.below(4)).map(|_| *random.pick(COMMON))),
            '?' => text.push(*random.pick(COMMON)),
            '[' => {
                // Where the set may end; one of its characters or any other stands for it.
                let begin = rest.char_indices().nth(1).map_or(rest.len(), |(index, _)| index);
                if let Some(close) = rest[begin..].find(']').map(|close| begin + close) {
                    let members: Vec<char> = rest[..close].chars().collect();
                    let one_of = if random.once_in(2) { &members } else { COMMON };
                    text.push(*random.pick(one_of));
                    rest = &rest[close + 1..];
                } else {
                    text.push('[');
                }
            }
            c => text.push(c),
        }
    }
    if random.once_in(8) {
        text.push(*random.pick(&['\n', 'a', ']']));
    }
    text
}

#[test]
fn globs_match_as_in_python() {
    let mut random = Random::new(3);
    let cases: Vec<(String, Vec<String>)> = (0..GLOBS)
        .map(|_| {
            let glob = glob(&mut random);
            let texts = (0..TEXTS).map(|_| text(&mut random, &glob)).collect();
            (glob, texts)
        })
        .collect();
    // Python warns of sets that may mean something else one day.
    let answer = reference::answer("python3", &["-W", "ignore", "-c", ASK], &json!(cases));
    let answers: Vec<Vec<bool>> = serde_json::from_value(answer).unwrap();
    assert_eq!(answers.len(), GLOBS);
    let mut matched = 0;
    let mut differences = Vec::new();
    for ((glob, texts), answers) in cases.iter().zip(&answers) {
        let pattern = Pattern::new(glob);
        for (text, expected) in texts.iter().zip(answers) {
            matched += usize::from(*expected);
            if pattern.matches(text) != *expected {
                differences.push(format!("{glob:?} on {text:?}: Python says {expected}"));
            }
        }
    }
    let shown = differences.iter().take(20).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(differences.is_empty(), "{} differ:\n{shown}", differences.len());
    // Cases of which nearly all match, or nearly none, would show little.
    let all = GLOBS * TEXTS;
    assert!((all / 5..all * 4 / 5).contains(&matched), "{matched} of {all} match");
}

/// A matcher that tried every way to share the text among the stars would not end within a lifetime.
#[test]
fn a_glob_made_to_stall_ends() {
    let text = "a".repeat(50_000);
    for glob in ["*a*a*a*a*a*a*a*a*a*b", "*?*?*?*?*b", "*[a-z]*[a-z]*[!a]"] {
        assert!(!Pattern::new(glob).matches(&text), "{glob}");
    }
    assert!(Pattern::new(&"*".repeat(10_000)).matches(&text));
    let nested = "[".repeat(5_000);
    assert!(Pattern::new(&nested).matches(&nested));
}
