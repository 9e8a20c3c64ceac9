//! `initrunner key`.

use super::arguments::{Key, KeyRoleWord};
use super::exit::Exit;
use super::output::Output;
use crate::domain::api_key::KeyRole;
use crate::ops::make_key;

pub(super) fn key(command: Key, output: &Output) -> Exit {
    let role = |word: &KeyRoleWord| match word {
        KeyRoleWord::Caller => KeyRole::Caller,
        KeyRoleWord::Reviewer => KeyRole::Reviewer,
        KeyRoleWord::Admin => KeyRole::Admin,
    };
    let (key, secret) = make_key(&command.name, command.roles.iter().map(role).collect());
    output.talk(&format!("The key, which is shown once: {secret}"));
    output.talk("For the file of `--api-key-file`:");
    output.data(key.to_toml().trim_end());
    Exit::Done
}
