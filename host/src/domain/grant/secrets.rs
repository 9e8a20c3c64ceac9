//! Where the value of a secret may go.

use super::HostPattern;
use serde::{Deserialize, Serialize};

/// One secret, one place: its value replaces its placeholder in this header of requests to this host,
/// over TLS or to an address of this machine itself, and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretGrant {
    /// The secret, as the role's `secrets:` names it.
    pub name: String,
    /// The host. Requests to it need a grant of their own.
    pub host: HostPattern,
    /// The header's name, in lower case.
    pub header: String,
}
