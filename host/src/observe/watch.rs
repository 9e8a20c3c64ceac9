//! Watching one drive of a run: each thing that happens is counted, logged and traced, in one place.
//!
//! The spans are those of OpenTelemetry's conventions for generative AI: `invoke_agent ROLE` around
//! `chat MODEL` and `execute_tool TOOL`. Their optional attributes with contents are never set.

use super::{Observer, milliseconds};
use crate::domain::ids::{CallId, RunId};
use crate::domain::message::Usage;
use crate::domain::role::{ModelSpec, Provider, Role};
use crate::domain::tool_call::RefusedBy;
use opentelemetry::trace::Span as _;
use opentelemetry::trace::{SpanContext, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::Span;
use std::time::Instant;
use tracing::{info, info_span, warn};

/// What is said of a run.
#[derive(Debug, Clone, Copy)]
pub struct RunFacts<'a, 'o> {
    /// Its id.
    pub run: &'a RunId,
    /// Its role.
    pub role: &'o Role,
    /// The client's name of its conversation. It is told to a collector of traces alone.
    pub conversation: Option<&'a str>,
}

/// How a drive ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The model answered.
    Completed,
    /// It waits for people.
    Paused,
    /// It cannot go on.
    Failed,
    /// The model or the process went away.
    Interrupted,
    /// It could not be written down, or another process has it.
    Lost,
}

impl Outcome {
    const fn word(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Paused => "paused",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Lost => "lost",
        }
    }
}

/// One drive of a run.
pub struct RunWatch<'o> {
    observer: &'o Observer,
    run: RunId,
    role: &'o Role,
    began: Instant,
    span: Option<Span>,
    context: Option<SpanContext>,
    used: Usage,
}

impl Observer {
    /// Begins to watch a drive of a run.
    pub fn run<'o>(&'o self, facts: RunFacts<'_, 'o>) -> RunWatch<'o> {
        let RunFacts { run, role, conversation } = facts;
        let span = self.tracer().map(|tracer| {
            let mut attributes = vec![
                KeyValue::new("gen_ai.operation.name", "invoke_agent"),
                KeyValue::new("gen_ai.provider.name", provider(role.model.provider)),
                KeyValue::new("gen_ai.agent.name", role.name.clone()),
                KeyValue::new("gen_ai.request.model", role.model.name.clone()),
                KeyValue::new("initrunner.run.id", run.to_string()),
            ];
            // Runs without one are conversations of their own.
            let conversation = conversation.unwrap_or(run.as_str()).to_owned();
            attributes.push(KeyValue::new("gen_ai.conversation.id", conversation));
            let name = format!("invoke_agent {}", role.name);
            let builder = tracer.span_builder(name).with_kind(SpanKind::Internal);
            tracer.build_with_context(builder.with_attributes(attributes), &Context::new())
        });
        RunWatch {
            observer: self,
            run: run.clone(),
            role,
            began: Instant::now(),
            context: span.as_ref().map(|span| span.span_context().clone()),
            span,
            used: Usage::default(),
        }
    }
}

impl<'o> RunWatch<'o> {
    /// What the log has of the run beside each event in it.
    pub fn log(&self) -> tracing::Span {
        info_span!("run", run = %self.run, role = self.role.name)
    }

    /// A span below the run's.
    fn below(&self, name: String, kind: SpanKind, attributes: Vec<KeyValue>) -> Option<Span> {
        let tracer = self.observer.tracer()?;
        let parent = Context::new().with_remote_span_context(self.context.clone()?);
        let builder = tracer.span_builder(name).with_kind(kind).with_attributes(attributes);
        Some(tracer.build_with_context(builder, &parent))
    }

