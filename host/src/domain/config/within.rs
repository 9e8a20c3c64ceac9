//! Whether what an entry grants stays within what the host's configuration allows.
//!
//! Where this says yes, nothing that the grant lets a component reach lies beyond what the ceiling's own
//! items would let it reach. Where it cannot tell (two globs, say), it says no.

use super::GrantCeiling;
use crate::domain::grant::{
    Access as FileAccess, FileGrant, Grants, HttpGrant, ProcessGrant, ProgramGrant, Programs,
    SecretGrant, SqlGrant,
};
use crate::domain::role::ProcessGrantSpec;
use serde_json::Value;
use std::path::{Component, Path, PathBuf};

/// Something granted that the configuration does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excess {
    /// What it is, as in "grants …".
    pub what: String,
    /// The list under `[grants]` that leaves it out.
    pub list: &'static str,
    /// The item of that list that would allow it.
    pub item: String,
}

impl GrantCeiling {
    /// What goes beyond the ceiling. `real` gives where a path leads, links followed: a link below an
    /// allowed folder allows nothing outside of it.
    pub fn excesses(&self, grants: &Grants, real: &dyn Fn(&Path) -> PathBuf) -> Vec<Excess> {
        let mut found = Vec::new();
        if let (Some(ceiling), Some(grant)) = (&self.process, &grants.process) {
            process_excesses(ceiling, grant, &mut found);
        }
        if let Some(ceiling) = &self.http {
            let beyond = grants.http.iter().filter(|grant| !http_within(grant, ceiling));
            found.extend(beyond.map(http_excess));
        }
        if let Some(ceiling) = &self.files {
            let within = |grant: &FileGrant| {
                ceiling.iter().any(|outer| {
                    grant.access <= outer.access && below(&grant.path, &outer.path, real)
                })
            };
            let reached = reached(grants);
            found.extend(reached.iter().filter(|grant| !within(grant)).map(|grant| {
                let (path, access) = (quoted_path(&real(&grant.path)), access(grant.access));
                Excess {
                    what: format!("{access} access to {path}"),
                    list: "files",
                    item: format!("{{path = {path}, access = \"{access}\"}}"),
                }
            }));
        }
        if let Some(ceiling) = &self.sql {
            let within = |grant: &SqlGrant| {
                ceiling.iter().any(|outer| {
                    grant.access <= outer.access && below(&grant.path, &outer.path, real)
                })
            };
            found.extend(grants.sql.iter().filter(|grant| !within(grant)).map(|grant| {
                let access = access(grant.access);
                let url = quoted(&format!("sqlite:{}", real(&grant.path).display()));
                Excess {
                    what: format!("{access} access to the database {url}"),
                    list: "sql",
                    item: format!("{{url = {url}, access = \"{access}\"}}"),
                }
            }));
        }
        if let Some(ceiling) = &self.secrets {
            let within = |grant: &SecretGrant| {
                ceiling.iter().any(|outer| {
                    grant.name == outer.name
                        && grant.header == outer.header
                        && grant.host.is_within(&outer.host)
                })
            };
            found.extend(grants.secrets.iter().filter(|grant| !within(grant)).map(|grant| {
                let (name, host, header) =
                    (quoted(&grant.name), quoted(&grant.host.to_string()), quoted(&grant.header));
                Excess {
                    what: format!("the secret {name} in the header {header} for {host}"),
                    list: "secrets",
                    item: format!("{{name = {name}, host = {host}, header = {header}}}"),
                }
            }));
        }
        if let Some(ceiling) = &self.env {
            let programs = grants.process.iter().flat_map(|grant| &grant.environment);
            let mut names: Vec<&String> = grants.env.iter().chain(programs).collect();
            names.sort();
            names.dedup();
            let beyond = names.into_iter().filter(|name| !ceiling.contains(name));
            found.extend(beyond.map(|name| Excess {
                what: format!("the environment variable {}", quoted(name)),
                list: "env",
                item: quoted(name),
            }));
        }
        found
    }
}

