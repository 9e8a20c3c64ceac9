//! Which addresses are on the public internet: the special-purpose registries of IANA (RFC 6890 and
//! what was added since), and every way in which an IPv6 address carries an IPv4 one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is not on the public internet, in a few words; `None`: it is.
pub(super) fn why_not_global(ip: IpAddr) -> Option<String> {
    match ip {
        IpAddr::V4(ip) => special_v4(ip).map(str::to_owned),
        IpAddr::V6(ip) => special_v6(ip),
    }
}

/// First address, length of the prefix, what it is. The first that fits counts.
const V4: [([u8; 4], u32, &str); 18] = [
    ([0, 0, 0, 0], 8, "this network"),
    ([10, 0, 0, 0], 8, "a private network"),
    ([100, 64, 0, 0], 10, "a provider's shared network"),
    ([127, 0, 0, 0], 8, "this machine itself"),
    // The address of the metadata service in most clouds.
    ([169, 254, 169, 254], 32, "a cloud's metadata service"),
    ([169, 254, 0, 0], 16, "a link-local network"),
    ([172, 16, 0, 0], 12, "a private network"),
    ([192, 0, 0, 0], 24, "reserved for protocols"),
    ([192, 0, 2, 0], 24, "for documentation"),
    ([192, 88, 99, 0], 24, "relays of 6to4"),
    ([192, 168, 0, 0], 16, "a private network"),
    ([198, 18, 0, 0], 15, "for benchmarks"),
    ([198, 51, 100, 0], 24, "for documentation"),
    ([203, 0, 113, 0], 24, "for documentation"),
    ([224, 0, 0, 0], 4, "multicast"),
    ([255, 255, 255, 255], 32, "broadcast"),
    ([240, 0, 0, 0], 4, "reserved"),
    // Public by number; within Azure it is the machine's own host and gives out its secrets.
    ([168, 63, 129, 16], 32, "a cloud's metadata service"),
];

fn special_v4(ip: Ipv4Addr) -> Option<&'static str> {
    let bits = u32::from(ip);
    V4.iter()
        .find(|(first, length, _)| {
            let shift = 32 - length;
            bits >> shift == u32::from(Ipv4Addr::from(*first)) >> shift
        })
        .map(|(_, _, what)| *what)
}

