//! Keys for clients of a server: a new one, and the one of this machine.

use super::error::OpError;
use super::host::Host;
use super::random;
use crate::domain::api_key::{ApiKey, KeyRole};
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The longest that a key's file may be: a key is 47 characters.
const LONGEST: u64 = 1 << 10;

/// A new key, and what its holder sends.
pub fn make_key(name: &str, roles: BTreeSet<KeyRole>) -> (ApiKey, String) {
    ApiKey::generate(name, roles, random::thirty_two())
}

/// The key of this machine, made when it is first asked for, and the file that has it: readable for this
/// user alone.
///
/// # Errors
/// Where the file cannot be made or read.
pub fn local_key(host: &Host) -> Result<(String, PathBuf), OpError> {
    host.options.home.make()?;
    let path = host.options.home.api_key();
    let cannot = |error: std::io::Error| OpError::Setup {
        message: format!("this machine's key `{}` cannot be used: {error}", path.display()),
        hint: "make it readable and writable for this user, or name keys with `--api-key-file`"
            .into(),
    };
    if !path.exists() {
        make(&path).map_err(cannot)?;
    }
    let secret = read(&path).map_err(cannot)?;
    match secret.trim() {
        "" => Err(OpError::Setup {
            message: format!("this machine's key `{}` is empty", path.display()),
            hint: "remove the file, and a new one is made".into(),
        }),
        secret => Ok((secret.to_owned(), path)),
    }
}

/// Writes a new key. Of two processes that make one at the same moment both go on with the same: it is
/// whole before it has its name.
fn make(path: &Path) -> std::io::Result<()> {
    let (_, secret) = make_key("local", BTreeSet::new());
    let name = data_encoding::HEXLOWER.encode(&random::sixteen());
    let draft = path.with_extension(format!("draft-{name}"));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let linked = writeln!(file, "{secret}")
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::hard_link(&draft, path));
    std::fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}