/// The files that a component or its programs reach. Programs write in their working folder.
fn reached(grants: &Grants) -> Vec<FileGrant> {
    let mut files = grants.files.clone();
    let mut add = |path: &Path, access| {
        if !files.iter().any(|file| file.path == path && file.access >= access) {
            files.push(FileGrant { path: path.to_owned(), access, guest: String::new() });
        }
    };
    if let Some(process) = &grants.process {
        process.write.iter().for_each(|path| add(path, FileAccess::Write));
        process.read.iter().for_each(|path| add(path, FileAccess::Read));
        add(&process.working_directory, FileAccess::Write);
    }
    files
}

fn process_excesses(ceiling: &[ProcessGrantSpec], grant: &ProcessGrant, found: &mut Vec<Excess>) {
    let online = |network| if network { ", with the network" } else { "" };
    let network = |network| if network { ", network = true" } else { "" };
    match &grant.programs {
        // No list of programs allows any.
        Programs::Any => found.push(Excess {
            what: format!("any program, since it names none{}", online(grant.network)),
            list: "process",
            item: format!("{{program = \"NAME\"{}}}", network(grant.network)),
        }),
        Programs::Named(programs) => {
            for program in programs.iter().filter(|program| !program_within(program, ceiling)) {
                let name = quoted(&program.name);
                let (arguments, with) = match &program.arguments {
                    Some(globs) => {
                        let globs = globs.iter().map(|glob| quoted(glob)).collect::<Vec<_>>();
                        let globs = globs.join(", ");
                        (
                            format!(", arguments = [{globs}]"),
                            format!(" with the arguments [{globs}]"),
                        )
                    }
                    None => (String::new(), String::new()),
                };
                found.push(Excess {
                    what: format!("the program {name}{with}{}", online(program.network)),
                    list: "process",
                    item: format!("{{program = {name}{arguments}{}}}", network(program.network)),
                });
            }
        }
    }
    let scripts = |item: &ProcessGrantSpec| match item {
        ProcessGrantSpec::Script { network } => *network || !grant.network,
        ProcessGrantSpec::Program { .. } => false,
    };
    if grant.scripts && !ceiling.iter().any(scripts) {
        found.push(Excess {
            what: format!("scripts{}", online(grant.network)),
            list: "process",
            item: format!("{{script = true{}}}", network(grant.network)),
        });
    }
}

fn program_within(grant: &ProgramGrant, ceiling: &[ProcessGrantSpec]) -> bool {
    ceiling.iter().any(|item| match item {
        ProcessGrantSpec::Program { name, arguments, network } => {
            *name == grant.name
                && (*network || !grant.network)
                // Whether one glob covers another is not asked: equal ones do.
                && (arguments.is_none() || *arguments == grant.arguments)
        }
        ProcessGrantSpec::Script { .. } => false,
    })
}

/// Each port and method may be covered by an item of its own.
fn http_within(grant: &HttpGrant, ceiling: &[HttpGrant]) -> bool {
    let covered = |port: &u16, method: &String| {
        ceiling.iter().any(|outer| {
            grant.scheme == outer.scheme
                && grant.host.is_within(&outer.host)
                && outer.ports.contains(port)
                && outer.methods.contains(method)
                && path_within(&grant.path, &outer.path)
                && grant
                    .networks
                    .iter()
                    .all(|network| outer.networks.iter().any(|allowed| allowed.contains(network)))
        })
    };
    grant.ports.iter().all(|port| grant.methods.iter().all(|method| covered(port, method)))
}

/// Whether every path that begins with `inner`, at a `/`, begins with `outer` so too.
fn path_within(inner: &str, outer: &str) -> bool {
    inner
        .strip_prefix(outer)
        .is_some_and(|rest| rest.is_empty() || outer.ends_with('/') || rest.starts_with('/'))
}

