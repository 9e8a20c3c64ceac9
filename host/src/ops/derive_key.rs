//! Keys for single purposes, made from this host's own.

use super::error::OpError;
use super::host::Host;
use super::random;
use crate::store::key;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The key for one purpose: the same whenever this host is asked for it, and telling nothing of the keys for
/// other purposes. Where nothing is written down it is a new one each time, as everything else is.
///
/// # Errors
/// Where the host's key cannot be made or read.
pub fn derive_key(host: &Host, purpose: &str) -> Result<[u8; key::LENGTH], OpError> {
    if !host.persists() {
        return Ok(random::thirty_two());
    }
    host.options.home.make()?;
    let folder = host.options.home.keys();
    let cannot = |error: String| OpError::Setup {
        message: format!("the state folder's key cannot be used: {error}"),
        hint: format!("make `{}` readable and writable for this user", folder.display()),
    };
    let own = key::load_or_create(&folder.join("host.key"));
    let own = own.map_err(|error| cannot(error.to_string()))?;
    let mac = Hmac::<Sha256>::new_from_slice(&own).map_err(|error| cannot(error.to_string()))?;
    Ok(mac.chain_update(purpose).finalize().into_bytes().into())
}
