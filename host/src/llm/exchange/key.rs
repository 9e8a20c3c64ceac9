//! The key that a server wants, from its environment variable into its header.

use super::super::ModelError;
use reqwest::header::HeaderValue;

/// Which header takes the key.
#[derive(Debug, Clone, Copy)]
pub(in crate::llm) struct KeyHeader {
    /// Its name, in lower case.
    pub(in crate::llm) name: &'static str,
    /// What stands before the key.
    pub(in crate::llm) prefix: &'static str,
}

/// As OpenAI has it, and most others.
pub(in crate::llm) const BEARER: KeyHeader = KeyHeader { name: "authorization", prefix: "Bearer " };

/// A key.
pub(super) struct Key {
    /// The variable it came from.
    pub(super) variable: String,
    pub(super) text: String,
    pub(super) name: &'static str,
    pub(super) value: HeaderValue,
}

impl Key {
    /// Reads the first of some variables that is set; without any variable there is no key.
    pub(super) fn read(
        variables: &[&str],
        header: KeyHeader,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, ModelError> {
        let Some(first) = variables.first() else { return Ok(None) };
        // Keys are pasted and read from files: a line end after one is never part of it.
        let read = |variable: &&str| {
            let text = env(variable)?.trim().to_owned();
            (!text.is_empty()).then(|| ((*variable).to_owned(), text))
        };
        let Some((variable, text)) = variables.iter().find_map(read) else {
            return Err(ModelError::NoKey { variable: (*first).to_owned() });
        };
        match HeaderValue::from_str(&format!("{}{text}", header.prefix)) {
            Ok(mut value) => {
                value.set_sensitive(true);
                Ok(Some(Self { variable, text, name: header.name, value }))
            }
            Err(_) => Err(ModelError::UnusableKey { variable }),
        }
    }
}
