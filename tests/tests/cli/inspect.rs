//! Looking at components that nobody should trust.

use expect_test::expect;
use initrunner_tests::components::{importing, with_modules};
use initrunner_tests::home::Home;
use initrunner_tests::hostile;

/// The component whose manifest does this.
fn marked(word: &str) -> Vec<u8> {
    let mut bytes = std::fs::read(hostile()).unwrap();
    let mark = b"what the manifest does:";
    let at = bytes.windows(mark.len()).position(|window| window == mark).unwrap() + mark.len();
    bytes[at..at + word.len()].copy_from_slice(word.as_bytes());
    bytes
}

#[test]
fn what_a_component_says_of_itself_is_shown_harmlessly() {
    let home = Home::new();
    home.file("tool.wasm", marked("controls"));
    let text = home.run(["inspect", "tool.wasm"]);
    assert_eq!(text.code, Some(0), "{text}");
    assert!(text.raw.starts_with("hostile 1\\x1b[2J\\r0\n"), "{}", &text.raw[..100]);
    let json = home.run(["inspect", "tool.wasm", "--json"]);
    for printed in [&text.raw, &json.raw] {
        let harmful = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!printed.contains(harmful));
    }
    let parsed: serde_json::Value = serde_json::from_str(&json.raw).unwrap();
    assert_eq!(parsed["version"], "1\u{1b}[2J\r0");
    let whole = parsed["description"].as_str().unwrap().len();
    assert!(whole > 200_000);
    // Cut in the text, and all of it in the JSON.
    assert!(text.raw.contains(&format!("… ({whole} bytes; `--json` gives all)")));
    assert!(text.raw.len() < 20_000);
    assert_eq!(parsed["tools"][0]["effects"]["destructive"], true);
}

#[test]
fn a_component_that_cannot_say_what_it_is_is_shown_all_the_same() {
    let home = Home::new();
    let check = |bytes: Vec<u8>, expected: expect_test::Expect| {
        home.file("tool.wasm", &bytes);
        let said = home.run(["inspect", "tool.wasm"]);
        let size = bytes.len().to_string();
        expected.assert_eq(&said.to_string().replace(&size, "SIZE"));
        let json = home.run(["inspect", "tool.wasm", "--json"]);
        assert_eq!(json.code, said.code);
        let parsed: serde_json::Value = serde_json::from_str(&json.raw).unwrap();
        assert!(parsed["digest"].is_string() && parsed["problem"].is_string(), "{parsed}");
    };
    check(
        marked("trap"),
        expect![[r#"
        a component that cannot say what it is
          digest        sha256:DIGEST
          size          SIZE bytes
          capabilities  none
          WASI (inert)  wasi:io/poll@0.2.12, wasi:clocks/monotonic-clock@0.2.12, wasi:clocks/wall-clock@0.2.12, wasi:random/random@0.2.12, wasi:io/error@0.2.12, wasi:io/streams@0.2.12, wasi:cli/stdout@0.2.12, wasi:cli/stderr@0.2.12, wasi:cli/stdin@0.2.12, wasi:http/types@0.2.12, wasi:http/outgoing-handler@0.2.12, wasi:cli/environment@0.2.12, wasi:cli/exit@0.2.12, wasi:cli/terminal-input@0.2.12, wasi:cli/terminal-output@0.2.12, wasi:cli/terminal-stdin@0.2.12, wasi:cli/terminal-stdout@0.2.12, wasi:cli/terminal-stderr@0.2.12, wasi:filesystem/types@0.2.12, wasi:filesystem/preopens@0.2.12, wasi:sockets/network@0.2.12, wasi:sockets/instance-network@0.2.12, wasi:sockets/udp@0.2.12, wasi:sockets/udp-create-socket@0.2.12, wasi:sockets/tcp@0.2.12, wasi:sockets/tcp-create-socket@0.2.12, wasi:sockets/ip-name-lookup@0.2.12, wasi:random/insecure@0.2.12, wasi:random/insecure-seed@0.2.12
          could use     grants: {http: [{host: HOST}]}
                        grants: {files: [{path: PATH, access: read}]}
                        grants: {env: [NAME]}
        ! error: the component `tool.wasm` could not answer `manifest`: the tool crashed: it gave up
        = 1
    "#]],
    );
    let base = std::fs::read(hostile()).unwrap();
    check(
        with_modules(&base, "(module)", 30),
        expect![[r#"
        a component that cannot say what it is
          digest        sha256:DIGEST
          size          SIZE bytes
          capabilities  none
          WASI (inert)  wasi:io/poll@0.2.12, wasi:clocks/monotonic-clock@0.2.12, wasi:clocks/wall-clock@0.2.12, wasi:random/random@0.2.12, wasi:io/error@0.2.12, wasi:io/streams@0.2.12, wasi:cli/stdout@0.2.12, wasi:cli/stderr@0.2.12, wasi:cli/stdin@0.2.12, wasi:http/types@0.2.12, wasi:http/outgoing-handler@0.2.12, wasi:cli/environment@0.2.12, wasi:cli/exit@0.2.12, wasi:cli/terminal-input@0.2.12, wasi:cli/terminal-output@0.2.12, wasi:cli/terminal-stdin@0.2.12, wasi:cli/terminal-stdout@0.2.12, wasi:cli/terminal-stderr@0.2.12, wasi:filesystem/types@0.2.12, wasi:filesystem/preopens@0.2.12, wasi:sockets/network@0.2.12, wasi:sockets/instance-network@0.2.12, wasi:sockets/udp@0.2.12, wasi:sockets/udp-create-socket@0.2.12, wasi:sockets/tcp@0.2.12, wasi:sockets/tcp-create-socket@0.2.12, wasi:sockets/ip-name-lookup@0.2.12, wasi:random/insecure@0.2.12, wasi:random/insecure-seed@0.2.12
          could use     grants: {http: [{host: HOST}]}
                        grants: {files: [{path: PATH, access: read}]}
                        grants: {env: [NAME]}
        ! error: the component `tool.wasm` could not answer `manifest`: the tool was stopped: it is made of more than 20 core instances; `limits: {max_instances: N}` in the role allows more, up to 40
        = 1
    "#]],
    );
    check(
        importing("wasi:keyvalue/store@0.2.0"),
        expect![[r#"
            a component that cannot say what it is
              digest        sha256:DIGEST
              size          SIZE bytes
              capabilities  none
              WASI (inert)  none
              not offered   wasi:keyvalue/store@0.2.0
            ! error: the component imports `wasi:keyvalue/store@0.2.0`, which this host does not offer
            !   hint: a component may import WASI 0.2, `initrunner:host/process`, `initrunner:host/sql`
            = 1
        "#]],
    );
    check(
        importing("initrunner:host/process@0.1.0"),
        expect![[r#"
        a component that cannot say what it is
          digest        sha256:DIGEST
          size          SIZE bytes
          capabilities  initrunner:host/process@0.1.0
          WASI (inert)  none
          needs         grants: {process: [{program: NAME}]}
        ! error: the component does not fit this host's contract: instance export `initrunner:plugin/tools@0.1.0` does not have export `manifest`
        !   hint: build it against wit/plugin.wit of this version
        = 1
    "#]],
    );
}
