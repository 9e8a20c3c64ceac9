//! Which model a role names, and how it is asked.

/// Which protocol a model speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// OpenAI-compatible chat completions.
    OpenAi,
    /// The scripted model: a file of patterns and replies.
    Scripted,
}

impl Provider {
    /// The variables that hold a key for the default address, as every client of the provider has
    /// them; the first that is set counts.
    pub const fn key_variables(self) -> &'static [&'static str] {
        match self {
            Self::OpenAi => &["OPENAI_API_KEY"],
            Self::Scripted => &[],
        }
    }
}

/// A model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelSpec {
    /// Its protocol.
    pub provider: Provider,
    /// The provider's name for it; for the scripted model, a label.
    pub name: String,
    /// Where to send requests, up to and without what the protocol adds, such as `/chat/completions`.
    pub base_url: Option<String>,
    /// The environment variable holding the key; the key itself is never in a role.
    pub api_key_env: Option<String>,
    /// The scripted model's file, relative to the role file.
    pub script: Option<String>,
    /// How it writes.
    pub sampling: Sampling,
}

/// How a model writes. `None` and an empty list: as the provider has it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sampling {
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// The most tokens of one answer.
    pub max_tokens: Option<u32>,
}

impl ModelSpec {
    /// A model of which only the name is said.
    pub fn new(provider: Provider, name: &str) -> Self {
        Self {
            provider,
            name: name.to_owned(),
            base_url: None,
            api_key_env: None,
            script: None,
            sampling: Sampling::default(),
        }
    }

    /// The environment variables that may hold the key; the first that is set does. A server of one's
    /// own needs none unless the role names one: sending it the provider's, because that happens to be
    /// set, would give the key away.
    pub fn key_variables(&self) -> Vec<&str> {
        match (&self.api_key_env, &self.base_url) {
            (Some(variable), _) => vec![variable],
            (None, None) => self.provider.key_variables().to_vec(),
            (None, Some(_)) => Vec::new(),
        }
    }
}
