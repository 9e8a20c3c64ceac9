//! Reads what a role grants to an entry: `grants: {http, files, process, sql, secrets, env}`.

use super::field::Field;
use super::keys::Keys;
use super::{GrantSpec, ProcessGrantSpec};
use crate::domain::grant::{
    Access, FileGrant, HostPattern, HttpGrant, Scheme, SecretGrant, SqlGrant, is_path_beginning,
};
use crate::domain::yaml::{NodeValue, Problems, Typed, is_variable_name, shown};
use std::path::PathBuf;

const SCHEMES: [(&str, Scheme); 2] = [("https", Scheme::Https), ("http", Scheme::Http)];
const ACCESS: [(&str, Access); 2] = [("read", Access::Read), ("write", Access::Write)];

/// The methods that change nothing (RFC 9110, 9.2.1), without the two that no tool needs.
const SAFE_METHODS: [&str; 2] = ["GET", "HEAD"];

/// Where services expect a key, unless the grant says otherwise.
const DEFAULT_HEADER: &str = "authorization";

/// Where grants are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::domain) enum Place {
    /// In a role: they say what a component gets, and what it calls it.
    Role,
    /// In the host's configuration: they say what roles may grant. Nothing has a name there that a
    /// component would use, and paths begin at the root.
    Config,
}

/// What a key is told that has a meaning in roles alone.
const IN_ROLES: &str = "in a role alone: here nothing needs a name";

/// Reads `grants:`.
pub(in crate::domain) fn parse_grants(
    field: &Field<'_>,
    place: Place,
    problems: &mut Problems,
) -> GrantSpec {
    let keys = Keys::of(field, &["http", "files", "process", "sql", "secrets", "env"], problems);
    GrantSpec {
        process: each(keys.get("process"), PROCESS, problems, parse_process),
        http: each(keys.get("http"), "`- host: NAME`", problems, parse_http),
        files: parse_files(keys.get("files"), place, problems),
        sql: parse_sql(keys.get("sql"), place, problems),
        secrets: each(keys.get("secrets"), "`- {name: NAME, host: HOST}`", problems, parse_secret),
        env: keys.get("env").map(|field| parse_env(&field, problems)).unwrap_or_default(),
    }
}

const PROCESS: &str = "`- program: NAME`";

