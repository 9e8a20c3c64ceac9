//! Reads `triggers:`: what starts runs of the role by itself.

use super::Position;
use super::field::Field;
use super::keys::Keys;
use super::parse_approval::parse_time;
use crate::domain::schedule::{NoSchedule, Schedule};
use crate::domain::template::Template;
use crate::domain::trigger::{
    ChatService, ChatSpec, FileEvent, FileWatchSpec, OnMissed, Signature, TriggerKind, TriggerSpec,
    WebhookSpec,
};
use crate::domain::yaml::{Problems, Scalar, is_variable_name, shown};
use std::collections::BTreeSet;

/// The words of `type:`.
const TYPES: [(&str, Type); 7] = [
    ("cron", Type::Cron),
    ("heartbeat", Type::Heartbeat),
    ("webhook", Type::Webhook),
    ("file_watch", Type::FileWatch),
    ("telegram", Type::Chat(ChatService::Telegram)),
    ("slack", Type::Chat(ChatService::Slack)),
    ("discord", Type::Chat(ChatService::Discord)),
];

#[derive(Clone, Copy)]
enum Type {
    Cron,
    Heartbeat,
    Webhook,
    FileWatch,
    Chat(ChatService),
}

impl Type {
    /// The keys beside `type`, `name` and, where it has one, `prompt`.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Cron => &["type", "name", "prompt", "schedule", "timezone", "on_missed"],
            Self::Heartbeat => &["type", "name", "prompt", "every"],
            Self::Webhook => {
                &["type", "name", "prompt", "path", "secret_env", "signature", "rate_limit"]
            }
            Self::FileWatch => &["type", "name", "prompt", "paths", "debounce", "events"],
            Self::Chat(ChatService::Slack) => &[
                "type",
                "name",
                "token_env",
                "app_token_env",
                "people",
                "reviewers",
                "places",
                "api_url",
            ],
            Self::Chat(ChatService::Telegram) => {
                &["type", "name", "token_env", "people", "reviewers", "places", "api_url"]
            }
            Self::Chat(ChatService::Discord) => &[
                "type",
                "name",
                "token_env",
                "people",
                "reviewers",
                "places",
                "api_url",
                "gateway_url",
            ],
        }
    }

    /// What a prompt may name.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Cron | Self::Heartbeat => &["time"],
            Self::Webhook => &["body", "header"],
            Self::FileWatch => &["path", "event"],
            Self::Chat(_) => &[],
        }
    }
}

const ON_MISSED: [(&str, OnMissed); 3] =
    [("skip", OnMissed::Skip), ("once", OnMissed::Once), ("all", OnMissed::All)];
const SIGNATURES: [(&str, Signature); 2] =
    [("github", Signature::GitHub), ("standard", Signature::Standard)];
const FILE_EVENTS: [(&str, FileEvent); 3] = [
    ("created", FileEvent::Created),
    ("modified", FileEvent::Modified),
    ("deleted", FileEvent::Deleted),
];

/// Webhook requests in a minute where a role says nothing: one a second is more than repositories and
/// monitors send, and a storm is told so.
const RATE: u32 = 60;

/// Seconds that a file must rest where a role says nothing: an editor that writes in pieces is done by then.
const DEBOUNCE_S: u64 = 1;

/// The longest name of a trigger: it is a part of addresses and of log lines.
const LONGEST_NAME: usize = 64;

/// Reads the list. Names are unique among `taken` and themselves, and are added to it.
pub(super) fn parse_triggers(
    field: &Field<'_>,
    taken: &mut Vec<(String, Position)>,
    problems: &mut Problems,
) -> Vec<TriggerSpec> {
    let items = field.items("begin each trigger on its own line: `- type: cron`", problems);
    let mut triggers = Vec::new();
    for item in items {
        let found = parse_trigger(&item, taken, problems);
        triggers.extend(found);
    }
    triggers
}

