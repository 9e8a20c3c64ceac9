//! What a role configures.

use crate::glob::Glob;
use serde::Deserialize;

/// The schema of a role's keys.
pub const SCHEMA: &str = include_str!("config.schema.json");

/// The name under which the host gives the root. Its grant is derived from the same configuration, so
/// that no role has to write one.
pub const ROOT: &str = "/files";

/// Names that hold secrets, or more than a model should wade through.
const EXCLUDED: [&str; 11] = [
    ".git",
    ".env",
    ".env.*",
    ".ssh",
    ".aws",
    ".netrc",
    "*.pem",
    "*.key",
    "id_rsa*",
    "id_ed25519*",
    "node_modules",
];

/// The configuration. `root` is the host's to know.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the root is on the machine; here it is [`ROOT`] whatever it says.
    #[serde(default)]
    pub root: String,
    /// Whether there are tools that change files.
    #[serde(default)]
    pub access: Access,
    /// What no tool sees.
    #[serde(default)]
    pub exclude: Option<Vec<String>>,
    /// The largest file that is looked into.
    #[serde(default = "max_file_bytes")]
    pub max_file_bytes: u64,
    /// The longest listing.
    #[serde(default = "max_results")]
    pub max_results: usize,
}

/// What may be done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Look.
    #[default]
    Read,
    /// Change.
    Write,
}

fn max_file_bytes() -> u64 {
    1 << 20
}

fn max_results() -> usize {
    200
}

impl Config {
    /// The patterns of what is left out.
    pub fn excluded(&self) -> Vec<Glob> {
        match &self.exclude {
            Some(patterns) => patterns.iter().map(|pattern| Glob::new(pattern)).collect(),
            None => EXCLUDED.iter().map(|pattern| Glob::new(pattern)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_and_the_code_have_the_same_defaults() {
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
        let default = |key: &str| schema["properties"][key]["default"].clone();
        let config: Config = serde_json::from_str("{}").unwrap();
        assert_eq!(default("exclude"), serde_json::json!(EXCLUDED));
        assert_eq!(default("max_file_bytes"), config.max_file_bytes);
        assert_eq!(default("max_results"), config.max_results);
        assert_eq!((default("access"), config.access), ("read".into(), Access::Read));
        assert_eq!(config.excluded().len(), EXCLUDED.len());
    }
}
