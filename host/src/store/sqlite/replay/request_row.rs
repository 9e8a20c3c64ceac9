//! Compares an approval that was asked for with its row, and the votes on it.

use super::super::bindings;
use super::super::fault::Fault;
use super::super::findings::Findings;
use super::super::journal::contents;
use super::super::request;
use super::expected::{Request, Resolved};
use crate::domain::clock::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::fmt::Display;

/// Compares; gives the number of votes.
pub(super) fn compare(
    conn: &Connection,
    run: &str,
    n: i64,
    expected: &Request,
    findings: &mut Findings,
) -> Result<i64, Fault> {
    let name = || format!("approval request {n} (call {}, run {run})", expected.call);
    let mut statement = conn.prepare_cached(
        "SELECT run_id, tool_call_id, asked.created_at, resolved_at, resolved_by, authenticated_as,
           decision, reason, warned_at, tool, agent, asked.state, arguments, preview_format, preview,
           shared_binding, binding, changed, rules.rule, source, expires_at, boots.id, opened_uptime,
           warned.id, warned_uptime, escalates_at, escalated_at
         FROM pending_approvals AS asked LEFT JOIN rules ON rules.n = asked.rule
           LEFT JOIN boots ON boots.n = asked.opened_boot
           LEFT JOIN boots AS warned ON warned.n = asked.warned_boot
         WHERE asked.n = ?1",
    )?;
    let found = statement
        .query_row([n], |row| Ok(one(conn, row, &name, run, expected, findings)))
        .optional()?;
    let Some(compared) = found else {
        findings.add(|| {
            format!("{} is gone from the database: event {} asked it", name(), expected.event)
        });
        return Ok(0);
    };
    compared?;
    votes(conn, n, &name, expected, findings)
}

fn one(
    conn: &Connection,
    row: &Row<'_>,
    name: &dyn Fn() -> String,
    run: &str,
    expected: &Request,
    findings: &mut Findings,
) -> Result<(), Fault> {
    let text =
        |index: usize| -> Result<Option<&str>, Fault> { Ok(row.get_ref(index)?.as_str_or_null()?) };
    let resolved = expected.resolved.as_ref();
    let says = |wanted: fn(&Resolved) -> &Option<String>| {
        resolved.and_then(|resolved| wanted(resolved).as_deref())
    };
    let event = resolved.map_or(expected.event, |resolved| resolved.event);
    differs(name, "run", text(0)?, Some(run), expected.event, findings);
    differs(name, "call", text(1)?, Some(&*expected.call), expected.event, findings);
    let time = |index: usize| -> Result<Option<Timestamp>, Fault> {
        Ok(row.get::<_, Option<i64>>(index)?.map(Timestamp))
    };
    let asked = Some(Timestamp(expected.at));
    differs(name, "time of asking", time(2)?, asked, expected.event, findings);
    let at = resolved.map(|resolved| Timestamp(resolved.at));
    differs(name, "time of decision", time(3)?, at, event, findings);
    differs(name, "decision", text(6)?, says(|r| &r.decision), event, findings);
    differs(name, "decider", text(4)?, says(|r| &r.by), event, findings);
    let identity = says(|r| &r.authenticated_as);
    differs(name, "decider's identity", text(5)?, identity, event, findings);
    differs(name, "reason", text(7)?, says(|r| &r.reason), event, findings);
    let warned = expected.warned_at.map(Timestamp);
    differs(name, "time of warning", time(8)?, warned, event, findings);
    let boot = expected.warned_boot.as_deref();
    differs(name, "machine's start at the warning", text(23)?, boot, event, findings);
    let uptime: Option<i64> = row.get(24)?;
    differs(name, "uptime at the warning", uptime, expected.warned_uptime, event, findings);

    let escalated = expected.escalated_at.map(Timestamp);
    differs(name, "time of escalation", time(26)?, escalated, event, findings);

    differs(name, "source", row.get::<_, Option<i64>>(19)?, expected.source, event, findings);

    let binding = bindings::read(conn, (row.get(15)?, row.get(16)?))?;
    let changed: Vec<String> = text(17)?.map(serde_json::from_str).transpose()?.unwrap_or_default();
    let columns = request::columns(&request::Columns {
        tool: row.get_ref(9)?.as_str()?,
        agent: row.get_ref(10)?.as_str()?,
        state: row.get_ref(11)?.as_str()?,
        arguments: row.get_ref(12)?.as_str()?,
        preview: text(13)?.zip(text(14)?),
        binding: binding.as_ref(),
        changed: &changed,
        rule: text(18)?,
        expires_at: row.get(20)?,
        opened: text(21)?.zip(row.get(22)?),
        escalates_at: row.get(25)?,
    });
    if expected.contents.as_ref().is_some_and(|digest| *digest != contents(&columns)) {
        findings.add(|| {
            format!(
                "{}: what was asked is not what was recorded (event {})",
                name(),
                expected.event
            )
        });
    }
    Ok(())
}

fn votes(
    conn: &Connection,
    n: i64,
    name: &dyn Fn() -> String,
    expected: &Request,
    findings: &mut Findings,
) -> Result<i64, Fault> {
    let mut statement = conn.prepare_cached(
        "SELECT authenticated_as, resolved_by, at FROM votes WHERE request = ?1 ORDER BY n",
    )?;
    let mut found = statement.query(params![n])?;
    let mut count = 0;
    let mut expected = expected.votes.iter();
    while let Some(row) = found.next()? {
        count += 1;
        let stored = (row.get(0)?, row.get(1)?, row.get(2)?);
        if expected.next() != Some(&stored) {
            let who = stored.0.unwrap_or_default();
            findings.add(|| {
                format!("{}: the vote of `{who}` is not one that the journal tells of", name())
            });
        }
    }
    for (who, ..) in expected {
        let who = who.as_deref().unwrap_or_default();
        findings.add(|| format!("{}: the vote of `{who}` is gone", name()));
    }
    Ok(count)
}

/// Adds the sentence where a column does not hold what the journal says.
pub(super) fn differs<T: PartialEq + Display>(
    name: &dyn Fn() -> String,
    column: &str,
    stored: Option<T>,
    expected: Option<T>,
    event: i64,
    findings: &mut Findings,
) {
    if stored == expected {
        return;
    }
    let word = |value: &Option<T>| value.as_ref().map_or("none".into(), |it| format!("`{it}`"));
    findings.add(|| {
        format!(
            "{}: the {column} is {}, and the journal says {} (event {event})",
            name(),
            word(&stored),
            word(&expected)
        )
    });
}
