//! Reads `approval:`, a word or a mapping, and `plugins:`, which gives defaults per plugin.

use super::field::Field;
use super::keys::Keys;
use super::{Entry, EntrySource, Position};
use crate::domain::approval::ApprovalMode;
use crate::domain::nearest::nearest;
use crate::domain::rule::{
    Escalation, LARGEST_QUORUM, LONGEST_EXPIRY_S, OnExpiry, Remember, RuleSpec,
};
use crate::domain::yaml::{NodeValue, Problems, Scalar, Typed, shown};
use std::collections::BTreeMap;

const MODES: [(&str, ApprovalMode); 2] = [
    (ApprovalMode::WORDS[0], ApprovalMode::Auto),
    (ApprovalMode::WORDS[1], ApprovalMode::Required),
];
const ON_EXPIRY: [(&str, OnExpiry); 2] = [("deny", OnExpiry::Deny), ("fail", OnExpiry::Fail)];
const REMEMBER: [(&str, Remember); 2] = [("none", Remember::None), ("run", Remember::Run)];
const KEYS: [&str; 9] = [
    "mode",
    "reviewers",
    "quorum",
    "not_requester",
    "expires_after",
    "remind_before",
    "on_expiry",
    "escalate",
    "remember",
];

/// How identities begin: the system's users, the names of API keys, the ids of people in chats.
const IDENTITIES: [&str; 5] = ["os:", "key:", "telegram:", "slack:", "discord:"];

/// Seconds of each unit of a time.
const UNITS: [(char, u64); 4] = [('s', 1), ('m', 60), ('h', 60 * 60), ('d', 24 * 60 * 60)];

/// What `plugins:` says of each plugin, and where.
pub(super) type PluginRules = BTreeMap<String, (RuleSpec, Position)>;

/// Reads `approval:`. A mapping that names no mode means that a person is asked: whoever writes
/// reviewers down wants them asked.
pub(super) fn parse_approval(field: &Field<'_>, problems: &mut Problems) -> Option<RuleSpec> {
    if !matches!(field.node.value, NodeValue::Mapping(_)) {
        let mode = field.word(&MODES, problems)?;
        return Some(RuleSpec { mode: Some(mode), ..RuleSpec::default() });
    }
    let keys = Keys::of(field, &KEYS, problems);
    let mode = match keys.get("mode") {
        Some(field) => field.word(&MODES, problems),
        None => Some(ApprovalMode::Required),
    };
    let spec = RuleSpec {
        mode,
        reviewers: keys.get("reviewers").map(|field| parse_reviewers(&field, problems)),
        quorum: keys.get("quorum").and_then(|field| parse_quorum(&field, problems)),
        not_requester: keys.get("not_requester").and_then(|field| parse_flag(&field, problems)),
        expires_after: keys.get("expires_after").and_then(|field| parse_time(&field, problems)),
        remind_before: keys.get("remind_before").and_then(|field| parse_time(&field, problems)),
        on_expiry: keys.get("on_expiry").and_then(|field| field.word(&ON_EXPIRY, problems)),
        escalate: keys.get("escalate").and_then(|field| parse_escalation(&field, problems)),
        remember: keys.get("remember").and_then(|field| field.word(&REMEMBER, problems)),
    };
    Some(spec)
}

/// Reads `plugins: {NAME: {approval: …}}`.
pub(super) fn parse_plugins(field: &Field<'_>, problems: &mut Problems) -> PluginRules {
    let NodeValue::Mapping(pairs) = &field.node.value else {
        let hint = "write each plugin's name with its keys below, such as `approval: required`";
        field.wrong("a mapping of plugins", hint, problems);
        return PluginRules::new();
    };
    let mut rules = PluginRules::new();
    for (key, node) in pairs {
        let field = Field::new(shown(&key.text), key.position, node);
        let keys = Keys::of(&field, &["approval"], problems);
        let hint = "write `approval: required` below it, or remove the plugin";
        let approval = keys.require("approval", hint, problems);
        if let Some(rule) = approval.and_then(|field| parse_approval(&field, problems)) {
            rules.insert(key.text.clone(), (rule, key.position));
        }
    }
    rules
}

