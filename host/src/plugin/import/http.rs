//! `wasi:http`, inert: always linked, since language runtimes import it whether they use it or not,
//! and every request refused.

use http::{Request, Response};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

/// Refuses every request, and remembers that there was one.
#[derive(Default)]
pub(in super::super) struct InertHttp {
    refused: bool,
}

impl InertHttp {
    /// The sentence about a refused request, where there was one.
    pub(in super::super) fn refused(&self) -> Option<String> {
        self.refused
            .then(|| "it tried to send an HTTP request, which the role does not grant".into())
    }
}

type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl WasiHttpHooks for InertHttp {
    fn send_request(
        &mut self,
        _request: Request<WasiBody>,
        _options: Option<RequestOptions>,
        _done: Io,
    ) -> Box<dyn Future<Output = wasmtime::Result<(Response<WasiBody>, Io), Error>> + Send> {
        self.refused = true;
        Box::new(std::future::ready(Err(Error::HttpRequestDenied)))
    }
}
