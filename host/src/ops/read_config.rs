//! Reading the host's configuration. Whatever would load a component reads it first; what only looks at
//! the database does without.

use super::error::OpError;
use super::home::Home;
use super::read_text::why_unreadable;
use crate::domain::config::{ConfigErrors, HostConfig, parse};
use crate::domain::role::RoleErrors;
use cap_std::ambient_authority;
use cap_std::fs::File;
use std::io::{ErrorKind, Read};

/// As large as a role may be: it is read by people.
const LARGEST: u64 = 1 << 20;

/// The configuration of a state folder. That there is none is fine; one that cannot be read or
/// understood is not, since it may be what keeps a role from something.
///
/// # Errors
/// Every problem found in it, or why it cannot be read.
pub(super) fn read_config(home: &Home) -> Result<HostConfig, OpError> {
    let path = home.config();
    let shown = path.display().to_string();
    let unreadable = |why: String| OpError::Config {
        rendered: format!(
            "the host's configuration `{shown}` cannot be read: {why}\n  hint: mend it, or remove it"
        ),
    };
    let file = match File::open_ambient(&path, ambient_authority()) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound && path.symlink_metadata().is_err() => {
            return Ok(HostConfig { path: shown, ..HostConfig::default() });
        }
        // There is a file where the state folder would be: whoever needs the folder says so.
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            return Ok(HostConfig { path: shown, ..HostConfig::default() });
        }
        Err(error) => return Err(unreadable(why_unreadable(&error))),
    };
    let mut bytes = Vec::new();
    let read = file.take(LARGEST + 1).read_to_end(&mut bytes);
    read.map_err(|error| unreadable(why_unreadable(&error)))?;
    if bytes.len() as u64 > LARGEST {
        return Err(unreadable(format!("it is larger than {} KiB", LARGEST >> 10)));
    }
    let text = String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8 text".into()))?;
    parse(&text, &shown).map_err(|ConfigErrors(problems)| OpError::Config {
        rendered: RoleErrors { problems }.render(&shown),
    })
}
