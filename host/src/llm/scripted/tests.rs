//! Scripts in, answers or problems out.

use super::*;
use crate::domain::ids::CallId;
use crate::domain::role::Provider;

fn load(text: &str) -> Result<Scripted, ModelError> {
    let spec =
        ModelSpec { script: Some("s.yaml".into()), ..ModelSpec::new(Provider::Scripted, "script") };
    Scripted::load(&spec, &BTreeMap::from([("s.yaml".to_owned(), text.to_owned())]))
}

fn user(text: &str) -> Message {
    Message::User { text: text.into() }
}

fn said() -> Message {
    Message::Assistant { text: "ok then".into(), calls: vec![], raw: None }
}

fn result(tool: &str, content: &str, is_error: bool) -> Message {
    Message::ToolResult {
        call: CallId::from_random([0; 16]),
        provider_id: None,
        tool: tool.into(),
        content: content.into(),
        is_error,
    }
}

/// Asks; shows the deltas, the calls and the usage, or the error.
fn ask(script: &str, messages: &[Message]) -> String {
    let model = match load(script) {
        Ok(model) => model,
        Err(error) => return format!("! {error}"),
    };
    let mut shown = String::new();
    let mut sink = |delta: Delta<'_>| match delta {
        Delta::Text(text) => shown.push_str(&format!("[{text}]")),
        Delta::CallStarted { tool } => shown.push_str(&format!("+{tool}")),
        Delta::Retrying { .. } => unreachable!(),
    };
    let request = Request { prompt: "Be brief.", messages, tools: &[] };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    match runtime.block_on(model.respond(request, &mut sink)) {
        Ok(reply) => {
            for call in reply.calls {
                shown.push_str(&format!(" {} {}", call.tool, call.arguments));
            }
            let Usage { input_tokens, output_tokens } = reply.usage;
            format!("{shown} {input_tokens}/{output_tokens}")
        }
        Err(error) => format!("! {error}"),
    }
}

const DELETE: &str = r#"
rules:
  - when: "delete (\\S+)"
    reply: "On it:"
    calls:
      - tool: shell
        arguments: {command: "rm -rf $1", force: true, n: [1, 1.5, null, "$$1"]}
      - tool: note
  - from: tool
    tool: shell
    is_error: true
    user: "delete (.*)"
    reply: "I kept ${user.1}: $0"
  - from: tool
    turn: 2
    reply: "Enough."
  - from: tool
    when: "(?s)a(.*)b"
    reply: "between:$1"
"#;

#[test]
fn a_user_message_is_answered_by_the_first_rule_that_matches() {
    assert_eq!(
        ask(DELETE, &[user("please delete \"x\"")]),
        r#"[On ][it:]+shell+note shell {"command":"rm -rf \"x\"","force":true,"n":[1,1.5,null,"$1"]} note {} 5/6"#
    );
}

#[test]
fn tool_results_are_answered_by_rules_for_them_only() {
    let history = |results: &[Message]| [&[user("delete x"), said()], results].concat();
    assert_eq!(
        ask(DELETE, &history(&[result("note", "a", false), result("shell", "denied", true)])),
        "[I ][kept ][x: ][denied] 8/4"
    );
    assert_eq!(
        ask(DELETE, &history(&[result("t", "a", false), result("u", "b", false)])),
        "[between:\n] 8/1"
    );
    assert_eq!(
        ask(DELETE, &history(&[result("t", "c", false)])),
        "! the script `s.yaml` has no rule for the tool result `c`; add a rule that matches it, or a \
         `fallback`"
    );
    let second = [history(&[result("t", "c", false)]), vec![said(), result("t", "c", false)]];
    assert_eq!(ask(DELETE, &second.concat()), "[Enough.] 10/1");
}

