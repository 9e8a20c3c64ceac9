//! Every spelling of an address that is not on the public internet: refused although a role grants the
//! very host, with the reason, and without a connection.

use super::server::{Server, ok};
use super::{Desk, Names, Table, get, grant, refused, wait};
use initrunner::domain::grant::HostPattern;
use initrunner::plugin::egress::Kind;

const MACHINE: &str = "this machine itself";
const PRIVATE: &str = "a private network";
const METADATA: &str = "a cloud's metadata service";
const NO_HOST: &str = "is no host's name and no address";
const MORE: &str = "has more in it than a host and a port";
const USER: &str = "has a user before its host";
const PERCENT: &str = "has a `%` in its host";
const PORT: &str = "has no port behind its `:`";

/// Family, spelling of a host, and a part of the reason.
const SPELLINGS: &[(&str, &[(&str, &str)])] = &[
    (
        "IPv4 in decimal, octal, hexadecimal, short",
        &[
            ("127.0.0.1", MACHINE),
            ("127.255.255.254", MACHINE),
            ("2130706433", MACHINE),
            ("017700000001", MACHINE),
            ("0x7f000001", MACHINE),
            ("0X7F000001", MACHINE),
            ("0177.0.0.1", MACHINE),
            ("00177.00.00.01", MACHINE),
            ("0x7f.0.0.1", MACHINE),
            ("0x7f.0x0.0x0.0x1", MACHINE),
            ("0x7f.1", MACHINE),
            ("0177.1", MACHINE),
            ("127.1", MACHINE),
            ("127.0.1", MACHINE),
            ("127.0x1", MACHINE),
            ("127.65537", MACHINE),
            ("0x00000000007f000001", MACHINE),
            ("2852039166", METADATA),
            ("0xa9fea9fe", METADATA),
            ("0251.0376.0251.0376", METADATA),
            ("169.254.43518", METADATA),
            ("169.16689662", METADATA),
            ("0xa9.0xfe.0xa9.0xfe", METADATA),
            ("167772161", PRIVATE),
            ("012.0.0.1", PRIVATE),
            ("10.1", PRIVATE),
            ("0xc0a80101", PRIVATE),
            ("3232235777", PRIVATE),
            ("192.168.257", PRIVATE),
            ("2886729729", PRIVATE),
            ("0", "this network"),
            ("0x0", "this network"),
            ("0.0", "this network"),
            ("4294967295", "broadcast"),
            ("0xffffffff", "broadcast"),
        ],
    ),
    (
        "special IPv4 blocks",
        &[
            ("0.0.0.0", "this network"),
            ("0.1.2.3", "this network"),
            ("10.0.0.1", PRIVATE),
            ("172.16.0.1", PRIVATE),
            ("172.31.255.254", PRIVATE),
            ("192.168.0.1", PRIVATE),
            ("100.64.0.1", "a provider's shared network"),
            ("100.100.100.200", "a provider's shared network"),
            ("100.127.255.254", "a provider's shared network"),
            ("169.254.0.1", "a link-local network"),
            ("169.254.170.2", "a link-local network"),
            ("192.0.0.1", "reserved for protocols"),
            ("192.0.0.8", "reserved for protocols"),
            ("192.0.0.170", "reserved for protocols"),
            ("192.0.0.192", "reserved for protocols"),
            ("192.0.2.1", "for documentation"),
            ("198.51.100.1", "for documentation"),
            ("203.0.113.1", "for documentation"),
            ("192.88.99.1", "relays of 6to4"),
            ("198.18.0.1", "for benchmarks"),
            ("198.19.255.254", "for benchmarks"),
            ("224.0.0.1", "multicast"),
            ("239.255.255.250", "multicast"),
            ("240.0.0.1", "reserved"),
            ("250.1.2.3", "reserved"),
            ("255.255.255.254", "reserved"),
            ("255.255.255.255", "broadcast"),
        ],
    ),
    (
        "metadata services",
        &[
            ("169.254.169.254", METADATA),
            ("168.63.129.16", METADATA),
            ("[fd00:ec2::254]", METADATA),
            ("[fd20:ce::254]", METADATA),
            ("[::ffff:169.254.169.254]", METADATA),
        ],
    ),
    (
        "IPv6 loopback and unspecified",
        &[
            ("[::1]", MACHINE),
            ("[0:0:0:0:0:0:0:1]", MACHINE),
            ("[0000:0000:0000:0000:0000:0000:0000:0001]", MACHINE),
            ("[::0:1]", MACHINE),
            ("[0::1]", MACHINE),
            ("[::0.0.0.1]", MACHINE),
            ("[::]", "no address"),
            ("[0:0::0]", "no address"),
        ],
    ),
    (
        "IPv4-mapped",
        &[
            ("[::ffff:127.0.0.1]", MACHINE),
            ("[::ffff:7f00:1]", MACHINE),
            ("[::FFFF:7F00:0001]", MACHINE),
            ("[0:0:0:0:0:ffff:127.0.0.1]", MACHINE),
            ("[::ffff:a9fe:a9fe]", METADATA),
            ("[::ffff:10.0.0.1]", PRIVATE),
            ("[::ffff:0.0.0.0]", "this network"),
            ("[::ffff:198.18.0.1]", "for benchmarks"),
        ],
    ),
    (
        "IPv4-compatible and IPv4-translated",
        &[
            ("[::127.0.0.1]", MACHINE),
            ("[::7f00:1]", MACHINE),
            ("[::169.254.169.254]", METADATA),
            ("[::10.0.0.1]", PRIVATE),
            ("[::8.8.8.8]", "which nobody uses any more"),
            ("[::ffff:0:127.0.0.1]", MACHINE),
            ("[::ffff:0:7f00:1]", MACHINE),
            ("[::ffff:0:a9fe:a9fe]", METADATA),
            ("[::ffff:0:8.8.8.8]", "a translator"),
        ],
    ),
    (
        "NAT64",
        &[
            ("[64:ff9b::127.0.0.1]", MACHINE),
            ("[64:ff9b::7f00:1]", MACHINE),
            ("[0064:ff9b:0::7f00:1]", MACHINE),
            ("[64:ff9b::a9fe:a9fe]", METADATA),
            ("[64:ff9b::192.168.0.1]", PRIVATE),
            ("[64:ff9b:1::1]", "NAT64 of a local network"),
            ("[64:ff9b:1:ffff::8.8.8.8]", "NAT64 of a local network"),
        ],
    ),
    (
        "6to4",
        &[
            ("[2002:7f00:1::]", MACHINE),
            ("[2002:7f00:0001::1]", MACHINE),
            ("[2002:a9fe:a9fe::]", METADATA),
            ("[2002:a00:1::1]", PRIVATE),
            ("[2002:c0a8:101::1]", PRIVATE),
            ("[2002:c612:1::]", "for benchmarks"),
        ],
    ),
    (
        "Teredo",
        &[
            ("[2001:0:7f00:1::]", MACHINE),
            ("[2001::808:808:0:0:80ff:fffe]", MACHINE),
            ("[2001:0:808:808:0:0:5601:5601]", METADATA),
            ("[2001:0:808:808:8000:0:f5ff:fffe]", PRIVATE),
        ],
    ),
    (
        "ISATAP",
        &[
            ("[2a00:1450::5efe:127.0.0.1]", MACHINE),
            ("[2a00:1450::200:5efe:127.0.0.1]", MACHINE),
            ("[2606:4700::0:5efe:a9fe:a9fe]", METADATA),
            ("[fe80::5efe:10.0.0.1]", PRIVATE),
        ],
    ),
    (
        "link-local, unique-local, site-local IPv6",
        &[
            ("[fe80::1]", "a link-local network"),
            ("[FE80::ABCD]", "a link-local network"),
            ("[febf:ffff::1]", "a link-local network"),
            ("[fc00::1]", PRIVATE),
            ("[fd00::1]", PRIVATE),
            ("[fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]", PRIVATE),
            ("[fec0::1]", "a site-local network"),
        ],
    ),
    (
        "other special IPv6 blocks",
        &[
            ("[ff02::1]", "multicast"),
            ("[ff05::2]", "multicast"),
            ("[100::1]", "for discarding"),
            ("[2001:db8::1]", "for documentation"),
            ("[3fff::1]", "for documentation"),
            ("[2001:2::1]", "reserved for protocols"),
            ("[2001:20::1]", "reserved for protocols"),
            ("[5f00::1]", "segment routing"),
            ("[3ffe::1]", "a test network of the past"),
            ("[4000::1]", "not assigned"),
            ("[e000::1]", "not assigned"),
        ],
    ),
    (
        "dots at the end",
        &[
            ("127.0.0.1.", MACHINE),
            ("127.1.", MACHINE),
            ("0x7f.1.", MACHINE),
            ("2130706433.", MACHINE),
            ("169.254.169.254.", METADATA),
            ("localhost.", MACHINE),
            ("127.0.0.1..", NO_HOST),
            ("localhost..", NO_HOST),
        ],
    ),
    (
        "digits and dots of other scripts (IDNA)",
        &[
            ("１２７.０.０.１", MACHINE),
            ("①②⑦.⓪.⓪.①", MACHINE),
            ("𝟏𝟐𝟕.𝟎.𝟎.𝟏", MACHINE),
            ("₁₂₇.₀.₀.₁", MACHINE),
            ("127。0。0。1", MACHINE),
            ("127．0．0．1", MACHINE),
            ("127｡0｡0｡1", MACHINE),
            ("⑯⑨.②⑤④.⑯⑨.②⑤④", METADATA),
            ("０ｘ７ｆ.1", MACHINE),
            ("ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", MACHINE),
            ("ｌｏｃａｌｈｏｓｔ", MACHINE),
            ("loc\u{ad}alhost", MACHINE),
            ("127.0.0.1\u{200b}", MACHINE),
        ],
    ),
    (
        "names of this machine",
        &[("localhost", MACHINE), ("LOCALHOST", MACHINE), ("LocalHost.", MACHINE)],
    ),
    (
        "encoded hosts",
        &[
            ("127%2e0%2e0%2e1", PERCENT),
            ("%31%32%37.0.0.1", PERCENT),
            ("127.0.0.1%00", PERCENT),
            ("%6cocalhost", PERCENT),
            ("api.example.com%2f@127.0.0.1", USER),
            ("[fe80::1%25eth0]", PERCENT),
            ("[::1%lo]", PERCENT),
            ("[%3a%3a1]", PERCENT),
        ],
    ),
    (
        "users before the host",
        &[
            ("api.example.com@127.0.0.1", USER),
            ("api.example.com:80@127.0.0.1", USER),
            ("u:p@127.0.0.1", USER),
            ("@127.0.0.1", USER),
            ("api.example.com\\@127.0.0.1", USER),
            ("api.example.com#@127.0.0.1", USER),
        ],
    ),
    (
        "more than a host",
        &[
            ("127.0.0.1/", MORE),
            ("127.0.0.1?", MORE),
            ("127.0.0.1#", MORE),
            ("127.0.0.1\\", MORE),
            (" 127.0.0.1", MORE),
            ("127.0.0.1\t", MORE),
            ("127.0.0.1\r\nHost: a", MORE),
            ("127.0.0.1,api.example.com", MORE),
            ("127.0.0.1;api.example.com", MORE),
            ("[::1]api.example.com", MORE),
            ("::1", PORT),
            ("::ffff:127.0.0.1", PORT),
            ("127.0.0.1:80", PORT),
            ("[127.0.0.1]", NO_HOST),
            ("[::1", PORT),
            ("256.0.0.1", NO_HOST),
            ("127.0.0.0x100", NO_HOST),
            ("127.0.0.1.2", NO_HOST),
            ("0x1.0x2.0x3.0x4.0x5", NO_HOST),
            ("", NO_HOST),
            (".", NO_HOST),
            ("*", MORE),
        ],
    ),
];

