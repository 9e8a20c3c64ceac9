//! Spans on their way to a collector, by OTLP over HTTP with protobuf.
//!
//! They are sent in batches, by a task of their own. What cannot be sent, or not fast enough, is dropped: a
//! collector that is slow, down or wrong costs a run nothing.

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::runtime::Tokio;
use opentelemetry_sdk::trace::span_processor_with_async_runtime::BatchSpanProcessor;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use rustls::crypto::ring;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Where spans go, by the first of these variables that says so: one of traces alone, as it is; one of all
/// signals, below which traces have a path (OpenTelemetry's specification, "OpenTelemetry Protocol Exporter").
const VARIABLES: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// The path of traces below the address of all signals.
const PATH: &str = "v1/traces";

/// How long a batch may take, by the same specification.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a process that ends waits for the last batch: shorter than what supervisors of processes give one
/// that was asked to stop (Docker 10 s), since that has taken some of it.
const FAREWELL: Duration = Duration::from_secs(3);

/// The way to a collector.
pub struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Traces")
    }
}

impl Traces {
    /// The way to the collector that the environment names; `None`: it names none, or `OTEL_SDK_DISABLED` is
    /// `true`. Headers and what the resource is called are read from the process's own environment by the
    /// library. Nothing is sent yet. Must be called in a runtime of tokio with several threads: where it is dropped
    /// before it was finished, it waits for a task there.
    ///
    /// # Errors
    /// A sentence: the address cannot be used.
    pub fn from_environment(env: &dyn Fn(&str) -> Option<String>) -> Result<Option<Self>, String> {
        let read = |name: &str| env(name).map(|value| value.trim().to_owned());
        let disabled = read("OTEL_SDK_DISABLED").is_some_and(|it| it.eq_ignore_ascii_case("true"));
        let named = VARIABLES.into_iter().find_map(|variable| {
            read(variable).filter(|address| !address.is_empty()).map(|it| (variable, it))
        });
        let Some((variable, address)) = named.filter(|_| !disabled) else { return Ok(None) };
        let url = address_of_traces(variable, &address)?;
        let named = read("OTEL_SERVICE_NAME").is_some_and(|name| !name.is_empty());
        Self::to(&url, named).map(Some).map_err(|why| {
            format!("traces cannot be sent where `{variable}` says: {why}; correct it, or unset it")
        })
    }

    /// `named`: the environment says what this service is called.
    fn to(url: &url::Url, named: bool) -> Result<Self, String> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client(url).map_err(|error| error.to_string())?)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(url.as_str())
            .with_timeout(PATIENCE)
            .build()
            .map_err(|error| error.to_string())?;
        let resource = Resource::builder();
        let resource = if named { resource } else { resource.with_service_name("initrunner") };
        let provider = SdkTracerProvider::builder()
            .with_span_processor(BatchSpanProcessor::builder(exporter, Tokio).build())
            .with_resource(resource.build())
            .build();
        let tracer = provider.tracer("initrunner");
        Ok(Self { provider, tracer })
    }

    pub(super) const fn tracer(&self) -> &SdkTracer {
        &self.tracer
    }

    /// Sends the rest, and waits for that a little.
    pub(super) async fn finish(&self) {
        let provider = self.provider.clone();
        // It waits without telling the runtime.
        let sending = tokio::task::spawn_blocking(move || provider.shutdown());
        match tokio::time::timeout(FAREWELL, sending).await {
            Ok(Ok(Ok(()))) => {}
            _ => tracing::warn!("the last traces could not be sent"),
        }
    }
}

/// Where traces are sent.
fn address_of_traces(variable: &str, address: &str) -> Result<url::Url, String> {
    let wrong = || format!("`{variable}` is no address; write one such as `http://localhost:4318`");
    // Its userinfo and query may be secret, so the sentence does not quote it.
    let mut url = url::Url::parse(address).map_err(|_| wrong())?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong());
    }
    if variable == VARIABLES[1] {
        let below = format!("{}/{PATH}", url.path().trim_end_matches('/'));
        url.set_path(&below);
    }
    Ok(url)
}

/// A client as those for models are: no redirects, no ambient proxy, ring for encryption.
fn client(url: &url::Url) -> Result<reqwest::Client, Box<dyn std::error::Error>> {
    let builder = reqwest::Client::builder()
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy();
    let builder = if url.scheme() == "https" {
        // An error means that there is a provider already.
        let _ = ring::default_provider().install_default();
        builder
    } else {
        // The system's certificates are not read where none is needed.
        let trusting_nobody =
            rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_safe_default_protocol_versions()?
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth();
        builder.tls_backend_preconfigured(trusting_nobody)
    };
    Ok(builder.build()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(variable: &str, address: &str) -> String {
        match address_of_traces(variable, address) {
            Ok(url) => url.to_string(),
            Err(sentence) => sentence,
        }
    }

    #[test]
    fn traces_have_a_path_below_the_address_of_all_signals() {
        let [traces, all] = VARIABLES;
        assert_eq!(check(all, "http://localhost:4318"), "http://localhost:4318/v1/traces");
        assert_eq!(check(all, "https://c.example/otlp/"), "https://c.example/otlp/v1/traces");
        assert_eq!(check(traces, "http://localhost:4318/t"), "http://localhost:4318/t");
    }

    #[test]
    fn an_address_that_is_none_is_refused_and_not_quoted() {
        let [traces, all] = VARIABLES;
        for wrong in ["localhost:4318", "ftp://user:secret@c", "http://", "secret"] {
            for variable in [traces, all] {
                let sentence = check(variable, wrong);
                assert!(sentence.contains("is no address; write one"), "{sentence}");
                assert!(!sentence.contains("secret"), "{sentence}");
            }
        }
    }

    // Another thread, since a provider that is dropped waits for its task.
    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn without_an_address_nothing_is_exported() {
        let none = |pairs: &'static [(&str, &str)]| {
            let env = |name: &str| {
                let found = pairs.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            Traces::from_environment(&env).unwrap().is_none()
        };
        assert!(none(&[]));
        assert!(none(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]));
        assert!(none(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318"),
            ("OTEL_SDK_DISABLED", "true"),
        ]));
        assert!(!none(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318")]));
    }
}