/// The grants of one capability. Each is a mapping.
fn each<T>(
    field: Option<Field<'_>>,
    example: &str,
    problems: &mut Problems,
    parse: impl Fn(&Field<'_>, &mut Problems) -> Option<T>,
) -> Vec<T> {
    let Some(field) = field else { return Vec::new() };
    let hint = format!("begin each grant on its own line: {example}");
    let items = field.items(&hint, problems);
    let mut grants = Vec::with_capacity(items.len());
    for item in items {
        if matches!(item.node.value, NodeValue::Mapping(_)) {
            grants.extend(parse(&item, problems));
        } else {
            item.wrong("a grant", &format!("write {example}"), problems);
        }
    }
    grants
}

fn parse_http(item: &Field<'_>, problems: &mut Problems) -> Option<HttpGrant> {
    let known = ["scheme", "host", "ports", "methods", "path", "networks"];
    let keys = Keys::of(item, &known, problems);
    let host = keys.require("host", "name one host, such as `host: api.example.com`", problems);
    let host = host.and_then(|field| parse_host(&field, problems));
    let scheme = match keys.get("scheme") {
        Some(field) => field.word(&SCHEMES, problems),
        None => Some(Scheme::Https),
    };
    let ports = keys.get("ports").map(|field| parse_ports(&field, problems));
    let methods = match keys.get("methods") {
        Some(field) => parse_methods(&field, problems),
        None => SAFE_METHODS.map(str::to_owned).to_vec(),
    };
    let path = match keys.get("path") {
        Some(field) => parse_path(&field, problems),
        None => Some("/".to_owned()),
    };
    let networks = keys.get("networks").map(|field| parse_networks(&field, problems));
    let scheme = scheme?;
    Some(HttpGrant {
        scheme,
        host: host?,
        ports: ports.unwrap_or_else(|| vec![scheme.port()]),
        methods,
        path: path?,
        networks: networks.unwrap_or_default(),
    })
}

fn parse_host(field: &Field<'_>, problems: &mut Problems) -> Option<HostPattern> {
    let scalar = field.filled(problems)?;
    match HostPattern::parse(&scalar.text) {
        Ok(host) => Some(host),
        Err(clause) => {
            let message = format!("{} {clause}", shown(scalar.written()));
            let hint =
                "write a host alone, such as `api.example.com`, `*.example.com` or `127.0.0.1`";
            problems.add(field.node.position, message, hint);
            None
        }
    }
}

fn parse_ports(field: &Field<'_>, problems: &mut Problems) -> Vec<u16> {
    let items = field.items("write ports as numbers, such as `[443]`", problems);
    let mut ports = Vec::new();
    for item in items {
        let range = format!("a number from 1 to {}", u16::MAX);
        let port = match item.scalar().map(|scalar| scalar.typed) {
            Some(Typed::Integer(number)) => u16::try_from(number).ok().filter(|port| *port > 0),
            _ => None,
        };
        match port {
            Some(port) => ports.push(port),
            None => item.wrong("a port", &item.number_hint(&range), problems),
        }
    }
    ports
}

/// Methods are case-sensitive (RFC 9110, 9.1); all that servers know are in capitals.
fn parse_methods(field: &Field<'_>, problems: &mut Problems) -> Vec<String> {
    let mut methods = Vec::new();
    for item in field.items("write methods as words, such as `[GET, POST]`", problems) {
        let Some(scalar) = item.filled(problems) else { continue };
        let name = &scalar.text;
        if name.len() > 32 || !name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-') {
            let message = format!("{} is no method", shown(scalar.written()));
            problems.add(item.node.position, message, "write it in capitals, such as `GET`");
        } else if matches!(name.as_str(), "CONNECT" | "TRACE") {
            // A tunnel would carry anything; an echo would give headers back that were put in.
            let message = format!("the method `{name}` cannot be granted");
            problems.add(item.node.position, message, "name the methods of single requests");
        } else {
            methods.push(name.clone());
        }
    }
    methods
}

/// A path's beginning. It is compared as text, so it must have one spelling.
fn parse_path(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let scalar = field.filled(problems)?;
    let path = &scalar.text;
    if !is_path_beginning(path) {
        let message = format!("{} is not the beginning of a path", shown(scalar.written()));
        let hint = "begin with `/` and leave out `.`, `..`, `//`, `%`, `?` and `#`, such as `/v1/`";
        problems.add(field.node.position, message, hint);
        return None;
    }
    Some(path.clone())
}

fn parse_networks(field: &Field<'_>, problems: &mut Problems) -> Vec<ipnet::IpNet> {
    let mut networks = Vec::new();
    for item in field.items("write networks, such as `[10.0.0.0/8]`", problems) {
        let Some(scalar) = item.filled(problems) else { continue };
        let text = &scalar.text;
        let network = text.parse().or_else(|_| text.parse().map(|ip: std::net::IpAddr| ip.into()));
        match network {
            Ok(network) => networks.push(network),
            Err(_) => problems.add(
                item.node.position,
                format!("{} is no network", shown(scalar.written())),
                "write an address and the length of its prefix, such as `10.0.0.0/8` or `::1/128`",
            ),
        }
    }
    networks
}

fn parse_files(field: Option<Field<'_>>, place: Place, problems: &mut Problems) -> Vec<FileGrant> {
    let mut taken: Vec<String> = Vec::new();
    let example = "`- {path: ./data, access: read}`";
    let grants = each(field, example, problems, |item, problems| {
        let keys = match place {
            Place::Role => Keys::of(item, &["path", "access", "as"], problems),
            Place::Config => {
                Keys::of_parted(item, &["path", "access"], &[(IN_ROLES, &["as"])], problems)
            }
        };
        let path =
            keys.require("path", "name a folder or a file, such as `path: ./data`", problems);
        let path = path.and_then(|field| {
            let path = parse_file_path(&field, problems)?;
            rooted(place, &path, &field, problems).then_some(path)
        });
        let access = parse_access(&keys, problems);
        let guest = match keys.get("as") {
            Some(field) => parse_file_path(&field, problems),
            None => path.clone(),
        };
        let grant = FileGrant { path: PathBuf::from(path?), access: access?, guest: guest? };
        Some((item.node.position, grant))
    });
    let mut files = Vec::with_capacity(grants.len());
    for (position, grant) in grants {
        if place == Place::Role && taken.contains(&grant.guest) {
            // A component could not tell them apart, and the more powerful one would win by chance.
            let message = "two grants give the component the same name for a file".to_owned();
            problems.add(position, message, "give one of them another name with `as`");
            continue;
        }
        taken.push(grant.guest.clone());
        files.push(grant);
    }
    files
}

