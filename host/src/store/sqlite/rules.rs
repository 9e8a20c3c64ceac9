//! Who must approve: one row per distinct rule, none for the plain one, which most calls have.

use super::fault::Fault;
use super::writer::Write;
use crate::domain::clock::Timestamp;
use crate::domain::rule::ApprovalRule;
use crate::domain::vote::SecondGroup;
use rusqlite::{Connection, OptionalExtension};

/// A rule as it is stored; `None` for the plain one: any one person, without a time limit.
pub(super) fn json(rule: &ApprovalRule) -> Result<Option<String>, Fault> {
    if *rule == ApprovalRule::required() {
        return Ok(None);
    }
    Ok(Some(serde_json::to_string(rule)?))
}

/// The row of a rule; `None` for the plain one.
pub(super) fn store(write: &Write<'_>, rule: &ApprovalRule) -> Result<Option<i64>, Fault> {
    let Some(text) = json(rule)? else { return Ok(None) };
    let known = write
        .conn
        .prepare_cached("SELECT n FROM rules WHERE rule = ?1")?
        .query_row([&text], |row| row.get(0))
        .optional()?;
    match known {
        Some(n) => Ok(Some(n)),
        None => Ok(Some(write.insert("INSERT INTO rules (rule) VALUES (?1)", [&text])?)),
    }
}

/// Reads a rule back.
pub(super) fn read(conn: &Connection, n: Option<i64>) -> Result<ApprovalRule, Fault> {
    let Some(n) = n else { return Ok(ApprovalRule::required()) };
    let text: String = conn
        .prepare_cached("SELECT rule FROM rules WHERE n = ?1")?
        .query_row([n], |row| row.get(0))?;
    Ok(serde_json::from_str(&text)?)
}

/// The rule of a request, and where it stands with its second group of reviewers.
pub(super) fn of_request(
    conn: &Connection,
    request: i64,
) -> Result<(ApprovalRule, SecondGroup), Fault> {
    let (n, escalates_at, escalated_at) = conn
        .prepare_cached(
            "SELECT rule, escalates_at, escalated_at FROM pending_approvals WHERE n = ?1",
        )?
        .query_row([request], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok((read(conn, n)?, second_group(escalates_at, escalated_at)))
}

/// Where a request stands with its second group of reviewers, from its two columns.
pub(super) fn second_group(escalates_at: Option<i64>, escalated_at: Option<i64>) -> SecondGroup {
    SecondGroup::of(escalates_at.map(Timestamp), escalated_at.map(Timestamp))
}
