//! What nobody can guess: tokens of cookies, forms and links.

use crate::ops::random_bytes;
use data_encoding::BASE64URL_NOPAD;

/// 256 random bits, in letters that cookies, forms and addresses carry as they are.
pub(super) fn token() -> String {
    BASE64URL_NOPAD.encode(&random_bytes())
}
