//! Whether a text that a person typed may be kept as it is.

use super::host::Host;
use super::open_role::RoleFile;
use crate::domain::secret::{Secrets, any_shape};
use std::borrow::Cow;

/// Whether the text holds a value that the role declares secret, in whatever form, or one that looks like a
/// secret.
pub fn holds_secret(host: &Host, file: &RoleFile, text: &str) -> bool {
    let secrets = Secrets::of(&file.role, &*host.options.environment);
    any_shape(text) || matches!(secrets.redact(text), Cow::Owned(_))
}