/// Gives each entry what it inherits, and reports rules that nobody can keep and plugins that no entry
/// is of: a misspelt one would leave calls unguarded.
pub(super) fn inherit(
    entries: &mut [Entry],
    role: &RuleSpec,
    plugins: &PluginRules,
    problems: &mut Problems,
) {
    let of_type = |entry: &Entry| match &entry.source {
        EntrySource::Type(name) => Some(name.clone()),
        EntrySource::Component(_) => None,
    };
    let types: Vec<String> = entries.iter().filter_map(of_type).collect();
    for (name, (_, position)) in plugins {
        if !types.contains(name) {
            let hint = match nearest(name, types.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "name the `type` of an entry, or remove the plugin".to_owned(),
            };
            problems.add(*position, format!("no entry is of type {}", shown(name)), hint);
        }
    }
    for entry in entries {
        let plugin = of_type(entry).and_then(|name| plugins.get(&name));
        entry.inherited = match plugin {
            Some((plugin, _)) => plugin.over(role),
            None => role.clone(),
        };
        let tools = entry.tools.keys().map(|tool| (tool.as_str(), entry.tools_positions[tool]));
        // Of a tool that says nothing itself, the entry's own report is enough.
        let own = |tool: &str| entry.tools[tool].approval.is_some();
        let places = tools.filter(|(tool, _)| own(tool)).chain([("", entry.position)]);
        for (tool, position) in places {
            if let Some((message, hint)) = entry.approval_rule(tool).problem() {
                problems.add(position, message, hint);
            }
        }
    }
}

/// Reads `escalate: {after: …, reviewers: […]}`.
fn parse_escalation(field: &Field<'_>, problems: &mut Problems) -> Option<Escalation> {
    let keys = Keys::of(field, &["after", "reviewers"], problems);
    let after =
        keys.require("after", "write how long the first reviewers have: `after: 30m`", problems);
    let hint = "write who is asked then: `reviewers: [os:NAME]`";
    let named = keys.require("reviewers", hint, problems);
    let after = after.and_then(|field| parse_time(&field, problems));
    let named = named?;
    if matches!(&named.node.value, NodeValue::Sequence(items) if items.is_empty()) {
        problems.add(named.node.position, "`reviewers` of `escalate` names nobody", hint);
    }
    Some(Escalation { reviewers: parse_reviewers(&named, problems), after: after? })
}

/// Identities, each once.
fn parse_reviewers(field: &Field<'_>, problems: &mut Problems) -> Vec<String> {
    let mut reviewers = Vec::new();
    for item in field.items("begin each reviewer on its own line: `- os:NAME`", problems) {
        let Some(scalar) = item.filled(problems) else { continue };
        let name = IDENTITIES.iter().find_map(|kind| scalar.text.strip_prefix(kind));
        if name.is_none_or(|name| name.is_empty() || name.contains(char::is_whitespace)) {
            let message = format!("{} is not an identity", shown(scalar.written()));
            let hint = "write `os:NAME` for a user of this machine, `key:NAME` for an API key, or `telegram:ID`, \
                        `slack:ID` or `discord:ID` for somebody in a chat";
            problems.add(item.node.position, message, hint);
        } else if reviewers.contains(&scalar.text) {
            let message = format!("{} is named twice", shown(scalar.written()));
            problems.add(item.node.position, message, "each reviewer counts once; remove one");
        } else {
            reviewers.push(scalar.text.clone());
        }
    }
    reviewers
}

fn parse_quorum(field: &Field<'_>, problems: &mut Problems) -> Option<u32> {
    let quorum = field.positive(problems)?;
    if quorum > LARGEST_QUORUM {
        let message = format!("`quorum` must be at most {LARGEST_QUORUM}");
        problems.add(field.node.position, message, "ask for fewer approvals");
        return None;
    }
    Some(quorum)
}

fn parse_flag(field: &Field<'_>, problems: &mut Problems) -> Option<bool> {
    if let Some(Scalar { typed: Typed::Bool(flag), .. }) = field.scalar() {
        return Some(*flag);
    }
    field.wrong("`true` or `false`", "write `true` or `false`", problems);
    None
}