fn http_excess(grant: &HttpGrant) -> Excess {
    let scheme = grant.scheme.name();
    let ports: Vec<String> = grant.ports.iter().map(u16::to_string).collect();
    let methods: Vec<String> = grant.methods.iter().map(|method| quoted(method)).collect();
    let networks: Vec<String> =
        grant.networks.iter().map(|network| quoted(&network.to_string())).collect();
    let mut item = format!("{{scheme = \"{scheme}\", host = {}", quoted(&grant.host.to_string()));
    item.push_str(&format!(", ports = [{}]", ports.join(", ")));
    item.push_str(&format!(", methods = [{}]", methods.join(", ")));
    item.push_str(&format!(", path = {}", quoted(&grant.path)));
    if !networks.is_empty() {
        item.push_str(&format!(", networks = [{}]", networks.join(", ")));
    }
    item.push('}');
    let within = match networks.is_empty() {
        true => String::new(),
        false => format!(
            ", also within {}",
            grant.networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        ),
    };
    Excess {
        what: format!(
            "{} {scheme}://{}:{}{}{within}",
            grant.methods.join("/"),
            grant.host,
            ports.join(","),
            grant.path
        ),
        list: "http",
        item,
    }
}

/// Whether a path lies below another one, or is it. A `..` that is still there leads nobody knows where.
fn below(inner: &Path, outer: &Path, real: &dyn Fn(&Path) -> PathBuf) -> bool {
    let (inner, outer) = (real(inner), real(outer));
    let plain = |path: &Path| {
        path.is_absolute() && !path.components().any(|part| part == Component::ParentDir)
    };
    plain(&inner) && plain(&outer) && inner.starts_with(&outer)
}

fn access(access: FileAccess) -> &'static str {
    match access {
        FileAccess::Read => "read",
        FileAccess::Write => "write",
    }
}

fn quoted_path(path: &Path) -> String {
    quoted(&path.display().to_string())
}

