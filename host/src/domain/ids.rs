//! Ids: a type for each, a prefix in its text, and the short forms people paste.
//!
//! An id is a prefix and lower-case base32 characters (RFC 4648 alphabet, no padding). Randomness is
//! an argument, so that whoever makes an id owns its source.

use std::fmt;

/// The alphabet of RFC 4648 base32 in lower case.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The fewest characters that a person may shorten an id to: below four, prefixes of a few dozen
/// runs already collide.
pub const SHORTEST_PREFIX: usize = 4;

/// Text that is not an id, or not a prefix of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Fewer than [`SHORTEST_PREFIX`] characters after the type.
    #[error(
        "`{text}` is too short for an id: give at least {SHORTEST_PREFIX} of the characters after `{prefix}`"
    )]
    TooShort {
        /// What was given.
        text: String,
        /// The type, which does not count.
        prefix: &'static str,
    },
    /// A character that no id has, or too many of them.
    #[error("`{text}` is not a {kind} id: they look like `{example}`")]
    Malformed {
        /// What was given.
        text: String,
        /// `run` or `call`.
        kind: &'static str,
        /// A well-formed id.
        example: &'static str,
    },
}

fn encode(mut bits: u128, characters: usize) -> String {
    let mut text = vec![0u8; characters];
    for slot in text.iter_mut().rev() {
        *slot = ALPHABET[(bits & 31) as usize];
        bits >>= 5;
    }
    text.into_iter().map(char::from).collect()
}

fn is_encoded(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'))
}

/// Strips the type from what a person typed and checks what is left.
fn prefix_of(
    text: &str,
    kind: &'static str,
    prefix: &'static str,
    length: usize,
    example: &'static str,
) -> Result<String, IdError> {
    let rest = text.strip_prefix(prefix).unwrap_or(text);
    let malformed = || IdError::Malformed { text: text.to_owned(), kind, example };
    if !is_encoded(rest) || rest.len() > length {
        return Err(malformed());
    }
    if rest.len() < SHORTEST_PREFIX {
        return Err(IdError::TooShort { text: text.to_owned(), prefix });
    }
    Ok(format!("{prefix}{rest}"))
}

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $prefix:literal, $length:literal, $example:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// How many random characters follow the type.
            pub const LENGTH: usize = $length;

            /// An id from sixteen random bytes; the surplus is ignored.
            pub fn from_random(bytes: [u8; 16]) -> Self {
                Self(format!("{}{}", $prefix, encode(u128::from_be_bytes(bytes), $length)))
            }

            /// Reads a whole id, with its type.
            ///
            /// # Errors
            /// [`IdError::Malformed`] for anything else.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                match text.strip_prefix($prefix) {
                    Some(rest) if rest.len() == $length && is_encoded(rest) => {
                        Ok(Self(text.to_owned()))
                    }
                    _ => Err(IdError::Malformed {
                        text: text.to_owned(),
                        kind: $kind,
                        example: $example,
                    }),
                }
            }

            /// Reads what a person typed: an id or the beginning of one, with or without its type.
            /// Gives the text that a matching id starts with.
            ///
            /// # Errors
            /// [`IdError`] where no id can match.
            pub fn parse_prefix(text: &str) -> Result<String, IdError> {
                prefix_of(text, $kind, $prefix, $length, $example)
            }

            /// The id's text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id_type!(
    /// A run: `run_` and 12 characters (60 random bits).
    RunId, "run", "run_", 12, "run_k3q7x2mabcde"
);
id_type!(
    /// A tool call: `call_` and 10 characters (50 random bits); unique within its run at least.
    CallId, "call", "call_", 10, "call_k3q7x2mabc"
);
id_type!(
    /// A process that drives runs: `own_` and 12 characters.
    OwnerId, "owner", "own_", 12, "own_k3q7x2mabcde"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_its_type_and_length() {
        let run = RunId::from_random([0xff; 16]);
        assert_eq!(run.as_str(), "run_777777777777");
        assert_eq!(CallId::from_random([0; 16]).as_str(), "call_aaaaaaaaaa");
        assert_eq!(RunId::parse(run.as_str()), Ok(run));
    }

    #[test]
    fn a_prefix_is_read_with_or_without_its_type() {
        assert_eq!(RunId::parse_prefix("abcd"), Ok("run_abcd".into()));
        assert_eq!(RunId::parse_prefix("run_abcd"), Ok("run_abcd".into()));
        assert!(matches!(RunId::parse_prefix("abc"), Err(IdError::TooShort { .. })));
        assert!(matches!(RunId::parse_prefix("run_abc"), Err(IdError::TooShort { .. })));
        assert!(matches!(RunId::parse_prefix("call_abcd"), Err(IdError::Malformed { .. })));
        assert!(matches!(RunId::parse_prefix("ABCD"), Err(IdError::Malformed { .. })));
        assert!(matches!(RunId::parse_prefix("aaaaaaaaaaaaa"), Err(IdError::Malformed { .. })));
        assert!(matches!(RunId::parse_prefix("é%_a"), Err(IdError::Malformed { .. })));
    }
}
