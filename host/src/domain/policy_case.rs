//! Cases: what authors of policies expect of them. A file of cases names a role; each case is a call that
//! nobody makes, and the answer that it should get.
//!
//! Nothing of a case depends on the day, the machine or the environment: what it does not say has the
//! same value everywhere.

use super::clock::Timestamp;
use super::moment::Moment;
use super::policy::{Circumstances, Counts, Effect, PolicyRecord, Question, strictest};
use super::role::{Field, Keys, Position, Problem};
use super::yaml::{self, Kind, NodeValue, Problems, Scalar, Typed, shown};
use std::collections::{BTreeMap, BTreeSet};

/// What an empty file is told, and what a file of cases is called in messages.
const KIND: Kind = Kind {
    noun: "file of cases",
    begin: "a file of cases needs `role: ../role.yaml` and `cases:`",
};

const CASE: [&str; 12] = [
    "name",
    "call",
    "arguments",
    "requester",
    "trigger",
    "at",
    "counts",
    "isolation",
    "approve",
    "expect",
    "reasons",
    "message",
];

/// Who started the run of a case that does not say: nobody who exists.
const REQUESTER: &str = "os:tester";

/// How it was started: as most runs are.
const TRIGGER: &str = "cli";

/// When it is asked: 2026-01-01T12:00:00Z, a Thursday, at an hour when offices are open.
const AT: Timestamp = Timestamp(1_767_268_800_000_000);

/// A file of cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseFile {
    /// The role whose policies are tried; a relative path begins at the folder of the file.
    pub role: String,
    /// Where it is named.
    pub role_position: Position,
    /// The cases, in the order written.
    pub cases: Vec<PolicyCase>,
}

/// A call that nobody makes, and what policies should say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyCase {
    /// Where it begins.
    pub position: Position,
    /// What people call it: unique in its file.
    pub name: String,
    /// The tool, as the model names it.
    pub tool: String,
    /// The arguments, JSON text.
    pub arguments: String,
    /// Where the call would stand.
    pub circumstances: Circumstances,
    /// How far programs of the call would be isolated, where it may run some: not at all, if nothing is
    /// said.
    pub isolation: Vec<String>,
    /// What is asked.
    pub question: Question,
    /// What should come.
    pub expected: Expected,
}

/// What a case expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The answer.
    pub effect: Effect,
    /// The policies that determine it, exactly; `None`: whichever.
    pub reasons: Option<BTreeSet<String>>,
    /// What one of the reasons' messages or errors contains.
    pub message: Option<String>,
}

impl Expected {
    /// Whether the answers of all policies are what was expected. An error denies whatever was asked, so
    /// a case that expects a denial is not met by an error, unless its message is expected.
    pub fn is_met_by(&self, records: &[PolicyRecord]) -> bool {
        let effect = strictest(records);
        let deciding = || records.iter().filter(|it| it.answer.effect == effect);
        let errors = || deciding().flat_map(|it| &it.answer.errors);
        let same_reasons = self.reasons.as_ref().is_none_or(|expected| {
            let reasons = deciding().flat_map(|it| &it.answer.reasons);
            let found: BTreeSet<&String> = reasons.map(|reason| &reason.policy).collect();
            found == expected.iter().collect()
        });
        let same_message = match &self.message {
            None => errors().next().is_none(),
            Some(expected) => {
                let reasons = deciding().flat_map(|it| &it.answer.reasons);
                let mut said = reasons.filter_map(|it| it.message.as_ref()).chain(errors());
                said.any(|text| text.contains(expected))
            }
        };
        effect == self.effect && same_reasons && same_message
    }

    /// In words, such as ``ask by `large` ``.
    pub fn words(&self) -> String {
        let by = self.reasons.as_ref().map(|names| match names.is_empty() {
            true => " by no policy".to_owned(),
            false => {
                let names: Vec<String> = names.iter().map(|name| shown(name)).collect();
                format!(" by {}", names.join(", "))
            }
        });
        let saying = self.message.as_ref().map(|text| format!(" saying {}", shown(text)));
        let effect = self.effect.as_str();
        format!("{effect}{}{}", by.unwrap_or_default(), saying.unwrap_or_default())
    }
}

