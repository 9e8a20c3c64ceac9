//! `initrunner policy`: one file per command.

mod bench;
mod check;
mod explain;
mod replay;
mod schema;
mod test;

use super::arguments::Policy;
use super::exit::Exit;
use super::output::Output;
use crate::domain::digest::Digest;
use crate::domain::policy::PolicyAnswer;
use crate::ops::Host;
use serde_json::{Value, json};

pub(super) async fn policy(host: &Host, command: &Policy, output: &Output) -> Exit {
    match command {
        Policy::Check(command) => check::check(host, command, output).await,
        Policy::Bench(command) => bench::bench(host, command, output).await,
        Policy::Schema(command) => schema::schema(host, command, output).await,
        Policy::Test(command) => test::test(host, command, output).await,
        Policy::Explain(command) => explain::explain(host, command, output).await,
        Policy::Replay(command) => replay::replay(host, command, output).await,
    }
}

/// The beginning of a digest: enough to tell apart what one host has had.
fn short(digest: &Digest) -> String {
    const DIGITS: usize = 12;
    let hex: String = digest.hex().chars().take(DIGITS).collect();
    format!("sha256:{hex}")
}

/// An answer as scripts read it.
fn answer_json(policy: &str, answer: &PolicyAnswer) -> Value {
    let PolicyAnswer { effect, reasons, errors, digest, took_us } = answer;
    json!({
        "policy": policy,
        "effect": effect,
        "reasons": reasons,
        "errors": errors,
        "digest": digest.to_string(),
        "took_us": took_us,
    })
}