/// As [`V4`]. What is outside `2000::/3` is not assigned to anybody and has names here only where that
/// tells more.
const V6: [([u16; 8], u32, &str); 18] = [
    ([0, 0, 0, 0, 0, 0, 0, 0], 128, "no address"),
    ([0, 0, 0, 0, 0, 0, 0, 1], 128, "this machine itself"),
    ([0, 0, 0, 0, 0, 0, 0, 0], 96, "an IPv4-compatible address, which nobody uses any more"),
    ([0, 0, 0, 0, 0xffff, 0, 0, 0], 96, "an address that a translator uses inside"),
    ([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, "NAT64 of a local network"),
    ([0x100, 0, 0, 0, 0, 0, 0, 0], 64, "for discarding"),
    ([0x100, 0, 0, 1, 0, 0, 0, 0], 64, "a placeholder prefix"),
    // The whole block for protocols, though parts of it can be reached: none of them serves HTTP.
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, "reserved for protocols"),
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "for documentation"),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "for documentation"),
    ([0x3ffe, 0, 0, 0, 0, 0, 0, 0], 16, "a test network of the past"),
    ([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16, "segment routing"),
    ([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128, "a cloud's metadata service"),
    ([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128, "a cloud's metadata service"),
    ([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "a private network"),
    ([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "a link-local network"),
    ([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, "a site-local network"),
    ([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "multicast"),
];

fn special_v6(ip: Ipv6Addr) -> Option<String> {
    let found = embedded(ip);
    for (way, inner) in found.iter().flatten() {
        if let Some(what) = special_v4(*inner) {
            // The two that are addresses of their own, and no more than that.
            if ip.is_loopback() || ip.is_unspecified() {
                break;
            }
            return Some(format!("{way} for `{inner}`: {what}"));
        }
    }
    if found.iter().flatten().any(|(way, _)| matches!(*way, MAPPED | NAT64 | TEREDO)) {
        // These lead to the IPv4 address and are nothing of their own.
        return None;
    }
    let bits = u128::from(ip);
    let named = V6.iter().find(|(first, length, _)| {
        let shift = 128 - length;
        bits >> shift == u128::from(Ipv6Addr::from(*first)) >> shift
    });
    match named {
        Some((_, _, what)) => Some((*what).to_owned()),
        None if bits >> 125 == 1 => None,
        None => Some("not assigned to anybody".to_owned()),
    }
}

const MAPPED: &str = "an IPv4-mapped address";
const COMPATIBLE: &str = "an IPv4-compatible address";
const TRANSLATED: &str = "an IPv4-translated address";
const NAT64: &str = "an address of NAT64";
const SIX_TO_FOUR: &str = "an address of 6to4";
const TEREDO: &str = "an address of Teredo";
const ISATAP: &str = "an address of ISATAP";

/// The IPv4 addresses in an IPv6 one, with the way in which each is there.
fn embedded(ip: Ipv6Addr) -> [Option<(&'static str, Ipv4Addr)>; 2] {
    let parts = ip.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    let last = v4(parts[6], parts[7]);
    match parts {
        [0, 0, 0, 0, 0, 0xffff, ..] => [Some((MAPPED, last)), None],
        [0, 0, 0, 0, 0, 0, ..] => [Some((COMPATIBLE, last)), None],
        [0, 0, 0, 0, 0xffff, 0, ..] => [Some((TRANSLATED, last)), None],
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => [Some((NAT64, last)), None],
        [0x2002, high, low, ..] => [Some((SIX_TO_FOUR, v4(high, low))), isatap(&parts)],
        // The server, and the client with every bit turned over (RFC 4380, 4).
        [0x2001, 0, high, low, ..] => {
            [Some((TEREDO, v4(high, low))), Some((TEREDO, v4(!parts[6], !parts[7])))]
        }
        _ => [isatap(&parts), None],
    }
}

/// RFC 5214, 6.1: the interface's number is `0:5efe` or `200:5efe` before the IPv4 address, under any
/// prefix.
fn isatap(parts: &[u16; 8]) -> Option<(&'static str, Ipv4Addr)> {
    let is_one = parts[4] & 0xfdff == 0 && parts[5] == 0x5efe;
    let inner = u32::from(parts[6]) << 16 | u32::from(parts[7]);
    is_one.then(|| (ISATAP, Ipv4Addr::from(inner)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_way_of_writing_a_special_address_makes_it_public(
            (block, host) in (0..V4.len(), any::<u32>()), network in any::<u32>(),
        ) {
            let (first, length, _) = V4[block];
            let inner = u32::from(Ipv4Addr::from(first)) | (host.checked_shr(length).unwrap_or(0));
            let (low, wide) = (u128::from(inner), u128::from(network));
            prop_assert!(why_not_global(IpAddr::V4(inner.into())).is_some());
            for bits in [
                low,
                0xffff << 32 | low,
                0xffff << 48 | low,
                0x64_ff9b << 96 | low,
                0x2002 << 112 | low << 80 | wide,
                0x2001_0000 << 96 | low << 64 | wide,
                0x2001_0000 << 96 | wide << 64 | u128::from(!inner),
                0x2a00 << 112 | wide << 64 | 0x5efe << 32 | low,
                0x2a00 << 112 | wide << 64 | 0x0200_5efe << 32 | low,
            ] {
                prop_assert!(why_not_global(IpAddr::V6(bits.into())).is_some(), "{bits:x}");
            }
        }
    }

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let why = why_not_global(text.parse().unwrap());
        assert_eq!(why.as_deref(), expected, "{text}");
    }

    #[test]
    fn the_public_internet_is_what_nobody_reserved() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2001:4860:4860::8888",
            "2a00:1450:4001:82a::200e",
            "2001:200::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
            "2001:0:808:808:0:0:f7f7:f7f7",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn each_block_ends_where_its_registry_says() {
        for (text, what) in [
            ("0.0.0.0", "this network"),
            ("0.255.255.255", "this network"),
            ("10.255.255.255", "a private network"),
            ("100.64.0.0", "a provider's shared network"),
            ("100.127.255.255", "a provider's shared network"),
            ("127.255.255.255", "this machine itself"),
            ("169.254.0.1", "a link-local network"),
            ("169.254.169.254", "a cloud's metadata service"),
            ("168.63.129.16", "a cloud's metadata service"),
            ("172.31.255.255", "a private network"),
            ("192.0.0.255", "reserved for protocols"),
            ("192.0.2.1", "for documentation"),
            ("192.88.99.1", "relays of 6to4"),
            ("198.19.255.255", "for benchmarks"),
            ("239.255.255.255", "multicast"),
            ("240.0.0.0", "reserved"),
            ("255.255.255.254", "reserved"),
            ("255.255.255.255", "broadcast"),
            ("::", "no address"),
            ("::1", "this machine itself"),
            ("2001:db8::1", "for documentation"),
            ("3fff:fff::1", "for documentation"),
            ("2001:1ff::1", "reserved for protocols"),
            ("fd12::1", "a private network"),
            ("fd00:ec2::254", "a cloud's metadata service"),
            ("fe80::1", "a link-local network"),
            ("fec0::1", "a site-local network"),
            ("ff02::1", "multicast"),
            ("4000::1", "not assigned to anybody"),
            ("1fff::1", "not assigned to anybody"),
        ] {
            check(text, Some(what));
        }
    }

    #[test]
    fn an_ipv4_address_inside_is_judged_as_itself() {
        for (text, what) in [
            ("::ffff:127.0.0.1", "an IPv4-mapped address for `127.0.0.1`: this machine itself"),
            ("::127.0.0.1", "an IPv4-compatible address for `127.0.0.1`: this machine itself"),
            ("::8.8.8.8", "an IPv4-compatible address, which nobody uses any more"),
            ("::ffff:0:10.0.0.1", "an IPv4-translated address for `10.0.0.1`: a private network"),
            ("::ffff:0:8.8.8.8", "an address that a translator uses inside"),
            ("64:ff9b::192.168.1.1", "an address of NAT64 for `192.168.1.1`: a private network"),
            ("64:ff9b:1::8.8.8.8", "NAT64 of a local network"),
            ("2002:7f00:1::", "an address of 6to4 for `127.0.0.1`: this machine itself"),
            ("2001:0:7f00:1::", "an address of Teredo for `127.0.0.1`: this machine itself"),
            (
                "2001:0:808:808:0:0:80ff:fffe",
                "an address of Teredo for `127.0.0.1`: this machine itself",
            ),
            ("2a00::5efe:10.0.0.1", "an address of ISATAP for `10.0.0.1`: a private network"),
            (
                "2a00::200:5efe:127.0.0.1",
                "an address of ISATAP for `127.0.0.1`: this machine itself",
            ),
            (
                "2002:808:808::5efe:127.0.0.1",
                "an address of ISATAP for `127.0.0.1`: this machine itself",
            ),
        ] {
            check(text, Some(what));
        }
    }
}