/// A whole number of seconds, minutes, hours or days: `90s`, `30m`, `4h`, `2d`.
pub(super) fn parse_time(field: &Field<'_>, problems: &mut Problems) -> Option<u64> {
    let hint = "write a number with `s`, `m`, `h` or `d`, such as `4h`, of at most 365 days";
    let text = field.scalar().and_then(Scalar::as_text);
    let seconds = text.and_then(|text| {
        let (unit, seconds) = UNITS.iter().find(|(unit, _)| text.ends_with(*unit))?;
        let number = text.strip_suffix(*unit)?;
        let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| number.parse::<u64>().ok()?.checked_mul(*seconds)).flatten()
    });
    match seconds {
        Some(seconds) if (1..=LONGEST_EXPIRY_S).contains(&seconds) => Some(seconds),
        _ => {
            field.wrong("a time such as `4h`", hint, problems);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{check, check_tools};
    use expect_test::expect;

    #[test]
    fn a_rule_is_a_word_or_a_mapping() {
        check_tools(
            r#"  - type: a
    approval:
      mode: required
      reviewers: [os:alice, "key:ops"]
      quorum: 2
      not_requester: true
      expires_after: 4h
      on_expiry: fail
      remember: run
    tools:
      read: {approval: auto}
      write: {approval: {quorum: 1}}
  - {type: b, approval: {reviewers: [os:alice]}}
"#,
            expect![[r#"
                - a Type("a") at 5:5, source at 5:11
                  approval {"mode":"required","reviewers":["os:alice","key:ops"],"quorum":2,"not_requester":true,"expires_after":14400,"on_expiry":"fail","remember":"run"}
                  read at 15:7
                    approval {"mode":"auto","reviewers":["os:alice","key:ops"],"quorum":2,"not_requester":true,"expires_after":14400,"on_expiry":"fail","remember":"run"}
                  write at 16:7
                    approval {"mode":"required","reviewers":["os:alice","key:ops"],"not_requester":true,"expires_after":14400,"on_expiry":"fail","remember":"run"}
                - b Type("b") at 17:5, source at 17:12
                  approval {"mode":"required","reviewers":["os:alice"]}"#]],
        );
    }

    #[test]
    fn each_key_is_checked() {
        check_tools(
            r#"  - type: a
    approval:
      mode: maybe
      reviewers: [alice, "os:", os:a b, os:bob, os:bob, 5]
      quorum: 0
      not_requester: yes
      expires_after: 4
      on_expiry: allow
      remember: always
      expire_after: 1h
  - {type: b, approval: {quorum: 101, expires_after: 366d}}
  - {type: c, approval: {quorum: 3, reviewers: [os:a, os:b], expires_after: 0s}}
  - {type: d, approval: {expires_after: 88888888888888888888d}}
  - {type: e, approval: {expires_after: -1h}, retry_unknown: always}
  - {type: f, approval: []}
"#,
            expect![[r#"
                r:7:13: `mode` must be one of `auto`, `required`, not `maybe`
                  hint: write one of `auto`, `required`
                r:8:19: `alice` is not an identity
                  hint: write `os:NAME` for a user of this machine, `key:NAME` for an API key, or `telegram:ID`, `slack:ID` or `discord:ID` for somebody in a chat
                r:8:26: `os:` is not an identity
                  hint: write `os:NAME` for a user of this machine, `key:NAME` for an API key, or `telegram:ID`, `slack:ID` or `discord:ID` for somebody in a chat
                r:8:33: `os:a b` is not an identity
                  hint: write `os:NAME` for a user of this machine, `key:NAME` for an API key, or `telegram:ID`, `slack:ID` or `discord:ID` for somebody in a chat
                r:8:49: `os:bob` is named twice
                  hint: each reviewer counts once; remove one
                r:8:57: an item of `reviewers` must be text, not `5`
                  hint: put it in quotes: `"5"`
                r:9:15: `quorum` must be a positive whole number, not `0`
                  hint: write a number from 1 to 4294967295
                r:10:22: `not_requester` must be `true` or `false`, not `yes`
                  hint: write `true` or `false`
                r:11:22: `expires_after` must be a time such as `4h`, not `4`
                  hint: write a number with `s`, `m`, `h` or `d`, such as `4h`, of at most 365 days
                r:12:18: `on_expiry` must be one of `deny`, `fail`, not `allow`
                  hint: write one of `deny`, `fail`
                r:13:17: `remember` must be one of `none`, `run`, not `always`
                  hint: write one of `none`, `run`
                r:14:7: unknown key `expire_after`
                  hint: did you mean `expires_after`?
                r:15:34: `quorum` must be at most 100
                  hint: ask for fewer approvals
                r:15:54: `expires_after` must be a time such as `4h`, not `366d`
                  hint: write a number with `s`, `m`, `h` or `d`, such as `4h`, of at most 365 days
                r:16:5: `quorum` asks for 3 approvals, and `reviewers` names 2
                  hint: name more reviewers, or ask for fewer approvals
                r:16:77: `expires_after` must be a time such as `4h`, not `0s`
                  hint: write a number with `s`, `m`, `h` or `d`, such as `4h`, of at most 365 days
                r:17:41: `expires_after` must be a time such as `4h`, not `88888888888888888888d`
                  hint: write a number with `s`, `m`, `h` or `d`, such as `4h`, of at most 365 days
                r:18:41: `expires_after` must be a time such as `4h`, not `-1h`
                  hint: write a number with `s`, `m`, `h` or `d`, such as `4h`, of at most 365 days
                r:18:62: `retry_unknown` must be one of `ask`, `auto`, not `always`
                  hint: write one of `ask`, `auto`
                r:19:25: `approval` must be one of `auto`, `required`, not a list
                  hint: write one of `auto`, `required`"#]],
        );
    }

    #[test]
    fn a_second_group_and_a_reminder_are_read_and_inherited() {
        check_tools(
            r#"  - type: a
    approval:
      reviewers: [os:alice]
      expires_after: 2h
      remind_before: 10m
      escalate: {after: 30m, reviewers: [os:carol, "telegram:5"]}
    tools:
      write: {approval: {escalate: {after: 5m, reviewers: [os:bob]}}}
      sync: {approval: {remind_before: 1m, quorum: 2}}
"#,
            expect![[r#"
                - a Type("a") at 5:5, source at 5:11
                  approval {"mode":"required","reviewers":["os:alice"],"expires_after":7200,"remind_before":600,"escalate":{"after":1800,"reviewers":["os:carol","telegram:5"]}}
                  sync at 13:7
                    approval {"mode":"required","reviewers":["os:alice"],"quorum":2,"expires_after":7200,"remind_before":60,"escalate":{"after":1800,"reviewers":["os:carol","telegram:5"]}}
                  write at 12:7
                    approval {"mode":"required","reviewers":["os:alice"],"expires_after":7200,"remind_before":600,"escalate":{"after":300,"reviewers":["os:bob"]}}"#]],
        );
        check(
            r#"name: x
prompt: p
model: openai:m
approval: {reviewers: [os:a], escalate: {after: 1h, reviewers: [os:b]}}
plugins:
  shell: {approval: {escalate: {after: 1m, reviewers: [os:c]}}}
tools:
  - shell
  - {type: sql, approval: {expires_after: 2h}}
"#,
            expect![[r#"
                x: p, OpenAi m
                - shell Type("shell") at 8:5, source at 8:5
                  approval {"mode":"required","reviewers":["os:a"],"escalate":{"after":60,"reviewers":["os:c"]}}
                - sql Type("sql") at 9:5, source at 9:12
                  approval {"mode":"required","reviewers":["os:a"],"expires_after":7200,"escalate":{"after":3600,"reviewers":["os:b"]}}"#]],
        );
    }

    #[test]
    fn an_escalation_that_changes_nothing_and_times_that_do_not_fit_are_told() {
        check_tools(
            r#"  - {type: a, approval: {escalate: {after: 1h, reviewers: [os:carol]}}}
  - {type: b, approval: {reviewers: [os:a, os:b], escalate: {after: 1h, reviewers: [os:b]}}}
  - {type: c, approval: {reviewers: [os:a], expires_after: 1h, escalate: {after: 60m, reviewers: [os:b]}}}
  - {type: d, approval: {remind_before: 10m}}
  - {type: e, approval: {expires_after: 10m, remind_before: 600s}}
  - {type: f, approval: {reviewers: [os:a], quorum: 3, escalate: {after: 1h, reviewers: [os:b]}}}
  - {type: g, approval: {reviewers: [os:a], escalate: 1h}}
  - {type: h, approval: {reviewers: [os:a], escalate: {}}}
  - {type: i, approval: {reviewers: [os:a], escalate: {after: soon, reviewers: []}}}
  - {type: j, approval: {reviewers: [os:a], escalate: {after: 1h, reviewers: [bob], to: x}}}
  - {type: k, approval: {reviewers: [os:a], escalate: {after: 1h, reviewers: os:b}}}
  - {type: l, approval: {mode: auto, remind_before: 10m}}
"#,
            expect![[r#"
                r:5:5: `escalate` names further reviewers, and without `reviewers` anybody may decide already
                  hint: name the `reviewers` who are asked first, or remove `escalate`
                r:6:5: `escalate` names nobody who is not in `reviewers` already
                  hint: name somebody else, or remove `escalate`
                r:7:5: `escalate` comes after 1 h, and a call expires after 1 h
                  hint: escalate sooner, or let calls wait for longer
                r:8:5: `remind_before` is for calls that expire, and `expires_after` is not set
                  hint: set `expires_after`, or remove `remind_before`
                r:9:5: `remind_before` is 10 min, and a call expires after 10 min
                  hint: remind people later, or let calls wait for longer
                r:10:5: `quorum` asks for 3 approvals, and `reviewers` names 1, `escalate` 1 more
                  hint: name more reviewers, or ask for fewer approvals
                r:11:55: `escalate` must be a mapping of keys, not `1h`
                  hint: it may have the keys `after`, `reviewers`
                r:12:45: the key `after` is missing
                  hint: write how long the first reviewers have: `after: 30m`
                r:12:45: the key `reviewers` is missing
                  hint: write who is asked then: `reviewers: [os:NAME]`
                r:13:63: `after` must be a time such as `4h`, not `soon`
                  hint: write a number with `s`, `m`, `h` or `d`, such as `4h`, of at most 365 days
                r:13:80: `reviewers` of `escalate` names nobody
                  hint: write who is asked then: `reviewers: [os:NAME]`
                r:14:79: `bob` is not an identity
                  hint: write `os:NAME` for a user of this machine, `key:NAME` for an API key, or `telegram:ID`, `slack:ID` or `discord:ID` for somebody in a chat
                r:14:85: unknown key `to`
                  hint: the keys here are `after`, `reviewers`
                r:15:78: `reviewers` must be a list, not `os:b`
                  hint: begin each reviewer on its own line: `- os:NAME`"#]],
        );
    }

    #[test]
    fn defaults_come_from_the_role_and_the_plugin() {
        check(
            r#"name: x
prompt: p
model: openai:m
approval: {reviewers: [os:a, os:b], quorum: 2}
plugins:
  shell: {approval: {expires_after: 90s}}
tools:
  - shell
  - {type: sql, approval: auto}
  - {type: sql, name: other, tools: {drop: {approval: {quorum: 1}}}}
"#,
            expect![[r#"
                x: p, OpenAi m
                - shell Type("shell") at 8:5, source at 8:5
                  approval {"mode":"required","reviewers":["os:a","os:b"],"quorum":2,"expires_after":90}
                - sql Type("sql") at 9:5, source at 9:12
                  approval {"mode":"auto","reviewers":["os:a","os:b"],"quorum":2}
                - other Type("sql") at 10:5, source at 10:12
                  approval {"mode":"required","reviewers":["os:a","os:b"],"quorum":2}
                  drop at 10:38
                    approval {"mode":"required","reviewers":["os:a","os:b"]}"#]],
        );
        check(
            r#"name: x
prompt: p
model: openai:m
approval: {reviewers: [os:a]}
plugins:
  shel: {approval: required}
  sql: {}
  git: required
tools:
  - shell
  - {type: sql, approval: {quorum: 2}}
"#,
            expect![[r#"
                r:6:3: no entry is of type `shel`
                  hint: did you mean `shell`?
                r:7:3: the key `approval` is missing
                  hint: write `approval: required` below it, or remove the plugin
                r:8:8: `git` must be a mapping of keys, not `required`
                  hint: it may have the keys `approval`
                r:11:5: `quorum` asks for 2 approvals, and `reviewers` names 1
                  hint: name more reviewers, or ask for fewer approvals"#]],
        );
    }
}