#[test]
fn no_spelling_reaches_what_is_not_on_the_public_internet() {
    wait(async {
        let server = Server::start(|_| ok("", "reached")).await;
        let port = server.port();
        let names = Names::of(&[("localhost", &[&["127.0.0.1", "::1"]])]);
        let mut table = Table::default();
        for (family, spellings) in SPELLINGS {
            for (host, reason) in *spellings {
                // The host is granted as it is spelled, wherever that can be written at all.
                let own = HostPattern::parse(host).map(|it| it.to_string());
                let own = own.as_deref().unwrap_or("*.example.com");
                let desk = Desk::new(names.clone(), vec![grant(own, port, &[])]);
                let outcome = desk.send(get(&format!("{host}:{port}"), "/")).await;
                let by_text = [NO_HOST, MORE, USER, PERCENT, PORT].contains(reason);
                let kind = if by_text { Kind::Denied } else { Kind::Address };
                refused(outcome, kind, reason);
                // And nothing of it is covered by a grant for another host.
                let desk = Desk::new(names.clone(), vec![grant("*.example.com", port, &[])]);
                let outcome = desk.send(get(&format!("{host}:{port}"), "/")).await;
                refused(outcome, Kind::Denied, if by_text { reason } else { "is not granted" });
                table.refused(family);
            }
        }
        table.print();
        assert!(table.count() >= 150, "{}", table.count());
        assert_eq!(server.seen(), Vec::<String>::new());
    });
}

