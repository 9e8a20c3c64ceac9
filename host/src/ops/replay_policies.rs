//! What a role's policies, as they are now or as somebody would have them, would have answered to the past
//! calls of its runs. It reads, and asks policies: it changes no run, claims none, and drives none.

use super::asked_policies::{Asked, first_asked};
use super::error::OpError;
use super::host::Host;
use super::open_role::{RoleFile, render_diagnostics};
use super::read_policies::read_policy;
use crate::domain::clock::Timestamp;
use crate::domain::event::{Event, EventKind};
use crate::domain::ids::{CallId, RunId};
use crate::domain::moment::Moment;
use crate::domain::policy::{Effect, PolicyRecord, Question, strictest};
use crate::domain::role::PolicySpec;
use crate::domain::secret::any_shape;
use crate::gate::{
    AssumedIsolation, Gate, OpenError, PolicyOrigin, PolicyProblem, PolicyQuery, Toolset,
};
use crate::plugin::EntryProblem;
use crate::plugin::policy::PolicyError;
use crate::store::{CallRecord, StoreError, StoredRun};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Runs that are named at a time; each is read by itself, so this is only how often the list is asked for.
const PAGE: usize = 256;

/// What to ask again.
#[derive(Debug, Clone)]
pub struct ReplayRequest {
    /// The role file.
    pub role: PathBuf,
    /// Calls that were asked about before this are left out.
    pub since: Option<Moment>,
    /// What decides in the place of the role's own policies; the host's stay. Relative paths begin at the
    /// folder of the process.
    pub instead: Option<PolicySpec>,
}

/// What policies said of a call when it was new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Was {
    /// Nobody asked them.
    Nothing,
    /// Their answer, the strictest of them.
    Said(Effect),
    /// What was written down is not what this host writes.
    Unreadable,
}

/// One past call, asked about again.
#[derive(Debug, Clone)]
pub struct ReplayedCall {
    /// When it was asked about, or written down.
    pub at: Timestamp,
    /// Its run.
    pub run: RunId,
    /// The call.
    pub call: CallId,
    /// The tool as the model named it.
    pub tool: String,
    /// What policies said then.
    pub was: Was,
    /// What they would say.
    pub would: Effect,
    /// Each policy component with its answer: why.
    pub records: Vec<PolicyRecord>,
}

/// What it comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplaySums {
    /// The role's name.
    pub role: String,
    /// Runs with calls that were asked about again.
    pub runs: u64,
    /// Calls that were asked about again.
    pub calls: u64,
    /// How many of them would be answered differently, by what was said and what would be.
    pub differ: BTreeMap<(Was, Effect), u64>,
    /// Calls of tools that the role does not have now.
    pub unknown_tools: u64,
    /// Calls whose arguments do not fit their tool as it is now.
    pub unfit: u64,
    /// Of those that were asked about, calls whose arguments have tokens in the place of secrets.
    pub with_secrets: u64,
    /// Of those that were asked about, calls of which it cannot be read what policies said then.
    pub unreadable: u64,
    /// Whether any policy decides about the role's calls now.
    pub has_policies: bool,
}

impl ReplayedCall {
    /// Whether the answer would be another one. Where nobody was asked, nobody objected: only an objection
    /// differs from that. Nothing differs from what cannot be read.
    pub fn differs(&self) -> bool {
        match self.was {
            Was::Nothing => self.would != Effect::Allow,
            Was::Said(effect) => self.would != effect,
            Was::Unreadable => false,
        }
    }
}

impl Was {
    /// The word for a person.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::Said(effect) => effect.as_str(),
            Self::Unreadable => "unreadable",
        }
    }
}

/// Asks policies again about every past call of a role's runs, the oldest run first, and hands each to
/// `take`.
///
/// # Errors
/// Where the role or the policies cannot be used, or the database cannot be read.
pub async fn replay_policies(
    host: &Host,
    request: &ReplayRequest,
    take: &mut (dyn FnMut(ReplayedCall) + Send),
) -> Result<ReplaySums, OpError> {
    let (role, tools) = open(host, request).await?;
    let store = host.store()?;
    let since = request.since.map(|since| since.seen_from(host.clock.now()));
    let since = since.unwrap_or(Timestamp(i64::MIN));
    let mut sums = ReplaySums { role, has_policies: tools.has_policies(), ..ReplaySums::default() };
    let mut after = 0;
    loop {
        let page = store.runs_of(&sums.role, since, after, PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(sums) };
        after = *last;
        for (_, id) in &page {
            let run = match store.load_run(id).await {
                Ok(run) => run,
                // It was pruned a moment ago.
                Err(StoreError::UnknownRun(_)) => continue,
                Err(error) => return Err(error.into()),
            };
            if run.calls.is_empty() {
                continue;
            }
            let events = match store.events(id).await {
                Ok(events) => events,
                Err(StoreError::UnknownRun(_)) => continue,
                Err(error) => return Err(error.into()),
            };
            let before = sums.calls;
            for call in &run.calls {
                let past = Past::of(&run, call, &events);
                if past.at >= since {
                    replay(host.gate()?, &tools, past, &mut sums, take).await;
                }
            }
            sums.runs += u64::from(sums.calls > before);
        }
    }
}

