//! Randomness for ids and keys: as operations hand it out.

use crate::store::key;

/// Sixteen random bytes.
pub(super) fn sixteen() -> [u8; 16] {
    fill()
}

/// Thirty-two random bytes: a key.
pub fn thirty_two() -> [u8; 32] {
    fill()
}

fn fill<const N: usize>() -> [u8; N] {
    // A kernel without randomness cannot make ids that differ or keys that hold: going on would hand
    // out the same id twice.
    key::random().unwrap_or_else(|_| std::process::abort())
}