fn parse_trigger(
    item: &Field<'_>,
    taken: &mut Vec<(String, Position)>,
    problems: &mut Problems,
) -> Option<TriggerSpec> {
    let position = item.node.position;
    // Which keys it may have depends on one of them.
    let every = TYPES.iter().flat_map(|(_, of)| of.keys()).copied().collect::<BTreeSet<_>>();
    let every: Vec<&'static str> = every.into_iter().collect();
    let mut unused = Problems::default();
    let first = Keys::of(item, &every, &mut unused).get("type");
    let Some(of) = first.and_then(|field| field.word(&TYPES, &mut unused)) else {
        let keys = Keys::of(item, &every, problems);
        let field = keys.require("type", "add a line such as `type: cron`", problems)?;
        field.word(&TYPES, problems);
        return None;
    };
    let keys = Keys::of(item, of.keys(), problems);
    let word =
        TYPES.iter().find(|(_, it)| std::mem::discriminant(it) == std::mem::discriminant(&of));
    let default = match of {
        Type::Chat(service) => service.word(),
        _ => word.map_or("trigger", |(word, _)| word),
    };
    let name = parse_name(&keys, default, position, taken, problems);
    let prompt = match of {
        Type::Chat(_) => None,
        of => {
            let hint = "add a `prompt`: what the model is asked when it happens";
            let field = keys.require("prompt", hint, problems);
            field.and_then(|field| parse_template(&field, of, problems))
        }
    };
    let kind = match of {
        Type::Cron => parse_cron(&keys, problems),
        Type::Heartbeat => {
            let hint = "add a line such as `every: 10m`";
            let every = keys.require("every", hint, problems);
            every
                .and_then(|field| parse_time(&field, problems))
                .map(|every| TriggerKind::Heartbeat { every })
        }
        Type::Webhook => parse_webhook(&keys, problems).map(TriggerKind::Webhook),
        Type::FileWatch => parse_file_watch(&keys, problems).map(TriggerKind::FileWatch),
        Type::Chat(service) => parse_chat(service, &keys, problems).map(TriggerKind::Chat),
    };
    let has_prompt = prompt.is_some() || matches!(of, Type::Chat(_));
    Some(TriggerSpec { name: name?, prompt, kind: kind.filter(|_| has_prompt)?, position })
}

