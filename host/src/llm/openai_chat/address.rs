//! Where requests go, from the role's `base_url`.

use super::super::ModelError;
use reqwest::Url;

/// Where requests go unless the role says otherwise.
const DEFAULT: &str = "https://api.openai.com/v1";

/// An address that can be sent to.
#[derive(Debug)]
pub(super) struct Address {
    /// The whole address of chat completions.
    pub(super) url: Url,
    /// The base as people know it, without a query, which may hold a key.
    pub(super) shown: String,
    /// Whether this is OpenAI itself, which has renamed a field that all others keep.
    pub(super) is_openai: bool,
}

impl Address {
    pub(super) fn parse(base_url: Option<&str>) -> Result<Self, ModelError> {
        let text = base_url.unwrap_or(DEFAULT);
        let unusable = |why: &str| {
            // Whatever stands before an `@` may be a password.
            let url = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
            let url = super::super::show::visible_up_to(url.split('?').next().unwrap_or(url), 200);
            ModelError::BaseUrl { url, why: why.to_owned() }
        };
        let example = "write it like `http://127.0.0.1:11434/v1`";
        let mut url = Url::parse(text).map_err(|error| unusable(&format!("{error}; {example}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(unusable(&format!("it is not `http` or `https`; {example}")));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(unusable(
                "it holds a user or password; name an environment variable in `api_key_env` instead",
            ));
        }
        url.set_fragment(None);
        let base = url.path().trim_end_matches('/').to_owned();
        if base.ends_with("/chat/completions") {
            return Err(unusable("leave out `/chat/completions`, which the host adds"));
        }
        let mut shown = url.clone();
        shown.set_query(None);
        let shown = shown.as_str().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}/chat/completions"));
        let is_openai = url.host_str() == Some("api.openai.com");
        Ok(Self { url, shown, is_openai })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(base_url: Option<&str>, expected: &str) {
        let shown = match Address::parse(base_url) {
            Ok(address) => format!("{} | {}", address.url, address.shown),
            Err(error) => format!("! {error}"),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn the_path_is_added_to_the_base() {
        check(None, "https://api.openai.com/v1/chat/completions | https://api.openai.com/v1");
        check(
            Some("http://127.0.0.1:80/v1/"),
            "http://127.0.0.1/v1/chat/completions | http://127.0.0.1/v1",
        );
        check(
            Some("https://x.example/a?api-version=1&key=secret#f"),
            "https://x.example/a/chat/completions?api-version=1&key=secret | https://x.example/a",
        );
        check(Some("http://[::1]:8080"), "http://[::1]:8080/chat/completions | http://[::1]:8080");
    }

    #[test]
    fn an_unusable_base_says_what_to_write() {
        check(
            Some("localhost:11434/v1"),
            "! `localhost:11434/v1` cannot be the model's `base_url`: it is not `http` or `https`; \
             write it like `http://127.0.0.1:11434/v1`",
        );
        check(
            Some("/v1?key=secret"),
            "! `/v1` cannot be the model's `base_url`: relative URL without a base; write it like \
             `http://127.0.0.1:11434/v1`",
        );
        check(
            Some("https://me:secret@x.example/v1"),
            "! `x.example/v1` cannot be the model's `base_url`: it holds a user or password; name \
             an environment variable in `api_key_env` instead",
        );
        check(
            Some("https://x.example/v1/chat/completions"),
            "! `https://x.example/v1/chat/completions` cannot be the model's `base_url`: leave out \
             `/chat/completions`, which the host adds",
        );
    }
}
