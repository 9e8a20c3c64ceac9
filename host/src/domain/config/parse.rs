//! Reads `config.toml`.

use super::read_toml::read_toml;
use super::{ConfigErrors, GrantCeiling, HostConfig};
use crate::domain::limit::{self, Ceilings, Limit};
use crate::domain::role::{Field, Keys, Place, parse_grants, parse_policies};
use crate::domain::yaml::Problems;

/// Reads the configuration. `path` is what it is called towards people.
///
/// # Errors
/// Everything that is wrong with the text, not only the first thing.
pub fn parse(text: &str, path: &str) -> Result<HostConfig, ConfigErrors> {
    let mut problems = Problems::default();
    let mut config = HostConfig { path: path.to_owned(), ..HostConfig::default() };
    if let Some(root) = read_toml(text, &mut problems) {
        let root = Field::new("the configuration".into(), root.position, &root);
        let keys = Keys::of(&root, &["limits", "grants", "policy"], &mut problems);
        if let Some(field) = keys.get("limits") {
            config.ceilings = parse_ceilings(&field, &mut problems);
        }
        if let Some(field) = keys.get("grants") {
            config.grants = parse_ceiling(&field, &mut problems);
        }
        if let Some(field) = keys.get("policy") {
            config.policies = parse_policies(&field, &mut problems);
        }
    }
    if problems.is_empty() { Ok(config) } else { Err(ConfigErrors(problems.into_sorted())) }
}

fn parse_ceilings(field: &Field<'_>, problems: &mut Problems) -> Ceilings {
    let keys = Keys::of(field, &limit::KEYS, problems);
    let mut ceilings = Ceilings::default();
    for limit in Limit::all() {
        let Some(field) = keys.get(limit.key()) else { continue };
        let Some(value) = field.positive(problems) else { continue };
        if value > limit.most() {
            let message = format!(
                "`{}` is {value}, and this host cannot give more than {}",
                limit.key(),
                limit.most()
            );
            problems.add(field.node.position, message, "write a smaller number");
        } else {
            ceilings.set(limit, value);
        }
    }
    ceilings
}

