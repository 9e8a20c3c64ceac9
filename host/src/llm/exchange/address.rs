//! Where requests go, from the role's `base_url`.

use super::super::ModelError;
use reqwest::Url;

/// Where the servers of a protocol are.
#[derive(Debug, Clone, Copy)]
pub(in crate::llm) struct Site {
    /// The base unless the role says otherwise.
    pub(in crate::llm) default: &'static str,
    /// What a base looks like, for who wrote another.
    pub(in crate::llm) example: &'static str,
    /// What the host adds before the path unless the base ends with a version of its own.
    pub(in crate::llm) version: &'static str,
    /// What people append to the base although the host adds it.
    pub(in crate::llm) added: &'static str,
}

/// An address that can be sent to.
#[derive(Debug)]
pub(in crate::llm) struct Address {
    /// The whole address of requests.
    pub(super) url: Url,
    /// The base as people know it, without a query, which may hold a key.
    pub(super) shown: String,
}

impl Address {
    /// Reads a base; `path` is appended to it.
    pub(in crate::llm) fn parse(
        base_url: Option<&str>,
        site: Site,
        path: &str,
    ) -> Result<Self, ModelError> {
        let text = base_url.unwrap_or(site.default);
        let unusable = |why: &str| {
            // Whatever stands before an `@` may be a password.
            let url = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
            let url = super::super::show::visible_up_to(url.split('?').next().unwrap_or(url), 200);
            ModelError::BaseUrl { url, why: why.to_owned() }
        };
        let example = format!("write it like `{}`", site.example);
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
        if base.ends_with(site.added) {
            return Err(unusable(&format!("leave out `{}`, which the host adds", site.added)));
        }
        let mut shown = url.clone();
        shown.set_query(None);
        let shown = shown.as_str().trim_end_matches('/').to_owned();
        let last = base.rsplit('/').next().and_then(|last| last.strip_prefix('v'));
        let is_versioned = last.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        let version = if is_versioned { "" } else { site.version };
        url.set_path(&format!("{base}{version}{path}"));
        Ok(Self { url, shown })
    }

    /// Adds a parameter to what the base has.
    #[must_use]
    pub(in crate::llm) fn with(mut self, name: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }

    /// The host's name.
    pub(in crate::llm) fn host(&self) -> Option<&str> {
        self.url.host_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITE: Site = Site {
        default: "https://api.openai.com/v1",
        example: "http://127.0.0.1:11434/v1",
        version: "",
        added: "/chat/completions",
    };

    fn check(base_url: Option<&str>, expected: &str) {
        let shown = match Address::parse(base_url, SITE, "/chat/completions") {
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
    fn a_version_is_added_where_the_base_has_none() {
        let site = Site { default: "https://x.example", version: "/v1", ..SITE };
        for (base, expected) in [
            (None, "https://x.example/v1/chat"),
            (Some("https://x.example/"), "https://x.example/v1/chat"),
            (Some("https://x.example/v1beta/"), "https://x.example/v1beta/chat"),
            (Some("https://x.example/vendor"), "https://x.example/vendor/v1/chat"),
        ] {
            assert_eq!(Address::parse(base, site, "/chat").unwrap().url.as_str(), expected);
        }
        let address = Address::parse(Some("https://x.example?a=b"), site, "/chat").unwrap();
        assert_eq!(
            address.with("alt", "sse").url.as_str(),
            "https://x.example/v1/chat?a=b&alt=sse"
        );
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
