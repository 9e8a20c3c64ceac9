//! Telegram's methods over the client that every trigger has. The bot's token is a part of the address, so no
//! error here repeats one.

use crate::trigger::post::Poster;
use frankenstein::AsyncTelegramApi;
use frankenstein::response::ErrorResponse;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;
use url::Url;

/// How long Telegram holds a question for news before it says that there is none, in seconds: as long as the
/// connections of most networks live without traffic.
pub(super) const LONG_POLL: u32 = 50;

/// How long any request may take: a long poll, and some more for a slow network.
const PATIENCE: Duration = Duration::from_secs(LONG_POLL as u64 + 20);

/// A bot.
pub(super) struct Client {
    poster: Poster,
    base: Url,
    token: String,
}

/// Why a method gave nothing.
#[derive(Debug)]
pub(super) enum Failure {
    /// Telegram's answer.
    Refused(ErrorResponse),
    /// No answer, or none that can be read: a clause.
    Unreachable(String),
}

impl Client {
    /// # Errors
    /// A clause: this machine cannot speak TLS.
    pub(super) fn new(base: Url, token: String) -> Result<Self, String> {
        Ok(Self { poster: Poster::new(&base)?, base, token })
    }

    async fn ask<Params: Serialize, Output: DeserializeOwned>(
        &self,
        method: &str,
        params: Option<Params>,
    ) -> Result<Output, Failure> {
        let unreachable = |why: &str| Failure::Unreachable(why.to_owned());
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| unreachable("its address cannot have a path"))?
            .pop_if_empty()
            .push(&format!("bot{}", self.token))
            .push(method);
        let body = match params {
            Some(params) => serde_json::to_vec(&params)
                .map_err(|_| unreachable("a message could not be written as JSON"))?,
            None => b"{}".to_vec(),
        };
        let answer =
            self.poster.post(url, &[], body, PATIENCE).await.map_err(Failure::Unreachable)?;
        if (200..300).contains(&answer.status) {
            return serde_json::from_slice(&answer.body)
                .map_err(|_| unreachable("its answer cannot be read"));
        }
        match serde_json::from_slice::<ErrorResponse>(&answer.body) {
            Ok(refused) => Err(Failure::Refused(refused)),
            Err(_) => Err(Failure::Unreachable(format!("it answered {}", answer.status))),
        }
    }
}

type Asked<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'a>>;

// What `#[async_trait]` makes of the trait's two methods.
impl AsyncTelegramApi for Client {
    type Error = Failure;

    fn request<'life0, 'life1, 'async_trait, Params, Output>(
        &'life0 self,
        method: &'life1 str,
        params: Option<Params>,
    ) -> Asked<'async_trait, Output>
    where
        Params: Serialize + Debug + Send + 'async_trait,
        Output: DeserializeOwned + 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(self.ask(method, params))
    }

    fn request_with_form_data<'life0, 'life1, 'life2, 'async_trait, Params, Output>(
        &'life0 self,
        _method: &'life1 str,
        _params: Params,
        _files: Vec<(&'life2 str, PathBuf)>,
    ) -> Asked<'async_trait, Output>
    where
        Params: Serialize + Debug + Send + 'async_trait,
        Output: DeserializeOwned + 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
        'life2: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async { Err(Failure::Unreachable("files are not sent".into())) })
    }
}