/// Reads `name`, or takes the default: unique, and fit for an address.
pub(super) fn parse_name(
    keys: &Keys<'_>,
    default: &str,
    position: Position,
    taken: &mut Vec<(String, Position)>,
    problems: &mut Problems,
) -> Option<String> {
    let (name, position) = match keys.get("name") {
        Some(field) => (field.filled(problems)?.text.clone(), field.node.position),
        None => (default.to_owned(), position),
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.len() > LONGEST_NAME || !name.chars().all(fits) {
        let message = format!("{} is no name", shown(&name));
        let hint = "use at most 64 letters, digits, `-`, `_` and `.`";
        problems.add(position, message, hint);
        return None;
    }
    if let Some((_, other)) = taken.iter().find(|(other, _)| *other == name) {
        let message = format!("{} is the name of the one on line {}", shown(&name), other.line);
        problems.add(position, message, "add a `name` of its own: replies are addressed by it");
        return None;
    }
    taken.push((name.clone(), position));
    Some(name)
}

fn parse_template(field: &Field<'_>, of: Type, problems: &mut Problems) -> Option<Template> {
    let scalar = field.filled(problems)?;
    match Template::parse(&scalar.text, of.names()) {
        Ok(template) => Some(template),
        Err(why) => {
            let names: Vec<String> =
                of.names().iter().map(|name| format!("`{{{{ {name} }}}}`")).collect();
            let hint = format!("an event of this kind has {}", names.join(" and "));
            problems.add(field.node.position, why.to_string(), hint);
            None
        }
    }
}

fn parse_cron(keys: &Keys<'_>, problems: &mut Problems) -> Option<TriggerKind> {
    let on_missed = keys.get("on_missed").and_then(|field| field.word(&ON_MISSED, problems));
    let zone = keys.get("timezone");
    let zone_name = match &zone {
        Some(field) => field.filled(problems)?.text.clone(),
        None => "UTC".to_owned(),
    };
    let hint = "add a line such as `schedule: \"0 9 * * 1-5\"`";
    let field = keys.require("schedule", hint, problems)?;
    let scalar = field.filled(problems)?;
    match Schedule::parse(&scalar.text, &zone_name) {
        Ok(schedule) => {
            Some(TriggerKind::Cron { schedule, on_missed: on_missed.unwrap_or_default() })
        }
        Err(NoSchedule::Zone(_)) => {
            let position = zone.map_or(field.node.position, |field| field.node.position);
            let message = format!("there is no time zone {}", shown(&zone_name));
            problems.add(position, message, "write one like `Europe/Berlin` or `UTC`");
            None
        }
        Err(NoSchedule::Expression { why, at }) => {
            let message = format!("{} is no schedule: {why}", shown(scalar.written()));
            // The value of a variable is not shown.
            let hint = match scalar.has_variables() {
                true => {
                    "write minute, hour, day of the month, month and day of the week".to_owned()
                }
                false => format!("here:\n    {}\n    {}^", scalar.text, " ".repeat(at)),
            };
            problems.add(field.node.position, message, hint);
            None
        }
        Err(NoSchedule::Never) => {
            let message = format!("{} is never due", shown(scalar.written()));
            problems.add(field.node.position, message, "no year has such a day; choose another");
            None
        }
    }
}

fn parse_webhook(keys: &Keys<'_>, problems: &mut Problems) -> Option<WebhookSpec> {
    let signature = keys.get("signature").and_then(|field| field.word(&SIGNATURES, problems));
    let rate = keys.get("rate_limit").and_then(|field| field.positive(problems));
    let hint = "name the variable that holds the secret which signs the requests: `secret_env: GITHUB_SECRET`";
    let secret = keys.require("secret_env", hint, problems);
    let secret = secret.and_then(|field| parse_variable(&field, problems));
    let path = keys.require("path", "add a line such as `path: /github`", problems);
    let path = path.and_then(|field| parse_path(&field, problems));
    Some(WebhookSpec {
        path: path?,
        secret_env: secret?,
        signature: signature.unwrap_or_default(),
        rate_limit: rate.unwrap_or(RATE),
    })
}

fn parse_path(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let scalar = field.filled(problems)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~' | '/');
    let text = &scalar.text;
    if text == "/health" {
        let hint = "choose another: whoever asks whether the daemon works asks there";
        problems.add(field.node.position, "`/health` is taken", hint);
        return None;
    }
    if text.len() > 1 && text.starts_with('/') && text.chars().all(fits) && !text.contains("//") {
        return Some(text.clone());
    }
    let message = format!("{} is no path", shown(scalar.written()));
    let hint =
        "write a `/` and then letters, digits, `-`, `_`, `.`, `~` and `/`, such as `/github`";
    problems.add(field.node.position, message, hint);
    None
}

/// The name of an environment variable. What is written is not shown: it may be the secret itself.
pub(super) fn parse_variable(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let scalar = field.scalar().filter(|scalar| !scalar.has_variables());
    match scalar.and_then(Scalar::as_text).filter(|name| is_variable_name(name)) {
        Some(name) => Some(name.to_owned()),
        None => {
            let message = format!("{} must be the name of an environment variable", field.label);
            let hint =
                "write the name alone, such as `GITHUB_SECRET`; its value stays in the environment";
            problems.add(field.node.position, message, hint);
            None
        }
    }
}

fn parse_file_watch(keys: &Keys<'_>, problems: &mut Problems) -> Option<FileWatchSpec> {
    let debounce = keys.get("debounce").and_then(|field| parse_time(&field, problems));
    let mut events = BTreeSet::new();
    if let Some(field) = keys.get("events") {
        for item in field.items("name them: `events: [created, modified]`", problems) {
            events.extend(item.word(&FILE_EVENTS, problems));
        }
    }
    if events.is_empty() {
        events.extend([FileEvent::Created, FileEvent::Modified]);
    }
    let hint = "name files or patterns: `paths: [inbox/*.csv]`";
    let field = keys.require("paths", hint, problems)?;
    let mut paths = Vec::new();
    for item in field.items(hint, problems) {
        let Some(scalar) = item.filled(problems) else { continue };
        match globset::Glob::new(&scalar.text) {
            Ok(_) => paths.push(scalar.text.clone()),
            Err(error) => {
                let message =
                    format!("{} is no pattern: {}", shown(scalar.written()), error.kind());
                let hint = "`*` stands for anything in a name, `**` for any folders, `[ab]` for one of some";
                problems.add(item.node.position, message, hint);
            }
        }
    }
    let debounce_ms = debounce.unwrap_or(DEBOUNCE_S).saturating_mul(1000);
    (!paths.is_empty()).then_some(FileWatchSpec { paths, debounce_ms, events })
}

fn parse_chat(service: ChatService, keys: &Keys<'_>, problems: &mut Problems) -> Option<ChatSpec> {
    let mut variable = |key: &'static str, default: &str| match keys.get(key) {
        Some(field) => parse_variable(&field, problems),
        None => Some(default.to_owned()),
    };
    let token_env = variable("token_env", service.token_variable());
    let app_token_env = match service {
        ChatService::Slack => Some(variable("app_token_env", "SLACK_APP_TOKEN")?),
        _ => None,
    };
    let mut ids = |key: &'static str, field: Option<Field<'_>>| {
        let items =
            field.map(|field| field.items(&format!("write ids: `{key}: [\"123\"]`"), problems));
        let items = items.unwrap_or_default();
        items.iter().filter_map(|item| parse_id(service, item, problems)).collect::<Vec<String>>()
    };
    let reviewers = keys.get("reviewers").map(|field| ids("reviewers", Some(field)));
    let places = ids("places", keys.get("places"));
    let people = keys.get("people").map(|field| ids("people", Some(field)));
    let mut url = |key: &'static str, schemes: &[&str]| {
        let field = keys.get(key)?;
        parse_url(&field, schemes, problems)
    };
    let api_url = url("api_url", &["https", "http"]);
    let gateway_url = url("gateway_url", &["wss", "ws"]);
    let hint = "name the people who may talk to it, by their ids: `people: [\"123\"]`";
    let people = match people {
        Some(people) => people,
        None => {
            keys.require("people", hint, problems);
            return None;
        }
    };
    Some(ChatSpec {
        service,
        token_env: token_env?,
        app_token_env,
        reviewers: reviewers.unwrap_or_else(|| people.clone()),
        people,
        places,
        api_url,
        gateway_url,
    })
}