/// A list that is not there leaves everything open; one that is there and empty, nothing.
fn parse_ceiling(field: &Field<'_>, problems: &mut Problems) -> GrantCeiling {
    let given = parse_grants(field, Place::Config, problems);
    // Its unknown keys were reported just now.
    let keys = Keys::of(
        field,
        &["http", "files", "process", "sql", "secrets", "env"],
        &mut Problems::default(),
    );
    let has = |key| keys.get(key).is_some();
    GrantCeiling {
        process: has("process").then_some(given.process),
        http: has("http").then_some(given.http),
        files: has("files").then_some(given.files),
        sql: has("sql").then_some(given.sql),
        secrets: has("secrets").then_some(given.secrets),
        env: has("env").then_some(given.env),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::role::RoleErrors;
    use expect_test::{Expect, expect};

    fn check(text: &str, expected: Expect) {
        let said = match parse(text, "c") {
            Ok(config) => format!("{:?}", config.grants),
            Err(ConfigErrors(problems)) => RoleErrors { problems }.render("c"),
        };
        expected.assert_eq(&said);
    }

    #[test]
    fn what_is_not_said_is_not_restricted() {
        assert_eq!(parse("", "c"), Ok(HostConfig { path: "c".into(), ..HostConfig::default() }));
        check(
            "# nothing\n[limits]\n[grants]\n",
            expect![
                "GrantCeiling { process: None, http: None, files: None, sql: None, secrets: None, env: None }"
            ],
        );
    }

    #[test]
    fn limits_are_ceilings() {
        let config = parse("limits.memory_mb = 1_024\nlimits.max_handles = 0x10", "c").unwrap();
        assert_eq!(config.ceilings.of(Limit::MemoryMb), 1024);
        assert_eq!(config.ceilings.of(Limit::MaxHandles), 16);
        assert_eq!(config.ceilings.of(Limit::MaxTables), Limit::MaxTables.ceiling());
        check(
            "[limits]\nmemory_mb = 5000\ntimeout_seconds = 0\nmax_tabels = 1\nmax_tables = \"1\"\nmax_handles = 1.5\nmax_log_bytes = 99999999999999999999\n",
            expect![[r#"
                c:2:13: `memory_mb` is 5000, and this host cannot give more than 4096
                  hint: write a smaller number
                c:3:19: `timeout_seconds` must be a positive whole number, not `0`
                  hint: write a number from 1 to 4294967295
                c:4:1: unknown key `max_tabels`
                  hint: did you mean `max_tables`?
                c:5:14: `max_tables` must be a positive whole number, not `1`
                  hint: write a number from 1 to 4294967295
                c:6:15: `max_handles` must be a positive whole number, not `1.5`
                  hint: write a number from 1 to 4294967295
                c:7:17: `99999999999999999999` does not fit into 64 bits
                  hint: write a smaller number"#]],
        );
    }

    #[test]
    fn grants_are_read_as_in_roles() {
        check(
            r#"
[grants]
http = [{host = "*.example.com", methods = ["GET", "POST"], path = "/v1"}]
files = [{path = "/srv/data", access = "write"}]
process = [{program = "git", arguments = ["log", "**"]}, {script = true}]
secrets = [{name = "KEY", host = "api.example.com"}]
env = ["LANG"]

[[grants.sql]]
url = "sqlite:/srv/data.db"
"#,
            expect![[
                r#"GrantCeiling { process: Some([Program { name: "git", arguments: Some(["log", "**"]), network: false }, Script { network: false }]), http: Some([HttpGrant { scheme: Https, host: HostPattern { any_label: true, host: Domain("example.com") }, ports: [443], methods: ["GET", "POST"], path: "/v1", networks: [] }]), files: Some([FileGrant { path: "/srv/data", access: Write, guest: "/srv/data" }]), sql: Some([SqlGrant { name: "", path: "/srv/data.db", access: Read }]), secrets: Some([SecretGrant { name: "KEY", host: HostPattern { any_label: false, host: Domain("api.example.com") }, header: "authorization" }]), env: Some(["LANG"]) }"#
            ]],
        );
        check(
            r#"
[grants]
htpp = []
http = [{hots = "a.example", host = "a b"}]
files = [{path = "data"}, {path = "/a", as = "b"}]
process = ["git"]
sql = [{name = "main", url = "sqlite:./x.db"}]
env = "PATH"
"#,
            expect![[r#"
                c:3:1: unknown key `htpp`
                  hint: did you mean `http`?
                c:4:10: unknown key `hots`
                  hint: did you mean `host`?
                c:4:37: `a b` is no host's name and no address
                  hint: write a host alone, such as `api.example.com`, `*.example.com` or `127.0.0.1`
                c:5:18: `data` is not an absolute path
                  hint: begin with `/`: this holds for roles anywhere
                c:5:41: unknown key `as`
                  hint: it belongs in a role alone: here nothing needs a name
                c:6:12: an item of `process` must be a grant, not `git`
                  hint: write `- program: NAME`
                c:7:9: unknown key `name`
                  hint: it belongs in a role alone: here nothing needs a name
                c:7:30: `./x.db` is not an absolute path
                  hint: begin with `/`: this holds for roles anywhere
                c:8:7: `env` must be a list, not `PATH`
                  hint: write names, such as `[LANG, TZ]`"#]],
        );
    }

    #[test]
    fn what_is_no_toml_is_told_where() {
        check(
            "[limits\n",
            expect![[r#"
            c:1:8: this is not valid TOML: unclosed table, expected `]`
              hint: write `[NAME]` or `[[NAME]]` on a line of its own, and lines `key = value` below it"#]],
        );
        check(
            "a = 1\na = 2\n",
            expect![[r#"
            c:2:1: this is not valid TOML: duplicate key
              hint: write `[NAME]` or `[[NAME]]` on a line of its own, and lines `key = value` below it"#]],
        );
        check(
            "limits = 3\ngrants = 1979-05-27\n",
            expect![[r#"
            c:1:10: `limits` must be a mapping of keys, not `3`
              hint: it may have the keys `timeout_seconds`, `memory_mb`, `max_output_bytes`, `max_log_bytes`, `max_host_calls`, `max_host_call_bytes`, `max_handles`, `max_table_elements`, `max_tables`, `max_memories`, `max_instances`, `max_concurrent_calls`
            c:2:10: `1979-05-27` is a date, which no key here holds
              hint: put it in quotes if it is text"#]],
        );
        check(
            "x = \"\u{7}\"",
            expect![[r#"
            c:1:6: the file holds the control character U+0007
              hint: remove it"#]],
        );
        check(
            &"[".repeat(100_000),
            expect![[r#"
            c:1:3: this is not valid TOML: unquoted keys cannot be empty, expected letters, numbers, `-`, `_`
              hint: write `[NAME]` or `[[NAME]]` on a line of its own, and lines `key = value` below it"#]],
        );
    }
}
