//! What a server tells of itself: traces to a collector, a log, numbers. None of it holds what people, models
//! and tools say to each other.

mod collector;
mod numbers;

use collector::{Collector, shown};
use initrunner_tests::home::{Home, Running, until};
use initrunner_tests::model_stub::{Answer, ModelStub};
use initrunner_tests::probe;
use rustix::process::Signal;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// What is asked, what the model says, and what it calls the tool with: none of it may be found anywhere.
const ASKED: &str = "the question that stays here";
const SAID: &str = "the answer that stays here";
const ARGUMENT: &str = "the argument that stays here";

/// The model calls the tool, reads its result, and answers.
fn model() -> ModelStub {
    let call = format!(
        r#"{{"choices":[{{"index":0,"delta":{{"tool_calls":[{{"index":0,"id":"c1","type":"function","function":{{"name":"probe","arguments":"{{\"do\": \"echo\", \"text\": \"{ARGUMENT}\"}}"}}}}]}}}}]}}"#
    );
    let usage = |input: u8, output: u8| {
        format!(
            r#"{{"choices":[],"usage":{{"prompt_tokens":{input},"completion_tokens":{output}}}}}"#
        )
    };
    let said = format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"{SAID}"}}}}]}}"#);
    let end = |reason: &str| {
        format!(r#"{{"choices":[{{"index":0,"delta":{{}},"finish_reason":"{reason}"}}]}}"#)
    };
    ModelStub::serve(vec![
        Answer::stream()
            .event(&call)
            .event(&end("tool_calls"))
            .event(&usage(80, 12))
            .event("[DONE]"),
        Answer::stream().event(&said).event(&end("stop")).event(&usage(99, 5)).event("[DONE]"),
    ])
}

/// A server of one role that asks this model, with this in its environment.
struct Server {
    _home: Home,
    running: Running,
    address: String,
    key: String,
}

fn serve(model: &ModelStub, options: &[&str], environment: &[(&str, &str)]) -> Server {
    let home = Home::new();
    home.file(
        "role.yaml",
        format!(
            "name: worker\nprompt: p\nmodel: {{provider: openai, name: stub-1, base_url: \"{}\"}}\ntools:\n  - component: {}\n    name: probe\n    grants: {{process: [{{program: 'true'}}]}}\n",
            model.base_url(),
            probe().display()
        ),
    );
    let arguments =
        ["serve", "role.yaml", "--port", "0"].into_iter().chain(options.iter().copied());
    let mut start = home.command(arguments);
    for (name, value) in environment {
        start = start.env(name, value);
    }
    let running = start.start();
    until("the server listens", || running.said().contains("http://"));
    let said = running.said();
    let address = said.trim().rsplit_once("http://").unwrap().1.to_owned();
    let key = std::fs::read_to_string(home.state().join("api-key")).unwrap().trim().to_owned();
    Server { _home: home, running, address, key }
}