/// As TOML writes a text: JSON's escapes are among its own.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;
    use crate::domain::grant::{Access, HostPattern, Scheme, canonical_host};
    use crate::domain::role::EntrySource;
    use expect_test::{Expect, expect};
    use ipnet::IpNet;
    use proptest::prelude::*;

    /// What a role grants to its only entry, as the host would resolve it below `/role`.
    fn granted(grants: &str) -> Grants {
        let text = format!(
            "name: x\nprompt: p\nmodel: openai:m\ntools:\n  - component: c.wasm\n    name: c\n    grants: {grants}\n"
        );
        let role = crate::domain::role::parse(&text, &|_| None).unwrap();
        let entry = &role.entries[0];
        assert!(matches!(entry.source, EntrySource::Component(_)));
        let spec = entry.grants.clone();
        let mut process = None;
        if !spec.process.is_empty() {
            let mut programs = Vec::new();
            let (mut scripts, mut online) = (false, false);
            for item in spec.process {
                match item {
                    ProcessGrantSpec::Program { name, arguments, network } => {
                        programs.push(ProgramGrant { name, arguments, network });
                    }
                    ProcessGrantSpec::Script { network } => {
                        scripts = true;
                        online |= network;
                    }
                }
            }
            process = Some(ProcessGrant {
                programs: Programs::Named(programs),
                scripts,
                network: online,
                working_directory: "/role".into(),
                read: Vec::new(),
                write: Vec::new(),
                environment: spec.env.iter().cloned().collect(),
                timeout_ms: 1,
                max_output_bytes: 1,
            });
        }
        let mut grants = Grants {
            process,
            http: spec.http,
            files: spec.files,
            sql: spec.sql,
            secrets: spec.secrets,
            env: spec.env.into_iter().collect(),
        };
        for file in &mut grants.files {
            file.path = Path::new("/role").join(&file.path);
        }
        for database in &mut grants.sql {
            database.path = Path::new("/role").join(&database.path);
        }
        grants
    }

    fn check(config: &str, grants: &str, expected: Expect) {
        let config = parse(&format!("[grants]\n{config}"), "c").unwrap();
        let found = config.grants.excesses(&granted(grants), &|path| path.to_owned());
        let said: Vec<String> =
            found.iter().map(|it| format!("{} -> {}: {}", it.what, it.list, it.item)).collect();
        expected.assert_eq(&said.join("\n"));
        // What is told to add is enough.
        for excess in &found {
            if excess.item.contains("..") {
                continue;
            }
            let more =
                parse(&format!("[grants]\n{} = [{}]", excess.list, excess.item), "c").unwrap();
            let left = more.grants.excesses(&granted(grants), &|path| path.to_owned());
            assert!(!left.contains(excess), "{excess:?}");
        }
    }

    #[test]
    fn what_is_not_listed_is_free_and_an_empty_list_is_nothing() {
        let all = r#"{http: [{host: a.example}], files: [{path: /x}], process: [{program: ls}], sql: [{name: m, url: "sqlite:/d"}], env: [A]}"#;
        check("", all, expect![]);
        check(
            "http = []\nfiles = []\nprocess = []\nsql = []\nsecrets = []\nenv = []",
            all,
            expect![[r#"
                the program "ls" -> process: {program = "ls"}
                GET/HEAD https://a.example:443/ -> http: {scheme = "https", host = "a.example", ports = [443], methods = ["GET", "HEAD"], path = "/"}
                read access to "/x" -> files: {path = "/x", access = "read"}
                write access to "/role" -> files: {path = "/role", access = "write"}
                read access to the database "sqlite:/d" -> sql: {url = "sqlite:/d", access = "read"}
                the environment variable "A" -> env: "A""#]],
        );
    }

    #[test]
    fn requests() {
        let ceiling = r#"http = [{host = "*.example.com", methods = ["GET", "HEAD", "POST"], path = "/v1"}, {scheme = "http", host = "localhost", ports = [80, 8080], networks = ["127.0.0.0/8"]}]"#;
        check(ceiling, "{http: [{host: a.example.com, path: /v1/x}]}", expect![]);
        check(ceiling, "{http: [{host: '*.example.com', path: /v1}]}", expect![]);
        check(
            ceiling,
            "{http: [{host: example.com, path: /v1}]}",
            expect![[
                r#"GET/HEAD https://example.com:443/v1 -> http: {scheme = "https", host = "example.com", ports = [443], methods = ["GET", "HEAD"], path = "/v1"}"#
            ]],
        );
        check(
            ceiling,
            "{http: [{host: a.example.com, path: /v10}]}",
            expect![[
                r#"GET/HEAD https://a.example.com:443/v10 -> http: {scheme = "https", host = "a.example.com", ports = [443], methods = ["GET", "HEAD"], path = "/v10"}"#
            ]],
        );
        check(
            ceiling,
            "{http: [{host: a.example.com, path: /v1, methods: [GET, PUT]}]}",
            expect![[
                r#"GET/PUT https://a.example.com:443/v1 -> http: {scheme = "https", host = "a.example.com", ports = [443], methods = ["GET", "PUT"], path = "/v1"}"#
            ]],
        );
        check(
            ceiling,
            "{http: [{host: a.example.com, path: /v1, ports: [443, 8443]}]}",
            expect![[
                r#"GET/HEAD https://a.example.com:443,8443/v1 -> http: {scheme = "https", host = "a.example.com", ports = [443, 8443], methods = ["GET", "HEAD"], path = "/v1"}"#
            ]],
        );
        check(
            ceiling,
            "{http: [{scheme: http, host: localhost, networks: [127.0.0.1]}]}",
            expect![],
        );
        check(
            ceiling,
            "{http: [{scheme: http, host: localhost, networks: [10.0.0.0/8]}]}",
            expect![[
                r#"GET/HEAD http://localhost:80/, also within 10.0.0.0/8 -> http: {scheme = "http", host = "localhost", ports = [80], methods = ["GET", "HEAD"], path = "/", networks = ["10.0.0.0/8"]}"#
            ]],
        );
        check(ceiling, "{http: [{scheme: http, host: LOCALHOST., ports: [8080]}]}", expect![]);
    }

    #[test]
    fn files_and_databases() {
        let ceiling = "files = [{path = \"/srv\", access = \"read\"}, {path = \"/role/out\", access = \"write\"}]\nsql = [{url = \"sqlite:/srv\"}]";
        check(ceiling, "{files: [{path: /srv/a}, {path: out/b, access: write}]}", expect![]);
        check(
            ceiling,
            "{files: [{path: /srv/a, access: write}]}",
            expect![[r#"write access to "/srv/a" -> files: {path = "/srv/a", access = "write"}"#]],
        );
        check(
            ceiling,
            "{files: [{path: /srv/../etc}, {path: /srvx}, {path: /}]}",
            expect![[r#"
                read access to "/srv/../etc" -> files: {path = "/srv/../etc", access = "read"}
                read access to "/srvx" -> files: {path = "/srvx", access = "read"}
                read access to "/" -> files: {path = "/", access = "read"}"#]],
        );
        check(
            ceiling,
            "{sql: [{name: m, url: 'sqlite:/srv/x.db'}, {name: n, url: 'sqlite:./x.db'}]}",
            expect![[
                r#"read access to the database "sqlite:/role/./x.db" -> sql: {url = "sqlite:/role/./x.db", access = "read"}"#
            ]],
        );
    }

    #[test]
    fn programs_secrets_and_variables() {
        let ceiling = r#"process = [{program = "git", arguments = ["log", "**"]}, {program = "ls"}, {program = "curl", network = true}]
env = ["LANG"]
secrets = [{name = "KEY", host = "*.example.com"}]"#;
        check(
            ceiling,
            "{process: [{program: git, arguments: [log, '**']}, {program: ls, arguments: [-l]}, {program: curl}], env: [LANG]}",
            expect![],
        );
        check(
            ceiling,
            "{process: [{program: git}, {program: ls, network: true}, {script: true}], env: [HOME]}",
            expect![[r#"
                the program "git" -> process: {program = "git"}
                the program "ls", with the network -> process: {program = "ls", network = true}
                scripts -> process: {script = true}
                the environment variable "HOME" -> env: "HOME""#]],
        );
        check(ceiling, "{secrets: [{name: KEY, host: a.example.com}]}", expect![]);
        check(
            ceiling,
            "{secrets: [{name: KEY, host: a.example.com, header: X-Key}, {name: KEY, host: example.org}]}",
            expect![[r#"
                the secret "KEY" in the header "x-key" for "a.example.com" -> secrets: {name = "KEY", host = "a.example.com", header = "x-key"}
                the secret "KEY" in the header "authorization" for "example.org" -> secrets: {name = "KEY", host = "example.org", header = "authorization"}"#]],
        );
    }

    #[test]
    fn a_link_below_an_allowed_folder_allows_nothing_outside() {
        let config = parse("[grants]\nfiles = [{path = \"/srv\"}]", "c").unwrap();
        let follow = |path: &Path| match path.strip_prefix("/srv/link") {
            Ok(rest) => Path::new("/etc").join(rest),
            Err(_) => path.to_owned(),
        };
        let excesses = |grants: &str| config.grants.excesses(&granted(grants), &follow).len();
        assert_eq!(excesses("{files: [{path: /srv/link/passwd}]}"), 1);
        assert_eq!(excesses("{files: [{path: /srv/other}]}"), 0);
    }

    /// Whether one of some grants lets a request through, by what each key is documented to mean.
    fn lets_through(
        grants: &[HttpGrant],
        request: &(Scheme, String, u16, String, String, IpNet),
    ) -> bool {
        let (scheme, host, port, method, path, address) = request;
        let host = canonical_host(host).unwrap();
        grants.iter().any(|grant| {
            let below = if grant.path.ends_with('/') {
                path.starts_with(&grant.path)
            } else {
                *path == grant.path || path.starts_with(&format!("{}/", grant.path))
            };
            let inside = ["10.0.0.0/8", "127.0.0.0/8"].map(|it| it.parse::<IpNet>().unwrap());
            let global = !inside.iter().any(|network| network.contains(address));
            grant.scheme == *scheme
                && grant.host.covers(&host)
                && grant.ports.contains(port)
                && grant.methods.contains(method)
                && below
                && (global || grant.networks.iter().any(|network| network.contains(address)))
        })
    }

    fn http() -> impl Strategy<Value = HttpGrant> {
        let scheme = prop_oneof![Just(Scheme::Https), Just(Scheme::Http)];
        let host = prop::sample::select(vec![
            "a.test.example",
            "*.test.example",
            "test.example",
            "b.a.test.example",
            "*.a.test.example",
        ]);
        let ports = prop::collection::vec(prop::sample::select(vec![80u16, 443, 8080]), 0..3);
        let methods = prop::collection::vec(prop::sample::select(vec!["GET", "POST", "PUT"]), 0..3);
        let path = prop::sample::select(vec!["/", "/v1", "/v1/", "/v10", "/v1/x", "/v1/x/"]);
        let networks = prop::collection::vec(
            prop::sample::select(vec![
                "10.0.0.0/8",
                "10.1.0.0/16",
                "127.0.0.0/8",
                "127.0.0.1/32",
                "0.0.0.0/0",
            ]),
            0..3,
        );
        (scheme, host, ports, methods, path, networks).prop_map(
            |(scheme, host, ports, methods, path, networks)| HttpGrant {
                scheme,
                host: HostPattern::parse(host).unwrap(),
                ports,
                methods: methods.into_iter().map(str::to_owned).collect(),
                path: path.to_owned(),
                networks: networks.into_iter().map(|it| it.parse().unwrap()).collect(),
            },
        )
    }

    fn request() -> impl Strategy<Value = (Scheme, String, u16, String, String, IpNet)> {
        // One address each.
        let addresses =
            vec!["10.1.2.3/32", "10.9.0.1/32", "127.0.0.1/32", "127.0.0.2/32", "93.184.216.34/32"];
        (
            prop_oneof![Just(Scheme::Https), Just(Scheme::Http)],
            prop::sample::select(vec![
                "a.test.example",
                "test.example",
                "b.a.test.example",
                "c.test.example",
                "c.a.test.example",
            ])
            .prop_map(str::to_owned),
            prop::sample::select(vec![80u16, 443, 8080]),
            prop::sample::select(vec!["GET", "POST", "PUT"]).prop_map(str::to_owned),
            prop::sample::select(vec!["/", "/v1", "/v1/", "/v10", "/v1/x", "/v1/x/y", "/v1x"])
                .prop_map(str::to_owned),
            prop::sample::select(addresses).prop_map(|it| it.parse().unwrap()),
        )
    }

    fn program() -> impl Strategy<Value = ProcessGrantSpec> {
        let arguments = prop::option::of(prop::collection::vec(
            prop::sample::select(vec!["a", "b", "*", "**", "a*"]).prop_map(str::to_owned),
            0..3,
        ));
        prop_oneof![
            any::<bool>().prop_map(|network| ProcessGrantSpec::Script { network }),
            (prop::sample::select(vec!["git", "ls"]), arguments, any::<bool>()).prop_map(
                |(name, arguments, network)| {
                    ProcessGrantSpec::Program { name: name.to_owned(), arguments, network }
                }
            ),
        ]
    }

    proptest! {
        #[test]
        fn a_request_that_a_grant_within_lets_through_the_ceiling_lets_through(
            grant in http(),
            ceiling in prop::collection::vec(http(), 0..4),
            requests in prop::collection::vec(request(), 64),
        ) {
            let grants = Grants { http: vec![grant.clone()], ..Grants::default() };
            let config = GrantCeiling { http: Some(ceiling.clone()), ..GrantCeiling::default() };
            if config.excesses(&grants, &|path| path.to_owned()).is_empty() {
                for request in requests {
                    prop_assert!(!lets_through(&grants.http, &request) || lets_through(&ceiling, &request), "{request:?}");
                }
            }
            // A grant is within itself.
            let own = GrantCeiling { http: Some(vec![grant]), ..GrantCeiling::default() };
            prop_assert!(own.excesses(&grants, &|path| path.to_owned()).is_empty());
        }

        #[test]
        fn a_file_that_a_grant_within_reaches_the_ceiling_reaches(
            grant in prop::sample::select(vec!["/a", "/a/b", "/a/../b", "/ab", "/", "/a/b/c"]),
            ceilings in prop::collection::vec((prop::sample::select(vec!["/a", "/a/b", "/ab", "/b"]), any::<bool>()), 0..3),
            writes in any::<bool>(),
            file in prop::sample::select(vec!["/a/b/c/d", "/ab/c", "/b/x", "/a", "/c"]),
        ) {
            let access = |write| if write { Access::Write } else { Access::Read };
            let file_grant = |path: &str, write| FileGrant { path: path.into(), access: access(write), guest: path.into() };
            let grants = Grants { files: vec![file_grant(grant, writes)], ..Grants::default() };
            let ceiling: Vec<_> = ceilings.iter().map(|(path, write)| file_grant(path, *write)).collect();
            // Where the file system has no links, `..` is the folder above.
            let reaches = |grant: &FileGrant| {
                let root = if grant.path == Path::new("/a/../b") { Path::new("/b") } else { &grant.path };
                Path::new(file).starts_with(root)
            };
            let config = GrantCeiling { files: Some(ceiling.clone()), ..GrantCeiling::default() };
            if config.excesses(&grants, &|path| path.to_owned()).is_empty() && reaches(&grants.files[0]) {
                prop_assert!(ceiling.iter().any(|outer| reaches(outer) && grants.files[0].access <= outer.access));
            }
        }

        #[test]
        fn a_program_that_a_grant_within_starts_the_ceiling_starts(
            items in prop::collection::vec(program(), 0..3),
            ceiling in prop::collection::vec(program(), 0..4),
            name in prop::sample::select(vec!["git", "ls"]),
            arguments in prop::collection::vec(prop::sample::select(vec!["a", "b", "ab", "c"]).prop_map(str::to_owned), 0..3),
        ) {
            let resolved = |items: &[ProcessGrantSpec]| {
                let mut programs = Vec::new();
                let (mut scripts, mut online) = (false, false);
                for item in items.iter().cloned() {
                    match item {
                        ProcessGrantSpec::Program { name, arguments, network } => programs.push(ProgramGrant { name, arguments, network }),
                        ProcessGrantSpec::Script { network } => { scripts = true; online |= network; }
                    }
                }
                ProcessGrant { programs: Programs::Named(programs), scripts, network: online, working_directory: "/".into(), read: Vec::new(), write: Vec::new(), environment: Default::default(), timeout_ms: 1, max_output_bytes: 1 }
            };
            let starts = |grant: &ProcessGrant, online: bool| match &grant.programs {
                Programs::Any => true,
                Programs::Named(programs) => programs.iter().any(|it| it.name == name && it.covers(&arguments) && (it.network || !online)),
            };
            let grant = resolved(&items);
            let outer = resolved(&ceiling);
            let config = GrantCeiling { process: Some(ceiling), ..GrantCeiling::default() };
            let grants = Grants { process: Some(grant.clone()), ..Grants::default() };
            if config.excesses(&grants, &|path| path.to_owned()).is_empty() {
                for online in [false, true] {
                    prop_assert!(!starts(&grant, online) || starts(&outer, online));
                }
                prop_assert!(!grant.scripts || outer.scripts);
                prop_assert!(!(grant.scripts && grant.network) || outer.network);
            }
        }
    }
}