/// An id as the service has them, with or without quotes. A name in its place would be nobody's, and nothing
/// would say so.
fn parse_id(service: ChatService, item: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let text = item.scalar().map(|scalar| scalar.text.trim()).unwrap_or_default();
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (fits, hint) = match service {
        // Groups have negative ones.
        ChatService::Telegram => (
            digits(text.strip_prefix('-').unwrap_or(text)),
            "write the number; of somebody who is not listed and writes to the bot, the daemon's log tells it",
        ),
        ChatService::Slack => (
            text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()),
            "write it as the service shows it, such as `U012AB3CD`: in the profile, *Copy member ID*",
        ),
        ChatService::Discord => (
            digits(text),
            "write the number: in the menu of the name, with *Developer Mode* on, *Copy User ID*",
        ),
    };
    if fits && text.bytes().any(|byte| byte.is_ascii_alphanumeric()) && text.len() <= LONGEST_NAME {
        return Some(text.to_owned());
    }
    if !item.is_broken() {
        problems.add(item.node.position, format!("{} must be an id", item.label), hint);
    }
    None
}

/// An address; one without encryption leads to this machine.
pub(super) fn parse_url(
    field: &Field<'_>,
    schemes: &[&str],
    problems: &mut Problems,
) -> Option<String> {
    let scalar = field.filled(problems)?;
    let parsed = url::Url::parse(&scalar.text).ok();
    let parsed = parsed.filter(|url| schemes.contains(&url.scheme()) && url.host().is_some());
    let Some(parsed) = parsed else {
        let message = format!("{} is no address", shown(scalar.written()));
        problems.add(
            field.node.position,
            message,
            format!("write one like `{}://HOST`", schemes[0]),
        );
        return None;
    };
    let here = match parsed.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    let plain = schemes.get(1).is_some_and(|plain| parsed.scheme() == *plain);
    if plain && !here {
        let message = format!("{} would be spoken to without encryption", shown(scalar.written()));
        let hint =
            format!("write `{}://…`: only this machine may be spoken to in clear", schemes[0]);
        problems.add(field.node.position, message, hint);
        return None;
    }
    Some(scalar.text.clone())
}