#[test]
fn arguments_given_as_text_are_sent_as_they_are() {
    let script = r#"
rules:
  - when: "(.*)"
    calls:
      - {tool: t, arguments: '{"b" : 1.0,  "a":"\u00e9$1"'}
"#;
    assert_eq!(ask(script, &[user("\"")]), r#"+t t {"b" : 1.0,  "a":"\u00e9"" 3/4"#);
}

#[test]
fn without_a_matching_rule_the_fallback_answers() {
    assert_eq!(ask("fallback: \"You said: $0\"\n", &[user("hi")]), "[You ][said: ][hi] 3/3");
    let long = "x\u{1b}".repeat(100);
    let error = ask("rules: []", &[user(&long)]);
    assert!(error.starts_with(r"! the script `s.yaml` has no rule for the user message `x\u{1b}x"));
    assert!(error.ends_with("…`; add a rule that matches it, or a `fallback`"), "{error}");
}

#[test]
fn a_delay_stands_between_words() {
    let started = std::time::Instant::now();
    assert_eq!(ask("{fallback: a b, delay_ms: 30}", &[user("hi")]), "[a ][b] 3/2");
    assert!(started.elapsed().as_millis() >= 60);
}

#[test]
fn a_faulty_script_says_where_and_what_to_write() {
    let check = |script: &str, expected: &str| {
        let error = load(script).err().unwrap().to_string();
        let shown = error.strip_prefix("the script `s.yaml` is faulty at ").unwrap().to_owned();
        assert_eq!(shown, expected, "{script}");
    };
    check("", "line 1, column 1: the file is empty; begin with `rules:`");
    check("# nothing\n", "line 1, column 1: the file is empty; begin with `rules:`");
    check("- a", "line 1, column 1: a script is a mapping, not a list");
    check("rule: []", "line 1, column 1: a script has no key `rule`; did you mean `rules`?");
    check(
        "zzz: 1",
        "line 1, column 1: a script has no key `zzz`; it has `rules`, `fallback`, `delay_ms`",
    );
    check("rules: {}", "line 1, column 8: `rules` is a list, not a mapping");
    check(
        "rules:\n  - wen: x\n    reply: y",
        "line 2, column 5: a rule has no key `wen`; did you mean `when`?",
    );
    check("rules:\n  - when: x", "line 2, column 5: a rule needs `reply`, `calls` or both");
    check(
        "rules:\n  - when: '(['\n    reply: y",
        "line 2, column 11: `([` is no regular expression: unclosed character class",
    );
    check(
        "rules:\n  - when: 'a{900}{900}{900}'\n    reply: y",
        "line 2, column 11: `a{900}{900}{900}` is no regular expression: it becomes too large; \
         repeat less",
    );
    check("rules:\n  - reply: 7", "line 2, column 12: expected a text, found a number; quote it");
    check("rules:\n  - reply: [a]", "line 2, column 12: expected a text, found a list");
    check(
        "rules:\n  - when: a\n    reply: $0 ${x}",
        "line 3, column 12: `${x}` names no group; write `$${x}` for that text itself",
    );
    check(
        "rules:\n  - from: model\n    reply: a",
        "line 2, column 11: `from` is `user` or `tool`, not `model`",
    );
    check(
        "rules:\n  - reply: a\n    is_error: true",
        "line 3, column 5: `is_error` is only for rules `from: tool`",
    );
    check(
        "rules:\n  - from: tool\n    reply: a\n    is_error: maybe",
        "line 4, column 15: `is_error` is `true` or `false`, not a text",
    );
    check(
        "rules:\n  - turn: -1\n    reply: a",
        "line 2, column 11: `turn` is a whole number from 0 to 65535",
    );
    check("delay_ms: 60001", "line 1, column 11: `delay_ms` is a whole number from 0 to 60000");
    check("rules:\n  - calls:\n      - arguments: {}", "line 3, column 9: a call needs `tool`");
    check(
        "rules:\n  - calls:\n      - {tool: t, arguments: [1]}",
        "line 3, column 30: `arguments` is a mapping or the exact text, not a list",
    );
    check(
        "a: 1\na: 2",
        "line 2, column 1: the key `a` is given twice, on line 1 and again on line 2; keep one of the \
         two",
    );
    check(
        "? [a]\n: b",
        "line 1, column 3: a key must be a single word or text; put the key in quotes if it begins \
         with `[` or `{`",
    );
    check(
        "a: &x 1",
        "line 1, column 4: `&x` is an anchor in YAML, and anchors are not supported; put it in quotes \
         if it is text, or remove it",
    );
    check(
        "a: !t 1",
        "line 1, column 4: the YAML tag `!t` is not supported here; remove it, or put the value in \
         quotes if it is text",
    );
    check(
        "rules: []\n---\nrules: []",
        "line 2, column 1: a second YAML document begins here; a script is one document: remove the \
         `---`, or give it a file of its own",
    );
    check(
        "rules: [",
        "line 2, column 1: this is not valid YAML: while parsing a node, did not find expected node \
         content; look at the indentation, the quotes and the brackets of this line and the one before",
    );
    check(
        "fallback: *.txt",
        "line 1, column 11: `*.txt` is an alias in YAML, and aliases are not supported; put it in \
         quotes if it is text, or write the value out",
    );
    check(
        "delay_ms: 99999999999999999999",
        "line 1, column 11: the number `99999999999999999999` does not fit into 64 bits; put it in \
         quotes if it is text",
    );
    check(
        &format!("a: {}1{}", "[".repeat(70), "]".repeat(70)),
        "line 1, column 67: lists and mappings are nested more than 64 deep; use fewer levels",
    );
    check(
        &"- ".repeat(5000),
        "line 1, column 129: lists and mappings are nested more than 64 deep; use fewer levels",
    );
    check(
        &"[".repeat(5000),
        "line 1, column 256: lists and mappings are nested more than 64 deep; use fewer levels",
    );
    check(
        &"#".repeat(2 << 20),
        "line 1, column 1: the file has 2097152 bytes; a script may have 1048576; move long texts out \
         of the script",
    );
}

#[test]
fn a_role_without_a_readable_script_is_told_so() {
    let mut spec = ModelSpec { script: None, ..ModelSpec::new(Provider::Scripted, "script") };
    let error = |spec: &ModelSpec| Scripted::load(spec, &BTreeMap::new()).unwrap_err().to_string();
    assert_eq!(
        error(&spec),
        "a scripted model needs its file: add `script: FILE` to the role's `model`"
    );
    spec.script = Some("s.yaml".into());
    assert_eq!(
        error(&spec),
        "the script `s.yaml` was not read; check that the file exists beside the role"
    );
}