/// The same addresses as the answer for a granted name.
#[test]
fn no_answer_for_a_granted_name_leads_there_either() {
    wait(async {
        let server = Server::start(|_| ok("", "reached")).await;
        let port = server.port();
        let mut table = Table::default();
        for (_, spellings) in SPELLINGS {
            for (host, reason) in *spellings {
                // Only addresses, not what is wrong as a text.
                if *reason == PORT || *reason == NO_HOST {
                    continue;
                }
                let Ok(ip) = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>() else {
                    continue;
                };
                let text = ip.to_string();
                for answer in [vec![text.as_str()], vec!["1.1.1.1", text.as_str()]] {
                    let names = Names::of(&[("api.example.com", &[&answer])]);
                    let desk = Desk::new(names, vec![grant("api.example.com", port, &[])]);
                    let outcome = desk.send(get(&format!("api.example.com:{port}"), "/")).await;
                    let cure = format!("add `networks: ['{}']` to the grant", ip.to_canonical());
                    refused(outcome.clone(), Kind::Address, reason);
                    refused(outcome, Kind::Address, &cure);
                    let family = if answer.len() == 1 {
                        "a name with one such address"
                    } else {
                        "a public address before one"
                    };
                    table.refused(family);
                }
            }
        }
        table.print();
        assert!(table.count() >= 150, "{}", table.count());
        assert_eq!(server.seen(), Vec::<String>::new());
    });
}

