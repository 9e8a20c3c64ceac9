//! Whatever stands in the file, reading it ends with a role or with problems.

use super::{Role, RoleErrors, check::lookup, parse};
use proptest::prelude::*;

/// A role that uses every part of the format.
const ROLE: &str = r#"# a comment
apiVersion: initrunner/v1
kind: Agent
metadata: {name: demo, tags: [a, "b"], version: '1.0'}
spec:
  role: |-
    Be brief, ${WORD}.
      $${literal} and ${NONE:-none}
  model:
    provider: openai
    name: ${WORD}
    temperature: 1.5e0
  budgets: {max_requests: 3}
  tools:
    - type: shell
      approval: required
      permissions:
        default: deny
        allow: ["command=ls *", 'command=cat *']
      grants: {process: [{program: git}, {script: true}]}
    - sql: {dsn: "x ${SECRET} \u00e9", limits: {timeout_seconds: 5}}
    - component: ./x.wasm
      tools: {write: {approval: required}}
      text: >+
        folded
        lines
    - ? http
      :
"#;

/// Pieces that mean something to YAML or to roles.
const PIECES: &[&str] = &[
    " ",
    "  ",
    "\n",
    "\n  ",
    "\n    ",
    "\r\n",
    "\r",
    "\t",
    ":",
    ": ",
    "- ",
    "-",
    "? ",
    "[",
    "]",
    "{",
    "}",
    ",",
    "&a ",
    "*a",
    "!t ",
    "!!int ",
    "!<",
    "|",
    ">",
    "|2-\n",
    "'",
    "\"",
    "\\",
    "\\x24",
    "#",
    " #",
    "%",
    "%YAML 1.2\n",
    "%TAG ! x\n",
    "---\n",
    "...\n",
    "${",
    "$${",
    "${WORD}",
    "${NONE}",
    "${A:-",
    "}",
    "<<: ",
    "@",
    "`",
    "~",
    "null",
    "true",
    "0x",
    "1e9",
    "99999999999999999999",
    "é",
    "\u{feff}",
    "\u{2028}",
    "\u{0}",
    "name",
    "prompt",
    "model",
    "tools",
    "type",
    "spec",
    "a",
    "x: y\n",
];

fn check(text: &str) -> Result<Role, RoleErrors> {
    let result = parse(text, &lookup);
    if let Err(errors) = &result {
        assert!(!errors.problems.is_empty());
        let said = errors.render("r");
        assert!(!said.contains("hunter2"), "{said}");
        let known = said.chars().all(|c| c == '\n' || !c.is_control());
        assert!(known, "{said:?}");
        let lines = text.lines().count() + text.matches('\r').count() + 1;
        for problem in &errors.problems {
            let at = problem.position;
            assert!((1..=lines).contains(&at.line) && at.column >= 1, "{text:?}: {problem:?}");
        }
    }
    result
}

/// The boundary of characters nearest before a byte.
fn boundary(text: &str, byte: usize) -> usize {
    (0..=byte.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[test]
fn the_role_of_these_tests_is_one() {
    let problems = check(ROLE).map(|_| ()).map_err(|errors| errors.render("r"));
    assert_eq!(problems, Ok(()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_text(text: String) {
        let _ = check(&text);
    }

    #[test]
    fn any_pieces(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40)) {
        let _ = check(&pieces.concat());
    }

    #[test]
    fn a_role_with_pieces_put_in_and_taken_out(
        edits in prop::collection::vec(
            (0..ROLE.len(), 0..20_usize, prop::sample::select(PIECES)),
            1..6,
        )
    ) {
        let mut text = ROLE.to_owned();
        for (at, taken, piece) in edits {
            let (from, to) = (boundary(&text, at), boundary(&text, at + taken));
            text.replace_range(from..to, piece);
            let _ = check(&text);
        }
    }
}

/// Texts as long as allowed that repeat what makes a reader look back, forward or inward. Each takes
/// well under a second; a quadratic step anywhere would take minutes.
#[test]
fn long_texts_end_soon() {
    let most = 1024 * 1024;
    for (before, piece, after) in [
        ("", "[", ""),
        ("", "{", ""),
        ("", "[]", ""),
        ("[", "[],", "]"),
        ("", "- ", ""),
        ("", "? ", ""),
        ("", "a: ", ""),
        ("", "a:\n", ""),
        ("", "- a\n", ""),
        ("", "- - - a\n", ""),
        ("", "&a ", ""),
        ("", "*a ", ""),
        ("", "- *a\n", ""),
        ("[", "*a, ", "]"),
        ("[", "&a a, ", "]"),
        ("[", "!x a, ", "]"),
        ("[", "a: b, ", "]"),
        ("{", "a, ", "}: b"),
        ("[[[[[[[[[[[[[[[[[[[[[[[[", "a, ", "]: a]: a]: a]: a]: a]: a]: a]: a]: a]: a]: a]: a]"),
        ("a: ", "${", ""),
        ("a: ", "$${", ""),
        ("a: ", "${a ", "}"),
        ("a: ", "${NONE}", ""),
        ("a: ", "${SECRET}", ""),
        ("a: \"", "\\x24{", "\""),
        ("a: \"", "\n", "\""),
        ("a: '", " \n", "'"),
        ("a: |\n", " \n", " b"),
        ("a: >\n", " b\n", ""),
        ("a: ", "b\n ", ""),
        ("a: ", " ", "b"),
        ("a: ", "b #", ""),
        ("", "#", ""),
        ("", "#\n", ""),
        ("", "\n", "a"),
        ("", "\r", "a"),
        ("", "---\n", ""),
        ("", "...\n", ""),
        ("", "%X\n", ""),
        ("", "!", ""),
        ("", "!!", ""),
        ("", "a", ": b"),
        ("\"", "a", "\": b"),
        ("", "é", ""),
        ("a: ", "9", ""),
        ("a: 0x", "f", ""),
        ("a: .", "9", "e9"),
        ("", "\u{1b}", ""),
    ] {
        let room = (most - before.len() - after.len()) / piece.len();
        let _ = check(&format!("{before}{}{after}", piece.repeat(room)));
    }
}
