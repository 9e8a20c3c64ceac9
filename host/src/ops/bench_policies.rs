//! Measuring policies: how long loading takes, and how long an answer.

use super::error::OpError;
use super::host::Host;
use super::open_role::RoleFile;
use crate::domain::clock::Timestamp;
use crate::domain::example::example_arguments;
use crate::domain::policy::{Circumstances, Counts, Effect, Question, strictest};
use crate::gate::{AssumedIsolation, Gate, PolicyParts, PolicyQuery, Toolset};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How often a component is loaded again: the median of five is steady to a few percent.
const LOADS: usize = 5;

/// Answers before the first that counts: caches are filled after some tens.
const WARM_UP: usize = 100;

/// Where the calls stand that are asked about: nobody who exists, at a fixed time, so that two measurements
/// ask the same.
const AT: Timestamp = Timestamp(1_767_268_800_000_000);

/// What was measured of one policy component.
#[derive(Debug)]
pub struct BenchedPolicy {
    /// What people call it.
    pub label: String,
    /// How many policies it has.
    pub policies: usize,
    /// Until it could be asked for the first time in this process: its component read from the cache or
    /// compiled, its sources read.
    pub first_load: Duration,
    /// Loading again, with the component at hand: the median.
    pub load: Duration,
    /// Bytes of memory of one instance.
    pub memory: Option<usize>,
    /// Each tool of the role.
    pub tools: Vec<BenchedTool>,
}

/// What was measured of the questions about one tool.
#[derive(Debug)]
pub struct BenchedTool {
    /// The tool, as the model names it.
    pub tool: String,
    /// The arguments, and what came of them; `None`: none could be made that fit the tool's schema.
    pub asked: Option<BenchedQuestion>,
}

/// What was measured of one question.
#[derive(Debug)]
pub struct BenchedQuestion {
    /// The arguments, JSON text.
    pub arguments: String,
    /// The answer.
    pub effect: Effect,
    /// Half of the answers came in this time.
    pub median: Duration,
    /// All but one of a hundred came in this time.
    pub p99: Duration,
    /// Answers per second, asked one after the other.
    pub per_second: f64,
    /// Answers per second where two threads ask.
    pub per_second_of_two: f64,
}

/// Measures every policy component over a role's tools, each alone: the host's first, in the order asked.
/// Each question is taken from the text of its arguments to the answer, as for a call of a run. Every thread
/// asks `iterations` times.
///
/// # Errors
/// Where the role, its tools or a policy cannot be used.
pub async fn bench_policies(
    host: &Host,
    path: &Path,
    iterations: usize,
) -> Result<Vec<BenchedPolicy>, OpError> {
    let file = RoleFile::read(host, path)?;
    let of_host = host.policies()?;
    let mut tools = file.open_bare_tools(host).await?;
    let mut benched = Vec::new();
    for parts in of_host.parts.iter().chain(&file.policies) {
        let gate = host.gate()?;
        let first_load = load(gate, &mut tools, parts, &file).await?;
        let mut loads = Vec::with_capacity(LOADS);
        for _ in 0..LOADS {
            loads.push(load(gate, &mut tools, parts, &file).await?);
        }
        let names: Vec<String> = tools.model_names().map(str::to_owned).collect();
        let mut of_tools = Vec::with_capacity(names.len());
        for tool in names {
            let asked = bench_tool(gate, &tools, &tool, iterations).await?;
            of_tools.push(BenchedTool { tool, asked });
        }
        let loaded = tools.loaded_policies().next().map(|(_, _, loaded)| loaded);
        benched.push(BenchedPolicy {
            label: parts.label.clone(),
            policies: loaded.map_or(0, |loaded| loaded.policies.len()),
            first_load,
            load: percentile(&mut loads, 50),
            memory: loaded.and_then(|loaded| loaded.memory()),
            tools: of_tools,
        });
    }
    Ok(benched)
}

async fn load(
    gate: &Gate,
    tools: &mut Toolset,
    parts: &PolicyParts,
    file: &RoleFile,
) -> Result<Duration, OpError> {
    let began = Instant::now();
    gate.put_under(tools, &[parts]).await.map_err(|error| file.cannot_open(error))?;
    Ok(began.elapsed())
}