#[test]
fn a_granted_network_is_reached_and_no_other() {
    wait(async {
        let server = Server::start(|_| ok("", "reached")).await;
        let port = server.port();
        let send = async |host: &str, networks: &[&str]| {
            let names = Names::of(&[("api.example.com", &[&["127.0.0.1"]])]);
            let desk = Desk::new(names, vec![grant(host, port, networks)]);
            desk.send(get(&format!("{host}:{port}"), "/")).await
        };
        assert_eq!(send("127.0.0.1", &["127.0.0.1/32"]).await.unwrap().body, b"reached");
        assert_eq!(send("api.example.com", &["127.0.0.0/8"]).await.unwrap().body, b"reached");
        assert_eq!(send("[::ffff:127.0.0.1]", &["127.0.0.0/8"]).await.unwrap().body, b"reached");
        refused(send("127.0.0.1", &["10.0.0.0/8", "::1/128"]).await, Kind::Address, MACHINE);
        refused(send("[::ffff:127.0.0.1]", &["10.0.0.0/8"]).await, Kind::Address, MACHINE);
        // An address within another is not that one.
        refused(send("[64:ff9b::7f00:1]", &["127.0.0.0/8"]).await, Kind::Address, MACHINE);
        refused(send("[2002:7f00:1::]", &["127.0.0.0/8"]).await, Kind::Address, MACHINE);
    });
}
