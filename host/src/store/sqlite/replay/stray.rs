//! Finds the rows that no event speaks of.

use super::super::fault::Fault;
use super::super::findings::Findings;
use super::Compared;
use rusqlite::Connection;

/// A table, how its rows are named, and which of them are nobody's.
struct Table {
    name: &'static str,
    /// Two columns: what a row is called, and where it belongs.
    query: &'static str,
}

const RUNS: Table = Table {
    name: "runs",
    query: "SELECT 'run ' || id, '' FROM runs WHERE NOT EXISTS (
              SELECT 1 FROM events WHERE run_id = runs.id AND kind = 'run_created')",
};

// Calls and messages of a run that the journal knows were compared with the run.
const CALLS: Table = Table {
    name: "calls",
    query: "SELECT 'call ' || id, '' FROM calls WHERE run NOT IN (
              SELECT runs.n FROM runs JOIN events ON run_id = runs.id AND kind = 'run_created')",
};

const MESSAGES: Table = Table {
    name: "messages",
    query: "SELECT 'message ' || n, '' FROM messages WHERE run NOT IN (
              SELECT runs.n FROM runs JOIN events ON run_id = runs.id AND kind = 'run_created')",
};

const REQUESTS: Table = Table {
    name: "pending_approvals",
    query: "SELECT 'approval request ' || n, ' (call ' || tool_call_id || ', run ' || run_id || ')'
            FROM pending_approvals AS asked WHERE NOT EXISTS (
              SELECT 1 FROM events WHERE run_id = asked.run_id
                AND kind IN ('approval_requested', 'approval_remembered')
                AND json_extract(body, '$.request') = asked.n)",
};

const VOTES: Table = Table {
    name: "votes",
    query: "SELECT 'the vote of `' || authenticated_as || '`', ' on approval request ' || request
            FROM votes WHERE request NOT IN (SELECT n FROM pending_approvals)",
};

const PROGRAMS: Table = Table {
    name: "programs",
    query: "SELECT 'program ' || pid, '' FROM programs WHERE call NOT IN (SELECT n FROM calls)",
};

/// A conversation is what its runs say of it; one without any is nobody's.
const CONVERSATIONS: &str = "SELECT id FROM conversations WHERE NOT EXISTS (
    SELECT 1 FROM runs WHERE conversation = conversations.n)";

/// How many rows of a table are looked at, at most: the findings keep no more.
const MOST: usize = 20;

/// Compares how many rows there are with how many were compared; looks for the others only where the
/// numbers differ, since that takes longer.
pub(super) fn find(
    conn: &Connection,
    compared: &Compared,
    findings: &mut Findings,
) -> Result<(), Fault> {
    let tables = [
        (RUNS, compared.runs),
        (CALLS, compared.calls),
        (MESSAGES, compared.messages),
        (REQUESTS, compared.requests),
        (VOTES, compared.votes),
        (PROGRAMS, compared.programs),
    ];
    for (table, known) in tables {
        let count: i64 =
            conn.query_row(&format!("SELECT count(*) FROM {}", table.name), [], |row| row.get(0))?;
        if count == known {
            continue;
        }
        let mut statement = conn.prepare(table.query)?;
        let mut found = statement.query([])?;
        for _ in 0..MOST {
            let Some(row) = found.next()? else { break };
            let (row, place): (String, String) = (row.get(0)?, row.get(1)?);
            findings.add(|| format!("no event speaks of {row}{place}"));
        }
    }
    let mut statement = conn.prepare(CONVERSATIONS)?;
    let mut found = statement.query([])?;
    for _ in 0..MOST {
        let Some(row) = found.next()? else { break };
        let id: String = row.get(0)?;
        findings.add(|| format!("no run is a part of the conversation `{id}`"));
    }
    Ok(())
}
