//! What is counted, as Prometheus reads it.
//!
//! Every label's value is one of a fixed list, or a name that the roles of this server give: a client cannot
//! make a new one, or it could fill this process's memory and the database of whoever collects it.

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::time::Duration;

/// The type of what [`Metrics::encode`] gives.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Seconds until a decision: programs answer within one, people within minutes or days.
const DECISIONS: [f64; 12] =
    [0.1, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 43_200.0, 86_400.0, 604_800.0];

/// Seconds of a model's answer: providers give most of them within ten, and long ones within ten minutes.
const ANSWERS: [f64; 11] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0];

/// Seconds of a call: a sandbox takes less than a millisecond, and a call no longer than its time limit.
const CALLS: [f64; 11] = [0.0001, 0.0005, 0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0, 600.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRun {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfCall {
    kind: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfKind {
    kind: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfDecision {
    decision: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfSandbox {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRequest {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfModel {
    provider: &'static str,
    model: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfTokens {
    provider: &'static str,
    model: String,
    direction: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfProvider {
    provider: &'static str,
}

/// A family of histograms with the same bounds.
type Times<L> = Family<L, Histogram, fn() -> Histogram>;

/// The counters of a process. They begin at nothing when it starts.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    runs: Family<OfRun, Counter>,
    calls: Family<OfCall, Counter>,
    call_seconds: Times<OfKind>,
    waiting: Gauge,
    decisions: Family<OfDecision, Counter>,
    decision_seconds: Histogram,
    sandbox: Family<OfSandbox, Counter>,
    requests: Family<OfRequest, Counter>,
    model_requests: Family<OfModel, Counter>,
    model_seconds: Times<OfProvider>,
    tokens: Family<OfTokens, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("initrunner"),
            runs: Family::default(),
            calls: Family::default(),
            call_seconds: Family::new_with_constructor(|| Histogram::new(CALLS)),
            waiting: Gauge::default(),
            decisions: Family::default(),
            decision_seconds: Histogram::new(DECISIONS),
            sandbox: Family::default(),
            requests: Family::default(),
            model_requests: Family::default(),
            model_seconds: Family::new_with_constructor(|| Histogram::new(ANSWERS)),
            tokens: Family::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let Self { registry, .. } = self;
        registry.register(
            "runs",
            "Drives of a run by this process, by how they ended: a run that pauses is counted once more when it goes on",
            self.runs.clone(),
        );
        registry.register(
            "calls",
            "Tool calls that ended or were refused, by the kind of plugin",
            self.calls.clone(),
        );
        registry.register(
            "call_duration_seconds",
            "How long tool calls took",
            self.call_seconds.clone(),
        );
        registry.register(
            "waiting_approvals",
            "Calls in the database that wait for a person",
            self.waiting.clone(),
        );
        registry.register(
            "decisions",
            "Decisions about calls that were made through this process",
            self.decisions.clone(),
        );
        registry.register(
            "decision_latency_seconds",
            "From a call that waits to the decision about it",
            self.decision_seconds.clone(),
        );
        registry.register(
            "sandbox_failures",
            "Calls into components that the sandbox ended",
            self.sandbox.clone(),
        );
        registry.register(
            "http_requests",
            "Requests answered, by the route that they took",
            self.requests.clone(),
        );
        registry.register(
            "model_requests",
            "Questions to models, by the model that the role names first",
            self.model_requests.clone(),
        );
        registry.register(
            "model_request_duration_seconds",
            "How long answers of models took, whole",
            self.model_seconds.clone(),
        );
        registry.register(
            "model_tokens",
            "Tokens that models read and wrote, as they said",
            self.tokens.clone(),
        );
    }

    /// All of it, as text.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // A `String` takes whatever is written.
        let _ = text::encode(&mut text, &self.registry);
        text
    }

    /// How many calls wait, as the database says.
    pub fn set_waiting(&self, count: usize) {
        self.waiting.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// A person decided about a call that had waited so long.
    pub fn decided(&self, decision: &'static str, after: Duration) {
        self.decisions.get_or_create(&OfDecision { decision }).inc();
        self.decision_seconds.observe(after.as_secs_f64());
    }

    /// The sandbox ended a call, for a reason of a fixed list.
    pub fn sandbox_failed(&self, reason: &'static str) {
        self.sandbox.get_or_create(&OfSandbox { reason }).inc();
    }

    /// A request was answered. `route` is the pattern that it took, never its path; `None`: none took it.
    pub fn answered(&self, method: &str, route: Option<&str>, status: u16) {
        // A method is a client's word, and may be any.
        const METHODS: [&str; 6] = ["GET", "POST", "DELETE", "PUT", "HEAD", "OPTIONS"];
        let method = METHODS.into_iter().find(|known| *known == method).unwrap_or("other");
        let route = route.unwrap_or("none").to_owned();
        self.requests.get_or_create(&OfRequest { method, route, status }).inc();
    }

    pub(super) fn ran(&self, outcome: &'static str) {
        self.runs.get_or_create(&OfRun { outcome }).inc();
    }

    pub(super) fn called(&self, kind: &str, outcome: &'static str, took: Option<Duration>) {
        self.calls.get_or_create(&OfCall { kind: kind.to_owned(), outcome }).inc();
        if let Some(took) = took {
            let seconds = took.as_secs_f64();
            self.call_seconds.get_or_create(&OfKind { kind: kind.to_owned() }).observe(seconds);
        }
    }

    pub(super) fn asked(
        &self,
        provider: &'static str,
        model: &str,
        outcome: &'static str,
        took: Duration,
    ) {
        let model = model.to_owned();
        self.model_requests.get_or_create(&OfModel { provider, model, outcome }).inc();
        self.model_seconds.get_or_create(&OfProvider { provider }).observe(took.as_secs_f64());
    }

    pub(super) fn used(&self, provider: &'static str, model: &str, input: u64, output: u64) {
        for (direction, tokens) in [("input", input), ("output", output)] {
            let model = model.to_owned();
            self.tokens.get_or_create(&OfTokens { provider, model, direction }).inc_by(tokens);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn everything_is_told_as_prometheus_reads_it() {
        let metrics = Metrics::default();
        metrics.ran("completed");
        metrics.ran("completed");
        metrics.called("shell", "succeeded", Some(Duration::from_millis(3)));
        metrics.called("component", "refused_by_policy", None);
        metrics.set_waiting(7);
        metrics.decided("approve", Duration::from_secs(70));
        metrics.sandbox_failed("trap");
        metrics.answered("POST", Some("/v1/approvals/{run}"), 200);
        metrics.asked("openai", "a \"model\"", "answered", Duration::from_millis(400));
        metrics.used("openai", "a \"model\"", 80, 12);
        let text = metrics.encode();
        let counted =
            text.lines().filter(|line| !line.starts_with('#') && !line.contains("bucket"));
        let mut counted: Vec<&str> = counted.collect();
        // Those of one name come in any order.
        counted.sort_unstable();
        expect![].assert_eq(&counted.join("\n"));
        assert!(text.ends_with("# EOF\n"), "{text}");
        assert!(
            text.contains("# HELP initrunner_waiting_approvals Calls in the database"),
            "{text}"
        );
    }

    #[test]
    fn what_clients_invent_makes_no_new_label() {
        let metrics = Metrics::default();
        for n in 0..1000 {
            metrics.answered(&format!("METHOD{n}"), None, 404);
        }
        let lines = metrics.encode();
        let lines = lines.lines().filter(|line| line.starts_with("initrunner_http_requests_total"));
        expect![[
            r#"initrunner_http_requests_total{method="other",route="none",status="404"} 1000"#
        ]]
        .assert_eq(&lines.collect::<Vec<_>>().join("\n"));
    }
}