#[cfg(test)]
mod tests {
    use super::super::check::lookup;
    use super::super::parse;
    use crate::domain::schedule::Schedule;
    use crate::domain::trigger::TriggerKind;
    use expect_test::{Expect, expect};
    use std::fmt::Write as _;

    /// The items of `triggers:` or `notify:`, which begin on line 5, in short or with their problems.
    fn check(rest: &str, expected: Expect) {
        let text = format!("name: x\nprompt: p\nmodel: openai:m\n{rest}");
        let mut told = String::new();
        match parse(&text, &lookup) {
            Err(errors) => told = errors.render("r"),
            Ok(role) => {
                for trigger in &role.triggers {
                    let _ = write!(told, "{}: ", trigger.name);
                    let _ = match &trigger.kind {
                        TriggerKind::Cron { schedule, on_missed } => {
                            writeln!(told, "cron {} {on_missed:?}", Schedule::text(schedule))
                        }
                        other => writeln!(told, "{other:?}"),
                    };
                }
                for notice in &role.notices {
                    let _ = writeln!(told, "{}: {:?} {:?}", notice.name, notice.to, notice.on);
                }
                let _ = writeln!(told, "{:?}\n{:?}", role.daemon, role.secret_names());
            }
        }
        expected.assert_eq(&told);
    }

