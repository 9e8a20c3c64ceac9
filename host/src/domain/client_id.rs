//! Names that a client gives: of a conversation, or of a request that it may send twice.

use super::digest::Digest;
use super::secret::any_shape;
use super::visible;
use std::fmt;

/// The most characters of a client's name for something: several times a UUID or a path, which is what
/// clients use, and short enough to be kept for each run.
pub const LONGEST: usize = 200;

/// A client's own name for something: 1 to [`LONGEST`] visible characters, and no secret, since it is
/// stored and shown as it is. A space within it is visible, one at either end is not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(String);

/// Text that is no such name; the caller says of what.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientIdError {
    /// No text.
    #[error("it is empty; give 1 to {LONGEST} visible characters, such as a UUID")]
    Empty,
    /// Too much text.
    #[error("it has {0} characters; give at most {LONGEST}, such as a UUID")]
    TooLong(usize),
    /// Characters that nobody sees.
    #[error(
        "`{0}` has a character that cannot be seen, or a space at an end; give visible ones, such as a UUID"
    )]
    Invisible(String),
    /// It looks like a secret; it is not repeated.
    #[error(
        "it looks like a secret, and would be stored as it is; give another one, such as a UUID"
    )]
    Secret,
}

impl ClientId {
    /// Checks a client's text.
    ///
    /// # Errors
    /// [`ClientIdError`] for any other text; it continues a sentence about what was named.
    pub fn parse(text: &str) -> Result<Self, ClientIdError> {
        let length = text.chars().count();
        if length == 0 {
            return Err(ClientIdError::Empty);
        }
        if length > LONGEST {
            return Err(ClientIdError::TooLong(length));
        }
        if any_shape(text) {
            return Err(ClientIdError::Secret);
        }
        let shown = visible::one_line(text);
        if shown != text || text.trim() != text {
            return Err(ClientIdError::Invisible(shown));
        }
        Ok(Self(text.to_owned()))
    }

    /// A name for whoever has none that is fit to be one.
    pub fn of_digest(digest: &Digest) -> Self {
        Self(digest.hex())
    }

    /// The text, as the client gave it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A name of our own: a word, and what tells it from all others.
    pub fn from_random(word: &'static str, random: [u8; 16]) -> Self {
        let digits: String = random.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        Self(format!("{word}-{digits}"))
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_a_person_could_read_out() {
        let long = "x".repeat(LONGEST);
        for text in
            ["a", "018f3f4e-8c1b-7e51", "Gespräch 7 \u{1f600}", "../../etc", "'; DROP", &long]
        {
            assert_eq!(ClientId::parse(text).map(|id| id.to_string()), Ok(text.to_owned()));
        }
        let check = |text: &str, expected: &str| {
            let said = ClientId::parse(text).err().map(|error| error.to_string());
            assert!(said.as_ref().is_some_and(|said| said.starts_with(expected)), "{said:?}");
        };
        check("", "it is empty; give 1 to 200");
        check(&format!("{long}ü"), "it has 201 characters");
        check("a\nb", "`a\\nb` has a character that cannot be seen");
        check("a\u{200b}", "`a\\u{200b}` has a character");
        check(" a", "` a` has a character that cannot be seen, or a space at an end");
        check("a\u{a0}", "`a\u{a0}` has a character");
        check("ghp_0123456789abcdef0123456789abcdef0123", "it looks like a secret");
    }

    #[test]
    fn a_name_of_ours_is_one_that_a_client_may_give() {
        let made = ClientId::from_random("talk", [0xa7; 16]);
        assert_eq!(made.as_str(), "talk-a7a7a7a7a7a7");
        assert_eq!(ClientId::parse(made.as_str()), Ok(made));
    }
}