    /// The model is asked.
    pub fn chat(&self) -> ChatWatch<'o> {
        let ModelSpec { provider: word, name, .. } = &self.role.model;
        let span = self.context.is_some().then(|| {
            let attributes = vec![
                KeyValue::new("gen_ai.operation.name", "chat"),
                KeyValue::new("gen_ai.provider.name", provider(*word)),
                KeyValue::new("gen_ai.request.model", name.clone()),
                KeyValue::new("initrunner.run.id", self.run.to_string()),
            ];
            self.below(format!("chat {name}"), SpanKind::Client, attributes)
        });
        ChatWatch {
            observer: self.observer,
            provider: word.word(),
            model: name,
            began: Instant::now(),
            span: span.flatten(),
        }
    }

    /// A tool is called. `kind` is a built-in's type, or `component`.
    pub fn call(&self, id: &CallId, tool: &str, kind: &str) -> CallWatch<'o> {
        let span = self.context.is_some().then(|| {
            let attributes = vec![
                KeyValue::new("gen_ai.operation.name", "execute_tool"),
                KeyValue::new("gen_ai.tool.name", tool.to_owned()),
                KeyValue::new("gen_ai.tool.type", "function"),
                KeyValue::new("gen_ai.tool.call.id", id.to_string()),
                KeyValue::new("initrunner.run.id", self.run.to_string()),
            ];
            self.below(format!("execute_tool {tool}"), SpanKind::Internal, attributes)
        });
        CallWatch {
            observer: self.observer,
            id: id.clone(),
            tool: tool.to_owned(),
            kind: kind.to_owned(),
            began: Instant::now(),
            span: span.flatten(),
        }
    }

    /// A call was refused before any person was asked.
    pub fn refused(&self, id: &CallId, kind: &str, by: RefusedBy) {
        let by = match by {
            RefusedBy::Arguments => "refused_arguments",
            RefusedBy::Policy => "refused_by_policy",
            RefusedBy::Permission => "refused_by_permission",
            RefusedBy::Component => "refused_by_component",
        };
        self.observer.metrics.called(kind, by, None);
        info!(call = %id, kind, outcome = by, "call refused");
    }

    /// What a model's answer used is counted for the run as well.
    pub fn used(&mut self, usage: Usage) {
        self.used.input_tokens = self.used.input_tokens.saturating_add(usage.input_tokens);
        self.used.output_tokens = self.used.output_tokens.saturating_add(usage.output_tokens);
    }

    /// The drive ended.
    pub fn ended(self, outcome: Outcome) {
        let (word, took) = (outcome.word(), self.began.elapsed());
        self.observer.metrics.ran(word);
        let took_ms = milliseconds(took);
        match outcome {
            Outcome::Completed | Outcome::Paused => info!(outcome = word, took_ms, "run ended"),
            Outcome::Failed | Outcome::Interrupted | Outcome::Lost => {
                warn!(outcome = word, took_ms, "run ended");
            }
        }
        let Some(mut span) = self.span else { return };
        span.set_attribute(KeyValue::new("initrunner.run.outcome", word));
        set_usage(&mut span, self.used);
        if matches!(outcome, Outcome::Failed | Outcome::Interrupted | Outcome::Lost) {
            set_error(&mut span, word);
        }
        span.end();
    }
}

/// One question to a model. Dropped without an answer, it was given up.
pub struct ChatWatch<'o> {
    observer: &'o Observer,
    provider: &'static str,
    model: &'o str,
    began: Instant,
    span: Option<Span>,
}

impl ChatWatch<'_> {
    /// The model answered, with so many calls.
    pub fn answered(self, usage: Usage, calls: usize) {
        let Usage { input_tokens, output_tokens } = usage;
        let took = self.began.elapsed();
        let metrics = &self.observer.metrics;
        metrics.asked(self.provider, self.model, "answered", took);
        metrics.used(self.provider, self.model, input_tokens, output_tokens);
        let took_ms = milliseconds(took);
        info!(model = self.model, input_tokens, output_tokens, calls, took_ms, "model answered");
        let Some(mut span) = self.span else { return };
        set_usage(&mut span, usage);
        let reason = if calls > 0 { "tool_calls" } else { "stop" };
        let reasons = Value::Array(vec![opentelemetry::StringValue::from(reason)].into());
        span.set_attribute(KeyValue::new("gen_ai.response.finish_reasons", reasons));
        span.end();
    }

    /// It did not: `why` is a word of a fixed list.
    pub fn failed(self, why: &'static str) {
        let took = self.began.elapsed();
        self.observer.metrics.asked(self.provider, self.model, why, took);
        warn!(model = self.model, why, took_ms = milliseconds(took), "no answer of the model");
        let Some(mut span) = self.span else { return };
        set_error(&mut span, why);
        span.end();
    }
}

/// One invocation of a tool. Dropped without an end, it was given up.
pub struct CallWatch<'o> {
    observer: &'o Observer,
    id: CallId,
    tool: String,
    kind: String,
    began: Instant,
    span: Option<Span>,
}

impl CallWatch<'_> {
    /// It ended, with a result or without.
    pub fn ended(self, succeeded: bool) {
        let took = self.began.elapsed();
        let outcome = if succeeded { "succeeded" } else { "failed" };
        self.observer.metrics.called(&self.kind, outcome, Some(took));
        let took_ms = milliseconds(took);
        info!(call = %self.id, tool = self.tool, kind = self.kind, outcome, took_ms, "call ended");
        let Some(mut span) = self.span else { return };
        if !succeeded {
            set_error(&mut span, "tool_error");
        }
        span.end();
    }

    /// The process was asked to stop, and what became of the call is not known.
    pub fn given_up(self) {
        self.observer.metrics.called(&self.kind, "unknown", None);
        warn!(call = %self.id, tool = self.tool, kind = self.kind, outcome = "unknown", "call given up");
        let Some(mut span) = self.span else { return };
        set_error(&mut span, "unknown_outcome");
        span.end();
    }
}

fn set_usage(span: &mut Span, usage: Usage) {
    let number = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
    let input = KeyValue::new("gen_ai.usage.input_tokens", number(usage.input_tokens));
    let output = KeyValue::new("gen_ai.usage.output_tokens", number(usage.output_tokens));
    span.set_attributes([input, output]);
}

fn set_error(span: &mut Span, kind: &'static str) {
    span.set_attribute(KeyValue::new("error.type", kind));
    // No description: errors quote what models and tools say.
    span.set_status(Status::error(""));
}

/// The provider, as the conventions call it.
const fn provider(provider: Provider) -> &'static str {
    match provider {
        Provider::OpenAi | Provider::OpenAiResponses => "openai",
        Provider::Anthropic => "anthropic",
        Provider::Gemini => "gcp.gemini",
        Provider::Ollama => "ollama",
        Provider::Scripted => "scripted",
    }
}