async fn bench_tool(
    gate: &Gate,
    tools: &Toolset,
    tool: &str,
    iterations: usize,
) -> Result<Option<BenchedQuestion>, OpError> {
    let circumstances = Circumstances {
        requester: "os:tester".into(),
        trigger: "cli".into(),
        at: AT,
        counts: Counts::default(),
    };
    let examples = tools.parameters(tool).map(example_arguments).unwrap_or_default();
    for example in examples {
        let arguments = example.to_string();
        let query = PolicyQuery {
            tool,
            arguments: &arguments,
            question: &Question::Invoke,
            circumstances: &circumstances,
            isolation: AssumedIsolation::Here,
        };
        let Ok(records) = gate.ask_policies(tools, &query).await else { continue };
        let effect = strictest(&records);
        for _ in 0..WARM_UP {
            ask(gate, tools, &query).await;
        }
        let mut times = Vec::with_capacity(iterations);
        let began = Instant::now();
        for _ in 0..iterations {
            let began = Instant::now();
            ask(gate, tools, &query).await;
            times.push(began.elapsed());
        }
        let per_second = rate(iterations, began.elapsed());
        let per_second_of_two =
            on_two_threads(gate, tools, &query, iterations).map_err(|error| OpError::Setup {
                message: format!("two threads cannot ask at a time: {error}"),
                hint: "try again when the machine has more room".into(),
            })?;
        return Ok(Some(BenchedQuestion {
            median: percentile(&mut times, 50),
            p99: percentile(&mut times, 99),
            per_second,
            per_second_of_two,
            effect,
            arguments,
        }));
    }
    Ok(None)
}

async fn ask(gate: &Gate, tools: &Toolset, query: &PolicyQuery<'_>) {
    // What it says was looked at before; here only the time counts.
    let _ = std::hint::black_box(gate.ask_policies(tools, query).await);
}

/// Answers per second of two threads that ask `iterations` times each: the sum of both.
fn on_two_threads(
    gate: &Gate,
    tools: &Toolset,
    query: &PolicyQuery<'_>,
    iterations: usize,
) -> std::io::Result<f64> {
    let work = |wait: Receiver<()>| -> std::io::Result<f64> {
        // Made and dropped here: a runtime may not end within another.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        // Without the other thread there is nothing to measure.
        let Ok(()) = wait.recv() else { return Ok(0.0) };
        Ok(runtime.block_on(async {
            // Together, so that there is a warm instance for each.
            for _ in 0..WARM_UP {
                ask(gate, tools, query).await;
            }
            let began = Instant::now();
            for _ in 0..iterations {
                ask(gate, tools, query).await;
            }
            rate(iterations, began.elapsed())
        }))
    };
    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for _ in 0..2 {
            let (go, wait) = channel();
            let builder = std::thread::Builder::new();
            threads.push((go, builder.spawn_scoped(scope, move || work(wait))?));
        }
        for (go, _) in &threads {
            // Who is gone says why when it is joined.
            let _ = go.send(());
        }
        let rates = threads.into_iter().map(|(_, thread)| {
            thread.join().unwrap_or_else(|_| Err(std::io::Error::other("a thread crashed")))
        });
        rates.sum()
    })
}

fn rate(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64().max(f64::MIN_POSITIVE)
}

/// The time within which so many of a hundred ended.
fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    let index = (times.len() * percent).div_ceil(100).saturating_sub(1);
    times.get(index).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_times() {
        let of = |times: &[u64], percent| {
            let mut times: Vec<Duration> =
                times.iter().map(|it| Duration::from_millis(*it)).collect();
            percentile(&mut times, percent).as_millis()
        };
        assert_eq!(of(&[], 50), 0);
        assert_eq!(of(&[7], 50), 7);
        assert_eq!(of(&[7], 99), 7);
        assert_eq!(of(&[5, 1, 3], 50), 3);
        assert_eq!(of(&[4, 1, 2, 3], 50), 2);
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!(of(&hundred, 99), 99);
    }
}