/// Reads a file of cases.
///
/// # Errors
/// Everything that is wrong with the text, not only the first thing.
pub fn parse_cases(text: &str) -> Result<CaseFile, Vec<Problem>> {
    let mut problems = Problems::default();
    // Without variables: a case is the same everywhere.
    let root = yaml::read(text, &KIND, None, &mut problems);
    let file = root.and_then(|root| {
        let root = Field::new("a file of cases".into(), root.position, &root);
        let keys = Keys::of(&root, &["role", "cases"], &mut problems);
        let hint = "name the role, from the folder of this file: `role: ../role.yaml`";
        let role = keys.require("role", hint, &mut problems);
        let role = role.and_then(|field| {
            Some((field.filled(&mut problems)?.text.clone(), field.node.position))
        });
        let hint = "begin each case on its own line with `- name: `";
        let cases = keys.require("cases", hint, &mut problems);
        let items = cases.map(|field| field.items(hint, &mut problems)).unwrap_or_default();
        let cases: Vec<PolicyCase> =
            items.iter().filter_map(|item| parse_case(item, &mut problems)).collect();
        unique(&cases, &mut problems);
        let (role, role_position) = role?;
        Some(CaseFile { role, role_position, cases })
    });
    match file {
        Some(file) if problems.is_empty() => Ok(file),
        _ => Err(problems.into_sorted()),
    }
}

/// A failure is told by the name of its case.
fn unique(cases: &[PolicyCase], problems: &mut Problems) {
    let mut lines = BTreeMap::new();
    for case in cases {
        if let Some(line) = lines.insert(&case.name, case.position.line) {
            let name = shown(&case.name);
            let message = format!("the case of line {line} is named {name} as well");
            problems.add(case.position, message, "give one of them another name");
        }
    }
}

fn parse_case(field: &Field<'_>, problems: &mut Problems) -> Option<PolicyCase> {
    let keys = Keys::of(field, &CASE, problems);
    let mut text = |key, hint| {
        keys.require(key, hint, problems)?.filled(problems).map(|scalar| scalar.text.clone())
    };
    let name = text("name", "say in a few words what the case is about: `name: a small refund`");
    let tool = text("call", "name the tool as the model does: `call: shell`");
    let mut text = |key| keys.get(key)?.filled(problems).map(|scalar| scalar.text.clone());
    let requester = text("requester").unwrap_or_else(|| REQUESTER.to_owned());
    let trigger = text("trigger").unwrap_or_else(|| TRIGGER.to_owned());
    let reviewer = text("approve");
    let message = text("message");
    let arguments = keys.get("arguments").map(|field| match field.node.value {
        NodeValue::Mapping(_) => field.node.to_json().to_string(),
        _ => {
            let hint = "write the tool's arguments: `arguments: {order: \"7\"}`";
            field.wrong("a mapping of keys", hint, problems);
            String::new()
        }
    });
    let at = keys.get("at").and_then(|field| parse_time(&field, problems)).unwrap_or(AT);
    let counts = keys.get("counts").map(|field| parse_counts(&field, problems));
    let mut texts = |key| {
        let texts = keys.get(key)?.texts(problems).into_iter();
        Some(texts.map(|scalar| scalar.text.clone()).collect::<Vec<_>>())
    };
    let isolation = texts("isolation").unwrap_or_default();
    let reasons = texts("reasons").map(BTreeSet::from_iter);
    let hint = "say what should come: `expect: allow`, `ask` or `deny`";
    let effects = [Effect::Allow, Effect::Ask, Effect::Deny].map(|it| (it.as_str(), it));
    let effect = keys.require("expect", hint, problems)?.word(&effects, problems);
    Some(PolicyCase {
        position: field.node.position,
        name: name?,
        tool: tool?,
        arguments: arguments.unwrap_or_else(|| "{}".to_owned()),
        circumstances: Circumstances { requester, trigger, at, counts: counts.unwrap_or_default() },
        isolation,
        question: reviewer.map_or(Question::Invoke, Question::Approve),
        expected: Expected { effect: effect?, reasons, message },
    })
}

/// A time that policies can be told of: they count from 1970.
fn parse_time(field: &Field<'_>, problems: &mut Problems) -> Option<Timestamp> {
    match Moment::parse(&field.filled(problems)?.text) {
        Ok(Moment::At(time)) if time.0 >= 0 => Some(time),
        _ => {
            let wanted = "a time since 1970 with its offset";
            field.wrong(wanted, "write one like `2026-04-24T14:21:08Z`", problems);
            None
        }
    }
}

fn parse_counts(field: &Field<'_>, problems: &mut Problems) -> Counts {
    let keys =
        Keys::of(field, &["requests", "tool_calls", "calls_of_tool", "running_ms"], problems);
    let mut count = |key| keys.get(key).and_then(|field| parse_count(&field, problems));
    Counts {
        requests: count("requests").unwrap_or_default(),
        tool_calls: count("tool_calls").unwrap_or_default(),
        calls_of_tool: count("calls_of_tool").unwrap_or_default(),
        running_ms: count("running_ms").unwrap_or_default().into(),
    }
}

