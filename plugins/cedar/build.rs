//! Gives the component a larger stack than the usual one of 1 MiB.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "wasm") {
        // Cedar recurses over a policy when it checks and evaluates it. What `policies.rs` lets through, some
        // six hundred levels, fits with much to spare: 8 MiB, of which only what is used is touched.
        println!("cargo::rustc-link-arg-cdylib=-zstack-size=8388608");
    }
}