/// The role's name, and its tools under the policies that are asked.
async fn open(host: &Host, request: &ReplayRequest) -> Result<(String, Toolset), OpError> {
    let Some(spec) = &request.instead else {
        let file = RoleFile::read(host, &request.role)?;
        let tools = file.open_tools(host).await?;
        return Ok((file.role.name, tools));
    };
    let file = RoleFile::read_without_policies(host, &request.role)?;
    let given = read_policy(spec, Path::new("")).map_err(unusable)?;
    let mut tools = file.open_bare_tools(host).await?;
    let of_host = host.policies()?;
    let all: Vec<_> = of_host.parts.iter().chain([&given]).collect();
    host.gate()?.put_under(&mut tools, &all).await.map_err(cannot_use)?;
    Ok((file.role.name, tools))
}

/// What is wrong with policies that no file names: they have no line.
fn unusable(found: Vec<EntryProblem>) -> OpError {
    let line = |it: EntryProblem| with_hint(&it.message, it.hint.as_deref());
    OpError::Role { rendered: found.into_iter().map(line).collect::<Vec<_>>().join("\n") }
}

fn with_hint(message: &str, hint: Option<&str>) -> String {
    let hint = hint.map(|hint| format!("\n  hint: {hint}")).unwrap_or_default();
    format!("{message}{hint}")
}

fn cannot_use(error: OpenError) -> OpError {
    let of_host = error.policies.iter().any(|problem| problem.origin == PolicyOrigin::Host);
    let sentence = |PolicyProblem { label, error, .. }: PolicyProblem| match error {
        PolicyError::Sources(found) => render_diagnostics(&found, Path::new("")),
        PolicyError::Component(error) => with_hint(
            &format!("the policy `{label}` cannot be used: {}", error.message),
            error.hint.as_deref(),
        ),
    };
    let rendered = error.policies.into_iter().map(sentence).collect::<Vec<_>>().join("\n");
    match of_host {
        true => OpError::Config { rendered },
        false => OpError::Role { rendered },
    }
}

/// A call as it was when it was new.
struct Past<'a> {
    run: &'a StoredRun,
    call: &'a CallRecord,
    at: Timestamp,
    was: Was,
    /// What policies were told then.
    asked: Option<Asked>,
    /// Milliseconds that the run had spent when its turn came.
    running_ms: Option<u64>,
}

impl<'a> Past<'a> {
    fn of(run: &'a StoredRun, call: &'a CallRecord, events: &'a [Event]) -> Self {
        let of_call = events.iter().filter(|event| event.call.as_ref() == Some(&call.id));
        let (was, asked) = match first_asked(of_call) {
            Ok(None) => (Was::Nothing, None),
            Ok(Some(asked)) => (Was::Said(asked.effect), Some(asked)),
            Err(_) => (Was::Unreadable, None),
        };
        let at = asked.as_ref().map_or(call.created_at, |asked| asked.at);
        let running_ms = match &asked {
            Some(_) => None,
            None => events.iter().find_map(|event| spent_at(event, call.turn)),
        };
        Self { run, call, at, was, asked, running_ms }
    }
}

/// What a run had spent when a turn was written down, where the event is of that turn.
fn spent_at(event: &Event, turn: i64) -> Option<u64> {
    if event.kind != EventKind::TurnRecorded.as_str() {
        return None;
    }
    let body: Value = serde_json::from_str(&event.body).ok()?;
    (body["turn"].as_i64() == Some(turn)).then(|| body["used"][2].as_u64()).flatten()
}

async fn replay(
    gate: &Gate,
    tools: &Toolset,
    past: Past<'_>,
    sums: &mut ReplaySums,
    take: &mut (dyn FnMut(ReplayedCall) + Send),
) {
    let Past { run, call, at, was, asked, running_ms } = past;
    let mut circumstances = run.circumstances_of(call, at);
    match &asked {
        Some(asked) => circumstances.counts = asked.counts,
        None => {
            let spent = running_ms.unwrap_or(circumstances.counts.running_ms);
            circumstances.counts.running_ms = spent;
        }
    }
    // What the model wanted: that is what policies were asked about first.
    let arguments = call.as_proposed();
    let query = PolicyQuery {
        tool: &call.model_tool,
        arguments,
        question: &Question::Invoke,
        circumstances: &circumstances,
        isolation: match &asked {
            Some(asked) => AssumedIsolation::Exactly(asked.isolation.as_deref()),
            None => AssumedIsolation::Here,
        },
    };
    let records = match gate.ask_policies(tools, &query).await {
        Ok(records) => records,
        Err(_) if tools.parameters(&call.model_tool).is_none() => {
            sums.unknown_tools += 1;
            return;
        }
        Err(_) => {
            sums.unfit += 1;
            return;
        }
    };
    sums.calls += 1;
    sums.unreadable += u64::from(was == Was::Unreadable);
    sums.with_secrets += u64::from(any_shape(arguments));
    let replayed = ReplayedCall {
        at,
        run: run.run.id.clone(),
        call: call.id.clone(),
        tool: call.model_tool.clone(),
        was,
        would: strictest(&records),
        records,
    };
    if replayed.differs() {
        *sums.differ.entry((replayed.was, replayed.would)).or_default() += 1;
    }
    take(replayed);
}