    #[test]
    fn every_kind_reads() {
        check(
            r#"triggers:
  - {type: cron, schedule: "0 9 * * 1-5", timezone: Europe/Berlin, on_missed: once, prompt: "it is {{ time }}"}
  - {type: heartbeat, every: 10m, prompt: look}
  - {type: webhook, path: /github, secret_env: GITHUB_SECRET, prompt: "{{ body.action }}"}
  - {type: webhook, name: second, path: /x/y, secret_env: B, signature: standard, rate_limit: 5, prompt: p}
  - {type: file_watch, paths: ["inbox/**/*.csv"], debounce: 2s, events: [created], prompt: "{{ path }}"}
  - {type: telegram, people: [123, "456"], places: ["-100"]}
  - {type: slack, people: [U1], reviewers: [U2], token_env: A, app_token_env: C}
  - {type: discord, people: ["1"], api_url: "http://127.0.0.1:80", gateway_url: "ws://localhost:1"}
notify:
  - {chat: {trigger: telegram, to: "-100"}}
  - {webhook: {url: "https://x.example/y", secret_env: N}, on: [ended]}
  - {email: {server: "smtps://mail.example", from: a@b.example, to: [c@d.example], password_env: MAIL}}
daemon: {max_concurrent_runs: 2, max_runs_per_day: 9}
"#,
            expect![[r#"
                cron: cron 0 9 * * 1-5 Once
                heartbeat: Heartbeat { every: 600 }
                webhook: Webhook(WebhookSpec { path: "/github", secret_env: "GITHUB_SECRET", signature: GitHub, rate_limit: 60 })
                second: Webhook(WebhookSpec { path: "/x/y", secret_env: "B", signature: Standard, rate_limit: 5 })
                file_watch: FileWatch(FileWatchSpec { paths: ["inbox/**/*.csv"], debounce_ms: 2000, events: {Created} })
                telegram: Chat(ChatSpec { service: Telegram, token_env: "TELEGRAM_BOT_TOKEN", app_token_env: None, people: ["123", "456"], reviewers: ["123", "456"], places: ["-100"], api_url: None, gateway_url: None })
                slack: Chat(ChatSpec { service: Slack, token_env: "A", app_token_env: Some("C"), people: ["U1"], reviewers: ["U2"], places: [], api_url: None, gateway_url: None })
                discord: Chat(ChatSpec { service: Discord, token_env: "DISCORD_BOT_TOKEN", app_token_env: None, people: ["1"], reviewers: ["1"], places: [], api_url: Some("http://127.0.0.1:80"), gateway_url: Some("ws://localhost:1") })
                notify-chat: Chat { trigger: "telegram", place: "-100" } {Paused, Decided, Expiring, Escalated, Ended}
                notify-webhook: Webhook { url: "https://x.example/y", secret_env: "N" } {Ended}
                notify-email: Email { server: "smtps://mail.example", from: "a@b.example", to: ["c@d.example"], user_env: None, password_env: Some("MAIL") } {Paused, Expiring, Escalated}
                DaemonLimits { max_concurrent_runs: 2, max_queued_runs: 1000, max_runs_per_day: Some(9), max_tokens_per_day: None, max_cost_usd_per_day: None }
                ["OPENAI_API_KEY", "GITHUB_SECRET", "B", "TELEGRAM_BOT_TOKEN", "A", "C", "DISCORD_BOT_TOKEN", "N", "MAIL"]
            "#]],
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        check(
            r#"triggers:
  - {type: cron, schedule: "*/61 * * * *", prompt: p}
  - {type: cron, name: b, schedule: "0 9 * *", prompt: p, timezone: Mars/Base}
  - {type: cron, name: c, schedule: "0 9 * * *", prompt: "{{ body }}"}
  - {type: cron, name: c, schedule: "0 9 30 2 *", prompt: p}
  - {type: cron, name: d, prompt: p}
  - {type: crn, prompt: p}
  - {schedule: "* * * * *"}
  - {type: heartbeat, every: 0s, prompt: p}
  - {type: webhook, path: github, secret_env: "hunter2 hunter2", prompt: p, people: [1]}
  - {type: file_watch, paths: ["[x"], prompt: p, events: [moved]}
  - {type: telegram}
  - {type: slack, name: "a b", people: ["x y"]}
  - {type: discord, people: [1], api_url: "http://example.com", gateway_url: nonsense}
  - {type: telegram, name: t, people: ["@alice", "-"], reviewers: [alice]}
  - {type: discord, name: e2, people: [bob#1]}
notify:
  - {chat: {trigger: nobody, to: "-1"}}
  - {webhook: {url: "https://x.example"}, email: {}}
  - {email: {server: "http://x", from: "a", to: ["b@c\nBcc: d@e"]}}
daemon: {max_cost_usd_per_day: 5, max_runs: 3}
"#,
            expect![[r#"
                r:5:28: `*/61 * * * *` is no schedule: step must be in range 0..=59; found 61
                  hint: here:
                    */61 * * * *
                    ^
                r:6:69: there is no time zone `Mars/Base`
                  hint: write one like `Europe/Berlin` or `UTC`
                r:7:58: `{{ body }}` names nothing that an event of this kind has
                  hint: an event of this kind has `{{ time }}`
                r:8:24: `c` is the name of the one on line 7
                  hint: add a `name` of its own: replies are addressed by it
                r:8:37: `0 9 30 2 *` is never due
                  hint: no year has such a day; choose another
                r:9:5: the key `schedule` is missing
                  hint: add a line such as `schedule: "0 9 * * 1-5"`
                r:10:12: `type` must be one of `cron`, `heartbeat`, `webhook`, `file_watch`, `telegram`, `slack`, `discord`, not `crn`
                  hint: did you mean `cron`?
                r:11:5: the key `type` is missing
                  hint: add a line such as `type: cron`
                r:12:30: `every` must be a time such as `4h`, not `0s`
                  hint: write a number with `s`, `m`, `h` or `d`, such as `4h`, of at most 365 days
                r:13:27: `github` is no path
                  hint: write a `/` and then letters, digits, `-`, `_`, `.`, `~` and `/`, such as `/github`
                r:13:47: `secret_env` must be the name of an environment variable
                  hint: write the name alone, such as `GITHUB_SECRET`; its value stays in the environment
                r:13:77: unknown key `people`
                  hint: the keys here are `type`, `name`, `prompt`, `path`, `secret_env`, `signature`, `rate_limit`
                r:14:32: `[x` is no pattern: unclosed character class; missing ']'
                  hint: `*` stands for anything in a name, `**` for any folders, `[ab]` for one of some
                r:14:59: an item of `events` must be one of `created`, `modified`, `deleted`, not `moved`
                  hint: write one of `created`, `modified`, `deleted`
                r:15:5: the key `people` is missing
                  hint: name the people who may talk to it, by their ids: `people: ["123"]`
                r:16:25: `a b` is no name
                  hint: use at most 64 letters, digits, `-`, `_` and `.`
                r:16:41: an item of `people` must be an id
                  hint: write it as the service shows it, such as `U012AB3CD`: in the profile, *Copy member ID*
                r:17:43: `http://example.com` would be spoken to without encryption
                  hint: write `https://…`: only this machine may be spoken to in clear
                r:17:78: `nonsense` is no address
                  hint: write one like `wss://HOST`
                r:18:40: an item of `people` must be an id
                  hint: write the number; of somebody who is not listed and writes to the bot, the daemon's log tells it
                r:18:50: an item of `people` must be an id
                  hint: write the number; of somebody who is not listed and writes to the bot, the daemon's log tells it
                r:18:68: an item of `reviewers` must be an id
                  hint: write the number; of somebody who is not listed and writes to the bot, the daemon's log tells it
                r:19:40: an item of `people` must be an id
                  hint: write the number: in the menu of the name, with *Developer Mode* on, *Copy User ID*
                r:21:22: no chat of `triggers` is called `nobody`
                  hint: name a trigger of type `telegram`, `slack` or `discord`
                r:22:5: it must say whom to tell, once
                  hint: write `chat:`, `webhook:` or `email:` below it, and one of them alone
                r:23:22: `http://x` is no mail server
                  hint: write `smtps://HOST` or `smtp://HOST:587`, and the account by `user_env` and `password_env`
                r:23:40: `a` is no e-mail address
                  hint: write one like `alice@example.com`
                r:23:50: `b@c\nBcc: d@e` is no e-mail address
                  hint: write one like `alice@example.com`
                r:24:10: `max_cost_usd_per_day` needs the price of the model and of each fallback
                  hint: write them as mappings with `price: {input: USD, output: USD}`, for a million tokens
                r:24:35: unknown key `max_runs`
                  hint: the keys here are `max_concurrent_runs`, `max_queued_runs`, `max_runs_per_day`, `max_tokens_per_day`, `max_cost_usd_per_day`"#]],
        );
        check(
            "triggers: [x]\nnotify: 5\ndaemon: []\n",
            expect![[r#"
            r:4:12: an item of `triggers` must be a mapping of keys, not `x`
              hint: it may have the keys `api_url`, `app_token_env`, `debounce`, `events`, `every`, `gateway_url`, `name`, `on_missed`, `path`, `paths`, `people`, `places`, `prompt`, `rate_limit`, `reviewers`, `schedule`, `secret_env`, `signature`, `timezone`, `token_env`, `type`
            r:5:9: `notify` must be a list, not `5`
              hint: begin each one on its own line: `- webhook: {url: …, secret_env: …}`
            r:6:9: `daemon` must be a mapping of keys, not a list
              hint: it may have the keys `max_concurrent_runs`, `max_queued_runs`, `max_runs_per_day`, `max_tokens_per_day`, `max_cost_usd_per_day`"#]],
        );
        check(
            "triggers:\n  - type: cron\n    schedule: ${SECRET}\n    prompt: p\n",
            expect![[r#"
                r:6:15: `${SECRET}` is no schedule: it has 2 fields, and a cron expression has five fields
                  hint: write minute, hour, day of the month, month and day of the week"#]],
        );
    }
}