/// Whether a path may stand here; reports it otherwise.
fn rooted(place: Place, path: &str, field: &Field<'_>, problems: &mut Problems) -> bool {
    let rooted = place == Place::Role || path.starts_with('/');
    if !rooted {
        let message = format!("{} is not an absolute path", shown(path));
        problems.add(field.node.position, message, "begin with `/`: this holds for roles anywhere");
    }
    rooted
}

fn parse_access(keys: &Keys<'_>, problems: &mut Problems) -> Option<Access> {
    match keys.get("access") {
        Some(field) => field.word(&ACCESS, problems),
        None => Some(Access::Read),
    }
}

fn parse_file_path(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let scalar = field.filled(problems)?;
    if scalar.text.contains('\0') {
        let message = format!("{} is not a path", shown(scalar.written()));
        problems.add(field.node.position, message, "leave the NUL out");
        return None;
    }
    Some(scalar.text.clone())
}

fn parse_sql(field: Option<Field<'_>>, place: Place, problems: &mut Problems) -> Vec<SqlGrant> {
    let grants =
        each(field, "`- {name: main, url: sqlite:./data.db}`", problems, |item, problems| {
            let keys = match place {
                Place::Role => Keys::of(item, &["name", "url", "access"], problems),
                Place::Config => {
                    Keys::of_parted(item, &["url", "access"], &[(IN_ROLES, &["name"])], problems)
                }
            };
            let name = match place {
                Place::Role => keys
                    .require("name", "say how the component opens it: `name: main`", problems)
                    .and_then(|field| field.filled(problems))
                    .map(|scalar| scalar.text.clone()),
                Place::Config => Some(String::new()),
            };
            let url = keys.require("url", "name the file: `url: sqlite:./data.db`", problems);
            let path = url.and_then(|field| {
                let path = parse_url(&field, problems)?;
                let text = path.display().to_string();
                rooted(place, &text, &field, problems).then_some(path)
            });
            let access = parse_access(&keys, problems);
            let grant = SqlGrant { name: name?, path: path?, access: access? };
            Some((item.node.position, grant))
        });
    let mut databases: Vec<SqlGrant> = Vec::with_capacity(grants.len());
    for (position, grant) in grants {
        if place == Place::Role && databases.iter().any(|other| other.name == grant.name) {
            let message = "two databases have the same name".to_owned();
            problems.add(position, message, "give one of them another `name`");
            continue;
        }
        databases.push(grant);
    }
    databases
}

/// `sqlite:PATH`. Other databases have no driver here, and `:memory:` would be empty at every call.
fn parse_url(field: &Field<'_>, problems: &mut Problems) -> Option<PathBuf> {
    let scalar = field.filled(problems)?;
    let path =
        scalar.text.strip_prefix("sqlite:").map(|rest| rest.strip_prefix("//").unwrap_or(rest));
    let path = path.filter(|path| !path.is_empty() && *path != ":memory:" && !path.contains('\0'));
    if path.is_none() {
        let message = format!("{} is not the address of a database file", shown(scalar.written()));
        problems.add(
            field.node.position,
            message,
            "write `sqlite:PATH`, such as `sqlite:./data.db`",
        );
    }
    path.map(PathBuf::from)
}

