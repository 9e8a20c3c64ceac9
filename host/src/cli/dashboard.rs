//! `initrunner dashboard`.

use super::arguments::Dashboard;
use super::exit::Exit;
use super::output::Output;
use super::serve::{answer, keys, prepare, roles};
use crate::dashboard::{self, SignInLink};
use crate::http::{FinishReason, ServeOptions};
use crate::ops::{Host, Roles};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

/// How long a program that asks for a completion waits, and how many requests a minute one may send: as with
/// `initrunner serve`.
const PATIENCE: Duration = Duration::from_secs(600);
const RATE: std::num::NonZeroU32 = std::num::NonZeroU32::new(60_000).expect("not zero");

pub(super) async fn dashboard(host: Host, command: Dashboard, output: &Output) -> Exit {
    let address = SocketAddr::new(command.host, command.port);
    let logged = (command.log_format, command.log_level);
    let has_keys = command.api_key_file.is_some();
    if let Err(exit) = prepare(&host, address, has_keys, logged, output) {
        return exit;
    }
    let folders = match command.roles_dir.is_empty() {
        true => vec![PathBuf::from(".")],
        false => command.roles_dir,
    };
    let roles = match roles(Roles::read_usable(&host, folders).await, output) {
        Ok(roles) => roles,
        Err(exit) => return exit,
    };
    for broken in roles.broken() {
        output.error(&broken.why);
    }
    let keys = match keys(&host, command.api_key_file, output) {
        Ok(keys) => keys,
        Err(exit) => return exit,
    };
    // Whoever starts it on this machine can read its key as well: the link spares them that.
    let link = (!has_keys).then(SignInLink::new);
    let path = link.as_ref().map_or_else(|| "/".to_owned(), SignInLink::path);
    let options = ServeOptions {
        listen: address,
        origins: Vec::new(),
        finish_reason: FinishReason::Pending,
        empty_content: false,
        rate: Some(RATE),
        patience: PATIENCE,
    };
    let told = |at: SocketAddr| {
        let address = format!("http://{at}{path}");
        output.data(&format!("The dashboard is at {address}"));
        if !command.no_open && !open(&address) {
            output.talk("No browser could be opened; open the address yourself.");
        }
    };
    answer(host, roles, keys, options, Some(dashboard::pages(link)), told, output).await
}

/// Whether a browser was asked to open the address. It is started and left alone.
fn open(address: &str) -> bool {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    #[expect(
        clippy::disallowed_methods,
        reason = "a browser of the person's own, and no tool's program"
    )]
    let mut command = std::process::Command::new(program);
    command.arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().is_ok()
}