impl Server {
    /// Asks the role, and gives the answer with its head.
    fn complete(&self) -> String {
        let body =
            format!(r#"{{"model":"worker","messages":[{{"role":"user","content":"{ASKED}"}}]}}"#);
        let request = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            self.key,
            body.len()
        );
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Stops it, and gives what it had written to standard error.
    fn stop(self) -> String {
        self.running.signal(Signal::TERM);
        let ran = self.running.wait();
        assert_eq!(ran.code, Some(0), "{ran}");
        ran.stderr
    }
}

fn run_id(answer: &str) -> &str {
    let line = answer.lines().find_map(|line| line.strip_prefix("x-run-id: "));
    line.unwrap_or_else(|| panic!("{answer}"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_collector_is_sent_what_a_run_did_and_nothing_of_what_was_said() {
    let (model, collector) = (model(), Collector::start());
    let variable = ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address());
    let server = serve(&model, &[], &[variable]);
    let answer = server.complete();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(SAID), "{answer}");
    let run = run_id(&answer).to_owned();
    // What was not sent yet is sent before the process ends.
    server.stop();

    assert_eq!(collector.lines()[0], "post /v1/traces http/1.1");
    assert_eq!(collector.resource("service.name"), "initrunner");
    let spans = collector.spans();
    let names: Vec<&str> = spans.iter().map(|span| &*span.name).collect();
    assert_eq!(names, ["invoke_agent worker", "chat stub-1", "execute_tool probe", "chat stub-1"]);
    let agent = &spans[0];
    assert_eq!(hex(&agent.parent_span_id), "");
    for below in &spans[1..] {
        assert_eq!(hex(&below.parent_span_id), hex(&agent.span_id), "{}", below.name);
        assert_eq!(hex(&below.trace_id), hex(&agent.trace_id), "{}", below.name);
        assert!(below.end_time_unix_nano >= below.start_time_unix_nano);
        assert!(below.end_time_unix_nano <= agent.end_time_unix_nano);
    }
    let check = |span: usize, wanted: &[(&str, &str)]| {
        for (key, value) in wanted {
            assert_eq!(shown(&spans[span].attributes, key), *value, "`{key}` of span {span}");
        }
    };
    check(
        0,
        &[
            ("gen_ai.operation.name", "invoke_agent"),
            ("gen_ai.provider.name", "openai"),
            ("gen_ai.agent.name", "worker"),
            ("gen_ai.request.model", "stub-1"),
            ("gen_ai.conversation.id", &run),
            ("initrunner.run.id", &run),
            ("initrunner.run.outcome", "completed"),
            ("gen_ai.usage.input_tokens", "179"),
            ("gen_ai.usage.output_tokens", "17"),
        ],
    );
    check(
        1,
        &[
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.provider.name", "openai"),
            ("gen_ai.request.model", "stub-1"),
            ("gen_ai.usage.input_tokens", "80"),
            ("gen_ai.usage.output_tokens", "12"),
            ("gen_ai.response.finish_reasons", "tool_calls"),
        ],
    );
    check(
        2,
        &[
            ("gen_ai.operation.name", "execute_tool"),
            ("gen_ai.tool.name", "probe"),
            ("gen_ai.tool.type", "function"),
            ("initrunner.run.id", &run),
            ("error.type", ""),
        ],
    );
    assert!(shown(&spans[2].attributes, "gen_ai.tool.call.id").starts_with("call_"));
    check(3, &[("gen_ai.response.finish_reasons", "stop"), ("gen_ai.usage.input_tokens", "99")]);
    for said in [ASKED, SAID, ARGUMENT] {
        assert!(!collector.holds(said), "{said}");
    }
}

#[test]
fn a_collector_that_never_answers_costs_nobody_anything() {
    let model = model();
    // Connections wait in the kernel, and nobody takes them.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let variable = ("OTEL_EXPORTER_OTLP_ENDPOINT", &*address);
    let server = serve(&model, &[], &[variable]);
    let answer = server.complete();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(SAID), "{answer}");
    let began = Instant::now();
    let log = server.stop();
    // Three seconds are what it waits for the collector; a process that hangs would be killed much later.
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert!(log.contains("the last traces could not be sent"), "{log}");
}

#[test]
fn an_address_that_is_none_is_told_before_anything_is_served() {
    let home = Home::with_role("", "rules: []");
    let ran = home
        .command(["serve", "role.yaml", "--port", "0"])
        .env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector:4318")
        .run();
    ran.check(expect_test::expect![[r#"
        ! error: `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` is no address; write one such as `http://localhost:4318`
        = 64
    "#]]);
}

#[test]
fn the_log_has_ids_and_nothing_of_what_was_said() {
    for format in ["text", "json"] {
        let model = model();
        let server = serve(&model, &["--log-level", "info", "--log-format", format], &[]);
        let answer = server.complete();
        let run = run_id(&answer).to_owned();
        let key = server.key.clone();
        let log = server.stop();
        // The ids of this home are hidden in what the program said; a run's is in the answer alone.
        let events: Vec<&str> = log.lines().filter(|line| line.contains("took_ms")).collect();
        assert_eq!(events.len(), 5, "{log}");
        for said in [ASKED, SAID, ARGUMENT, &key] {
            assert!(!log.contains(said), "{said} in:\n{log}");
        }
        if format == "json" {
            let events: Vec<serde_json::Value> =
                events.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
            let messages: Vec<_> = events.iter().map(|event| &event["message"]).collect();
            assert_eq!(
                messages,
                ["model answered", "call ended", "model answered", "run ended", "request answered"]
            );
            assert_eq!(events[1]["kind"], "component");
            assert_eq!(events[1]["outcome"], "succeeded");
            assert_eq!(events[1]["span"]["role"], "worker");
            assert_eq!(events[4]["route"], "/v1/chat/completions");
            assert_eq!(events[4]["status"], 200);
            let named = events[3]["span"]["run"].as_str().unwrap();
            assert!(named.starts_with("RUN") || named == run, "{named}");
        }
    }
}

#[test]
fn a_server_says_nothing_of_what_goes_well_unless_it_is_asked_to() {
    let model = model();
    let server = serve(&model, &[], &[]);
    server.complete();
    let log = server.stop();
    assert!(!log.contains("took_ms"), "{log}");
}
