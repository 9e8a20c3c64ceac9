//! Which model a role names, and how it is asked.

use crate::domain::budget::Price;

/// Which protocol a model speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// OpenAI-compatible chat completions.
    OpenAi,
    /// OpenAI's responses.
    OpenAiResponses,
    /// Anthropic's messages.
    Anthropic,
    /// Google's Gemini.
    Gemini,
    /// Ollama's own chat.
    Ollama,
    /// The scripted model: a file of patterns and replies.
    Scripted,
}

impl Provider {
    /// As a role names it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::OpenAiResponses => "openai-responses",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Ollama => "ollama",
            Self::Scripted => "scripted",
        }
    }

    /// The variables that hold a key for the default address, as every client of the provider has
    /// them; the first that is set counts.
    pub const fn key_variables(self) -> &'static [&'static str] {
        match self {
            Self::OpenAi | Self::OpenAiResponses => &["OPENAI_API_KEY"],
            Self::Anthropic => &["ANTHROPIC_API_KEY"],
            Self::Gemini => &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
            Self::Ollama | Self::Scripted => &[],
        }
    }

    /// The keys of [`Sampling`] that the protocol knows. The scripted model heeds none and lets all
    /// pass: it stands in for any other.
    pub const fn options(self) -> &'static [&'static str] {
        match self {
            Self::OpenAi => &[
                "temperature",
                "top_p",
                "max_tokens",
                "seed",
                "stop",
                "presence_penalty",
                "frequency_penalty",
                "reasoning_effort",
            ],
            Self::OpenAiResponses => &["temperature", "top_p", "max_tokens", "reasoning_effort"],
            Self::Anthropic => {
                &["temperature", "top_p", "top_k", "max_tokens", "stop", "thinking_tokens"]
            }
            Self::Gemini => &[
                "temperature",
                "top_p",
                "top_k",
                "max_tokens",
                "seed",
                "stop",
                "presence_penalty",
                "frequency_penalty",
                "thinking_tokens",
            ],
            Self::Ollama => &[
                "temperature",
                "top_p",
                "top_k",
                "max_tokens",
                "seed",
                "stop",
                "presence_penalty",
                "frequency_penalty",
            ],
            Self::Scripted => &OPTIONS,
        }
    }
}

/// Every key of [`Sampling`].
pub(super) const OPTIONS: [&str; 10] = [
    "temperature",
    "top_p",
    "top_k",
    "max_tokens",
    "seed",
    "stop",
    "presence_penalty",
    "frequency_penalty",
    "reasoning_effort",
    "thinking_tokens",
];

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
    /// How many requests of this process it may be answering at a time.
    pub concurrency: Option<u32>,
    /// What its tokens cost.
    pub price: Option<Price>,
    /// Who is asked in its place while it is unavailable, in order. None of these has any itself.
    pub fallback: Vec<ModelSpec>,
}

/// How a model writes. `None` and an empty list: as the provider has it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sampling {
    /// Sampling temperature, from 0 to 2.
    pub temperature: Option<f64>,
    /// The share of likely tokens that is sampled from, from 0 to 1.
    pub top_p: Option<f64>,
    /// How many of the likeliest tokens are sampled from.
    pub top_k: Option<u32>,
    /// The most tokens of one answer.
    pub max_tokens: Option<u32>,
    /// Makes sampling repeatable where the provider can.
    pub seed: Option<u32>,
    /// Texts that end an answer.
    pub stop: Vec<String>,
    /// From -2 to 2.
    pub presence_penalty: Option<f64>,
    /// From -2 to 2.
    pub frequency_penalty: Option<f64>,
    /// How hard a model that reasons tries, in OpenAI's words.
    pub reasoning_effort: Option<String>,
    /// How many tokens a model may think before it answers.
    pub thinking_tokens: Option<u32>,
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
            concurrency: None,
            price: None,
            fallback: Vec::new(),
        }
    }

    /// `PROVIDER:NAME`.
    pub fn label(&self) -> String {
        format!("{}:{}", self.provider.word(), self.name)
    }

    /// This model, then its fallbacks.
    pub fn all(&self) -> impl Iterator<Item = &ModelSpec> {
        std::iter::once(self).chain(&self.fallback)
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

    /// What a token costs at most, whichever of the models wrote it. `None`: some has no price.
    pub fn dearest_price(&self) -> Option<Price> {
        self.all().map(|model| model.price).reduce(|one, other| Some(one?.max(other?))).flatten()
    }
}