fn parse_count(field: &Field<'_>, problems: &mut Problems) -> Option<u32> {
    if let Some(Scalar { typed: Typed::Integer(number), .. }) = field.scalar()
        && let Ok(number) = u32::try_from(*number)
    {
        return Some(number);
    }
    let range = format!("a number from 0 to {}", u32::MAX);
    field.wrong("a whole number", &field.number_hint(&range), problems);
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::digest::Digest;
    use crate::domain::policy::{PolicyAnswer, Reason};
    use crate::domain::role::RoleErrors;
    use expect_test::{Expect, expect};

    fn check(text: &str, expected: Expect) {
        let shown = match parse_cases(text) {
            Ok(file) => {
                let line = |case: &PolicyCase| {
                    let Position { line, column } = case.position;
                    let Circumstances { requester, trigger, at, counts } = &case.circumstances;
                    let Counts { requests, tool_calls, calls_of_tool, running_ms } = counts;
                    format!(
                        "{line}:{column} {}: {} {} {:?} of {requester} by {trigger} at {at}, \
                         {requests} {tool_calls} {calls_of_tool} {running_ms}, {:?}: {}",
                        case.name,
                        case.tool,
                        case.arguments,
                        case.question,
                        case.isolation,
                        case.expected.words()
                    )
                };
                let lines: Vec<String> = file.cases.iter().map(line).collect();
                format!("{}\n{}", file.role, lines.join("\n"))
            }
            Err(problems) => RoleErrors { problems }.render("c"),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn a_case_says_what_differs_from_an_ordinary_call() {
        check(
            "role: ../role.yaml\ncases:\n  - {name: small, call: refund, expect: allow}\n",
            expect![[r#"
                ../role.yaml
                3:5 small: refund {} Invoke of os:tester by cli at 2026-01-01T12:00:00.000000Z, 0 0 0 0, []: allow"#]],
        );
        check(
            "role: r.yaml
cases:
  - name: everything
    call: refund
    arguments: {order: '7', amount: 99.5, tags: [a, null, {b: true}]}
    requester: os:ann
    trigger: cron
    at: 2026-05-01T00:00:00+02:00
    counts: {requests: 1, tool_calls: 2, calls_of_tool: 0, running_ms: 4}
    isolation: [landlock-7]
    approve: os:bob
    expect: deny
    reasons: [limit, four-eyes]
    message: above your limit
  - {name: none, call: x, expect: ask, reasons: []}
",
            expect![[r#"
                r.yaml
                3:5 everything: refund {"order":"7","amount":99.5,"tags":["a",null,{"b":true}]} Approve("os:bob") of os:ann by cron at 2026-04-30T22:00:00.000000Z, 1 2 0 4, ["landlock-7"]: deny by `four-eyes`, `limit` saying `above your limit`
                15:5 none: x {} Invoke of os:tester by cli at 2026-01-01T12:00:00.000000Z, 0 0 0 0, []: ask by no policy"#]],
        );
    }

    #[test]
    fn what_cannot_be_a_case_is_refused_where_it_stands() {
        check(
            "",
            expect![[r#"
            c:1:1: the file is empty
              hint: a file of cases needs `role: ../role.yaml` and `cases:`"#]],
        );
        check(
            "hello\n",
            expect![[r#"
            c:1:1: a file of cases must be a mapping of keys, not `hello`
              hint: it may have the keys `role`, `cases`"#]],
        );
        check(
            "rol: x\ncase: []\n",
            expect![[r#"
            c:1:1: unknown key `rol`
              hint: did you mean `role`?
            c:2:1: unknown key `case`
              hint: did you mean `cases`?"#]],
        );
        check(
            "role: x\ncases: {}\n",
            expect![[r#"
            c:2:8: `cases` must be a list, not a mapping
              hint: begin each case on its own line with `- name: `"#]],
        );
        check(
            "role: x
cases:
  - {call: x, expect: alow}
  - {name: a, call: x, expect: allow, arguments: [], at: yesterday, counts: {requests: -1, calls: 2}}
  - {name: b, call: x, expect: deny, at: 1969-12-31T23:59:59Z, reasons: large, isolation: 7}
  - {name: c, call: x, expect: deny, mesage: no, counts: {running_ms: '4'}}
  - {name: d, call: x, expect: deny, message: ''}
  - {name: d, call: x, expect: deny}
  - x
",
            expect![[r#"
                c:3:5: the key `name` is missing
                  hint: say in a few words what the case is about: `name: a small refund`
                c:3:23: `expect` must be one of `allow`, `ask`, `deny`, not `alow`
                  hint: did you mean `allow`?
                c:4:50: `arguments` must be a mapping of keys, not a list
                  hint: write the tool's arguments: `arguments: {order: "7"}`
                c:4:58: `at` must be a time since 1970 with its offset, not `yesterday`
                  hint: write one like `2026-04-24T14:21:08Z`
                c:4:88: `requests` must be a whole number, not `-1`
                  hint: write a number from 0 to 4294967295
                c:4:92: unknown key `calls`
                  hint: the keys here are `requests`, `tool_calls`, `calls_of_tool`, `running_ms`
                c:5:42: `at` must be a time since 1970 with its offset, not `1969-12-31T23:59:59Z`
                  hint: write one like `2026-04-24T14:21:08Z`
                c:5:73: `reasons` must be a list, not `large`
                  hint: begin each item on its own line with `- `
                c:5:91: `isolation` must be a list, not `7`
                  hint: begin each item on its own line with `- `
                c:6:38: unknown key `mesage`
                  hint: did you mean `message`?
                c:6:71: `running_ms` must be a whole number, not `4`
                  hint: write a number from 0 to 4294967295
                c:7:47: `message` has no text
                  hint: write one
                c:8:5: the case of line 7 is named `d` as well
                  hint: give one of them another name
                c:9:5: an item of `cases` must be a mapping of keys, not `x`
                  hint: it may have the keys `name`, `call`, `arguments`, `requester`, `trigger`, `at`, `counts`, `isolation`, `approve`, `expect`, `reasons`, `message`"#]],
        );
    }

    #[test]
    fn variables_mean_nothing_in_cases() {
        check(
            "role: x\ncases:\n  - {name: a, call: x, arguments: {a: '${HOME}'}, expect: allow}\n",
            expect![[r#"
                x
                3:5 a: x {"a":"${HOME}"} Invoke of os:tester by cli at 2026-01-01T12:00:00.000000Z, 0 0 0 0, []: allow"#]],
        );
    }

    fn record(effect: Effect, reasons: &[&str], errors: &[&str]) -> PolicyRecord {
        let reason = |name: &&str| Reason {
            policy: (*name).to_owned(),
            message: Some(format!("{name} says so")),
            severity: None,
        };
        PolicyRecord {
            policy: "cedar".into(),
            question: Question::Invoke,
            counts: Counts::default(),
            isolation: None,
            edited: false,
            answer: PolicyAnswer {
                effect,
                reasons: reasons.iter().map(reason).collect(),
                errors: errors.iter().map(|it| (*it).to_owned()).collect(),
                digest: Digest::of(b"policies"),
                took_us: 1,
            },
        }
    }

    #[test]
    fn a_case_is_met_by_the_strictest_answer_and_its_reasons_alone() {
        let expected = |effect, reasons: Option<&[&str]>, message: Option<&str>| Expected {
            effect,
            reasons: reasons.map(|names| names.iter().map(|it| (*it).to_owned()).collect()),
            message: message.map(str::to_owned),
        };
        let answers = [record(Effect::Allow, &["all"], &[]), record(Effect::Ask, &["b", "a"], &[])];
        let met = |it: Expected| it.is_met_by(&answers);
        assert!(met(expected(Effect::Ask, None, None)));
        assert!(met(expected(Effect::Ask, Some(&["a", "b"]), Some("b says"))));
        assert!(!met(expected(Effect::Allow, None, None)));
        assert!(!met(expected(Effect::Ask, Some(&["a"]), None)));
        assert!(!met(expected(Effect::Ask, Some(&["a", "b", "all"]), None)));
        assert!(!met(expected(Effect::Ask, None, Some("all says"))));
        assert!(expected(Effect::Allow, Some(&[]), None).is_met_by(&[]));
        assert!(!expected(Effect::Allow, Some(&["a"]), None).is_met_by(&[]));
    }

    #[test]
    fn an_error_is_no_denial_that_a_case_could_have_meant() {
        let broken = [record(Effect::Deny, &[], &["`x` could not be evaluated"])];
        let met = |message: Option<&str>| {
            let message = message.map(str::to_owned);
            Expected { effect: Effect::Deny, reasons: None, message }.is_met_by(&broken)
        };
        assert!(!met(None));
        assert!(!met(Some("other")));
        assert!(met(Some("could not be evaluated")));
    }
}