fn parse_secret(item: &Field<'_>, problems: &mut Problems) -> Option<SecretGrant> {
    let keys = Keys::of(item, &["name", "host", "header"], problems);
    let name = keys.require("name", "name a variable that `secrets` lists", problems);
    let name = name.and_then(|field| parse_variable(&field, problems));
    let host = keys.require("host", "name the one host that may get it", problems);
    let host = host.and_then(|field| parse_host(&field, problems));
    let header = match keys.get("header") {
        Some(field) => parse_header(&field, problems),
        None => Some(DEFAULT_HEADER.to_owned()),
    };
    Some(SecretGrant { name: name?, host: host?, header: header? })
}

/// A field name (RFC 9110, 5.1): a token. Names are compared in lower case.
fn parse_header(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let scalar = field.filled(problems)?;
    let name = scalar.text.to_ascii_lowercase();
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.len() > 256 || !name.bytes().all(token) {
        let message = format!("{} is not a header's name", shown(scalar.written()));
        problems.add(field.node.position, message, "write one such as `Authorization`");
        return None;
    }
    Some(name)
}

fn parse_env(field: &Field<'_>, problems: &mut Problems) -> Vec<String> {
    let items = field.items("write names, such as `[LANG, TZ]`", problems);
    items.iter().filter_map(|item| parse_variable(item, problems)).collect()
}

fn parse_variable(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let scalar = field.filled(problems)?;
    if scalar.has_variables() || !is_variable_name(&scalar.text) {
        // What is written may be the value, which is not shown.
        let message = format!("{} must be the name of an environment variable", field.label);
        problems.add(field.node.position, message, "write its name, without `$` and braces");
        return None;
    }
    Some(scalar.text.clone())
}

/// `{program: NAME, arguments: [GLOB, …]}` or `{script: true}`.
fn parse_process(item: &Field<'_>, problems: &mut Problems) -> Option<ProcessGrantSpec> {
    let hint = "write `- program: NAME` for a program, or `- script: true` for shell scripts";
    let keys = Keys::of(item, &["program", "arguments", "script", "network"], problems);
    let network = match keys.get("network") {
        Some(field) => parse_flag(&field, problems)?,
        None => false,
    };
    match (keys.get("program"), keys.get("script")) {
        (Some(program), None) => {
            let arguments = keys.get("arguments").map(|field| {
                let texts = field.texts(problems);
                texts.into_iter().map(|scalar| scalar.text.clone()).collect()
            });
            let name = parse_program(&program, problems)?;
            Some(ProcessGrantSpec::Program { name, arguments, network })
        }
        (None, Some(script)) => {
            if let Some(arguments) = keys.get("arguments") {
                let message = "a script has no `arguments`";
                problems.add(arguments.key_position, message, "remove them");
            }
            match script.scalar().map(|scalar| scalar.typed) {
                Some(Typed::Bool(true)) => Some(ProcessGrantSpec::Script { network }),
                _ => {
                    script.wrong("`true`", "write `script: true`, or remove the grant", problems);
                    None
                }
            }
        }
        (Some(_), Some(script)) => {
            let message = "one grant holds both `program` and `script`";
            problems.add(script.key_position, message, "make two grants of it");
            None
        }
        (None, None) => {
            keys.missing("program", hint, problems);
            None
        }
    }
}

fn parse_flag(field: &Field<'_>, problems: &mut Problems) -> Option<bool> {
    match field.scalar().map(|scalar| scalar.typed) {
        Some(Typed::Bool(value)) => Some(value),
        _ => {
            field.wrong("`true` or `false`", "write `true` or `false`", problems);
            None
        }
    }
}

/// A program's name on the fixed `PATH`: a path would name a file that the role could have written.
fn parse_program(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let scalar = field.filled(problems)?;
    let name = &scalar.text;
    let bad = |c: char| c == '/' || c.is_whitespace() || c.is_control();
    if name.contains(bad) || matches!(name.as_str(), "." | "..") {
        let message = format!("{} is not the name of a program", shown(scalar.written()));
        let hint = "name one program without its folder and its arguments, such as `git`";
        problems.add(field.node.position, message, hint);
        return None;
    }
    Some(name.clone())
}

#[cfg(test)]
mod tests {
    use super::super::check::check_tools;
    use expect_test::expect;

