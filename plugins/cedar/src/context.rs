//! What a question knows, made from a request.

use crate::load::{Cedar, Ready};
use crate::names;
use crate::value::{self, Mapped, Refusal};
use cedar_policy::{EntityUid, RestrictedExpression as Expression};
use cedar_policy_core::ast::{self, Context, EntityUID, RestrictedExpr, Value};
use cedar_policy_core::entities::{Entities, TCComputation};
use cedar_policy_core::extensions::Extensions;
use initrunner_sdk::policy::{Agent, Question, Request};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A request, as Cedar's values.
pub(crate) struct Asked {
    /// Who would call, or who would approve.
    pub(crate) principal: EntityUID,
    /// All that is known, the agent included.
    pub(crate) entities: Entities,
    /// The members of the context but `unattended`.
    context: Arc<BTreeMap<Name, Value>>,
}

/// How Cedar keeps names of attributes.
type Name = smol_str::SmolStr;

impl Asked {
    /// Makes it, or says why that cannot be.
    pub(crate) fn new(cedar: &Cedar, tool: &Ready, request: &Request) -> Result<Self, Refusal> {
        let Mapped { arguments, raw } = value::map(&request.arguments, &tool.shape)?;
        let agent = names::agent(&request.agent.name);
        let text = |text: &str| Expression::new_string(text.to_owned());
        let counts = &request.counts;
        let counts = record([
            ("requests", Expression::new_long(counts.requests.into())),
            ("tool_calls", Expression::new_long(counts.tool_calls.into())),
            ("calls_of_tool", Expression::new_long(counts.calls_of_tool.into())),
            // Three hundred million years are as good as more.
            (
                "running_ms",
                Expression::new_long(i64::try_from(counts.running_ms).unwrap_or(i64::MAX)),
            ),
        ])?;
        let time = datetime(request.time_ms).ok_or("the time is after the year 9999")?;
        let mut members = vec![
            ("requester", Expression::new_entity_uid(names::reviewer(&request.requester))),
            ("trigger", text(&request.trigger)),
            ("time", Expression::new_datetime(time)),
            ("counts", counts),
        ];
        if let Some(words) = &request.isolation {
            members.push(("isolation", Expression::new_set(words.iter().map(|word| text(word)))));
        }
        let principal: EntityUid = match &request.question {
            Question::Invoke => {
                members.push(("arguments", arguments));
                members.push(("raw", raw));
                agent.clone()
            }
            Question::Approve(reviewer) => {
                let call = record([("arguments", arguments), ("raw", raw)])?;
                members.push(("call", record([(tool.declared.name.as_str(), call)])?));
                members.push(("agent", Expression::new_entity_uid(agent.clone())));
                names::reviewer(&reviewer.identity)
            }
        };
        let members = members.into_iter().map(|(name, value)| (Name::from(name), inner(&value)));
        let extensions = Extensions::all_available();
        let context = match Context::from_pairs(members, extensions) {
            Ok(Context::Value(members)) => members,
            _ => return Err("its arguments are too deep or too large".to_owned()),
        };
        let agent = self::agent(cedar, &request.agent, agent.into())?;
        let entities = cedar
            .entities
            .clone()
            .add_entities(
                [Arc::new(agent)],
                no_schema(),
                TCComputation::AssumeAlreadyComputed,
                extensions,
            )
            .map_err(|_| "its agent is known already".to_owned())?;
        Ok(Self { principal: principal.into(), entities, context })
    }

    /// The context, with `unattended` where the question has it.
    pub(crate) fn context(&self, unattended: Option<bool>) -> Context {
        let Some(unattended) = unattended else { return Context::Value(self.context.clone()) };
        let mut members = self.context.as_ref().clone();
        members.insert("unattended".into(), Value::from(unattended));
        Context::Value(Arc::new(members))
    }
}

fn inner(value: &Expression) -> RestrictedExpr {
    // What it is made of is shared.
    value.as_ref().clone()
}

fn no_schema() -> Option<&'static cedar_policy_core::entities::NoEntitiesSchema> {
    None
}

/// The entity of an agent.
fn agent(cedar: &Cedar, agent: &Agent, uid: EntityUID) -> Result<ast::Entity, Refusal> {
    let text = |text: &String| Expression::new_string(text.clone());
    let tags = Expression::new_set(agent.tags.iter().map(text));
    let mut attributes = vec![("name", text(&agent.name)), ("tags", tags)];
    for (name, value) in
        [("team", &agent.team), ("author", &agent.author), ("version", &agent.version)]
    {
        attributes.extend(value.as_ref().map(|value| (name, text(value))));
    }
    let groups = cedar.agents.get(&agent.name).cloned().unwrap_or_default();
    ast::Entity::new(
        uid,
        attributes.into_iter().map(|(name, value)| (Name::from(name), inner(&value))),
        groups.ancestors,
        groups.parents,
        [],
        Extensions::all_available(),
    )
    .map_err(|_| "what its role says of itself cannot be used".to_owned())
}

fn record<'n>(
    members: impl IntoIterator<Item = (&'n str, Expression)>,
) -> Result<Expression, Refusal> {
    Expression::new_record(members.into_iter().map(|(name, value)| (name.to_owned(), value)))
        .map_err(|_| "a member occurs twice".to_owned())
}

/// A moment as Cedar's `datetime` reads it.
fn datetime(time_ms: u64) -> Option<String> {
    let (days, in_day) = (time_ms / 86_400_000, time_ms % 86_400_000);
    let (year, month, day) = civil(i64::try_from(days).ok()?);
    let (hour, minute) = (in_day / 3_600_000, in_day / 60_000 % 60);
    let (second, milli) = (in_day / 1000 % 60, in_day % 1000);
    (year <= 9999).then(|| {
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
    })
}

/// The date that is so many days after 1970-01-01 (Howard Hinnant, "chrono-compatible low-level date
/// algorithms": days counted from a 1 March, in eras of 400 years).
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let in_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * in_year + 2) / 153;
    let in_month = in_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, in_month)
}

#[cfg(test)]
mod tests {
    use super::datetime;

    #[test]
    fn a_moment_is_written_as_its_date() {
        for (time, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
            (1_795_437_296_001, "2026-11-23T12:34:56.001Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(datetime(time).as_deref(), Some(text));
        }
        assert_eq!(datetime(253_402_300_800_000), None);
        assert_eq!(datetime(u64::MAX), None);
    }
}