    #[test]
    fn grants_name_programs_or_scripts() {
        check_tools(
            r#"  - type: a
    grants:
      process:
        - program: git
        - program: /bin/sh
        - program: rm -rf
        - program: ""
        - script: false
        - script: yes
        - git
        - {program: a, script: true}
        - {}
        - {programm: a}
      files: []
"#,
            expect![[r#"
                r:9:20: `/bin/sh` is not the name of a program
                  hint: name one program without its folder and its arguments, such as `git`
                r:10:20: `rm -rf` is not the name of a program
                  hint: name one program without its folder and its arguments, such as `git`
                r:11:20: `program` has no text
                  hint: write one
                r:12:19: `script` must be `true`, not `false`
                  hint: write `script: true`, or remove the grant
                r:13:19: `script` must be `true`, not `yes`
                  hint: write `script: true`, or remove the grant
                r:14:11: an item of `process` must be a grant, not `git`
                  hint: write `- program: NAME`
                r:15:24: one grant holds both `program` and `script`
                  hint: make two grants of it
                r:16:11: the key `program` is missing
                  hint: write `- program: NAME` for a program, or `- script: true` for shell scripts
                r:17:12: unknown key `programm`
                  hint: did you mean `program`?"#]],
        );
        check_tools(
            r#"  - type: a
    grants: {process: git}
  - type: b
    grants: []
"#,
            expect![[r#"
                r:6:23: `process` must be a list, not `git`
                  hint: begin each grant on its own line: `- program: NAME`
                r:8:13: `grants` must be a mapping of keys, not a list
                  hint: it may have the keys `http`, `files`, `process`, `sql`, `secrets`, `env`"#]],
        );
    }

    #[test]
    fn each_capability_has_its_defaults() {
        check_tools(
            r#"  - type: a
    grants:
      http:
        - host: API.Example.com.
        - {host: "*.example.com", scheme: http, ports: [8080, 80], methods: [POST], path: /v1/, networks: [10.0.0.0/8, "::1"]}
      files:
        - path: ./data
        - {path: /srv/out, access: write, as: /out}
      process:
        - {program: git, arguments: [log, "**"]}
        - {program: curl, network: true}
        - script: true
      sql:
        - {name: main, url: "sqlite:./shop.db"}
        - {name: log, url: "sqlite:///var/log.db", access: write}
      secrets:
        - {name: API_KEY, host: api.example.com}
        - {name: API_KEY, host: api.example.com, header: X-Api-Key}
      env: [TZ, API_KEY]
"#,
            expect![[r#"
                - a Type("a") at 5:5, source at 5:11
                  [Program { name: "git", arguments: Some(["log", "**"]), network: false }, Program { name: "curl", arguments: None, network: true }, Script { network: false }]
                  http {"scheme":"https","host":"api.example.com","ports":[443],"methods":["GET","HEAD"],"path":"/"}
                  http {"scheme":"http","host":"*.example.com","ports":[8080,80],"methods":["POST"],"path":"/v1/","networks":["10.0.0.0/8","::1/128"]}
                  files {"path":"./data","access":"read","as":"./data"}
                  files {"path":"/srv/out","access":"write","as":"/out"}
                  sql {"name":"main","path":"./shop.db","access":"read"}
                  sql {"name":"log","path":"/var/log.db","access":"write"}
                  secrets {"name":"API_KEY","host":"api.example.com","header":"authorization"}
                  secrets {"name":"API_KEY","host":"api.example.com","header":"x-api-key"}
                  env ["TZ", "API_KEY"]"#]],
        );
    }

    #[test]
    fn each_grant_is_checked() {
        check_tools(
            r#"  - type: a
    grants:
      http:
        - scheme: ftp
        - {host: "https://a.example", ports: [0, 65536, x], methods: [get, CONNECT, TRACE]}
        - {host: a.example, path: v1, networks: [10.0.0.0/33]}
        - {host: a.example, path: /a/../b}
        - {host: a.example, path: /%2e}
        - {host: "${SECRET}"}
        - a.example
      files:
        - access: write
        - {path: "", access: all}
        - {path: x}
        - {path: y, as: x}
        - x
      sql:
        - {name: main, url: "postgres://x"}
        - {name: main, url: "sqlite::memory:"}
        - {url: "sqlite:x"}
        - {name: a, url: "sqlite:x"}
        - {name: a, url: "sqlite:y"}
      secrets:
        - {name: "$API_KEY", host: a.example}
        - {name: API_KEY}
        - {name: API_KEY, host: a.example, header: "x y"}
      env: [A-B, 5, "${SECRET}"]
      process:
        - {script: true, arguments: [x]}
        - {program: x, arguments: x}
        - {program: x, network: maybe}
"#,
            expect![[r#"
                r:8:11: the key `host` is missing
                  hint: name one host, such as `host: api.example.com`
                r:8:19: `scheme` must be one of `https`, `http`, not `ftp`
                  hint: write one of `https`, `http`
                r:9:18: `https://a.example` has a scheme, which has a key of its own
                  hint: write a host alone, such as `api.example.com`, `*.example.com` or `127.0.0.1`
                r:9:47: an item of `ports` must be a port, not `0`
                  hint: write a number from 1 to 65535
                r:9:50: an item of `ports` must be a port, not `65536`
                  hint: write a number from 1 to 65535
                r:9:57: an item of `ports` must be a port, not `x`
                  hint: write a number from 1 to 65535
                r:9:71: `get` is no method
                  hint: write it in capitals, such as `GET`
                r:9:76: the method `CONNECT` cannot be granted
                  hint: name the methods of single requests
                r:9:85: the method `TRACE` cannot be granted
                  hint: name the methods of single requests
                r:10:35: `v1` is not the beginning of a path
                  hint: begin with `/` and leave out `.`, `..`, `//`, `%`, `?` and `#`, such as `/v1/`
                r:10:50: `10.0.0.0/33` is no network
                  hint: write an address and the length of its prefix, such as `10.0.0.0/8` or `::1/128`
                r:11:35: `/a/../b` is not the beginning of a path
                  hint: begin with `/` and leave out `.`, `..`, `//`, `%`, `?` and `#`, such as `/v1/`
                r:12:35: `/%2e` is not the beginning of a path
                  hint: begin with `/` and leave out `.`, `..`, `//`, `%`, `?` and `#`, such as `/v1/`
                r:13:18: `${SECRET}` is no host's name and no address
                  hint: write a host alone, such as `api.example.com`, `*.example.com` or `127.0.0.1`
                r:14:11: an item of `http` must be a grant, not `a.example`
                  hint: write `- host: NAME`
                r:16:11: the key `path` is missing
                  hint: name a folder or a file, such as `path: ./data`
                r:17:18: `path` has no text
                  hint: write one
                r:17:30: `access` must be one of `read`, `write`, not `all`
                  hint: write one of `read`, `write`
                r:19:11: two grants give the component the same name for a file
                  hint: give one of them another name with `as`
                r:20:11: an item of `files` must be a grant, not `x`
                  hint: write `- {path: ./data, access: read}`
                r:22:29: `postgres://x` is not the address of a database file
                  hint: write `sqlite:PATH`, such as `sqlite:./data.db`
                r:23:29: `sqlite::memory:` is not the address of a database file
                  hint: write `sqlite:PATH`, such as `sqlite:./data.db`
                r:24:11: the key `name` is missing
                  hint: say how the component opens it: `name: main`
                r:26:11: two databases have the same name
                  hint: give one of them another `name`
                r:28:18: `name` must be the name of an environment variable
                  hint: write its name, without `$` and braces
                r:29:11: the key `host` is missing
                  hint: name the one host that may get it
                r:30:52: `x y` is not a header's name
                  hint: write one such as `Authorization`
                r:31:13: an item of `env` must be the name of an environment variable
                  hint: write its name, without `$` and braces
                r:31:18: an item of `env` must be text, not `5`
                  hint: put it in quotes: `"5"`
                r:31:21: an item of `env` must be the name of an environment variable
                  hint: write its name, without `$` and braces
                r:33:26: a script has no `arguments`
                  hint: remove them
                r:34:35: `arguments` must be a list, not `x`
                  hint: begin each item on its own line with `- `
                r:35:33: `network` must be `true` or `false`, not `maybe`
                  hint: write `true` or `false`"#]],
        );
    }
}
